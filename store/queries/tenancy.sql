-- name: begin_end
-- From now on nobody gets in: who was, is out, and what was handed out opens nothing.
with devices as (
    update device set revoked_at = coalesce(revoked_at, now()), mqtt_password_hash = null, http_token_sha256 = null
    where tenant_id = %(tenant)s and (revoked_at is null or mqtt_password_hash is not null or http_token_sha256 is not null)),
tokens as (update access_token set revoked_at = now() where tenant_id = %(tenant)s and revoked_at is null),
accounts as (update account set disabled_at = now() where tenant_id = %(tenant)s and disabled_at is null),
shares as (update share set revoked_at = now() where tenant_id = %(tenant)s and revoked_at is null),
links as (delete from invitation where tenant_id = %(tenant)s)
update receiver set disabled_at = now(), disabled_why = 'the tenant ends' where tenant_id = %(tenant)s and disabled_at is null

-- name: heads
-- How far the log is written, and how far it is read.
select h.partition, h.position, coalesce(p.position, 0) from log_head h left join tracker_position p using (partition)

-- name: counts
-- What a question before the end names.
select (select count(*) from device where tenant_id = %(tenant)s), (select count(*) from vehicle where tenant_id = %(tenant)s),
       (select count(*) from account where tenant_id = %(tenant)s)

-- name: device_keys
-- Keys of a tenant's devices.
select id from device where tenant_id = %(tenant)s order by id

-- name: delete_rows
-- A portion of a tenant's rows of one table.
delete from {table} where ctid = any(array(select ctid from {table} where {rule} limit %(limit)s))

-- name: delete_readings
-- A portion of a device's readings, up to the time of the last one of it.
delete from {table} where device_id = %(device)s and time <= coalesce(
    (select r.time from {table} r where r.device_id = %(device)s order by r.time offset %(limit)s limit 1), 'infinity')

-- name: columns
-- Columns of a table, in order.
select column_name from information_schema.columns where table_schema = 'public' and table_name = %(table)s
order by ordinal_position

-- name: export
-- A tenant's rows of one table, as JSON.
copy (select row_to_json(found) from (select {columns} from {table} where {rule}) found) to stdout

-- name: one_moment
-- All of an export is of one moment.
set transaction isolation level repeatable read, read only

-- name: begin_anew
-- What was said under a name before there was a tenant of it, or by one that is gone, is not the new one's.
with messages as (delete from quarantine where tenant = %(name)s), strangers as (delete from stranger where tenant = %(name)s),
births as (delete from sparkplug_birth where tenant = %(name)s)
delete from sparkplug_node where tenant = %(name)s
