-- What an evidence pack of a shipment holds, as it was known at a moment (`as_of`): words that came later are not in it.

-- name: shipment
-- The shipment and the limits it is held to.
select sh.id as key, sh.name as shipment, sh.reference, sh.customer, sh.status, v.name as vehicle, sh.planned_at,
       sh.started_at, sh.delivered_at, sh.cancelled_at, p.id as profile_key, p.name as profile, n.low_c, n.high_c, p.for_s,
       p.hysteresis_c, n.max_interval_s
from shipment sh left join vehicle v on v.id = sh.vehicle_id left join profile p on p.id = sh.profile_id
left join lateral (
    select (v.body ->> 'low_c')::float8 as low_c, (v.body ->> 'high_c')::float8 as high_c,
           (v.body ->> 'max_interval_s')::float8 as max_interval_s
    from profile_version v where v.tenant_id = sh.tenant_id and v.profile_id = p.id and v.valid_from <= %(as_of)s
    order by v.valid_from desc, v.version desc limit 1) n on true
where sh.tenant_id = %(tenant)s and sh.name = %(name)s

-- name: stops
-- Its stops as planned.
select st.seq, st.name as stop, si.name as site, st.label, st.lat, st.lon, st.radius_m, st.window_start, st.window_end
from stop st left join site si on si.id = st.site_id
where st.tenant_id = %(tenant)s and st.shipment_id = %(shipment)s order by st.seq

-- name: calls
-- Every word on when it was at a stop.
select c.id, c.revision, st.name as stop, v.name as vehicle, c.arrived_at, c.departed_at, c.decided_at, c.rule_version,
       c.retracted, case when c.superseded_at <= %(as_of)s then c.superseded_at end as superseded_at
from stop_call c join stop st on st.id = c.stop_id left join vehicle v on v.id = c.vehicle_id
where c.tenant_id = %(tenant)s and c.shipment_id = %(shipment)s and c.decided_at <= %(as_of)s order by c.id, c.revision

-- name: carried
-- The devices that were on its vehicle while it was under way, and when each was.
select d.id as key, d.name as device, d.kind, greatest(sh.started_at, w.valid_from) as since,
       least(coalesce(sh.delivered_at, sh.cancelled_at, %(as_of)s), w.valid_to, %(as_of)s) as until,
       coalesce(p.max_interval_s, 900) as max_interval_s
from shipment sh
join assignment w on w.vehicle_id = sh.vehicle_id and w.tenant_id = sh.tenant_id and w.valid_to > sh.started_at
                     and w.valid_from <= coalesce(sh.delivered_at, sh.cancelled_at, %(as_of)s)
join device d on d.id = w.device_id
left join profile p on p.id = coalesce(sh.profile_id, d.profile_id)
where sh.tenant_id = %(tenant)s and sh.id = %(shipment)s and sh.started_at <= %(as_of)s order by d.name, since

-- name: temperature_profiles
-- What the shipment and these devices were held to: every version that was known.
select p.name as profile, v.version, nullif(v.valid_from, '-infinity') as valid_from, v.made_at, v.made_by, v.note,
       v.body::text as body
from profile_version v join profile p on p.id = v.profile_id
where v.tenant_id = %(tenant)s and v.made_at <= %(as_of)s
and (p.id = %(profile)s::int4
     or p.id in (select d.profile_id from device d where d.tenant_id = %(tenant)s and d.id = any(%(devices)s::int4[])))
order by p.name, v.version

-- name: device_profiles
-- What was known of these devices: calibrations, accuracy, intervals.
select d.name as device, p.version, p.since, p.body::text as body, p.created_at, p.created_by
from device_profile p join device d on d.id = p.device_id
where p.tenant_id = %(tenant)s and p.device_id = any(%(devices)s::int4[]) and p.created_at <= %(as_of)s
order by d.name, p.version

-- name: excursions
-- Every word on excursions of these devices that touch a span.
select x.id, x.revision, d.name as device, l.text as probe, x.kind, x.limit_c, x.started_at, x.ended_at, x.alarm_at,
       x.extreme_c, x.samples, x.decided_at, x.rule_version, x.retracted,
       case when x.superseded_at <= %(as_of)s then x.superseded_at end as superseded_at
from excursion x join device d on d.id = x.device_id left join label l on l.id = x.probe_id
where x.tenant_id = %(tenant)s and x.device_id = any(%(devices)s::int4[]) and x.decided_at <= %(as_of)s
  and x.started_at <= %(until)s and coalesce(x.ended_at, 'infinity') >= %(since)s
order by x.id, x.revision

-- name: alerts
-- The alerts of these excursions, and of what a shipment's goods were exposed to.
select a.id, a.kind, a.severity, a.fact_id as excursion, d.name as device, a.title, a.opened_at, a.alarm_at, a.decided_at,
       a.cleared_at
from alert a left join device d on d.id = a.device_id
where a.tenant_id = %(tenant)s and (a.kind = 'temperature' and a.fact_id = any(%(excursions)s::int8[])
    or a.kind = 'exposure' and starts_with(a.rule_key, %(exposure)s))
  and a.decided_at <= %(as_of)s order by a.id

-- name: case_events
-- What happened to these alerts, and what people did about them.
select c.alert_id as alert, c.version, c.at, c.what, c.actor, c.note, c.detail, c.excursion_id as excursion,
       c.excursion_revision as revision
from case_event c
where c.tenant_id = %(tenant)s and c.alert_id = any(%(alerts)s::int8[]) and c.at <= %(as_of)s
order by c.alert_id, c.version

-- name: audit
-- Who changed the shipment, its limits, or acted on these alerts.
select a.id, a.at, a.actor, a.action, a.subject, a.detail::text as detail, l.n, encode(l.sha256, 'hex') as sha256
from audit a left join audit_link l on l.audit_id = a.id and l.tenant_id = a.tenant_id
where a.tenant_id = %(tenant)s and a.at <= %(as_of)s
  and (a.subject = %(name)s and starts_with(a.action, %(kind)s || '.')
       or a.subject = any(%(alerts)s::text[]) and a.action like 'alert.%%'
       or a.subject = %(profile)s and a.action like 'profile.%%')
order by a.id

-- name: audit_head
-- The end of the tenant's audit chain: whoever keeps it can tell later that no entry before it has changed.
select n, encode(sha256, 'hex') as sha256 from audit_link where tenant_id = %(tenant)s order by n desc limit 1

-- name: device
-- A device and the limits it is held to.
select d.id as key, d.name as device, d.kind as device_kind, p.id as profile_key, p.name as profile, n.low_c, n.high_c,
       coalesce(n.max_interval_s, 900) as max_interval_s, %(since)s::timestamptz as since, %(until)s::timestamptz as until
from device d left join profile p on p.id = d.profile_id
left join lateral (
    select (v.body ->> 'low_c')::float8 as low_c, (v.body ->> 'high_c')::float8 as high_c,
           (v.body ->> 'max_interval_s')::float8 as max_interval_s
    from profile_version v where v.tenant_id = d.tenant_id and v.profile_id = p.id and v.valid_from <= %(as_of)s
    order by v.valid_from desc, v.version desc limit 1) n on true
where d.tenant_id = %(tenant)s and d.name = %(name)s

-- name: whereabouts
-- Where a device was in a span.
select v.name as vehicle, s.name as site, z.name as zone, nullif(w.valid_from, '-infinity') as valid_from,
       nullif(w.valid_to, 'infinity') as valid_to, w.recorded_at, w.recorded_by
from assignment w left join vehicle v on v.id = w.vehicle_id left join site s on s.id = w.site_id left join zone z on z.id = w.zone_id
where w.tenant_id = %(tenant)s and w.device_id = %(device)s and w.valid_from <= %(until)s and w.valid_to > %(since)s
  and w.recorded_at <= %(as_of)s
order by w.valid_from

-- name: device_temperatures
-- What the probes of a device saw in a span, whether there is a stretch without a reading, and whether one alarmed.
with reading as (
    select r.probe_id, r.time, r.temp_c,
           r.time - coalesce(lag(r.time) over w, %(since)s) > make_interval(secs => %(max_interval_s)s) as unknown,
           row_number() over (partition by r.probe_id order by r.time desc) as back
    from own_temperature(%(device)s, %(since)s, %(until)s::timestamptz + interval '1 microsecond') r
    where r.flags & 8 = 0 and r.received_at <= %(as_of)s
    window w as (partition by r.probe_id order by r.time)
)
select min(temp_c) as min_c, max(temp_c) as max_c, max(time) as last_at,
       (array_agg(temp_c order by time desc))[1] as last_c,
       bool_or(unknown or back = 1 and %(until)s - time > make_interval(secs => %(max_interval_s)s)) as unknown,
       %(low_c)s::float8 as low_c, %(high_c)s::float8 as high_c,
       exists (select from excursion x where x.tenant_id = %(tenant)s and x.device_id = %(device)s and x.decided_at <= %(as_of)s
               and (x.superseded_at is null or x.superseded_at > %(as_of)s) and not x.retracted and x.alarm_at is not null
               and x.started_at <= %(until)s and coalesce(x.ended_at, 'infinity') >= %(since)s) as excursion
from reading

-- name: goods_movements
-- What was done with units, and with those they were packed in, also what was taken back.
select m.client_id as id, m.kind, m.at, m.units, m.body, m.reason, m.recorded_at, m.recorded_by,
       case when m.voided_at <= %(as_of)s then m.voided_at end as voided_at,
       case when m.voided_at <= %(as_of)s then m.voided_by end as voided_by,
       case when m.voided_at <= %(as_of)s then m.void_reason end as void_reason,
       v.name as vehicle, s.name as shipment, d.name as device, i.name as site, z.name as zone
from goods_movement m
left join vehicle v on v.id = (m.body #>> '{place,vehicle}')::int and v.tenant_id = m.tenant_id
left join shipment s on s.id = (m.body #>> '{place,shipment}')::int and s.tenant_id = m.tenant_id
left join device d on d.id = (m.body #>> '{place,device}')::int and d.tenant_id = m.tenant_id
left join site i on i.id = (m.body #>> '{place,site}')::int and i.tenant_id = m.tenant_id
left join zone z on z.id = (m.body #>> '{place,zone}')::int and z.tenant_id = m.tenant_id
where m.tenant_id = %(tenant)s and m.recorded_at <= %(as_of)s and m.units && (
    %(units)s::text[] || coalesce((
        select array_agg(distinct t.parent) from goods_stay t join handling_unit u on u.id = t.unit_id
        where u.tenant_id = %(tenant)s and u.code = any(%(units)s::text[]) and t.parent is not null), '{}'))
order by m.at, m.id limit 10000

-- name: goods_lots
-- Lots with the product of each.
select l.code as lot, p.sku, p.gtin, f.name as profile, l.quantity::float8 as quantity, l.made_at, l.best_before, l.used_before,
       l.kinetic, l.reason, l.declared_by, l.declared_at
from lot l join product p on p.id = l.product_id left join profile f on f.id = l.profile_id
where l.tenant_id = %(tenant)s and l.code = any(%(lots)s::text[]) order by l.code
