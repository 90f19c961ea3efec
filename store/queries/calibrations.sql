-- Calibrations of probes, by the profile of their device that holds now.

-- name: calibrations
-- Of each probe what is known of its calibration, by device and probe; of those that run out before a time only, or of one device.
with held as (
    select distinct on (p.device_id) p.device_id, p.since, p.created_by, p.body -> 'calibration' as calibration
    from device_profile p where p.tenant_id = %(tenant)s and p.since <= now()
    order by p.device_id, p.since desc, p.version desc
), probes as (
    select l.scope as device_id, l.text as probe from label l join device d on d.id = l.scope and d.tenant_id = %(tenant)s
    where l.kind = 'probe'
    union
    select h.device_id, k from held h
    cross join lateral jsonb_object_keys(case jsonb_typeof(h.calibration) when 'object' then h.calibration else '{}' end) k
)
select d.name as device, s.probe, (h.calibration -> s.probe)::text as calibration,
       case when h.calibration ? s.probe then h.since end as since, case when h.calibration ? s.probe then h.created_by end as by
from probes s join device d on d.id = s.device_id and d.tenant_id = %(tenant)s left join held h on h.device_id = d.id
where (%(device)s::text is null or d.name = %(device)s) and (d.name, s.probe) > (%(after_device)s, %(after_probe)s)
and (%(before)s::timestamptz is null or (h.calibration -> s.probe ->> 'due')::timestamptz <= %(before)s
     and d.revoked_at is null)
order by d.name, s.probe limit %(limit)s

-- name: calibrations_device
-- A device, and its newest profile that holds now, for the next one. Locks the device.
select d.id, (select p.body::text from device_profile p where p.device_id = d.id and p.tenant_id = d.tenant_id and p.since <= now()
              order by p.since desc, p.version desc limit 1) as body
from device d where d.tenant_id = %(tenant)s and d.name = %(name)s for update
