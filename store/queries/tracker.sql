-- name: try_own
-- Ownership of a partition: an advisory lock that goes with its connection.
select pg_try_advisory_lock(hashtextextended('frostway.partition', %s))

-- name: listen_log
-- Be woken when frames are appended.
listen frostway_log

-- name: listen_registry
-- Be woken when the registry changes.
listen frostway_registry

-- name: positions
-- How far each partition is processed, and its last change.
select partition, position, change_seq from tracker_position where partition = any(%s::int4[])

-- name: create_positions
-- Partitions nobody has processed yet, each with its lane of late readings.
insert into tracker_position (partition) select p + lane from unnest(%s::int4[]) p, (values (0), (65536)) as l (lane)
on conflict do nothing

-- name: move_position
-- Compare-and-set of the positions: a tracker that lost its partition changes nothing. Also what may be summarised by now.
update tracker_position p set position = n.position, change_seq = n.change_seq
from unnest(%s::int4[], %s::int8[], %s::int8[], %s::int8[]) as n (partition, old_position, position, change_seq)
where p.partition = n.partition and p.position = n.old_position
returning p.partition, (select closing from summary_span)

-- name: devices
-- Devices with their place and profile.
select d.id, d.tenant_id, d.name, t.name,
       case when v.id is not null then 'vehicle/' || coalesce(v.home_name, v.name)
            when s.id is not null then 'site/' || coalesce(s.home_name, s.name) else 'device/' || d.name end,
       coalesce(d.vehicle_id, 0), coalesce(d.site_id, 0), coalesce(d.zone_id, 0), coalesce(d.profile_id, 0), d.kind,
       d.revoked_at is not null
from device d join tenant t on t.id = d.tenant_id left join vehicle v on v.id = d.vehicle_id
left join site s on s.id = d.site_id order by d.id

-- name: assignments
-- Where devices were and when, of those that were moved; microseconds, the least and greatest number for since ever and now.
select a.device_id, coalesce(a.vehicle_id, 0), coalesce(a.site_id, 0), coalesce(a.zone_id, 0),
       case when isfinite(a.valid_from) then (extract(epoch from a.valid_from) * 1000000)::int8 else -9223372036854775808 end,
       case when isfinite(a.valid_to) then (extract(epoch from a.valid_to) * 1000000)::int8 else 9223372036854775807 end
from assignment a
where not (a.valid_from = '-infinity' and a.valid_to = 'infinity') order by a.device_id, a.valid_from

-- name: newest_position
-- Time of the newest position of a vehicle.
select max(p.time) from assignment a join lateral (
    select x.time from reading_position x where x.device_id = a.device_id and x.time >= a.valid_from and x.time < a.valid_to
    order by x.time desc limit 1) p on true
where a.vehicle_id = %s

-- name: drop_vehicle_states
-- Vehicles of which nothing is known after all.
delete from vehicle_state s using unnest(%s::int4[]) as u (vehicle_id) where s.vehicle_id = u.vehicle_id

-- name: profile_versions
-- Versions of temperature profiles; microseconds since when, the least number for since ever.
select profile_id, version,
       case when isfinite(valid_from) then (extract(epoch from valid_from) * 1000000)::int8 else -9223372036854775808 end,
       body::text
from profile_version

-- name: vehicles
-- Vehicles.
select v.id, v.tenant_id, v.name, t.name, 'vehicle/' || coalesce(v.home_name, v.name), v.class
from vehicle v join tenant t on t.id = v.tenant_id

-- name: sites
-- Sites with their fences.
select id, tenant_id, name, lat, lon, radius_m, polygon, corridor, dwell_s, retired_at from site

-- name: zones
-- Zones of sites.
select id, site_id, name from zone

-- name: products
-- Products.
select id, tenant_id, sku, label, gtin, unit_mass_kg, reorder_point from product

-- name: slots
-- What lies in the slots of shelves, by the slot's label.
select l.id, s.device_id, s.product_id from slot s join label l on l.kind = 'slot' and l.scope = s.device_id and l.text = s.name
where s.retired_at is null

-- name: slot_of
-- What lies in the slot of a label.
select s.product_id, s.device_id from slot s
join label l on l.kind = 'slot' and l.scope = s.device_id and l.text = s.name where l.id = %s and s.retired_at is null

-- name: shipments
-- Shipments on vehicles that are planned or under way, and the last three delivered of each: a late reading may amend them.
select h.id, h.tenant_id, h.name, h.status, h.vehicle_id, h.planned_line, h.on_vehicle_since, h.loaded, h.started_at,
       h.delivered_at, h.turn, h.since_given
from vehicle v cross join lateral (
    (select o.* from shipment o where o.vehicle_id = v.id and o.status <> 'delivered' and o.status <> 'cancelled')
    union all
    (select d.* from shipment d where d.vehicle_id = v.id and d.status = 'delivered' order by d.delivered_at desc limit 3)) h
order by h.id

-- name: labels
-- Texts of keys.
select id, text from label where id = any(%s::int4[])

-- name: vehicle_states
-- Last state of vehicles.
select vehicle_id, time, received_at, device_id, lat, lon, speed_mps, heading_deg, accuracy_m, flags, status,
       status_since, battery_ratio, carry from vehicle_state

-- name: series_states
-- Last state of probes.
select probe_id, device_id, time, temp_c, humidity_pct, carry from series_state

-- name: slot_states
-- What slots hold.
select slot_id, device_id, time, quantity, carry from slot_state

-- name: stock_levels
-- Stock as it was last told.
select site_id, zone_id, product_id, source, quantity, confidence, last_evidence_at, coalesce(moved, quantity) from stock_level

-- name: device_states
-- When devices last spoke.
select device_id, last_time, last_received from device_state

-- name: open_visits
-- Visits without an end.
select id, revision, vehicle_id, site_id, entered_at from visit
where superseded_at is null and not retracted and left_at is null

-- name: open_trips
-- Trips and stops without an end.
select vehicle_id, id, revision from trip where superseded_at is null and not retracted and ended_at is null

-- name: breach_states
-- What the fold of forecasts carries of probes.
select carry from breach_state

-- name: put_breach_states
-- The same, as it is now.
insert into breach_state (probe_id, tenant_id, carry) select * from unnest(%s::int4[], %s::int4[], %s::bytea[])
on conflict (probe_id) do update set carry = excluded.carry

-- name: breach_contexts
-- What doors and cooling units have said, by where they are.
select kind, home_id, said from breach_context

-- name: put_breach_contexts
-- The same, as it is now.
insert into breach_context (kind, home_id, tenant_id, said)
select n.kind, n.home_id, n.tenant_id, n.said::jsonb from unnest(%s::text[], %s::int4[], %s::int4[], %s::text[]) as n (kind, home_id, tenant_id, said)
on conflict (kind, home_id) do update set tenant_id = excluded.tenant_id, said = excluded.said

-- name: open_breach_forecasts
-- Forecasts without an end, and when their alarm is expected as it was told last.
select f.id, f.revision, f.probe_id, f.kind, f.cause, f.limit_c, a.expected_p50, f.started_at, f.p10, f.p50, f.p90
from breach_forecast f left join alert a on a.kind = 'breach_risk' and a.fact_id = f.id
where f.superseded_at is null and not f.retracted and f.ended_at is null

-- name: open_excursions
-- Excursions without an end.
select id, revision, probe_id, kind, started_at, alarm_at, band, suppressed, suppressed_until from excursion
where superseded_at is null and not retracted and ended_at is null

-- name: suppressing
-- What doors and cooling units of devices have said in a span: 1 open or defrosting, 0 shut or not.
select time, 'door', door_id, open::int from reading_door
where device_id = any(%(devices)s::int[]) and time between %(since)s and %(until)s
union all
select time, 'defrost', device_id, defrost::int from reading_status
where device_id = any(%(devices)s::int[]) and time between %(since)s and %(until)s and defrost is not null

-- name: dirty
-- Entities to fold again.
select kind, entity_id, since from dirty where partition = any(%s::int4[])

-- name: tenant
-- A tenant's key.
select id from tenant where name = %s

-- name: all_dirty
-- Entities to fold again, of all partitions; also those that a tracker is still to find for what the registry corrected.
select kind, entity_id from dirty union select 'vehicle', vehicle_id from reassigned
union select 'vehicle', v.id from vehicle v where v.tenant_id in (select tenant_id from refenced)

-- name: mark_dirty
-- A late reading came for these entities.
insert into dirty as d (kind, entity_id, partition, since)
select * from unnest(%s::text[], %s::int4[], %s::int4[], %s::timestamptz[])
on conflict (kind, entity_id) do update set since = least(d.since, excluded.since)

-- name: clear_dirty
-- Compare-and-set: only when no earlier late reading has come in between.
delete from dirty where kind = %s and entity_id = %s and since = %s

-- name: put_vehicle_states
-- Last state of vehicles.
insert into vehicle_state as s (vehicle_id, tenant_id, time, received_at, device_id, lat, lon, speed_mps, heading_deg,
                                accuracy_m, flags, status, status_since, battery_ratio, trip_distance_m, trip_gap_m,
                                trip_moving_s, trip_idle_s, trip_unknown_s, trip_speed_max_mps, odometer_m, trip_carried_m,
                                carry)
select * from unnest(%s::int4[], %s::int4[], %s::timestamptz[], %s::timestamptz[], %s::int4[], %s::float8[], %s::float8[],
                     %s::float4[], %s::float4[], %s::float4[], %s::int4[], %s::text[], %s::timestamptz[], %s::float4[],
                     %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::float8[],
                     %s::float8[], %s::bytea[])
on conflict (vehicle_id) do update set time = excluded.time, received_at = excluded.received_at,
    device_id = excluded.device_id, lat = excluded.lat, lon = excluded.lon, speed_mps = excluded.speed_mps,
    heading_deg = excluded.heading_deg, accuracy_m = excluded.accuracy_m, flags = excluded.flags,
    status = excluded.status, status_since = excluded.status_since,
    battery_ratio = coalesce(excluded.battery_ratio, s.battery_ratio), trip_distance_m = excluded.trip_distance_m,
    trip_gap_m = excluded.trip_gap_m, trip_moving_s = excluded.trip_moving_s, trip_idle_s = excluded.trip_idle_s,
    trip_unknown_s = excluded.trip_unknown_s, trip_speed_max_mps = excluded.trip_speed_max_mps,
    odometer_m = excluded.odometer_m, trip_carried_m = excluded.trip_carried_m, carry = excluded.carry

-- name: put_vehicle_carries
-- What the fold carries of vehicles whose new fixes were all jumps.
update vehicle_state s set carry = u.carry
from unnest(%s::int4[], %s::bytea[]) as u (vehicle_id, carry) where s.vehicle_id = u.vehicle_id

-- name: put_batteries
-- Battery of the tracker on each vehicle.
update vehicle_state s set battery_ratio = u.ratio
from unnest(%s::int4[], %s::float4[]) as u (vehicle_id, ratio) where s.vehicle_id = u.vehicle_id

-- name: put_series_states
-- Last state of probes.
insert into series_state (probe_id, tenant_id, device_id, time, received_at, temp_c, humidity_pct, state, carry)
select * from unnest(%s::int4[], %s::int4[], %s::int4[], %s::timestamptz[], %s::timestamptz[], %s::float8[], %s::float4[],
                     %s::text[], %s::bytea[])
on conflict (probe_id) do update set time = excluded.time, received_at = excluded.received_at, temp_c = excluded.temp_c,
    humidity_pct = excluded.humidity_pct, state = excluded.state, carry = excluded.carry

-- name: put_slot_states
-- What slots hold.
insert into slot_state (slot_id, tenant_id, device_id, time, mass_kg, item_count, quantity, carry)
select * from unnest(%s::int4[], %s::int4[], %s::int4[], %s::timestamptz[], %s::float8[], %s::float8[], %s::float8[], %s::bytea[])
on conflict (slot_id) do update set time = excluded.time, mass_kg = excluded.mass_kg, item_count = excluded.item_count,
    quantity = excluded.quantity, carry = excluded.carry

-- name: put_device_states
-- When devices last spoke.
insert into device_state as s (device_id, tenant_id, last_time, last_received, battery_ratio)
select * from unnest(%s::int4[], %s::int4[], %s::timestamptz[], %s::timestamptz[], %s::float4[])
on conflict (device_id) do update set last_time = greatest(s.last_time, excluded.last_time),
    last_received = greatest(s.last_received, excluded.last_received),
    battery_ratio = coalesce(excluded.battery_ratio, s.battery_ratio)

-- name: put_stock_levels
-- Stock now.
insert into stock_level (tenant_id, site_id, zone_id, product_id, source, quantity, confidence, last_evidence_at, moved)
select * from unnest(%s::int4[], %s::int4[], %s::int4[], %s::int4[], %s::text[], %s::float8[], %s::float8[], %s::timestamptz[],
                     %s::float8[])
on conflict (site_id, zone_id, product_id) do update set source = excluded.source, quantity = excluded.quantity,
    confidence = excluded.confidence, last_evidence_at = excluded.last_evidence_at, moved = excluded.moved

-- name: put_stock_moves
-- Changes of stock.
insert into stock_move (tenant_id, site_id, zone_id, product_id, at, quantity, delta, source, decided_at, slot_id, not_before)
select * from unnest(%s::int4[], %s::int4[], %s::int4[], %s::int4[], %s::timestamptz[], %s::float8[], %s::float8[],
                     %s::text[], %s::timestamptz[], %s::int4[], %s::timestamptz[])

-- name: slot_moves_since
-- Moves of a slot after a time that nothing has set right.
select id, site_id, zone_id, product_id, at, delta from stock_move
where slot_id = %s and at > %s and superseded_at is null order by at, id

-- name: supersede_stock_moves
-- Moves that are otherwise, as is known now.
update stock_move m set superseded_at = v.at from unnest(%s::int8[], %s::timestamptz[]) v (id, at)
where m.id = v.id and m.superseded_at is null

-- name: visits_since
-- Current visits of a vehicle that had not ended before a time.
select id, revision, site_id, entered_at, left_at from visit
where vehicle_id = %s and (left_at is null or left_at >= %s) and superseded_at is null and not retracted
order by entered_at

-- name: trips_since
-- Current trips, stops and gaps of a vehicle that had not ended before a time.
select id, revision, kind, started_at, ended_at, start_lat, start_lon, end_lat, end_lon, distance_m, gap_m, moving_s,
       idle_s, unknown_s, speed_max_mps, odometer_m, coalesce(carried_m, case when ended_at is not null then 0 end)
from trip where vehicle_id = %s and (ended_at is null or ended_at >= %s) and superseded_at is null and not retracted
order by started_at

-- name: excursions_since
-- Current excursions of a probe that had not ended before a time.
select id, revision, kind, started_at, ended_at, alarm_at, extreme_c, samples, limit_c, band, severity, profile_version,
       suppressed, suppressed_until
from excursion
where probe_id = %s and (ended_at is null or ended_at >= %s) and superseded_at is null and not retracted
order by started_at

-- name: put_changes
-- What the websockets push: one row per transaction and tenant; and a call that wakes the API when it commits.
with put as (insert into change (partition, seq, tenant_id, body)
             select * from unnest(%s::int4[], %s::int8[], %s::int4[], %s::bytea[]))
select pg_notify(%s, %s)

-- name: last_times_gps
-- Newest reading per device.
select d.id, l.time from device d cross join lateral
    (select time from reading_position r where r.device_id = d.id order by time desc limit 1) l

-- name: last_times_temp
-- Newest reading per device.
select d.id, l.time from device d cross join lateral
    (select time from reading_temperature r where r.device_id = d.id order by time desc limit 1) l

-- name: last_times_rfid
-- Newest reading per device.
select d.id, l.time from device d cross join lateral
    (select time from reading_tag r where r.device_id = d.id order by time desc limit 1) l

-- name: last_times_shelf
-- Newest reading per device.
select d.id, l.time from device d cross join lateral
    (select time from reading_shelf r where r.device_id = d.id order by time desc limit 1) l

-- name: last_times_door
-- Newest reading per device.
select d.id, l.time from device d cross join lateral
    (select time from reading_door r where r.device_id = d.id order by time desc limit 1) l

-- name: last_times_status
-- Newest reading per device.
select d.id, l.time from device d cross join lateral
    (select time from reading_status r where r.device_id = d.id order by time desc limit 1) l

-- name: last_times_attr
-- Newest reading per device.
select d.id, max(l.time) from device d cross join lateral (
    (select time from reading_value r where r.device_id = d.id order by time desc limit 1) union all
    (select time from reading_value_set r where r.device_id = d.id order by time desc limit 1)) l
group by d.id

-- name: stored_gps
-- Readings stored in these spans of these devices, as they were measured, column by column.
select array_agg(r.device_id), array_agg(r.time), array_agg(r.boot_id), array_agg(r.seq), array_agg(r.flags),
       array_agg(r.lat), array_agg(r.lon), array_agg(coalesce(r.speed_mps, 'NaN')),
       array_agg(coalesce(r.heading_deg, 'NaN')), array_agg(coalesce(r.accuracy_m, 'NaN')),
       array_agg(coalesce(r.altitude_m, 'NaN')), array_agg(coalesce(r.odometer_m, 'NaN')),
       array_agg(coalesce(r.ignition::int, -1))
from unnest(%s::int4[], %s::timestamptz[], %s::timestamptz[]) as w (device_id, since, until)
join reading_position r on r.device_id = w.device_id and r.time between w.since and w.until
where r.time between %s and %s

-- name: stored_temp
-- Readings stored in these spans of these devices, as they were measured, column by column.
select array_agg(r.device_id), array_agg(r.time), array_agg(r.boot_id), array_agg(r.seq), array_agg(r.flags),
       array_agg(r.probe_id), array_agg(r.temp_c), array_agg(coalesce(r.humidity_pct, 'NaN')),
       array_agg(coalesce(r.correction_c, 'NaN'))
from unnest(%s::int4[], %s::timestamptz[], %s::timestamptz[]) as w (device_id, since, until)
join reading_temperature r on r.device_id = w.device_id and r.time between w.since and w.until
where r.time between %s and %s

-- name: stored_rfid
-- Readings stored in these spans of these devices, as they were measured, column by column.
select array_agg(r.device_id), array_agg(r.time), array_agg(r.boot_id), array_agg(r.seq), array_agg(r.flags),
       array_agg(r.tag_id), array_agg(r.antenna::int), array_agg(coalesce(r.rssi_dbm, 'NaN'))
from unnest(%s::int4[], %s::timestamptz[], %s::timestamptz[]) as w (device_id, since, until)
join reading_tag r on r.device_id = w.device_id and r.time between w.since and w.until
where r.time between %s and %s

-- name: stored_shelf
-- Readings stored in these spans of these devices, as they were measured, column by column.
select array_agg(r.device_id), array_agg(r.time), array_agg(r.boot_id), array_agg(r.seq), array_agg(r.flags),
       array_agg(r.slot_id), array_agg(coalesce(r.mass_kg, 'NaN')), array_agg(coalesce(r.item_count, 'NaN'))
from unnest(%s::int4[], %s::timestamptz[], %s::timestamptz[]) as w (device_id, since, until)
join reading_shelf r on r.device_id = w.device_id and r.time between w.since and w.until
where r.time between %s and %s

-- name: stored_door
-- Readings stored in these spans of these devices, as they were measured, column by column.
select array_agg(r.device_id), array_agg(r.time), array_agg(r.boot_id), array_agg(r.seq), array_agg(r.flags),
       array_agg(r.door_id), array_agg(coalesce(r.open::int, -1))
from unnest(%s::int4[], %s::timestamptz[], %s::timestamptz[]) as w (device_id, since, until)
join reading_door r on r.device_id = w.device_id and r.time between w.since and w.until
where r.time between %s and %s

-- name: stored_status
-- Readings stored in these spans of these devices, as they were measured, column by column.
select array_agg(r.device_id), array_agg(r.time), array_agg(r.boot_id), array_agg(r.seq), array_agg(r.flags),
       array_agg(coalesce(r.battery_ratio, 'NaN')), array_agg(coalesce(r.rssi_dbm, 'NaN')),
       array_agg(coalesce(r.reefer_id, 0)), array_agg(coalesce(r.setpoint_c, 'NaN')),
       array_agg(coalesce(r.defrost::int, -1))
from unnest(%s::int4[], %s::timestamptz[], %s::timestamptz[]) as w (device_id, since, until)
join reading_status r on r.device_id = w.device_id and r.time between w.since and w.until
where r.time between %s and %s

-- name: stored_attr
-- Readings stored in these spans of these devices, as they were measured, column by column.
select array_agg(r.device_id), array_agg(r.time), array_agg(r.boot_id), array_agg(r.seq), array_agg(r.flags),
       array_agg(r.name_id), array_agg(coalesce(r.value, 'NaN')), array_agg(coalesce(r.note_id, 0))
from unnest(%s::int4[], %s::timestamptz[], %s::timestamptz[]) as w (device_id, since, until)
join reading_attribute r on r.device_id = w.device_id and r.time between w.since and w.until
where r.time between %s and %s

-- name: stored_unclocked_gps
-- Numbered readings stored since a time, whose own time is that of receipt (flag 32), column by column.
select array_agg(r.device_id), array_agg(r.time), array_agg(r.boot_id), array_agg(r.seq), array_agg(r.flags),
       array_agg(r.lat), array_agg(r.lon), array_agg(coalesce(r.speed_mps, 'NaN')),
       array_agg(coalesce(r.heading_deg, 'NaN')), array_agg(coalesce(r.accuracy_m, 'NaN')),
       array_agg(coalesce(r.altitude_m, 'NaN')), array_agg(coalesce(r.odometer_m, 'NaN')),
       array_agg(coalesce(r.ignition::int, -1))
from (select distinct * from unnest(%s::int4[], %s::int4[], %s::int8[]) as u (device_id, boot_id, seq)) w
join reading_position r using (device_id, boot_id, seq) where r.flags & 32 <> 0 and r.time >= %s

-- name: stored_unclocked_temp
-- Numbered readings stored since a time, whose own time is that of receipt (flag 32), column by column.
select array_agg(r.device_id), array_agg(r.time), array_agg(r.boot_id), array_agg(r.seq), array_agg(r.flags),
       array_agg(r.probe_id), array_agg(r.temp_c), array_agg(coalesce(r.humidity_pct, 'NaN')),
       array_agg(coalesce(r.correction_c, 'NaN'))
from (select distinct * from unnest(%s::int4[], %s::int4[], %s::int8[]) as u (device_id, boot_id, seq)) w
join reading_temperature r using (device_id, boot_id, seq) where r.flags & 32 <> 0 and r.time >= %s

-- name: stored_unclocked_rfid
-- Numbered readings stored since a time, whose own time is that of receipt (flag 32), column by column.
select array_agg(r.device_id), array_agg(r.time), array_agg(r.boot_id), array_agg(r.seq), array_agg(r.flags),
       array_agg(r.tag_id), array_agg(r.antenna::int), array_agg(coalesce(r.rssi_dbm, 'NaN'))
from (select distinct * from unnest(%s::int4[], %s::int4[], %s::int8[]) as u (device_id, boot_id, seq)) w
join reading_tag r using (device_id, boot_id, seq) where r.flags & 32 <> 0 and r.time >= %s

-- name: stored_unclocked_shelf
-- Numbered readings stored since a time, whose own time is that of receipt (flag 32), column by column.
select array_agg(r.device_id), array_agg(r.time), array_agg(r.boot_id), array_agg(r.seq), array_agg(r.flags),
       array_agg(r.slot_id), array_agg(coalesce(r.mass_kg, 'NaN')), array_agg(coalesce(r.item_count, 'NaN'))
from (select distinct * from unnest(%s::int4[], %s::int4[], %s::int8[]) as u (device_id, boot_id, seq)) w
join reading_shelf r using (device_id, boot_id, seq) where r.flags & 32 <> 0 and r.time >= %s

-- name: stored_unclocked_door
-- Numbered readings stored since a time, whose own time is that of receipt (flag 32), column by column.
select array_agg(r.device_id), array_agg(r.time), array_agg(r.boot_id), array_agg(r.seq), array_agg(r.flags),
       array_agg(r.door_id), array_agg(coalesce(r.open::int, -1))
from (select distinct * from unnest(%s::int4[], %s::int4[], %s::int8[]) as u (device_id, boot_id, seq)) w
join reading_door r using (device_id, boot_id, seq) where r.flags & 32 <> 0 and r.time >= %s

-- name: stored_unclocked_status
-- Numbered readings stored since a time, whose own time is that of receipt (flag 32), column by column.
select array_agg(r.device_id), array_agg(r.time), array_agg(r.boot_id), array_agg(r.seq), array_agg(r.flags),
       array_agg(coalesce(r.battery_ratio, 'NaN')), array_agg(coalesce(r.rssi_dbm, 'NaN')),
       array_agg(coalesce(r.reefer_id, 0)), array_agg(coalesce(r.setpoint_c, 'NaN')),
       array_agg(coalesce(r.defrost::int, -1))
from (select distinct * from unnest(%s::int4[], %s::int4[], %s::int8[]) as u (device_id, boot_id, seq)) w
join reading_status r using (device_id, boot_id, seq) where r.flags & 32 <> 0 and r.time >= %s

-- name: stored_unclocked_attr
-- Numbered readings stored since a time, whose own time is that of receipt (flag 32), column by column.
select array_agg(r.device_id), array_agg(r.time), array_agg(r.boot_id), array_agg(r.seq), array_agg(r.flags),
       array_agg(r.name_id), array_agg(coalesce(r.value, 'NaN')), array_agg(coalesce(r.note_id, 0))
from (select distinct * from unnest(%s::int4[], %s::int4[], %s::int8[]) as u (device_id, boot_id, seq)) w
join reading_attribute r using (device_id, boot_id, seq) where r.flags & 32 <> 0 and r.time >= %s

-- name: history_gps
-- The first positions of a vehicle after a time, of whatever devices it had then, for folding again, column by column.
select array_agg(time), array_agg(received_at), array_agg(device_id), array_agg(flags), array_agg(lat), array_agg(lon),
       array_agg(coalesce(speed_mps, 'NaN')), array_agg(coalesce(heading_deg, 'NaN')),
       array_agg(coalesce(accuracy_m, 'NaN')), array_agg(coalesce(odometer_m, 'NaN')),
       array_agg(coalesce(ignition::int, -1))
from (select p.* from assignment a cross join lateral (
          select x.* from reading_position x
          where x.device_id = a.device_id and x.time > %(since)s and x.time >= a.valid_from and x.time < a.valid_to
          order by x.time limit %(most)s) p
      where a.vehicle_id = %(vehicle)s order by p.time, p.device_id, p.seq, p.received_at limit %(most)s) r

-- name: history_shelf
-- The first weighings and counts of a slot after a time, for folding again, column by column.
select array_agg(time), array_agg(flags), array_agg(coalesce(mass_kg, 'NaN')), array_agg(coalesce(item_count, 'NaN'))
from (select * from reading_shelf where device_id = %(device)s and time > %(since)s and slot_id = %(slot)s
      order by time, seq, received_at limit %(most)s) r

-- name: history_temp
-- The first temperatures of a probe after a time, for folding again, column by column.
select array_agg(time), array_agg(received_at), array_agg(flags), array_agg(temp_c)
from (select * from reading_temperature where device_id = %(device)s and time > %(since)s and probe_id = %(probe)s
      order by time, seq, received_at limit %(most)s) r
