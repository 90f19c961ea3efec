-- Goods: lots, handling units and what was done with them, for the API, commands and the tracker.

-- name: lock
-- Movements of a tenant are taken one after the other: each is judged by all others.
select pg_advisory_xact_lock(hashtextextended('goods', %(tenant)s))

-- name: lots
-- Lots by code, or one; with how many open units hold some of it, and the worst of their budgets.
select l.id as key, l.code, p.sku, p.label, f.name as profile, l.quantity::float8 as quantity, l.made_at, l.best_before, l.used_before,
       l.kinetic, l.reason, l.declared_by, l.declared_at, l.recalled_at, w.units, w.share,
       case when w.failed then 'fail' when w.units_judged > 0 and w.passed then 'pass' when w.units_judged > 0 then 'indeterminate' end as verdict
from lot l join product p on p.id = l.product_id left join profile f on f.id = l.profile_id
left join lateral (
    select count(distinct u.id) filter (where u.closed_at is null) as units, min(b.share) as share, count(b.unit_id) as units_judged,
           bool_or(b.verdict = 'fail') as failed, bool_and(b.verdict = 'pass') as passed
    from goods_part g join handling_unit u on u.id = g.unit_id left join goods_budget b on b.unit_id = u.id
    where g.lot_id = l.id and g.tenant_id = %(tenant)s) w on true
where l.tenant_id = %(tenant)s and l.code > %(after)s and (%(name)s::text is null or l.code = %(name)s)
and (%(search)s::text is null or l.code ilike '%%' || %(search)s || '%%' or p.sku ilike '%%' || %(search)s || '%%')
order by l.code limit %(limit)s

-- name: put_lot
-- A lot, made or changed.
insert into lot (tenant_id, code, product_id, profile_id, quantity, made_at, best_before, used_before, kinetic, reason, declared_by)
values (%(tenant)s, %(id)s, %(product)s, %(profile)s, %(quantity)s, %(made_at)s, %(best_before)s, %(used_before)s::jsonb,
        %(kinetic)s::jsonb, %(reason)s, %(by)s)
on conflict (tenant_id, code) do update set product_id = excluded.product_id, profile_id = excluded.profile_id,
    quantity = excluded.quantity, made_at = excluded.made_at, best_before = excluded.best_before, used_before = excluded.used_before,
    kinetic = excluded.kinetic, reason = excluded.reason, declared_by = excluded.declared_by, declared_at = now()
returning id

-- name: receive_lot
-- A lot that came in: added where there is none, its days told where nobody has; none of another product.
with before as (
    select made_at, best_before from lot where tenant_id = %(tenant)s and code = %(id)s
), told as (
    insert into lot as l (tenant_id, code, product_id, made_at, best_before, declared_by)
    select %(tenant)s, %(id)s, p.id, %(made_at)s::timestamptz, %(best_before)s::timestamptz, %(by)s
    from product p where p.tenant_id = %(tenant)s and p.sku = %(sku)s and p.retired_at is null
    on conflict (tenant_id, code) do update set made_at = coalesce(l.made_at, excluded.made_at),
        best_before = coalesce(l.best_before, excluded.best_before) where l.product_id = excluded.product_id
    returning l.made_at, l.best_before
)
select t.made_at, t.best_before, not exists (select from before) as is_new,
       not exists (select from before b where (b.made_at, b.best_before) is not distinct from (t.made_at, t.best_before)) as changed
from told t

-- name: stale_by_lot
-- The budgets of units that hold some of a lot are to be looked at.
update handling_unit u set stale = true from goods_part g
where g.unit_id = u.id and g.lot_id = %(lot)s and g.tenant_id = %(tenant)s and u.tenant_id = %(tenant)s

-- name: product_of_lot
-- A product by SKU, and the bands of the profile that holds for goods of it when they have none of their own.
select p.id, p.retired_at, p.profile_id from product p where p.tenant_id = %(tenant)s and p.sku = %(sku)s

-- name: bands_now
-- The bands of a profile as they are in force now.
select n.body -> 'bands' as bands from profiles_now(%(tenant)s) n where n.profile_id = %(profile)s

-- name: lot_keys
-- Keys of lots, and how many there may be of each.
select code, id, quantity from lot where tenant_id = %(tenant)s and code = any(%(codes)s)

-- name: told
-- How much of lots was commissioned in all.
select c ->> 'lot' as lot, sum((c ->> 'quantity')::numeric) as quantity
from goods_movement m cross join jsonb_array_elements(m.body -> 'contents') c
where m.tenant_id = %(tenant)s and m.kind = 'commission' and m.voided_at is null and c ->> 'lot' = any(%(codes)s) group by 1

-- name: of_one_piece
-- All movements that are not voided of units that ever had to do with these, whatever way it goes.
with recursive near (code) as (
    select unnest(%(units)s::text[])
    union
    select u from near n join goods_movement m on m.tenant_id = %(tenant)s and m.voided_at is null and m.units @> array[n.code]
    cross join unnest(m.units) u
)
select m.client_id, m.kind, m.at, m.units, m.body from goods_movement m
where m.tenant_id = %(tenant)s and m.voided_at is null and m.units && (select array_agg(code) from near)
order by m.at limit %(limit)s

-- name: movements_known
-- Movements by the ids that whoever told them gave them.
select client_id, kind, at, units, body, reason, voided_at from goods_movement
where tenant_id = %(tenant)s and client_id = any(%(ids)s)

-- name: movements
-- Movements, the newest first: of a unit, or of all; or one.
select m.id as key, m.client_id as id, m.kind, m.at, m.units, m.body, m.reason, m.recorded_at, m.recorded_by, m.voided_at, m.voided_by,
       m.void_reason, v.name as vehicle, s.name as shipment, d.name as device, i.name as site, z.name as zone
from goods_movement m
left join vehicle v on v.id = (m.body #>> '{place,vehicle}')::int and v.tenant_id = m.tenant_id
left join shipment s on s.id = (m.body #>> '{place,shipment}')::int and s.tenant_id = m.tenant_id
left join device d on d.id = (m.body #>> '{place,device}')::int and d.tenant_id = m.tenant_id
left join site i on i.id = (m.body #>> '{place,site}')::int and i.tenant_id = m.tenant_id
left join zone z on z.id = (m.body #>> '{place,zone}')::int and z.tenant_id = m.tenant_id
where m.tenant_id = %(tenant)s and (%(unit)s::text is null or m.units @> array[%(unit)s::text]) and (%(name)s::text is null or m.client_id = %(name)s)
and (%(names)s::text[] is null or m.client_id = any(%(names)s))
and (%(before)s::timestamptz is null or (m.at, m.id) < (%(before)s, %(before_id)s))
order by m.at desc, m.id desc limit %(limit)s

-- name: places_by_name
-- Keys of places that movements name.
select 'vehicle' as kind, name, null as part, id, null::int as part_id from vehicle where tenant_id = %(tenant)s and name = any(%(vehicles)s) union all
select 'shipment', name, null, id, null from shipment where tenant_id = %(tenant)s and name = any(%(shipments)s) union all
select 'device', name, null, id, null from device where tenant_id = %(tenant)s and name = any(%(devices)s) union all
select 'site', s.name, z.name, s.id, z.id from site s left join zone z on z.site_id = s.id and z.retired_at is null
where s.tenant_id = %(tenant)s and s.name = any(%(sites)s)

-- name: add_movements
-- What was done, as it is told now.
insert into goods_movement (tenant_id, client_id, kind, at, units, body, reason, recorded_by)
select %(tenant)s, r.client_id, r.kind, r.at, r.units, r.body, r.reason, %(by)s
from jsonb_to_recordset(%(rows)s::jsonb) r (client_id text, kind text, at timestamptz, units text[], body jsonb, reason text)

-- name: void_movement
-- It did not happen.
update goods_movement set voided_at = now(), voided_by = %(by)s, void_reason = %(reason)s, voided_in = pg_current_xact_id()
where tenant_id = %(tenant)s and client_id = %(id)s and voided_at is null

-- name: put_units
-- Units as they came to be; their budgets are to be looked at.
insert into handling_unit (tenant_id, code, since, closed_at, merged_into)
select %(tenant)s, r.code, r.since, r.closed_at, r.merged_into
from jsonb_to_recordset(%(rows)s::jsonb) r (code text, since timestamptz, closed_at timestamptz, merged_into text)
on conflict (tenant_id, code) do update set since = excluded.since, closed_at = excluded.closed_at,
    merged_into = excluded.merged_into, parent_id = null, stale = true
returning id, code

-- name: put_parents
-- In which other unit units are.
update handling_unit u set parent_id = p.id from jsonb_to_recordset(%(rows)s::jsonb) r (code text, parent text)
join handling_unit p on p.code = r.parent and p.tenant_id = %(tenant)s
where u.tenant_id = %(tenant)s and u.code = r.code

-- name: stale_units
-- The budgets of units are to be looked at.
update handling_unit set stale = true where tenant_id = %(tenant)s and code = any(%(codes)s)

-- name: drop_units
-- Units that never were, after their beginning was voided.
delete from handling_unit where tenant_id = %(tenant)s and code = any(%(codes)s)

-- name: drop_stays
-- Where units were, to be told anew.
delete from goods_stay where tenant_id = %(tenant)s and unit_id = any(%(units)s::int[])

-- name: drop_parts
-- What units hold, to be told anew.
delete from goods_part where tenant_id = %(tenant)s and unit_id = any(%(units)s::int[])

-- name: put_stays
-- Where units were; a place that is deleted by now (nothing had happened there) is none.
insert into goods_stay (unit_id, since, until, tenant_id, vehicle_id, shipment_id, device_id, probe, site_id, zone_id, parent)
select r.unit_id, r.since, coalesce(r.until, 'infinity'), %(tenant)s, v.id, h.id, d.id, case when d.id is not null then r.probe end, i.id, z.id,
       r.parent
from jsonb_to_recordset(%(rows)s::jsonb) r (unit_id int, since timestamptz, until timestamptz, vehicle int, shipment int, device int,
                                            probe text, site int, zone int, parent text)
left join vehicle v on v.id = r.vehicle and v.tenant_id = %(tenant)s left join shipment h on h.id = r.shipment and h.tenant_id = %(tenant)s
left join device d on d.id = r.device and d.tenant_id = %(tenant)s left join site i on i.id = r.site and i.tenant_id = %(tenant)s
left join zone z on z.id = r.zone and z.tenant_id = %(tenant)s

-- name: put_parts
-- What units hold, and the way of each part.
insert into goods_part (unit_id, n, tenant_id, lot_id, quantity, way)
select r.unit_id, r.n, %(tenant)s, r.lot_id, r.quantity, r.way
from jsonb_to_recordset(%(rows)s::jsonb) r (unit_id int, n int, lot_id int, quantity numeric, way jsonb)

-- name: units
-- Units, those whose budget is nearest its end first; or one. With where they are, what they hold and their budget.
select u.id as key, u.code, u.since, u.closed_at, u.merged_into, p.code as parent, v.name as vehicle, h.name as shipment, d.name as device,
       s.probe, i.name as site, z.name as zone, b.verdict, b.share, b.body, b.revision, b.decided_at,
       (select count(*) from handling_unit c where c.parent_id = u.id) as packed,
       coalesce(b.share, 2.0) as rank,
       (select jsonb_agg(jsonb_build_object('lot', c.code, 'sku', c.sku, 'quantity', c.quantity) order by c.code) from (
           select l.code, o.sku, sum(g.quantity) as quantity from goods_part g join lot l on l.id = g.lot_id join product o on o.id = l.product_id
           where g.unit_id = u.id group by l.code, o.sku) c) as contents
from handling_unit u left join handling_unit p on p.id = u.parent_id
left join goods_budget b on b.unit_id = u.id
left join lateral (select * from goods_stay t where t.unit_id = u.id order by t.since desc limit 1) s on true
left join vehicle v on v.id = s.vehicle_id left join shipment h on h.id = s.shipment_id left join device d on d.id = s.device_id
left join site i on i.id = s.site_id left join zone z on z.id = s.zone_id
where u.tenant_id = %(tenant)s and (%(name)s::text is null or u.code = %(name)s)
and (%(keys)s::int[] is null or u.id = any(%(keys)s))
and (%(open)s::bool is null or (u.closed_at is null) = %(open)s)
and (%(verdict)s::text is null or b.verdict = %(verdict)s)
and (%(parent)s::text is null or p.code = %(parent)s)
and (%(shipment)s::text is null or exists (
    select from goods_stay t join shipment c on c.tenant_id = t.tenant_id and c.name = %(shipment)s and (c.id = t.shipment_id or (
        c.vehicle_id = t.vehicle_id and c.started_at is not null and t.since < coalesce(c.delivered_at, c.cancelled_at, 'infinity')
        and t.until > c.started_at)) where t.unit_id = u.id))
and (%(lot)s::text is null or exists (select from goods_part g join lot l on l.id = g.lot_id where g.unit_id = u.id and l.code = %(lot)s))
and (%(search)s::text is null or u.code ilike '%%' || %(search)s || '%%' or exists (
    select from goods_part g join lot l on l.id = g.lot_id join product o on o.id = l.product_id
    where g.unit_id = u.id and (l.code ilike '%%' || %(search)s || '%%' or o.sku ilike '%%' || %(search)s || '%%')))
and (coalesce(b.share, 2.0), u.code) > (%(after_rank)s, %(after)s)
order by coalesce(b.share, 2.0), u.code limit %(limit)s

-- name: stays
-- Where a unit was, from the beginning.
select s.since, nullif(s.until, 'infinity') as until, s.parent, v.name as vehicle, h.name as shipment, d.name as device, s.probe,
       i.name as site, z.name as zone
from goods_stay s left join vehicle v on v.id = s.vehicle_id left join shipment h on h.id = s.shipment_id
left join device d on d.id = s.device_id left join site i on i.id = s.site_id left join zone z on z.id = s.zone_id
where s.tenant_id = %(tenant)s and s.unit_id = %(unit)s order by s.since

-- name: children
-- What is packed in a unit.
select code from handling_unit where tenant_id = %(tenant)s and parent_id = %(unit)s order by code limit %(limit)s

-- name: claim_stale
-- Units whose budgets are to be looked at, those never looked at first, then the longest waiting: news of some would else
-- hold up all others. Those that another tracker looks at are left out.
select u.id, u.tenant_id from handling_unit u left join goods_budget b on b.unit_id = u.id
where u.stale order by b.decided_at nulls first, u.id limit %(limit)s for no key update of u skip locked

-- name: are_stale
-- Whether there are units whose budgets are to be looked at.
select exists (select from handling_unit where stale)

-- name: overdue
-- Open units whose budgets were looked at longest ago, to be looked at again: time passes in places that nobody measures too.
update handling_unit u set stale = true where u.id in (
    select b.unit_id from goods_budget b join handling_unit o on o.id = b.unit_id and o.closed_at is null and not o.stale
    where b.decided_at < %(before)s order by b.decided_at limit %(limit)s)

-- name: beside
-- Units, open or closed not long ago, that ever were where these devices ever were.
update handling_unit u set stale = true
where not u.stale and coalesce(u.closed_at > %(recent)s, true) and u.id in (
    select s.unit_id from goods_stay s where s.device_id = any(%(devices)s::int[]) union
    select s.unit_id from assignment w join goods_stay s on s.vehicle_id = w.vehicle_id and s.tenant_id = w.tenant_id
    where w.device_id = any(%(devices)s::int[]) and w.valid_from < s.until and w.valid_to > s.since union
    select s.unit_id from assignment w join shipment h on h.vehicle_id = w.vehicle_id
    join goods_stay s on s.shipment_id = h.id and s.tenant_id = w.tenant_id
    where w.device_id = any(%(devices)s::int[]) and w.valid_from < s.until and w.valid_to > s.since union
    select s.unit_id from assignment w join goods_stay s on s.site_id = w.site_id and s.tenant_id = w.tenant_id
    where w.device_id = any(%(devices)s::int[]) and w.valid_from < s.until and w.valid_to > s.since)

-- name: looked_at
-- Their budgets were looked at.
update handling_unit set stale = false where id = any(%(units)s::int[])

-- name: with_parents
-- Units with all that they are packed in, the innermost first.
with recursive up (id, depth) as (
    select unnest(%(units)s::int[]), 0 union
    select u.parent_id, p.depth + 1 from up p join handling_unit u on u.id = p.id where u.parent_id is not null and p.depth < 16
)
select u.id, u.code, u.parent_id, u.closed_at, max(p.depth) as depth from up p join handling_unit u on u.id = p.id
where u.tenant_id = %(tenant)s group by u.id order by max(p.depth), u.id

-- name: parts
-- What units hold, and what it may be exposed to; microseconds since 1970.
select g.unit_id, u.code as unit, l.code as lot, g.way, l.used_before, l.kinetic, f.id as profile_id, f.name as profile, o.low_c, o.high_c
from goods_part g join handling_unit u on u.id = g.unit_id join lot l on l.id = g.lot_id join product o on o.id = l.product_id
left join profile f on f.id = coalesce(l.profile_id, o.profile_id)
where g.tenant_id = %(tenant)s and g.unit_id = any(%(units)s::int[]) order by g.unit_id, g.n

-- name: ways
-- Where units were; microseconds since 1970.
select u.code, (extract(epoch from s.since) * 1e6)::int8 as since_us,
       case when isfinite(s.until) then (extract(epoch from s.until) * 1e6)::int8 end as until_us,
       s.vehicle_id as vehicle, s.shipment_id as shipment, s.device_id as device, s.probe, s.site_id as site, s.zone_id as zone
from goods_stay s join handling_unit u on u.id = s.unit_id
where s.tenant_id = %(tenant)s and u.code = any(%(codes)s) order by u.code, s.since

-- name: measured
-- What each probe of a place measured in a span and an hour around it; of a zone without thermometers those of its site
-- that are in no zone. Microseconds since 1970.
with asked as (
    select a.n, a.vehicle, a.device, a.probe, a.site, a.zone, a.since, a.until, coalesce(a.vehicle, h.vehicle_id) as aboard
    from jsonb_to_recordset(%(spans)s::jsonb) a (n int, vehicle int, shipment int, device int, probe text, site int, zone int,
                                                 since timestamptz, until timestamptz)
    left join shipment h on h.id = a.shipment and h.tenant_id = %(tenant)s
), beside as (
    select a.n, a.probe, d.id as device_id, a.since - interval '1 hour' as since, a.until + interval '1 hour' as until
    from asked a join device d on d.id = a.device and d.tenant_id = %(tenant)s
    union all
    select a.n, null, w.device_id, greatest(a.since - interval '1 hour', w.valid_from), least(a.until + interval '1 hour', w.valid_to)
    from asked a join assignment w on w.tenant_id = %(tenant)s and w.valid_from < a.until and w.valid_to > a.since
    and case when a.site is null then w.vehicle_id = a.aboard
             else w.site_id = a.site and (w.zone_id is not distinct from a.zone or (w.zone_id is null and not exists (
                 select from assignment z join series_state t on t.device_id = z.device_id
                 where z.tenant_id = w.tenant_id and z.zone_id = a.zone and z.valid_from < a.until and z.valid_to > a.since))) end
)
select b.n, b.device_id, r.probe_id,
       array_agg((extract(epoch from r.time) * 1e6)::int8 order by r.time, r.seq, r.received_at) as time_us,
       array_agg(r.temp_c order by r.time, r.seq, r.received_at) as temp_c
from beside b cross join lateral own_temperature(b.device_id, b.since, b.until) r
where r.flags & %(unused)s = 0
and (b.probe is null or exists (select from label l where l.id = r.probe_id and l.text = b.probe))
group by b.n, b.device_id, r.probe_id

-- name: budgets_within
-- The budgets of what is packed in units, but some.
select u.parent_id, b.verdict, b.share, b.body from handling_unit u join goods_budget b on b.unit_id = u.id
where u.tenant_id = %(tenant)s and u.parent_id = any(%(units)s::int[]) and u.id <> all(%(but)s::int[])

-- name: put_budgets
-- What units have used; a revision counts when the verdict is another.
insert into goods_budget as b (unit_id, tenant_id, verdict, share, body, rule_version, decided_at)
select r.unit_id, %(tenant)s, r.verdict, r.share, r.body, %(rule_version)s, %(now)s
from jsonb_to_recordset(%(rows)s::jsonb) r (unit_id int, verdict text, share float8, body jsonb)
on conflict (unit_id) do update set verdict = excluded.verdict, share = excluded.share, body = excluded.body,
    rule_version = excluded.rule_version, decided_at = excluded.decided_at,
    revision = b.revision + (b.verdict <> excluded.verdict)::int

-- name: drop_budgets
-- Units that hold nothing have none.
delete from goods_budget where tenant_id = %(tenant)s and unit_id = any(%(units)s::int[])

-- name: shipments_of
-- Shipments with these units.
select distinct h.id from goods_stay s join shipment h on h.tenant_id = s.tenant_id and h.started_at is not null and (
    h.id = s.shipment_id or h.vehicle_id = s.vehicle_id and s.since < coalesce(h.delivered_at, h.cancelled_at, 'infinity') and s.until > h.started_at)
where s.tenant_id = %(tenant)s and s.unit_id = any(%(units)s::int[])

-- name: of_shipments
-- The goods that were with shipments, with their budgets: told to be with it, or on its vehicle while it was under way.
with these as (
    select h.id, h.vehicle_id, h.started_at, coalesce(h.delivered_at, h.cancelled_at, 'infinity') as ended_at from shipment h
    where h.tenant_id = %(tenant)s and h.id = any(%(shipments)s::int[])
), one as (
    select h.id, s.unit_id from these h join goods_stay s on s.shipment_id = h.id union
    select h.id, s.unit_id from these h join goods_stay s on s.vehicle_id = h.vehicle_id and s.since < h.ended_at and s.until > h.started_at union
    select h.id, s.unit_id from these h join assignment w on w.vehicle_id = h.vehicle_id and w.valid_to > h.started_at and w.valid_from < h.ended_at
    join goods_stay s on s.device_id = w.device_id and s.since < least(h.ended_at, w.valid_to) and s.until > greatest(h.started_at, w.valid_from)
)
select o.id, u.code as unit, b.verdict, b.share, b.body, b.revision, b.decided_at, b.rule_version from one o join handling_unit u on u.id = o.unit_id
left join goods_budget b on b.unit_id = u.id
where exists (select from goods_part g where g.unit_id = u.id) order by o.id, u.code

-- name: open_units_by
-- Open units that somebody began and that are in no other one.
select u.code from handling_unit u where u.tenant_id = %(tenant)s and u.closed_at is null and u.parent_id is null
and exists (select from goods_movement m where m.tenant_id = u.tenant_id and m.kind = 'commission' and m.voided_at is null
            and m.units @> array[u.code] and m.units[1] = u.code and m.recorded_by = %(by)s) order by u.code

-- name: profile_named
-- The key of a profile.
select id from profile where tenant_id = %(tenant)s and name = %(name)s

-- name: going
-- Whether a shipment is planned or under way.
select id from shipment where tenant_id = %(tenant)s and id = %(id)s and status in ('planned', 'in_transit')
