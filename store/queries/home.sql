-- Home Assistant: what vehicles and devices there are and how each is now, told to brokers that want it.

-- name: due
-- Brokers that are due, claimed until the claim runs out; paused ones and those that are left alone are not.
with due as (
    select h.receiver_id from home h join receiver w on w.id = h.receiver_id
    where h.due_at <= %(now)s and (h.claimed_until is null or h.claimed_until <= %(now)s)
    and w.disabled_at is null and (w.paused_until is null or w.paused_until <= %(now)s)
    order by h.due_at limit %(limit)s for update of h skip locked
)
update home h set claimed_until = %(now)s::timestamptz + %(claim)s::interval
from due join receiver w on w.id = due.receiver_id join tenant t on t.id = w.tenant_id
where h.receiver_id = due.receiver_id
returning h.receiver_id, h.tenant_id, t.name as tenant, h.discovery, h.wanted, h.after_kind, h.after_id, h.failures,
          h.url is distinct from w.url as is_new, w.url, w.prefix, w.sealed, w.pages

-- name: forget
-- It is another address than before: nothing that was told stands there.
with forgotten as (update home_thing set config = '', state = null where receiver_id = %(receiver)s)
update home set url = %(url)s where receiver_id = %(receiver)s

-- name: things
-- Vehicles, and devices that are in none, behind a key, with where a vehicle is and what was told of each.
select t.kind, t.id, t.name, t.label, t.model, t.place, s.time, s.lat, s.lon, s.accuracy_m,
       h.config_topic, h.state_topic, h.parts, h.config, h.config_at, h.state, h.state_at
from (
    (select 'device' as kind, d.id, d.name, d.name as label, d.kind as model, i.label as place
     from device d left join site i on i.id = d.site_id
     where d.tenant_id = %(tenant)s and d.revoked_at is null and d.vehicle_id is null
     and ('device', d.id) > (%(after_kind)s::text, %(after_id)s::int) order by d.id limit %(limit)s)
    union all
    (select 'vehicle', v.id, v.name, v.label, coalesce(v.model, 'vehicle'), null
     from vehicle v where v.tenant_id = %(tenant)s and v.retired_at is null
     and ('vehicle', v.id) > (%(after_kind)s::text, %(after_id)s::int) order by v.id limit %(limit)s)
    order by 1, 2 limit %(limit)s) t
left join vehicle_state s on t.kind = 'vehicle' and s.vehicle_id = t.id
left join home_thing h on h.receiver_id = %(receiver)s and h.kind = t.kind and h.thing_id = t.id
order by t.kind, t.id

-- name: devices
-- The devices of these vehicles and these by themselves: whether each has spoken and speaks, and its battery.
select d.id, d.vehicle_id, d.name, s.device_id is not null as has_spoken, s.battery_ratio,
       exists (select from alert a where a.device_id = d.id and a.tenant_id = d.tenant_id and a.kind = 'silence'
               and a.cleared_at is null) as is_silent
from device d left join device_state s on s.device_id = d.id
where d.tenant_id = %(tenant)s and d.revoked_at is null
and (d.vehicle_id = any(%(vehicles)s::int[]) or d.id = any(%(devices)s::int[])) order by d.name

-- name: temperatures
-- The last temperature of every probe of these devices.
select s.device_id, l.text as probe, s.time, s.temp_c, s.humidity_pct from series_state s join label l on l.id = s.probe_id
where s.tenant_id = %(tenant)s and s.device_id = any(%(devices)s::int[]) order by l.text

-- name: alerts
-- Active alerts of these devices, also those that somebody has resolved, critical ones first.
select a.device_id, a.severity, a.title, a.opened_at from alert a
where a.tenant_id = %(tenant)s and a.device_id = any(%(devices)s::int[]) and a.cleared_at is null
order by a.severity, a.opened_at desc, a.id

-- name: gone
-- What stands there and is no more, or is not wanted any more.
select h.kind, h.thing_id as id, h.config_topic, h.state_topic from home_thing h
where h.receiver_id = %(receiver)s and (not %(wanted)s or case h.kind
    when 'vehicle' then not exists (select from vehicle v where v.id = h.thing_id and v.retired_at is null)
    else not exists (select from device d where d.id = h.thing_id and d.revoked_at is null and d.vehicle_id is null) end)
order by h.kind, h.thing_id limit %(limit)s

-- name: put_config
-- What was told of what there is; where it stands on other topics nothing is told of its state yet.
insert into home_thing as h (receiver_id, tenant_id, kind, thing_id, config_topic, state_topic, parts, config, config_at)
values (%(receiver)s, %(tenant)s, %(kind)s, %(id)s, %(config_topic)s, %(state_topic)s, %(parts)s, %(digest)s, %(now)s)
on conflict (receiver_id, kind, thing_id) do update set config_topic = excluded.config_topic,
    state_topic = excluded.state_topic, parts = excluded.parts, config = excluded.config, config_at = excluded.config_at,
    state = case when h.state_topic = excluded.state_topic then h.state end

-- name: put_state
-- What was told of how it is.
update home_thing set state = %(digest)s, state_at = %(now)s
where receiver_id = %(receiver)s and kind = %(kind)s and thing_id = %(id)s

-- name: drop_thing
-- It stands there no more.
delete from home_thing where receiver_id = %(receiver)s and kind = %(kind)s and thing_id = %(id)s

-- name: told
-- A round is over, or goes on from a key.
update home set due_at = %(due_at)s, claimed_until = null, after_kind = %(after_kind)s, after_id = %(after_id)s,
    failures = 0, succeeded_at = %(now)s, last_error = null
where receiver_id = %(receiver)s

-- name: failed
-- A round has failed; the next one is later.
update home set due_at = %(due_at)s, claimed_until = null, failures = failures + 1, last_error = %(error)s
where receiver_id = %(receiver)s

-- name: end
-- Nothing stands there any more; not while it is wanted again.
delete from home where receiver_id = %(receiver)s and not wanted

-- name: want
-- It is to be told from now on.
insert into home as h (receiver_id, tenant_id, discovery)
select w.id, w.tenant_id, %(discovery)s from receiver w
where w.tenant_id = %(tenant)s and w.kind = 'broker' and w.name = %(name)s
on conflict (receiver_id) do update set discovery = excluded.discovery, wanted = true, due_at = now(), after_kind = '', after_id = 0
returning receiver_id

-- name: want_no_more
-- What stands there is to be taken away.
update home h set wanted = false, due_at = now() from receiver w
where w.id = h.receiver_id and w.tenant_id = %(tenant)s and h.tenant_id = %(tenant)s and w.kind = 'broker' and w.name = %(name)s
returning h.receiver_id
