-- How somebody knew what was picked, and what the shelf and the tags said of it then. What they say now is found anew from readings.
alter table order_step add column evidence jsonb;
create index order_step_sensed on order_step (place_id, at) where evidence is not null;
