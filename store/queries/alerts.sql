-- Alerts as the tracker decides them, many at a time; what people do with them stays.

-- name: put_temperature_alerts
-- The alerts of excursions, opened or amended, and what they were before.
with n as (
    select * from unnest(%s::int4[], %s::int8[], %s::text[], %s::int4[], %s::int4[], %s::text[], %s::float8[], %s::float8[],
                         %s::float8[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[])
        with ordinality as n (tenant_id, fact_id, rule_key, device_id, probe_id, title, limit_c, extreme_c, last_c, opened_at,
                              alarm_at, decided_at, cleared_at, place)
), told as (
    select fact_id, revision, cleared_at from alert where kind = 'temperature' and fact_id in (select fact_id from n)
), put as (
    insert into alert as a (tenant_id, kind, severity, fact_id, rule_key, device_id, probe_id, title, limit_c, extreme_c,
                            last_c, opened_at, alarm_at, decided_at, cleared_at)
    select tenant_id, 'temperature', 'critical', fact_id, rule_key, device_id, probe_id, title, limit_c, extreme_c, last_c,
           opened_at, alarm_at, decided_at, cleared_at
    from n order by place
    on conflict (kind, fact_id) where fact_id is not null do update
    set title = excluded.title, limit_c = excluded.limit_c, extreme_c = excluded.extreme_c, last_c = excluded.last_c,
        opened_at = excluded.opened_at, alarm_at = excluded.alarm_at, cleared_at = excluded.cleared_at,
        revision = a.revision + ((a.opened_at, a.alarm_at, a.cleared_at) is distinct from
                                 (excluded.opened_at, excluded.alarm_at, excluded.cleared_at))::int
    returning a.id, a.device_id, a.revision, a.severity, a.title, a.opened_at, a.alarm_at, a.decided_at, a.cleared_at,
          a.acknowledged_at, a.acknowledged_by, a.note, a.resolved_at, a.resolved_by, a.fact_id
)
select put.*, told.revision as told_revision, told.cleared_at as told_cleared_at from put left join told using (fact_id)

-- name: active_of_facts
-- When the alerts of excursions alarmed that are still active.
select fact_id, alarm_at from alert where kind = 'temperature' and fact_id = any(%s::int8[]) and cleared_at is null

-- name: raise_late_risks
-- The windows of stops may be missed: one alert per stop, opened again if need be; nothing when it is open.
insert into alert as a (tenant_id, kind, severity, fact_id, rule_key, device_id, title, opened_at, alarm_at, decided_at)
select tenant_id, 'late_risk', 'warning', stop_id, 'late_risk/' || stop_id, device_id, title, at, at, decided_at
from unnest(%s::int4[], %s::int8[], %s::int4[], %s::text[], %s::timestamptz[], %s::timestamptz[])
    with ordinality as n (tenant_id, stop_id, device_id, title, at, decided_at, place) order by place
on conflict (kind, fact_id) where fact_id is not null do update
set cleared_at = null, title = excluded.title, alarm_at = excluded.alarm_at, revision = a.revision + 1
where a.cleared_at is not null
returning a.id, a.device_id, a.revision, a.severity, a.title, a.opened_at, a.alarm_at, a.decided_at, a.cleared_at,
          a.acknowledged_at, a.acknowledged_by, a.note, a.resolved_at, a.resolved_by, a.fact_id

-- name: clear_late_risks
-- These are likely in time again, or there.
update alert a set cleared_at = greatest(n.at, a.opened_at), revision = a.revision + 1
from unnest(%s::int8[], %s::timestamptz[]) as n (stop_id, at)
where a.kind = 'late_risk' and a.fact_id = n.stop_id and a.cleared_at is null
returning a.id, a.device_id, a.revision, a.severity, a.title, a.opened_at, a.alarm_at, a.decided_at, a.cleared_at,
          a.acknowledged_at, a.acknowledged_by, a.note, a.resolved_at, a.resolved_by, a.fact_id

-- name: open_late_risks
-- Stops of which somebody was told that they may be late.
select fact_id from alert where kind = 'late_risk' and cleared_at is null

-- name: raise_silences
-- Devices have gone silent; one open alert per device.
insert into alert as a (tenant_id, kind, severity, rule_key, device_id, title, opened_at, alarm_at, decided_at)
select tenant_id, 'silence', 'warning', 'silence', device_id, title, opened_at, at, at
from unnest(%s::int4[], %s::int4[], %s::text[], %s::timestamptz[], %s::timestamptz[])
    with ordinality as n (tenant_id, device_id, title, opened_at, at, place) order by place
on conflict do nothing
returning a.id, a.device_id, a.revision, a.severity, a.title, a.opened_at, a.alarm_at, a.decided_at, a.cleared_at,
          a.acknowledged_at, a.acknowledged_by, a.note, a.resolved_at, a.resolved_by, a.fact_id

-- name: clear_silences
-- Silent devices have reported again.
update alert a set cleared_at = n.at, revision = a.revision + 1
from unnest(%s::int4[], %s::timestamptz[]) as n (device_id, at)
where a.kind = 'silence' and a.device_id = n.device_id and a.cleared_at is null
returning a.id, a.device_id, a.revision, a.severity, a.title, a.opened_at, a.alarm_at, a.decided_at, a.cleared_at,
          a.acknowledged_at, a.acknowledged_by, a.note, a.resolved_at, a.resolved_by, a.fact_id

-- name: open_silences
-- Devices with an open silence alert.
select device_id from alert where kind = 'silence' and cleared_at is null and resolved_at is null

-- name: events
-- What happened to alerts.
insert into alert_event (alert_id, at, what, actor, detail)
select alert_id, at, what, 'tracker', '{}' from unnest(%s::int8[], %s::timestamptz[], %s::text[])
    with ordinality as n (alert_id, at, what, place) order by place

-- name: active_alerts
-- How many critical alerts of vehicles are active, resolved ones too: one is in alarm while it is too warm.
select v.id, count(a.id) from unnest(%s::int4[]) as v (id)
left join device d on d.vehicle_id = v.id
left join alert a on a.device_id = d.id and a.cleared_at is null and a.severity = 'critical'
group by v.id
