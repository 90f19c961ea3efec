-- What was heard of one device last: its readings of all streams, and what of it was refused.

-- name: readings
-- The newest readings of a device of each stream, those received last first; since a moment of receipt, perhaps.
select h.stream, h.time, h.received_at, h.flags, jsonb_strip_nulls(h.said) as said
from device d cross join lateral (
    select 'gps' as stream, r.time, r.received_at, r.flags, jsonb_build_object('lat', r.lat, 'lon', r.lon, 'speed_mps', r.speed_mps,
           'heading_deg', r.heading_deg, 'accuracy_m', r.accuracy_m, 'altitude_m', r.altitude_m, 'odometer_m', r.odometer_m,
           'ignition', r.ignition) as said
    from own_last_position(d.id, %(limit)s) r
    union all
    select 'temp', r.time, r.received_at, r.flags, jsonb_build_object('probe', l.text, 'temp_c', r.temp_c, 'humidity_pct', r.humidity_pct)
    from own_last_temperature(d.id, %(limit)s) r left join label l on l.id = r.probe_id
    union all
    select 'rfid', r.time, r.received_at, r.flags, jsonb_build_object('epc', l.text, 'antenna', r.antenna, 'rssi_dbm', r.rssi_dbm)
    from own_last_tag(d.id, %(limit)s) r left join label l on l.id = r.tag_id
    union all
    select 'shelf', r.time, r.received_at, r.flags, jsonb_build_object('slot', l.text, 'mass_kg', r.mass_kg, 'item_count', r.item_count)
    from own_last_shelf(d.id, %(limit)s) r left join label l on l.id = r.slot_id
    union all
    select 'door', r.time, r.received_at, r.flags, jsonb_build_object('door', l.text, 'open', r.open)
    from own_last_door(d.id, %(limit)s) r left join label l on l.id = r.door_id
    union all
    select 'status', r.time, r.received_at, r.flags, jsonb_build_object('battery_ratio', r.battery_ratio, 'rssi_dbm', r.rssi_dbm,
           'reefer', l.text, 'setpoint_c', r.setpoint_c, 'defrost', r.defrost)
    from own_last_status(d.id, %(limit)s) r left join label l on l.id = r.reefer_id
    union all
    select 'attr', r.time, r.received_at, r.flags, jsonb_build_object('name', l.text, 'value', r.value, 'note', n.text)
    from own_last_attribute(d.id, %(limit)s) r left join label l on l.id = r.name_id left join label n on n.id = r.note_id
) h
where d.tenant_id = %(tenant)s and d.id = %(device)s and (%(since)s::timestamptz is null or h.received_at >= %(since)s)
order by h.received_at desc, h.time desc, h.stream limit %(limit)s

-- name: refused
-- The newest messages of a device that were set aside; since a moment, perhaps.
select q.id, coalesce(q.also_received[cardinality(q.also_received)], q.received_at) as received_at, q.topic, q.reason, q.detail,
       1 + cardinality(q.also_received) as times, q.redriven_at
from quarantine q
where q.tenant = %(tenant_name)s and q.device = %(name)s
  and (%(since)s::timestamptz is null or coalesce(q.also_received[cardinality(q.also_received)], q.received_at) >= %(since)s)
order by q.id desc limit %(limit)s
