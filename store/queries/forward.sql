-- name: take
-- One program at a time is at work under a name; the lock goes with its connection.
select pg_try_advisory_lock(hashtextextended('frostway.forward.' || %(name)s, 0))

-- name: listed
-- All forwarders, or one, and for how long something has been waiting, seconds.
select f.name, t.name as tenant, f.tenant_id, f.target, f.what, f.created_at, f.version,
       extract(epoch from clock_timestamp() - f.caught_up_at)::float8 as lag_s,
       f.fill is not null or f.lost_from is not null as is_filling, f.last_error
from forwarder f join tenant t on t.id = f.tenant_id where %(name)s::text is null or f.name = %(name)s order by f.name

-- name: make
-- A new one begins with what is stored from now on; with `since`, at what was received then, read from the tables.
insert into forwarder (name, tenant_id, target, what, positions, facts, facts_since, fill)
select %(name)s, %(tenant)s, %(target)s, %(what)s,
       (select coalesce(jsonb_object_agg(p.partition, p.position), '{}') from tracker_position p),
       (select jsonb_object_agg(k, jsonb_build_array(
            case when %(since)s::timestamptz is null then pg_snapshot_xmin(pg_current_snapshot())::text else '0' end, -1))
        from unnest(%(kinds)s::text[]) k),
       coalesce(%(since)s::timestamptz, 'epoch'),
       case when %(since)s::timestamptz is not null and 'readings' = any(%(what)s) then jsonb_build_object(
            'since', %(since)s::timestamptz, 'until', clock_timestamp() + interval '10 minutes', 'stream', '', 'at', null) end
on conflict (name) do nothing

-- name: aim
-- Where it forwards to now.
update forwarder set target = %(target)s where name = %(name)s and target <> %(target)s

-- name: place
-- How far a forwarder is.
select version, positions, facts, facts_since, fill, files, trimmed, lost_from is not null as has_lost
from forwarder where name = %(name)s

-- name: rewound
-- Kinds of facts whose place is of a transaction that this server has not come to: the database is from another one.
select e.key from forwarder f cross join lateral jsonb_each(f.facts) e
where f.name = %(name)s and (e.value->>0)::xid8 > pg_snapshot_xmax(pg_current_snapshot())

-- name: dropped
-- What was dropped from the log before it was forwarded.
select trimmed, lost_from is not null from forwarder where name = %(name)s

-- name: move
-- The next place, unless somebody else has moved it.
update forwarder set version = version + 1, moved_at = now(), positions = %(positions)s, facts = %(facts)s, fill = %(fill)s,
    files = %(files)s, last_error = null,
    caught_up_at = case when %(is_caught_up)s then clock_timestamp() else caught_up_at end
where name = %(name)s and version = %(version)s

-- name: begin_fill
-- What was dropped is read from the tables next.
update forwarder set version = version + 1, lost_from = null, lost_until = null,
    fill = jsonb_build_object('since', lost_from, 'until', lost_until, 'stream', '', 'at', null)
where name = %(name)s and version = %(version)s and fill is null and lost_from is not null

-- name: fail
-- Why nothing moves.
update forwarder set last_error = %(error)s where name = %(name)s

-- name: forget
-- Its place is given up.
delete from forwarder where name = %(name)s returning tenant_id

-- name: audit
-- What somebody did with a forwarder.
insert into audit (tenant_id, actor, action, subject, detail) values (%(tenant)s, %(actor)s, %(action)s, %(subject)s, %(detail)s)

-- name: processed
-- How far the tracker has stored each partition of the log, and how far that is written.
select p.partition, p.position, coalesce(h.position, 0) from tracker_position p left join log_head h on h.partition = p.partition

-- name: of_tenant
-- Which of these devices are a tenant's.
select d.id from device d where d.id = any(%(devices)s) and d.tenant_id = %(tenant)s

-- name: behind
-- How far every forwarder of readings is.
select name, positions from forwarder where 'readings' = any(what) order by name

-- name: doomed
-- Frames that are dropped next, of one partition behind a position.
select position, body from log_frame
where partition = %(partition)s and position > %(after)s and position <= %(upto)s and appended_at < %(before)s order by position

-- name: told_lost
-- Frames were dropped that this one had not forwarded.
update forwarder set trimmed = trimmed || %(trimmed)s, lost_from = least(lost_from, %(since)s), lost_until = greatest(lost_until, %(until)s)
where name = %(name)s

-- name: spans
-- Readings in these spans of these devices.
(select x.* from unnest(%(devices)s::int4[], %(since)s::timestamptz[], %(until)s::timestamptz[]) as w (device_id, since, until)
 join {table} x on x.device_id = w.device_id and x.time between w.since and w.until
 where x.time between %(least)s and %(most)s)

-- name: received
-- Readings that were received in a span.
(select x.* from {table} x where x.received_at > %(after)s and x.received_at <= %(until)s)

-- name: readings
-- Readings of a tenant, with the names of what they are of.
select r.device_id, r.time, r.received_at, d.name, v.name, s.name, b.text, nullif(r.seq, -1), r.flags, {columns}
from {source} r
join device d on d.id = r.device_id and d.tenant_id = %(tenant)s
left join label b on b.id = r.boot_id
left join assignment a on a.device_id = r.device_id and a.tenant_id = d.tenant_id and r.time >= a.valid_from and r.time < a.valid_to
left join vehicle v on v.id = a.vehicle_id left join site s on s.id = a.site_id
{joins}

-- name: in_order_of_receipt
-- Readings from the tables, oldest first.
order by r.received_at

-- name: label
-- The text of a key.
left join label {name} on {name}.id = r.{key}

-- name: facts
-- Words on facts of one kind behind a position, of transactions that nothing can be added to any more.
select f.written_in::text, f.id, f.id::text, f.revision, f.decided_at, f.retracted, f.rule_version, {columns}
from {table} f
{joins}
where f.tenant_id = %(tenant)s and (f.written_in, f.id) > (%(written_in)s::text::xid8, %(row_id)s::int8)
and f.written_in < pg_snapshot_xmin(pg_current_snapshot()) and f.decided_at >= %(since)s
order by f.written_in, f.id limit %(limit)s

-- name: alerts
-- Lines of alerts' histories behind a position.
select c.written_in::text, c.id, c.alert_id::text, c.version, c.at, c.what, c.actor, c.note, a.kind, a.severity, a.title,
       d.name, l.text, v.name, s.name, coalesce(x.started_at, a.opened_at), coalesce(x.alarm_at, a.alarm_at),
       case when x.id is null then a.cleared_at else x.ended_at end, coalesce(x.limit_c, a.limit_c),
       coalesce(x.extreme_c, a.extreme_c), c.detail->>'to',
       array(select jsonb_array_elements_text(case when jsonb_typeof(c.detail->'mentions') = 'array' then c.detail->'mentions' end)),
       c.detail->>'action', c.detail->>'disposition', a.stock->>'sku'
from case_event c join alert a on a.id = c.alert_id and a.tenant_id = c.tenant_id
left join device d on d.id = a.device_id left join label l on l.id = a.probe_id
left join vehicle v on v.id = d.vehicle_id left join site s on s.id = coalesce(a.site_id, d.site_id)
left join excursion x on x.id = c.excursion_id and x.revision = c.excursion_revision and x.tenant_id = c.tenant_id
where c.tenant_id = %(tenant)s and (c.written_in, c.id) > (%(written_in)s::text::xid8, %(row_id)s::int8)
and c.written_in < pg_snapshot_xmin(pg_current_snapshot()) and c.at >= %(since)s
order by c.written_in, c.id limit %(limit)s
