-- Who is told of alerts when: routes, and how far telling is.

-- name: due_tenants
-- Tenants of whose alerts something may have to be told.
select distinct tenant_id from escalation where due_at <= %(now)s

-- name: take_routes
-- The routes of a tenant; nobody else tells by them until the transaction ends. No row: somebody does.
select r.routes, t.name as tenant from alert_routes r join tenant t on t.id = r.tenant_id
where r.tenant_id = %(tenant)s for no key update of r skip locked

-- name: routes
-- The routes of a tenant.
select routes, changed_at, changed_by from alert_routes where tenant_id = %(tenant)s

-- name: put_routes
-- Other routes.
insert into alert_routes (tenant_id, routes, changed_by) values (%(tenant)s, %(routes)s, %(actor)s)
on conflict (tenant_id) do update set routes = excluded.routes, changed_at = now(), changed_by = excluded.changed_by

-- name: look_again
-- Alerts that go by routes are looked at now: the routes are others.
update escalation set due_at = now() where tenant_id = %(tenant)s

-- name: forget
-- There are no routes any more: alerts go by what channels want.
delete from escalation where tenant_id = %(tenant)s

-- name: able
-- Channels of a tenant that can be told of alerts and are not paused.
select name from receiver where tenant_id = %(tenant)s and kind = 'channel' and not for_customers and disabled_at is null

-- name: escalating
-- Alerts that are due by a moment, or one of them, with what is told of them and how far telling is.
select e.alert_id, e.begun_at, e.back_at, e.last, e.over_at, e.unmuted_at, a.muted_until, e.state, a.acknowledged_at, a.kind, a.severity,
       v.fleet, v.name as vehicle, s.name as site, jsonb_build_object(
           'alert', a.id::text, 'kind', a.kind, 'severity', a.severity, 'title', a.title, 'device', d.name, 'stock', a.stock - 'rule', 'load', a.load,
           'vehicle', v.name, 'site', s.name, 'opened_at', rfc3339(a.opened_at), 'alarm_at', rfc3339(a.alarm_at),
           'cleared_at', rfc3339(a.cleared_at), 'limit_c', a.limit_c, 'extreme_c', a.extreme_c) as data
from escalation e join alert a on a.id = e.alert_id
left join device d on d.id = a.device_id left join vehicle v on v.id = d.vehicle_id left join site s on s.id = coalesce(a.site_id, d.site_id)
where e.tenant_id = %(tenant)s and a.tenant_id = %(tenant)s
and case when %(alert)s::int8 is null then e.due_at <= %(until)s else e.alert_id = %(alert)s end
order by e.begun_at, e.alert_id

-- name: put_states
-- How far telling is now.
update escalation e set state = n.state::jsonb, due_at = n.due_at
from unnest(%(alerts)s::int8[], %(states)s::text[], %(dues)s::timestamptz[]) as n (alert_id, state, due_at)
where e.alert_id = n.alert_id and e.tenant_id = %(tenant)s

-- name: tell
-- A message for a channel; no row: it is there already.
insert into outgoing (tenant_id, receiver_id, cause, type, subject, at, data)
select w.tenant_id, w.id, %(cause)s, 'escalation', %(subject)s, %(now)s, %(data)s from receiver w
where w.tenant_id = %(tenant)s and w.kind = 'channel' and w.name = %(channel)s
on conflict (receiver_id, cause) do nothing returning id

-- name: is_alert
-- Whether a tenant has an alert.
select id from alert where tenant_id = %(tenant)s and id = %(alert)s

-- name: staff_channels
-- Channels that may be told of alerts, paused ones too.
select name from receiver where tenant_id = %(tenant)s and kind = 'channel' and not for_customers

-- name: naming
-- Routes that name a channel.
select r->>'name' as name from alert_routes t cross join jsonb_array_elements(t.routes) r
where t.tenant_id = %(tenant)s
and exists (select from jsonb_array_elements(r->'steps') s where s->'channels' ? %(channel)s)
