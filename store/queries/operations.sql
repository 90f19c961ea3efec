-- name: lock_cases
-- These alerts and what people did with them; nobody changes them until the transaction ends.
select id, note, acknowledged_at, acknowledged_by, resolved_at, resolved_by from alert
where id = any(%(ids)s::int8[]) and (%(tenant)s::int is null or tenant_id = %(tenant)s)
order by id for no key update

-- name: case_heads
-- How far the histories of these alerts are written.
select alert_id, max(version) as version from case_event
where alert_id = any(%(ids)s::int8[]) and (%(tenant)s::int is null or tenant_id = %(tenant)s) group by alert_id

-- name: unread_reports
-- What was reported of these alerts and is not in their history.
select e.id, e.alert_id, e.what, e.at, e.actor, e.detail->>'note' as note
from alert_event e join alert a on a.id = e.alert_id
where e.alert_id = any(%(ids)s::int8[]) and (%(tenant)s::int is null or a.tenant_id = %(tenant)s)
and not exists (select from case_event c where c.cause = e.id)
order by e.id

-- name: put_case
-- What people have done with an alert.
update alert set note = %(note)s, acknowledged_at = %(acknowledged_at)s, acknowledged_by = %(acknowledged_by)s,
    resolved_at = %(resolved_at)s, resolved_by = %(resolved_by)s
where id = %(id)s and (%(tenant)s::int is null or tenant_id = %(tenant)s)

-- name: report
-- A person's step is reported beside what the tracker reports.
insert into alert_event (alert_id, at, what, actor, detail)
select a.id, %(at)s, %(what)s, %(actor)s, jsonb_build_object('note', %(note)s::text) from alert a
where a.id = %(id)s and (%(tenant)s::int is null or a.tenant_id = %(tenant)s)
returning id

-- name: add_case_events
-- The next lines of histories, a temperature's with the revision of the excursion that was known then.
insert into case_event (tenant_id, alert_id, version, at, what, actor, note, cause, excursion_id, excursion_revision)
select a.tenant_id, a.id, n.version, n.at, n.what, n.actor, n.note, n.cause, x.id, x.revision
from unnest(%(alerts)s::int8[], %(versions)s::int[], %(causes)s::int8[], %(whats)s::text[], %(ats)s::timestamptz[],
            %(actors)s::text[], %(notes)s::text[]) as n (alert_id, version, cause, what, at, actor, note)
join alert a on a.id = n.alert_id and (%(tenant)s::int is null or a.tenant_id = %(tenant)s)
left join lateral (
    select f.id, f.revision from excursion f
    where a.kind = 'temperature' and f.id = a.fact_id and f.tenant_id = a.tenant_id and f.decided_at <= n.at
    order by f.revision desc limit 1) x on true
order by n.alert_id, n.version

-- name: case_history
-- What has happened to an alert, oldest first.
select c.version, c.at, c.what, c.actor, c.note, x.started_at as opened_at, x.alarm_at, x.ended_at as cleared_at,
       x.limit_c, x.extreme_c
from case_event c left join excursion x on x.id = c.excursion_id and x.revision = c.excursion_revision
                                           and x.tenant_id = c.tenant_id
where c.tenant_id = %(tenant)s and c.alert_id = %(id)s and c.version > %(after)s
order by c.version limit %(limit)s

-- name: give_way
-- For this transaction: we wait for a lock so shortly that nobody whose lock we want waits for us.
select set_config('lock_timeout', '200ms', true)

-- name: make_position
-- A follower begins at the start.
insert into follower_position (name) values (%(name)s) on conflict do nothing

-- name: rewind_position
-- To the start, when it is of a transaction that this server has not come to: the database is from another one.
update follower_position set written_in = '0', row_id = 0, moved_at = now()
where name = %(name)s and written_in >= pg_snapshot_xmax(pg_current_snapshot()) returning name

-- name: position
-- How far a follower has read.
select written_in::text as written_in, row_id from follower_position where name = %(name)s

-- name: reports_behind
-- Reports on alerts behind a position, of transactions that nothing can be added to any more.
select written_in::text as written_in, id, alert_id from alert_event
where (written_in, id) > (%(written_in)s::text::xid8, %(row_id)s::int8)
and written_in < pg_snapshot_xmin(pg_current_snapshot())
order by alert_event.written_in, id limit %(limit)s

-- name: move_position
-- Nobody else has moved it meanwhile, or nothing is moved.
update follower_position set written_in = %(to_written_in)s::text::xid8, row_id = %(to_row_id)s, moved_at = now()
where name = %(name)s and written_in = %(written_in)s::text::xid8 and row_id = %(row_id)s returning name

-- name: lag
-- How much each follower has not read yet (10 000 rows are counted), and how old the oldest of it is, seconds.
select p.name, count(e.id), coalesce(extract(epoch from now() - min(e.at)), 0)::float8
from follower_position p left join lateral (
    select r.id, r.at from alert_event r
    where p.name = 'cases' and (r.written_in, r.id) > (p.written_in, p.row_id)
    order by r.written_in, r.id limit 10000) e on true
group by p.name order by p.name

-- name: alive
-- How many connections the program has to this database.
select count(*) from pg_stat_activity where datname = current_database() and application_name = 'frostway operations'
