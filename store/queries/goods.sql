-- Whether the goods of shipments were kept in range: asked by the API for what it shows, and by the tracker for what it tells.
--
-- In a transaction of one tenant: readings come from `own_temperature`.

-- name: for_tenant
-- To the end of the transaction: readings of one tenant.
select set_config('app.tenant', %(tenant)s::text, true)

-- name: carried_by
-- Of shipments neither delivered nor called off before `recent`: these, those on these vehicles, and those on one that ever had these devices.
select sh.id, sh.tenant_id, sh.name, coalesce(sh.delivered_at, sh.cancelled_at) is not null from shipment sh
where coalesce(coalesce(sh.delivered_at, sh.cancelled_at) > %(recent)s, true)
and (sh.id = any(%(shipments)s::int[]) or sh.vehicle_id in (
    select unnest(%(vehicles)s::int[]) union
    select w.vehicle_id from assignment w where w.device_id = any(%(devices)s::int[]) and w.vehicle_id is not null))
order by sh.id

-- name: shipment_temperatures
-- What each probe saw while it was on the vehicle and the shipment under way, whether that span has unknown stretches, and
-- from when on it has one if nothing more comes (`silent_at`).
with carried as (
    select sh.id, d.id as device_id, greatest(sh.started_at, w.valid_from) as since,
           least(coalesce(sh.delivered_at, sh.cancelled_at, %(now)s), w.valid_to) as until, w.valid_to as gone_at,
           sh.started_at as began, coalesce(sh.delivered_at, sh.cancelled_at, %(now)s) as ended,
           coalesce(p.max_interval_s, 900) as gap_s, p.low_c, p.high_c
    from shipment sh join assignment w on w.vehicle_id = sh.vehicle_id and w.tenant_id = sh.tenant_id
                                          and w.valid_from <= coalesce(sh.delivered_at, sh.cancelled_at, %(now)s) and w.valid_to > sh.started_at
    join device d on d.id = w.device_id
    left join profiles_now(%(tenant)s) p on p.profile_id = coalesce(sh.profile_id, d.profile_id)
    where sh.tenant_id = %(tenant)s and sh.id = any(%(shipments)s::int[]) and sh.started_at is not null
), reading as (
    select c.*, r.probe_id, r.time, r.temp_c,
           r.time - coalesce(lag(r.time) over w, c.since) > make_interval(secs => c.gap_s) as unknown,
           row_number() over (partition by c.id, r.probe_id, c.since order by r.time desc, r.seq desc, r.received_at desc) as back
    from carried c
    cross join lateral own_temperature(c.device_id, c.since, least(c.until + interval '1 microsecond', c.gone_at)) r
    where r.flags & 8 = 0
    window w as (partition by c.id, r.probe_id, c.since order by r.time, r.seq, r.received_at)
)
select g.id, min(g.temp_c) as min_c, max(g.temp_c) as max_c, max(g.time) as last_at,
       min(g.time + make_interval(secs => g.gap_s)) filter (where g.back = 1) as silent_at,
       (array_agg(g.temp_c order by g.time desc) filter (where g.back = 1))[1] as last_c,
       bool_or(g.unknown or (g.back = 1 and g.until - g.time > make_interval(secs => g.gap_s)))
       or not range_agg(tstzrange(g.since, g.until + make_interval(secs => g.gap_s)))
              @> tstzrange(min(g.began), max(g.ended)) as unknown,
       max(g.low_c) as low_c, min(g.high_c) as high_c,
       exists (select from excursion x join carried c on c.device_id = x.device_id
               where c.id = g.id and x.superseded_at is null and not x.retracted and x.alarm_at is not null
               and x.started_at <= c.until and coalesce(x.ended_at, 'infinity') >= c.since) as excursion,
       (select jsonb_agg(e.body || jsonb_build_object('verdict', e.verdict, 'profile_version', e.profile_version)
                         order by e.device_id, e.probe_id)
        from exposure e where e.shipment_id = g.id and e.tenant_id = %(tenant)s) as exposures
from reading g group by g.id

-- name: held_to
-- The profile that the readings of each device count for, of shipments under way or over; microseconds since 1970.
select distinct on (sh.id, d.id) sh.id, d.id as device_id, coalesce(sh.profile_id, d.profile_id) as profile_id,
       (extract(epoch from sh.started_at) * 1e6)::int8 as started_us, sh.name,
       (extract(epoch from coalesce(sh.delivered_at, sh.cancelled_at)) * 1e6)::int8 as over_us,
       (select (extract(epoch from s.departed_at) * 1e6)::int8 from stop s where s.shipment_id = sh.id order by s.seq limit 1) as departed_us,
       (select (extract(epoch from s.arrived_at) * 1e6)::int8 from stop s where s.shipment_id = sh.id order by s.seq desc limit 1) as arrived_us
from shipment sh join assignment w on w.vehicle_id = sh.vehicle_id and w.tenant_id = sh.tenant_id
    and w.valid_from <= coalesce(sh.delivered_at, sh.cancelled_at, now()) and w.valid_to > sh.started_at
join device d on d.id = w.device_id
where sh.tenant_id = %(tenant)s and sh.id = any(%(shipments)s::int[]) and sh.started_at is not null
and coalesce(sh.profile_id, d.profile_id) is not null

-- name: shipment_readings
-- What each probe measured while it was with a shipment's goods under way, in order of time; microseconds since 1970. Error
-- codes are there, wrong clocks and what came too late to decide are not; a probe that stands still is left out.
with carried as (
    select sh.id, w.device_id, greatest(sh.started_at, w.valid_from) as since,
           least(coalesce(sh.delivered_at, sh.cancelled_at, %(now)s), w.valid_to) as until, w.valid_to as gone_at
    from shipment sh join assignment w on w.vehicle_id = sh.vehicle_id and w.tenant_id = sh.tenant_id
                                          and w.valid_from <= coalesce(sh.delivered_at, sh.cancelled_at, %(now)s) and w.valid_to > sh.started_at
    where sh.tenant_id = %(tenant)s and sh.id = any(%(shipments)s::int[]) and sh.started_at is not null
)
select c.id, c.device_id, r.probe_id, (extract(epoch from min(c.since)) * 1e6)::int8 as since_us,
       (extract(epoch from max(c.until)) * 1e6)::int8 as until_us,
       array_agg((extract(epoch from r.time) * 1e6)::int8 order by r.time, r.seq, r.received_at) as time_us,
       array_agg(r.temp_c order by r.time, r.seq, r.received_at) as temp_c
from carried c
cross join lateral own_temperature(c.device_id, c.since, least(c.until + interval '1 microsecond', c.gone_at)) r
where r.flags & %(unused)s = 0
group by c.id, c.device_id, r.probe_id

-- name: put_exposures
-- What goods were exposed to; a revision counts when the verdict is another.
insert into exposure as e (shipment_id, device_id, probe_id, tenant_id, verdict, body, profile_id, profile_version, rule_version, decided_at)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (shipment_id, device_id, probe_id) do update
set verdict = excluded.verdict, body = excluded.body, profile_id = excluded.profile_id,
    profile_version = excluded.profile_version, rule_version = excluded.rule_version, decided_at = excluded.decided_at,
    revision = e.revision + (e.verdict <> excluded.verdict)::int

-- name: drop_exposures
-- What is no longer said of shipments: other probes were with the goods, or another profile holds.
delete from exposure where tenant_id = %(tenant)s and shipment_id = any(%(shipments)s::int[]) and decided_at < %(now)s

-- name: shipment_curve
-- What the probes with a shipment's goods saw while it was under way, in so many steps: lowest and highest of each.
with carried as (
    select w.device_id, greatest(sh.started_at, w.valid_from) as since,
           least(coalesce(sh.delivered_at, sh.cancelled_at, %(now)s), w.valid_to) as until, sh.started_at as began,
           coalesce(sh.delivered_at, sh.cancelled_at, %(now)s) as ended
    from shipment sh join assignment w on w.vehicle_id = sh.vehicle_id and w.tenant_id = sh.tenant_id
        and w.valid_from <= coalesce(sh.delivered_at, sh.cancelled_at, %(now)s) and w.valid_to > sh.started_at
    where sh.tenant_id = %(tenant)s and sh.id = %(shipment)s
    and coalesce(sh.delivered_at, sh.cancelled_at, %(now)s) - sh.started_at < interval '31 days'
)
select min(r.time) as time, min(r.temp_c) as min_c, max(r.temp_c) as max_c
from carried c cross join lateral own_temperature(c.device_id, c.since, c.until) r
where r.flags & 8 = 0
group by floor(extract(epoch from r.time - c.began) / greatest(extract(epoch from c.ended - c.began) / %(steps)s, 1))
order by 1
