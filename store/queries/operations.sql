-- name: lock_cases
-- These alerts and what people did with them; nobody changes them until the transaction ends.
select id, tenant_id, note, acknowledged_at, acknowledged_by, resolved_at, resolved_by, assignee, disposition,
       disposition_state, disposition_reason, disposed_at, disposed_by, signed_at, signed_by, comments, round_severity,
       over_since, muted_until, muted_by, mute_reason from alert
where id = any(%(ids)s::int8[]) and (%(tenant)s::int is null or tenant_id = %(tenant)s)
order by id for no key update

-- name: case_heads
-- How far the histories of these alerts are written.
select alert_id, max(version) as version from case_event
where alert_id = any(%(ids)s::int8[]) and (%(tenant)s::int is null or tenant_id = %(tenant)s) group by alert_id

-- name: unread_reports
-- What was reported of these alerts and is not in their history.
select e.id, e.alert_id, e.what, e.at, e.actor, e.detail, a.severity
from alert_event e join alert a on a.id = e.alert_id
where e.alert_id = any(%(ids)s::int8[]) and (%(tenant)s::int is null or a.tenant_id = %(tenant)s)
and not exists (select from case_event c where c.cause = e.id)
order by e.id

-- name: put_case
-- What people have done with an alert.
update alert set note = %(note)s, acknowledged_at = %(acknowledged_at)s, acknowledged_by = %(acknowledged_by)s,
    resolved_at = %(resolved_at)s, resolved_by = %(resolved_by)s, assignee = %(assignee)s, disposition = %(disposition)s,
    disposition_state = %(disposition_state)s, disposition_reason = %(disposition_reason)s, disposed_at = %(disposed_at)s,
    disposed_by = %(disposed_by)s, signed_at = %(signed_at)s, signed_by = %(signed_by)s, comments = %(comments)s,
    round_severity = %(round_severity)s, over_since = %(over_since)s, muted_until = %(muted_until)s, muted_by = %(muted_by)s,
    mute_reason = %(mute_reason)s
where id = %(id)s and (%(tenant)s::int is null or tenant_id = %(tenant)s)

-- name: supersede_cases
-- What was decided of these was decided on something else: it is to be looked at again.
update alert set disposition_state = 'superseded'
where id = any(%(ids)s::int8[]) and (%(tenant)s::int is null or tenant_id = %(tenant)s)

-- name: put_rounds
-- What reports and the clock have changed: whether these ask people anew, since when they are over.
update alert a set acknowledged_at = n.acknowledged_at, acknowledged_by = n.acknowledged_by, round_severity = n.round_severity,
    over_since = n.over_since, muted_until = n.muted_until, muted_by = n.muted_by, mute_reason = n.mute_reason
from unnest(%(ids)s::int8[], %(acknowledged_at)s::timestamptz[], %(acknowledged_by)s::text[], %(round_severity)s::text[],
            %(over_since)s::timestamptz[], %(muted_until)s::timestamptz[], %(muted_by)s::text[], %(mute_reason)s::text[])
    as n (id, acknowledged_at, acknowledged_by, round_severity, over_since, muted_until, muted_by, mute_reason)
where a.id = n.id and (%(tenant)s::int is null or a.tenant_id = %(tenant)s)

-- name: mutes_over
-- Alerts whose mute has had its time.
select id from alert where muted_until <= %(now)s order by muted_until limit 200

-- name: speak_for
-- To the end of the transaction: what pages are told is about one tenant.
select set_config('app.tenant', %(of_tenant)s::text, true)

-- name: tell_pages
-- A change for the pages of the tenant that is spoken for, in order of commit; they are woken when it does.
select own_change(%(body)s), pg_notify('frostway_change', '-1')

-- name: report
-- A person's step is reported beside what the tracker reports.
insert into alert_event (alert_id, at, what, actor, detail)
select a.id, %(at)s, %(what)s, %(actor)s, %(detail)s::jsonb from alert a
where a.id = %(id)s and (%(tenant)s::int is null or a.tenant_id = %(tenant)s)
returning id

-- name: add_case_events
-- The next lines of histories, a temperature's with the revision of the excursion that was known then.
insert into case_event (tenant_id, alert_id, version, at, what, actor, note, cause, detail, excursion_id, excursion_revision)
select a.tenant_id, a.id, n.version, n.at, n.what, n.actor, n.note, n.cause, case when n.what in ('opened', 'changed', 'reopened')
       then n.detail::jsonb || jsonb_build_object('severity', a.severity) else n.detail::jsonb end, x.id, x.revision
from unnest(%(alerts)s::int8[], %(versions)s::int[], %(causes)s::int8[], %(whats)s::text[], %(ats)s::timestamptz[],
            %(actors)s::text[], %(notes)s::text[], %(details)s::text[])
    as n (alert_id, version, cause, what, at, actor, note, detail)
join alert a on a.id = n.alert_id and (%(tenant)s::int is null or a.tenant_id = %(tenant)s)
left join lateral (
    select f.id, f.revision from excursion f
    where a.kind = 'temperature' and f.id = a.fact_id and f.tenant_id = a.tenant_id and f.decided_at <= n.at
    order by f.revision desc limit 1) x on true
order by n.alert_id, n.version

-- name: case_history
-- What has happened to an alert, oldest first.
select c.version, c.at, c.what, c.actor, c.note, c.detail, coalesce(x.started_at, (c.detail->>'opened_at')::timestamptz) as opened_at,
       x.alarm_at, coalesce(x.ended_at, (c.detail->>'cleared_at')::timestamptz) as cleared_at,
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
select p.name, count(e.at), coalesce(extract(epoch from now() - min(e.at)), 0)::float8
from follower_position p left join lateral (
    (select r.at from alert_event r
     where p.name = 'cases' and (r.written_in, r.id) > (p.written_in, p.row_id)
     order by r.written_in, r.id limit 10000)
    union all
    (select r.at from case_event r
     where p.name = 'webhooks of cases' and (r.written_in, r.id) > (p.written_in, p.row_id)
     order by r.written_in, r.id limit 10000)
    union all
    (select r.decided_at from stop_call r
     where p.name = 'webhooks of calls' and (r.written_in, r.id) > (p.written_in, p.row_id)
     order by r.written_in, r.id limit 10000)
    union all
    (select r.at from audit r
     where p.name = 'audit chain' and (r.written_in, r.id) > (p.written_in, p.row_id)
     order by r.written_in, r.id limit 10000)
    union all
    (select r.recorded_at from ledger_move r
     where p.name = 'epcis of moves' and (r.written_in, r.id) > (p.written_in, p.row_id)
     order by r.written_in, r.id limit 10000)
    union all
    (select r.recorded_at from goods_movement r
     where p.name = 'epcis of goods' and (r.written_in, r.id) > (p.written_in, p.row_id)
     order by r.written_in, r.id limit 10000)
    union all
    (select r.voided_at from goods_movement r
     where p.name = 'epcis of goods taken back' and (r.voided_in, r.id) > (p.written_in, p.row_id)
     order by r.voided_in, r.id limit 10000)
    union all
    (select r.decided_at from stop_call r
     where p.name = 'epcis of calls' and (r.written_in, r.id) > (p.written_in, p.row_id)
     order by r.written_in, r.id limit 10000)) e on true
group by p.name order by p.name

-- name: case_events_behind
-- Lines of alerts' histories behind a position, of transactions that nothing can be added to any more.
select written_in::text as written_in, id from case_event
where (written_in, id) > (%(written_in)s::text::xid8, %(row_id)s::int8)
and written_in < pg_snapshot_xmin(pg_current_snapshot())
order by case_event.written_in, id limit %(limit)s

-- name: tell_case_events
-- Lines of histories, for each webhook and broker that wants them and each channel that says so, once. Alerts of a tenant
-- with routes go by those from their beginning on: what has happened is noted there, and no channel is told here.
with line as (
    select c.id, c.tenant_id, c.alert_id, c.version, c.at, c.what, exists (
        select from alert_routes r where r.tenant_id = c.tenant_id and r.routes <> '[]') and (
        c.what in ('opened', 'reopened') or exists (select from escalation e where e.alert_id = c.alert_id) or exists (
            select from case_event b where b.id = any(%(ids)s::int8[]) and b.alert_id = c.alert_id
            and b.what in ('opened', 'reopened'))) as by_routes
    from case_event c where c.id = any(%(ids)s::int8[])
), noted as (
    insert into escalation as e (alert_id, tenant_id, begun_at, back_at, last, over_at, unmuted_at, due_at)
    select alert_id, tenant_id, coalesce(min(at) filter (where what in ('opened', 'reopened')), min(at)),
           max(at) filter (where what = 'reopened'),
           (array_agg(what order by version desc) filter (where what in ('opened', 'reopened', 'cleared', 'retracted')))[1],
           max(at) filter (where what in ('cleared', 'retracted')),
           max(at) filter (where what = 'unmuted'),
           min(at)
    from line where by_routes group by alert_id, tenant_id order by alert_id
    on conflict (alert_id) do update set back_at = coalesce(excluded.back_at, e.back_at),
        last = coalesce(excluded.last, e.last), over_at = coalesce(excluded.over_at, e.over_at), unmuted_at = coalesce(excluded.unmuted_at, e.unmuted_at),
        due_at = least(e.due_at, excluded.due_at)
)
insert into outgoing (tenant_id, receiver_id, cause, type, subject, at, data)
select c.tenant_id, w.id, 'case/' || c.id, 'alert.' || c.what, 'alerts/' || c.alert_id, c.at, jsonb_build_object(
    'alert', c.alert_id::text, 'version', c.version, 'what', c.what, 'by', c.actor, 'note', c.note,
    'kind', a.kind, 'severity', a.severity, 'title', a.title, 'device', d.name, 'vehicle', v.name, 'site', s.name, 'stock', a.stock - 'rule', 'load', a.load,
    'opened_at', rfc3339(coalesce(x.started_at, a.opened_at)), 'alarm_at', rfc3339(coalesce(x.alarm_at, a.alarm_at)),
    'cleared_at', rfc3339(case when x.id is null then a.cleared_at else x.ended_at end),
    'limit_c', coalesce(x.limit_c, a.limit_c), 'extreme_c', coalesce(x.extreme_c, a.extreme_c),
    'resolved_at', rfc3339(a.resolved_at)) || c.detail
from case_event c join line l on l.id = c.id join alert a on a.id = c.alert_id
join receiver w on w.tenant_id = c.tenant_id and w.disabled_at is null and c.at >= w.created_at and case
    when w.kind <> 'channel' then w.types && array['*', 'alert.*', 'alert.' || c.what]
    else (c.what = 'superseded' or not l.by_routes and a.muted_until is null and (
            c.what in ('opened', 'reopened') or c.what in ('cleared', 'retracted') and 'alert.cleared' = any(w.types)
            or c.what = 'unmuted' and a.cleared_at is null and a.resolved_at is null))
        and ('alert.opened' = any(w.types) or a.severity = 'critical' and 'alert.critical' = any(w.types)) end
left join device d on d.id = a.device_id left join vehicle v on v.id = d.vehicle_id left join site s on s.id = coalesce(a.site_id, d.site_id)
left join excursion x on x.id = c.excursion_id and x.revision = c.excursion_revision and x.tenant_id = c.tenant_id
where c.id = any(%(ids)s::int8[]) order by c.id
on conflict (receiver_id, cause) do nothing

-- name: calls_behind
-- Words on arrivals and departures behind a position.
select written_in::text as written_in, id, revision from stop_call
where (written_in, id) > (%(written_in)s::text::xid8, %(row_id)s::int8)
and written_in < pg_snapshot_xmin(pg_current_snapshot())
order by stop_call.written_in, id limit %(limit)s

-- name: tell_calls
-- Arrivals, departures and what corrects them, for each webhook and broker that wants them, once.
insert into outgoing (tenant_id, receiver_id, cause, type, subject, at, data)
select c.tenant_id, w.id, 'call/' || c.id || '/' || c.revision, e.type, 'shipments/' || h.name, c.decided_at, jsonb_build_object(
    'call', c.id::text, 'revision', c.revision, 'shipment', h.name, 'reference', h.reference, 'stop', p.name,
    'stop_name', p.label, 'site', s.name, 'vehicle', v.name, 'arrived_at', rfc3339(c.arrived_at),
    'departed_at', rfc3339(c.departed_at), 'retracted', c.retracted)
from unnest(%(ids)s::int8[], %(revisions)s::int[]) as n (id, revision)
join stop_call c on c.id = n.id and c.revision = n.revision
join shipment h on h.id = c.shipment_id join stop p on p.id = c.stop_id
left join site s on s.id = p.site_id left join vehicle v on v.id = c.vehicle_id
left join stop_call b on b.id = c.id and b.revision = c.revision - 1
cross join lateral (select 'shipment.' || case
    when c.retracted then 'call_retracted'
    when b.id is null or b.retracted then case when c.departed_at is null then 'arrived' else 'called' end
    when b.departed_at is null and c.departed_at is not null and b.arrived_at = c.arrived_at then 'departed'
    else 'call_revised' end as type) e
join receiver w on w.tenant_id = c.tenant_id and w.kind <> 'channel' and w.disabled_at is null and c.decided_at >= w.created_at
    and w.types && array['*', 'shipment.*', e.type]
order by c.id, c.revision
on conflict (receiver_id, cause) do nothing

-- name: alive
-- How many connections the program has to this database.
select count(*) from pg_stat_activity where datname = current_database() and application_name = 'frostway operations'

-- name: audit_behind
-- Entries of the audit trail behind a position, of transactions that nothing can be added to any more.
select written_in::text as written_in, id, tenant_id, at, actor, action, subject, detail::text as detail from audit
where (written_in, id) > (%(written_in)s::text::xid8, %(row_id)s::int8)
and written_in < pg_snapshot_xmin(pg_current_snapshot())
order by audit.written_in, id limit %(limit)s

-- name: audit_linked
-- Which of these entries are linked.
select audit_id from audit_link where audit_id = any(%(ids)s::int8[])

-- name: audit_heads
-- The ends of these tenants' chains.
select t.id as tenant_id, l.n, l.sha256 from unnest(%(tenants)s::int4[]) as t (id)
cross join lateral (select n, sha256 from audit_link where tenant_id = t.id order by n desc limit 1) l

-- name: link_audit
-- Entries, linked.
insert into audit_link (tenant_id, n, audit_id, sha256)
select * from unnest(%(tenants)s::int4[], %(ns)s::int8[], %(ids)s::int8[], %(sha256s)s::bytea[])
