-- Shipments that were under way when they were registered have a start: since when their vehicle has had them.
update shipment set started_at = on_vehicle_since
where loaded and (started_at is null or started_at = delivered_at) and on_vehicle_since < coalesce(delivered_at, 'infinity');

-- To whom, and since when, a shipment was given: counted, so that it is known which calls were told before.
alter table shipment add column turn int not null default 1;
alter table stop_call add column turn int not null default 0;

-- Whether somebody said since when the vehicle has it; of those of before it is taken as said.
alter table shipment add column since_given bool not null default true;
alter table shipment alter column since_given set default false;
