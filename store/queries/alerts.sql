-- Alerts as the tracker decides them, many at a time; what people do with them stays.

-- name: near_temperature_alerts
-- The alerts of a side of probes that lie in spans, and what they are about.
select distinct a.probe_id, a.rule_key, a.fact_id, a.opened_at, a.cleared_at, a.alarm_at, a.resolved_at
from unnest(%s::int4[], %s::int4[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::int8[])
    as n (device_id, probe_id, side, since, until, fact_id)
join alert a on a.device_id = n.device_id and a.probe_id = n.probe_id and a.rule_key = n.side and a.kind = 'temperature'
where a.fact_id is not null and (a.fact_id = n.fact_id or
    a.opened_at <= coalesce(n.until, 'infinity') and coalesce(a.cleared_at, 'infinity') >= n.since)

-- name: alarmed_excursions
-- Current excursions of a side of probes that have alarmed, in spans, and of which people are told.
select x.id, x.probe_id, x.kind, x.severity, x.limit_c, x.started_at, x.ended_at, x.alarm_at, x.extreme_c
from unnest(%s::int4[], %s::text[], %s::timestamptz[], %s::timestamptz[]) as n (probe_id, side, since, until)
join excursion x on x.probe_id = n.probe_id and x.kind = n.side and x.superseded_at is null and not x.retracted
where x.alarm_at is not null and x.severity <> 'info' and (x.suppressed is null or x.suppressed_until is not null)
and x.started_at <= coalesce(n.until, 'infinity') and coalesce(x.ended_at, 'infinity') >= n.since

-- name: move_temperature_alerts
-- Alerts go on with another excursion: the one they were about is no longer so.
update alert a set fact_id = n.to_fact from unnest(%s::int8[], %s::int8[]) as n (from_fact, to_fact)
where a.kind = 'temperature' and a.fact_id = n.from_fact

-- name: put_temperature_alerts
-- The alerts of excursions, opened or amended, and what they were before.
with n as (
    select * from unnest(%s::int4[], %s::int8[], %s::text[], %s::text[], %s::int4[], %s::int4[], %s::text[], %s::float8[],
                         %s::float8[], %s::float8[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[])
        with ordinality as n (tenant_id, fact_id, severity, rule_key, device_id, probe_id, title, limit_c, extreme_c, last_c,
                              opened_at, alarm_at, decided_at, cleared_at, place)
), told as (
    select fact_id, revision, cleared_at, severity from alert where kind = 'temperature' and fact_id in (select fact_id from n)
), put as (
    insert into alert as a (tenant_id, kind, severity, fact_id, rule_key, device_id, probe_id, title, limit_c, extreme_c,
                            last_c, opened_at, alarm_at, decided_at, cleared_at)
    select tenant_id, 'temperature', severity, fact_id, rule_key, device_id, probe_id, title, limit_c, extreme_c, last_c,
           opened_at, alarm_at, decided_at, cleared_at
    from n order by place
    on conflict (kind, fact_id) where fact_id is not null do update
    set title = excluded.title, limit_c = excluded.limit_c, extreme_c = coalesce(excluded.extreme_c, a.extreme_c), last_c = excluded.last_c,
        opened_at = excluded.opened_at, alarm_at = excluded.alarm_at, cleared_at = excluded.cleared_at,
        severity = excluded.severity, withdrawn_at = null,
        revision = a.revision + ((a.opened_at, a.alarm_at, a.cleared_at, a.severity, a.withdrawn_at) is distinct from
                                 (excluded.opened_at, excluded.alarm_at, excluded.cleared_at, excluded.severity, null))::int
    returning a.id, a.device_id, a.revision, a.severity, a.title, a.opened_at, a.alarm_at, a.decided_at, a.cleared_at,
          a.acknowledged_at, a.acknowledged_by, a.note, a.resolved_at, a.resolved_by,
          a.assignee, a.disposition, a.disposition_state, a.disposition_reason, a.disposed_at, a.disposed_by,
          a.signed_at, a.signed_by, a.comments, a.muted_until,
          a.muted_by, a.mute_reason, a.fact_id, a.limit_c, a.extreme_c
)
select put.*, told.revision as told_revision, told.cleared_at as told_cleared_at, told.severity as told_severity
from put left join told using (fact_id)

-- name: take_back_temperature_alerts
-- What was told of excursions never was, or has not lasted long enough; of what was over already too, once.
update alert a set cleared_at = coalesce(a.cleared_at, n.at), withdrawn_at = n.at, revision = a.revision + 1
from unnest(%s::int8[], %s::timestamptz[]) as n (fact_id, at)
where a.kind = 'temperature' and a.fact_id = n.fact_id and a.withdrawn_at is null
returning a.id, a.device_id, a.revision, a.severity, a.title, a.opened_at, a.alarm_at, a.decided_at, a.cleared_at,
          a.acknowledged_at, a.acknowledged_by, a.note, a.resolved_at, a.resolved_by,
          a.assignee, a.disposition, a.disposition_state, a.disposition_reason, a.disposed_at, a.disposed_by,
          a.signed_at, a.signed_by, a.comments, a.muted_until,
          a.muted_by, a.mute_reason, a.fact_id, a.limit_c, a.extreme_c

-- name: raise_sensor_faults
-- Sensors that cannot be believed; one open alert of each.
insert into alert as a (tenant_id, kind, severity, rule_key, device_id, probe_id, title, opened_at, alarm_at, decided_at)
select tenant_id, 'sensor_fault', 'warning', 'sensor_fault', device_id, probe_id, title, opened_at, opened_at, at
from unnest(%s::int4[], %s::int4[], %s::int4[], %s::text[], %s::timestamptz[], %s::timestamptz[])
    with ordinality as n (tenant_id, device_id, probe_id, title, opened_at, at, place) order by place
on conflict do nothing
returning a.id, a.device_id, a.probe_id, a.revision, a.severity, a.title, a.opened_at, a.alarm_at, a.decided_at, a.cleared_at,
          a.acknowledged_at, a.acknowledged_by, a.note, a.resolved_at, a.resolved_by,
          a.assignee, a.disposition, a.disposition_state, a.disposition_reason, a.disposed_at, a.disposed_by,
          a.signed_at, a.signed_by, a.comments, a.muted_until,
          a.muted_by, a.mute_reason, a.fact_id

-- name: clear_sensor_faults
-- Sensors that are believed again.
update alert a set cleared_at = greatest(n.at, a.opened_at), revision = a.revision + 1
from unnest(%s::int4[], %s::int4[], %s::timestamptz[]) as n (device_id, probe_id, at)
where a.kind = 'sensor_fault' and a.device_id = n.device_id and a.probe_id = n.probe_id and a.cleared_at is null
returning a.id, a.device_id, a.probe_id, a.revision, a.severity, a.title, a.opened_at, a.alarm_at, a.decided_at, a.cleared_at,
          a.acknowledged_at, a.acknowledged_by, a.note, a.resolved_at, a.resolved_by,
          a.assignee, a.disposition, a.disposition_state, a.disposition_reason, a.disposed_at, a.disposed_by,
          a.signed_at, a.signed_by, a.comments, a.muted_until,
          a.muted_by, a.mute_reason, a.fact_id

-- name: open_sensor_faults
-- Probes with an open alert of their sensor.
select probe_id from alert where kind = 'sensor_fault' and cleared_at is null and resolved_at is null

-- name: raise_breach_risks
-- Probes will likely be beyond a limit for too long; one alert of each forecast.
insert into alert as a (tenant_id, kind, severity, fact_id, rule_key, device_id, probe_id, title, limit_c, opened_at, alarm_at,
                        decided_at, expected_p10, expected_p50, expected_p90, expected_at, expected_from_c, expected_for_s)
select tenant_id, 'breach_risk', 'warning', fact_id, 'breach_risk', device_id, probe_id, title, limit_c, at, at, decided_at,
       p10, p50, p90, from_at, from_c, for_s
from unnest(%s::int4[], %s::int8[], %s::int4[], %s::int4[], %s::text[], %s::float8[], %s::timestamptz[], %s::timestamptz[],
            %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::float8[], %s::float8[])
    with ordinality as n (tenant_id, fact_id, device_id, probe_id, title, limit_c, at, decided_at, p10, p50, p90, from_at, from_c,
                          for_s, place)
order by place
on conflict do nothing
returning a.id, a.device_id, a.probe_id, a.revision, a.severity, a.title, a.opened_at, a.alarm_at, a.decided_at, a.cleared_at,
          a.acknowledged_at, a.acknowledged_by, a.note, a.resolved_at, a.resolved_by,
          a.assignee, a.disposition, a.disposition_state, a.disposition_reason, a.disposed_at, a.disposed_by,
          a.signed_at, a.signed_by, a.comments, a.muted_until,
          a.muted_by, a.mute_reason, a.fact_id, a.limit_c, a.expected_p10,
          a.expected_p50, a.expected_p90, a.expected_at, a.expected_from_c, a.expected_for_s

-- name: renew_breach_risks
-- Another time is expected: the alert says so, people are not told anew.
update alert a set expected_p10 = n.p10, expected_p50 = n.p50, expected_p90 = n.p90, expected_at = n.at,
                   expected_from_c = n.from_c, expected_for_s = n.for_s
from unnest(%s::int8[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::float8[], %s::float8[])
    as n (fact_id, p10, p50, p90, at, from_c, for_s)
where a.kind = 'breach_risk' and a.fact_id = n.fact_id and a.cleared_at is null and a.resolved_at is null
returning a.id, a.device_id, a.probe_id, a.revision, a.severity, a.title, a.opened_at, a.alarm_at, a.decided_at, a.cleared_at,
          a.acknowledged_at, a.acknowledged_by, a.note, a.resolved_at, a.resolved_by,
          a.assignee, a.disposition, a.disposition_state, a.disposition_reason, a.disposed_at, a.disposed_by,
          a.signed_at, a.signed_by, a.comments, a.muted_until,
          a.muted_by, a.mute_reason, a.fact_id, a.limit_c, a.expected_p10,
          a.expected_p50, a.expected_p90, a.expected_at, a.expected_from_c, a.expected_for_s

-- name: clear_breach_risks
-- It is so, or will not be.
update alert a set cleared_at = greatest(n.at, a.opened_at), revision = a.revision + 1
from unnest(%s::int8[], %s::timestamptz[]) as n (fact_id, at)
where a.kind = 'breach_risk' and a.fact_id = n.fact_id and a.cleared_at is null
returning a.id, a.device_id, a.probe_id, a.revision, a.severity, a.title, a.opened_at, a.alarm_at, a.decided_at, a.cleared_at,
          a.acknowledged_at, a.acknowledged_by, a.note, a.resolved_at, a.resolved_by,
          a.assignee, a.disposition, a.disposition_state, a.disposition_reason, a.disposed_at, a.disposed_by,
          a.signed_at, a.signed_by, a.comments, a.muted_until,
          a.muted_by, a.mute_reason, a.fact_id, a.limit_c, a.expected_p10,
          a.expected_p50, a.expected_p90, a.expected_at, a.expected_from_c, a.expected_for_s

-- name: raise_exposures
-- Goods fail by what no excursion tells; one alert of each, whoever was done with it.
insert into alert as a (tenant_id, kind, severity, rule_key, device_id, probe_id, title, limit_c, extreme_c, opened_at, alarm_at,
                        decided_at)
select tenant_id, 'exposure', 'critical', n.rule_key, device_id, probe_id, title, limit_c, extreme_c, at, alarm_at, decided_at
from unnest(%s::int4[], %s::text[], %s::int4[], %s::int4[], %s::text[], %s::float8[], %s::float8[], %s::timestamptz[],
            %s::timestamptz[], %s::timestamptz[])
    with ordinality as n (tenant_id, rule_key, device_id, probe_id, title, limit_c, extreme_c, at, alarm_at, decided_at, place)
where not exists (select from alert x where x.kind = 'exposure' and x.rule_key = n.rule_key and x.withdrawn_at is null)
order by place
on conflict do nothing
returning a.id, a.device_id, a.probe_id, a.revision, a.severity, a.title, a.opened_at, a.alarm_at, a.decided_at, a.cleared_at,
          a.acknowledged_at, a.acknowledged_by, a.note, a.resolved_at, a.resolved_by,
          a.assignee, a.disposition, a.disposition_state, a.disposition_reason, a.disposed_at, a.disposed_by,
          a.signed_at, a.signed_by, a.comments, a.muted_until,
          a.muted_by, a.mute_reason, a.limit_c, a.extreme_c

-- name: end_exposures
-- The shipment is over.
update alert a set cleared_at = greatest(n.at, a.opened_at), revision = a.revision + 1
from unnest(%s::text[], %s::timestamptz[]) as n (rule_key, at)
where a.kind = 'exposure' and a.rule_key = n.rule_key and a.withdrawn_at is null and a.cleared_at is null
returning a.id, a.device_id, a.probe_id, a.revision, a.severity, a.title, a.opened_at, a.alarm_at, a.decided_at, a.cleared_at,
          a.acknowledged_at, a.acknowledged_by, a.note, a.resolved_at, a.resolved_by,
          a.assignee, a.disposition, a.disposition_state, a.disposition_reason, a.disposed_at, a.disposed_by,
          a.signed_at, a.signed_by, a.comments, a.muted_until,
          a.muted_by, a.mute_reason, a.limit_c, a.extreme_c

-- name: take_back_exposures
-- Of these shipments, but what fails now: later readings say that it was not so.
update alert a set cleared_at = coalesce(a.cleared_at, n.at), withdrawn_at = n.at, revision = a.revision + 1
from unnest(%s::int4[], %s::text[], %s::text[], %s::timestamptz[]) as n (tenant_id, of, kept, at)
where a.kind = 'exposure' and a.tenant_id = n.tenant_id and starts_with(a.rule_key, n.of)
and a.rule_key <> all(string_to_array(n.kept, ' ')) and a.withdrawn_at is null
returning a.id, a.device_id, a.probe_id, a.revision, a.severity, a.title, a.opened_at, a.alarm_at, a.decided_at, a.cleared_at,
          a.acknowledged_at, a.acknowledged_by, a.note, a.resolved_at, a.resolved_by,
          a.assignee, a.disposition, a.disposition_state, a.disposition_reason, a.disposed_at, a.disposed_by,
          a.signed_at, a.signed_by, a.comments, a.muted_until,
          a.muted_by, a.mute_reason, a.limit_c, a.extreme_c

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
          a.acknowledged_at, a.acknowledged_by, a.note, a.resolved_at, a.resolved_by,
          a.assignee, a.disposition, a.disposition_state, a.disposition_reason, a.disposed_at, a.disposed_by,
          a.signed_at, a.signed_by, a.comments, a.muted_until,
          a.muted_by, a.mute_reason, a.fact_id

-- name: clear_late_risks
-- These are likely in time again, or there.
update alert a set cleared_at = greatest(n.at, a.opened_at), revision = a.revision + 1
from unnest(%s::int8[], %s::timestamptz[]) as n (stop_id, at)
where a.kind = 'late_risk' and a.fact_id = n.stop_id and a.cleared_at is null
returning a.id, a.device_id, a.revision, a.severity, a.title, a.opened_at, a.alarm_at, a.decided_at, a.cleared_at,
          a.acknowledged_at, a.acknowledged_by, a.note, a.resolved_at, a.resolved_by,
          a.assignee, a.disposition, a.disposition_state, a.disposition_reason, a.disposed_at, a.disposed_by,
          a.signed_at, a.signed_by, a.comments, a.muted_until,
          a.muted_by, a.mute_reason, a.fact_id

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
          a.acknowledged_at, a.acknowledged_by, a.note, a.resolved_at, a.resolved_by,
          a.assignee, a.disposition, a.disposition_state, a.disposition_reason, a.disposed_at, a.disposed_by,
          a.signed_at, a.signed_by, a.comments, a.muted_until,
          a.muted_by, a.mute_reason, a.fact_id

-- name: clear_silences
-- Silent devices have reported again.
update alert a set cleared_at = n.at, revision = a.revision + 1
from unnest(%s::int4[], %s::timestamptz[]) as n (device_id, at)
where a.kind = 'silence' and a.device_id = n.device_id and a.cleared_at is null
returning a.id, a.device_id, a.revision, a.severity, a.title, a.opened_at, a.alarm_at, a.decided_at, a.cleared_at,
          a.acknowledged_at, a.acknowledged_by, a.note, a.resolved_at, a.resolved_by,
          a.assignee, a.disposition, a.disposition_state, a.disposition_reason, a.disposed_at, a.disposed_by,
          a.signed_at, a.signed_by, a.comments, a.muted_until,
          a.muted_by, a.mute_reason, a.fact_id

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
