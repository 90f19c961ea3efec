-- name: known
-- A file that was brought before, by its digest.
select f.id from logger_file f where f.tenant_id = %(tenant)s and f.digest = %(sha256)s

-- name: shipment
-- The shipment a logger travelled with, and what it was on.
select sh.id, sh.name, sh.vehicle_id, v.name as vehicle, sh.profile_id
from shipment sh left join vehicle v on v.id = sh.vehicle_id
where sh.tenant_id = %(tenant)s and sh.name = %(name)s

-- name: device
-- A device by name, and whether it may not speak any more.
select d.id, d.kind, d.revoked_at is not null as revoked from device d where d.tenant_id = %(tenant)s and d.name = %(name)s

-- name: add_device
-- A logger, without a login: it speaks by files only.
insert into device (tenant_id, name, kind, profile_id) values (%(tenant)s, %(name)s, 'logger', %(profile)s)
on conflict (tenant_id, name) do nothing returning id

-- name: add
-- A file that waits to be taken in; nothing when it is there.
insert into logger_file (tenant_id, digest, name, content, size_bytes, answers, detection, reported, device_id, shipment_id,
                         since, until, readings, min_c, max_c, notes, created_by)
values (%(tenant)s, %(sha256)s, %(name)s, %(content)s, %(size_bytes)s, %(answers)s::jsonb, %(detection)s::jsonb,
        %(reported)s::jsonb, %(device)s, %(shipment)s, %(since)s, %(until)s, %(readings)s, %(min_c)s, %(max_c)s,
        %(notes)s::text[], %(by)s)
on conflict (tenant_id, digest) do nothing returning id

-- name: list
-- Files, newest first; of a shipment, when one is named.
select f.id, f.digest as sha256, f.name, f.size_bytes, f.answers, f.detection, f.reported, d.name as device, sh.name as shipment,
       f.since, f.until, f.readings, f.min_c, f.max_c, f.notes, f.created_at, f.created_by, f.taken_at, f.taken, f.problem
from logger_file f join device d on d.id = f.device_id left join shipment sh on sh.id = f.shipment_id
where f.tenant_id = %(tenant)s and (%(id)s::int8 is null or f.id = %(id)s) and (%(after)s::int8 is null or f.id < %(after)s)
  and (%(shipment)s::text is null or sh.name = %(shipment)s)
order by f.id desc limit %(limit)s

-- name: content
-- A file as it came, deflated.
select f.name, f.content from logger_file f where f.tenant_id = %(tenant)s and f.id = %(id)s

-- name: notify
-- Wakes whoever takes files in.
select pg_notify('frostway_logger_file', '')

-- name: listen
-- Be woken when files wait.
listen frostway_logger_file

-- name: waiting
-- The file that waits longest; nobody else takes it meanwhile.
select f.id, t.name, d.name, f.content, f.answers::text, f.created_at
from logger_file f join tenant t on t.id = f.tenant_id join device d on d.id = f.device_id
where f.taken_at is null order by f.id limit 1 for update of f skip locked

-- name: took
-- A file's readings are in the log.
update logger_file set taken_at = now(), taken = %(taken)s, problem = %(problem)s where id = %(id)s and taken_at is null
returning id
