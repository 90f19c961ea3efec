-- Waves: orders that are given goods and picked together, in rounds of a cart.

-- name: wave_candidates
-- Orders of a site that have something left to be picked, with the wave and the shipment they are in, and who carries that; the most urgent first.
select o.id as key, o.name as "order", c.code as customer, o.window_end, w.name as wave, h.name as shipment, h.carrier
from customer_order o join site s on s.id = o.site_id join customer c on c.id = o.customer_id
left join wave_order e on e.order_id = o.id and not e.dropped
left join lateral (
    select h.name, (select r.code from carrier_choice x left join carrier_service v on v.id = x.service_id left join carrier r on r.id = v.carrier_id
                    where x.shipment_id = h.id order by x.id desc limit 1) as carrier
    from shipment_order y join shipment h on h.id = y.shipment_id where y.order_id = o.id and h.status in ('planned', 'in_transit')
    order by h.id desc limit 1) h on true
left join wave w on w.id = e.wave_id and (w.status <> 'released' or exists (select from order_line l where l.order_id = o.id and l.stages ? 'allocated'))
where o.tenant_id = %(tenant)s and s.name = %(site)s and o.status in ('open', 'allocated', 'picked', 'packed', 'loaded')
and exists (select from order_line l where l.order_id = o.id and l.stages ?| array['open', 'allocated'])
and (%(orders)s::text[] is null or o.name = any(%(orders)s::text[]))
and (%(orders)s::text[] is not null or w.id is null)
and (%(due_by)s::timestamptz is null or o.window_end <= %(due_by)s)
order by -o.priority, coalesce(o.window_end, 'infinity'), o.id limit %(limit)s

-- name: add_wave
-- A new wave; nothing where its name is taken. Without a name it is numbered.
insert into wave (tenant_id, name, site_id, why, picking, cart, created_by)
select %(tenant)s, coalesce(nullif(%(name)s::text, ''), 'W-' || 1 + coalesce((select max(substr(w.name, 3)::int8) from wave w
           where w.tenant_id = %(tenant)s and w.name ~ '^W-[0-9]{1,15}$'), 0)),
       s.id, %(why)s, %(picking)s, %(cart)s, %(by)s
from site s where s.tenant_id = %(tenant)s and s.name = %(site)s on conflict do nothing returning id, name

-- name: leave_waves
-- Orders leave waves that are through with them: what is left of them nobody is to pick there.
update wave_order e set dropped = true from wave w
where w.id = e.wave_id and e.tenant_id = %(tenant)s and e.order_id = any(%(orders)s::int8[]) and not e.dropped and w.status = 'released'
and not exists (select from order_line l where l.order_id = e.order_id and l.stages ? 'allocated')

-- name: add_wave_orders
-- Orders come into a wave; those that are in another one are not told.
insert into wave_order (wave_id, order_id, tenant_id) select %(wave)s, o, %(tenant)s from unnest(%(orders)s::int8[]) o
on conflict do nothing returning order_id

-- name: wave_locked
-- A wave, kept for this transaction alone.
select w.id, w.name, w.status, w.version from wave w where w.tenant_id = %(tenant)s and w.name = %(name)s for no key update

-- name: begin_wave
-- It is being released from now on.
update wave set status = 'releasing', version = version + 1, released_at = now(), released_by = %(by)s
where tenant_id = %(tenant)s and id = %(wave)s

-- name: wave_next
-- Orders of a wave that have not had their turn.
select e.wave_id, e.order_id, o.name as "order" from wave w join wave_order e on e.wave_id = w.id join customer_order o on o.id = e.order_id
where w.tenant_id = %(tenant)s and w.name = %(name)s and w.status = 'releasing' and e.given_at is null and not e.dropped
order by -o.priority, coalesce(o.window_end, 'infinity'), o.id limit %(limit)s

-- name: wave_given
-- They have had it.
update wave_order set given_at = now() where tenant_id = %(tenant)s and wave_id = %(wave)s and order_id = any(%(orders)s::int8[])

-- name: wave_goods
-- Goods that orders of a wave were given, with where they lie, what a unit weighs, and the layout of their zones.
select o.name as "order", coalesce(s.name || '/' || z.name, '') as zone, z.aisles, z.aisle_length_m, z.aisle_pitch_m, z.depot, b.aisle, b.along_m,
       (a.quantity * coalesce(p.gross_mass_kg, p.unit_mass_kg))::float8 as kg, w.picking, w.cart
from wave w join wave_order e on e.wave_id = w.id and not e.dropped join customer_order o on o.id = e.order_id join order_line l on l.order_id = o.id
join order_allocation a on a.line_id = l.id and a.stage = 'allocated' join product p on p.id = a.product_id join ledger_place g on g.id = a.place_id
left join site s on s.id = g.site_id left join zone z on z.id = g.zone_id left join bin b on b.id = g.bin_id
where w.tenant_id = %(tenant)s and w.name = %(name)s
order by -o.priority, coalesce(o.window_end, 'infinity'), o.id, s.name, z.name, b.code, l.seq

-- name: add_rounds
-- The rounds of a wave.
insert into wave_round (wave_id, seq, tenant_id, zone_id, walk_m)
select %(wave)s, r.seq, %(tenant)s, z.id, r.walk_m
from jsonb_to_recordset(%(rows)s::jsonb) r (seq int, site text, zone text, walk_m float8)
left join site s on s.tenant_id = %(tenant)s and s.name = r.site left join zone z on z.site_id = s.id and z.name = r.zone

-- name: add_round_orders
-- Which orders are in them.
insert into round_order (wave_id, seq, order_id, tenant_id)
select %(wave)s, r.seq, o.id, %(tenant)s from jsonb_to_recordset(%(rows)s::jsonb) r (seq int, orders jsonb)
cross join jsonb_array_elements_text(r.orders) n join customer_order o on o.tenant_id = %(tenant)s and o.name = n

-- name: end_release
-- It is released.
update wave set status = 'released', version = version + 1 where tenant_id = %(tenant)s and id = %(wave)s

-- name: rounds_taken
-- The first round that somebody has taken.
select r.seq, r.picker from wave_round r where r.tenant_id = %(tenant)s and r.wave_id = %(wave)s and r.picker is not null order by r.seq limit 1

-- name: drop_rounds
-- Rounds are divided anew.
delete from wave_round where tenant_id = %(tenant)s and wave_id = %(wave)s

-- name: set_walks
-- How far its rounds are.
update wave set version = version + 1, walk_m = %(walk_m)s, as_came_m = %(as_came_m)s where tenant_id = %(tenant)s and id = %(wave)s

-- name: round_there
-- A round of a wave, and who has it.
select r.wave_id, r.picker from wave w join wave_round r on r.wave_id = w.id
where w.tenant_id = %(tenant)s and w.name = %(name)s and r.seq = %(seq)s and w.status = 'released'

-- name: take_round
-- Somebody has it, or nobody.
update wave_round set picker = %(picker)s, taken_at = case when %(picker)s::text is null then null else now() end
where tenant_id = %(tenant)s and wave_id = %(wave)s and seq = %(seq)s

-- name: drop_wave_orders
-- Orders are in a wave no more; all of them, or some.
update wave_order e set dropped = true from customer_order o
where o.id = e.order_id and e.tenant_id = %(tenant)s and e.wave_id = %(wave)s and not e.dropped
and (%(orders)s::text[] is null or o.name = any(%(orders)s::text[])) returning o.name

-- name: change_wave
-- It has changed, and may be cancelled by that.
update wave set version = version + 1, status = case when %(cancel)s then 'cancelled' else status end
where tenant_id = %(tenant)s and id = %(wave)s

-- name: waves
-- Waves, the newest first, with how many units of their orders are where; or one.
select w.id as key, w.name as id, s.name as site, w.status, w.why, w.picking, w.cart, w.version, w.created_at, w.created_by, w.released_at,
       w.released_by, w.walk_m, w.as_came_m, t.orders, t.given, t.units, t.open, t.to_pick
from wave w join site s on s.id = w.site_id cross join lateral (
    select count(distinct e.order_id) as orders, count(distinct e.order_id) filter (where e.given_at is not null) as given,
           coalesce(sum(l.quantity), 0) as units, coalesce(sum((l.stages ->> 'open')::numeric), 0) as open,
           coalesce(sum((l.stages ->> 'allocated')::numeric), 0) as to_pick
    from wave_order e join order_line l on l.order_id = e.order_id where e.wave_id = w.id and e.tenant_id = w.tenant_id and not e.dropped) t
where w.tenant_id = %(tenant)s and (%(name)s::text is null or w.name = %(name)s) and (%(site)s::text is null or s.name = %(site)s)
and (%(status)s::text is null or w.status = %(status)s) and (%(after)s::int8 is null or w.id < %(after)s)
order by w.id desc limit %(limit)s

-- name: rounds
-- Rounds of a wave with their orders, and how many picks are left.
select r.seq, s.name as site, z.name as zone, r.walk_m, r.picker, r.taken_at, t.orders, t.left
from wave_round r left join zone z on z.id = r.zone_id left join site s on s.id = z.site_id cross join lateral (
    select array_agg(distinct o.name) as orders, count(a.*) as left
    from round_order x join customer_order o on o.id = x.order_id left join order_line l on l.order_id = o.id
    left join order_allocation a on a.line_id = l.id and a.stage = 'allocated' and (r.zone_id is null or exists (
        select from ledger_place g where g.id = a.place_id and g.zone_id = r.zone_id))
    where x.wave_id = r.wave_id and x.seq = r.seq and x.tenant_id = r.tenant_id) t
where r.tenant_id = %(tenant)s and r.wave_id = %(wave)s order by r.seq

-- name: orders_of_wave
-- Orders of a wave, the most urgent first.
select o.name as id, c.code as customer, o.status, o.window_end, o.priority, e.given_at
from wave_order e join customer_order o on o.id = e.order_id join customer c on c.id = o.customer_id
where e.tenant_id = %(tenant)s and e.wave_id = %(wave)s and not e.dropped order by -o.priority, coalesce(o.window_end, 'infinity'), o.id

-- name: waves_left
-- Waves whose releasing nobody has gone on with for a while.
select w.tenant_id as tenant, w.name, w.released_by from wave w where w.status = 'releasing' and w.released_at < now() - interval '30 seconds' order by w.id
