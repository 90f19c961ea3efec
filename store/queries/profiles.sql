-- name: body_now
-- What a profile says now.
select n.body::text from profiles_now(%(tenant)s) n where n.profile_id = %(profile)s

-- name: subjects
-- Probes that a profile is about: of devices that have it, and aboard of shipments that have it while they are under way.
select null as shipment, d.id, d.name, l.id, l.text, %(since)s::timestamptz, %(until)s::timestamptz
from device d join label l on l.kind = 'probe' and l.scope = d.id
where d.tenant_id = %(tenant)s and d.profile_id = %(profile)s
union all
select h.name, d.id, d.name, l.id, l.text, greatest(h.started_at, a.valid_from, %(since)s),
       least(coalesce(h.delivered_at, h.cancelled_at, %(until)s), a.valid_to, %(until)s)
from shipment h join assignment a on a.tenant_id = h.tenant_id and a.vehicle_id = h.vehicle_id
join device d on d.id = a.device_id join label l on l.kind = 'probe' and l.scope = d.id
where h.tenant_id = %(tenant)s and h.profile_id = %(profile)s and h.started_at < %(until)s
and a.valid_from < coalesce(h.delivered_at, h.cancelled_at, %(until)s) and a.valid_to > h.started_at
and coalesce(h.delivered_at, h.cancelled_at, %(until)s) > %(since)s
order by 1 nulls first, 3, 5, 6

-- name: recording
-- Temperatures of a probe in event order, without those that decide nothing.
select (extract(epoch from r.time) * 1000000)::int8, r.temp_c
from reading_temperature r join device d on d.id = r.device_id and d.tenant_id = %(tenant)s
where r.device_id = %(device_id)s and r.probe_id = %(probe_id)s and r.time >= %(since)s and r.time < %(until)s
and r.flags & %(unused)s = 0
order by r.time, r.seq, r.received_at
