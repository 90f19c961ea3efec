-- name: law 1: what came in from outside and went out again is what is there
select product_id, lot_id from (
    select m.product_id, m.lot_id, m.n from moved m join ledger_place g on g.id = m.place_id where g.kind not in ('site', 'vehicle')
    union all select product_id, lot_id, quantity from ledger_balance) b
group by 1, 2 having sum(n) <> 0

-- name: law 2: the goods held are those of the stages
select l.id from order_line l cross join unnest(array['allocated', 'picked', 'packed']) k (name)
where coalesce((l.stages ->> k.name)::numeric, 0) <>
      coalesce((select sum(a.quantity) from order_allocation a where a.line_id = l.id and a.stage = k.name), 0)

-- name: law 3: no more is held than is there, but where it is to be counted
select a.place_id, a.product_id, a.lot_id, a.unit, sum(a.quantity) as held, max(b.quantity) as there from order_allocation a
left join ledger_balance b on b.place_id = a.place_id and b.product_id = a.product_id and b.lot_id is not distinct from a.lot_id
    and b.unit = a.unit
group by 1, 2, 3, 4 having sum(a.quantity) > coalesce(max(b.quantity), 0) and not exists (
    select from count_task k where k.place_id = a.place_id and k.product_id = a.product_id and k.state = 'open')

-- name: law 3: nothing is less than nothing, but where it is to be counted
select b.* from ledger_balance b where b.quantity < 0 and not exists (
    select from count_task k where k.place_id = b.place_id and k.product_id = b.product_id and k.state = 'open')

-- name: law 4: a unit is at one place, but where it is to be counted
select b.unit, array_agg(distinct b.place_id) from ledger_balance b where b.unit <> '' and b.quantity > 0 group by 1
having count(distinct b.place_id) > 1 and not bool_or(exists (
    select from count_task k where k.place_id = b.place_id and k.product_id = b.product_id and k.state = 'open'))

-- name: law 5: of each line no more is delivered than was loaded, and that than was picked
select line_id from (
    select t.line_id, t.kind, t.quantity - coalesce((l.waiting ->> t.client_id)::numeric, 0) as n
    from order_step t join order_line l on l.id = t.line_id where t.withdrawn_at is null) d
group by 1
having coalesce(sum(n) filter (where kind in ('deliver', 'refuse')), 0) > coalesce(sum(case kind when 'load' then n when 'unload' then -n end), 0)
or coalesce(sum(case kind when 'load' then n when 'unload' then -n end), 0) > coalesce(sum(case kind when 'pick' then n when 'put_back' then -n end), 0)

-- name: law 7: rebuilt from moves it is the same
select place_id, product_id, lot_id, unit from (
    select place_id, product_id, lot_id, unit, n from moved where place_id in (select id from ledger_place where kind in ('site', 'vehicle'))
    union all select place_id, product_id, lot_id, unit, -quantity from ledger_balance) d
group by 1, 2, 3, 4 having sum(n) <> 0

-- name: law 9: of a closed line nothing is held
select l.id from order_line l join order_allocation a on a.line_id = l.id where l.status in ('delivered', 'returned', 'short', 'cancelled')

-- name: picture
select md5(string_agg(t, '|' order by t)) as picture from (
    select t::text as t from customer_order t union all select t::text from order_line t union all select t::text from order_step t
    union all select t::text from order_allocation t union all select t::text from ledger_move t union all select t::text from count_task t
    union all select place_id || ' ' || product_id || ' ' || coalesce(lot_id, 0) || unit || quantity from ledger_balance where quantity <> 0
    union all select t::text from proof_revision t union all select t::text from goods_return_line t
    union all select t::text from load_mark t union all select t::text from despatch_advice t union all select t::text from stock_hold t) t

-- name: read
insert into reading_tag (time, received_at, device_id, boot_id, seq, flags, tag_id, antenna, rssi_dbm)
values (%s, now(), %s, 1, 1, 0, %s, %s, %s)

-- name: awake
insert into zone_awake (zone_id, began_at, ended_at, tenant_id) values (%s, %s, %s, %s)
on conflict (zone_id, began_at) do update set ended_at = greatest(zone_awake.ended_at, excluded.ended_at)

-- name: failed
with u as (insert into handling_unit (tenant_id, code, since) values (%s, %s, now()) returning id, tenant_id),
p as (insert into goods_part (unit_id, n, tenant_id, lot_id, quantity, way) select u.id, 0, u.tenant_id, t.id, 1, '[]' from u, lot t where t.code = %s)
insert into goods_budget (unit_id, tenant_id, verdict, rule_version, decided_at) select id, tenant_id, 'fail', 1, now() from u returning 1

-- name: advices
select distinct on (shipment_id) shipment_id, revision, body from despatch_advice order by shipment_id, revision desc

-- name: loaded
select t.handling_unit as unit, o.name, l.seq, coalesce(x.code, '') as lot, sum(case t.kind when 'load' then t.quantity else -t.quantity end) as n
from shipment_order y join customer_order o on o.id = y.order_id join order_line l on l.order_id = o.id
join order_step t on t.line_id = l.id and t.withdrawn_at is null and t.kind in ('load', 'unload') left join lot x on x.id = t.lot_id
where y.shipment_id = %s group by 1, 2, 3, 4 having sum(case t.kind when 'load' then t.quantity else -t.quantity end) > 0

-- name: lines
select o.name, l.id, l.seq, p.sku, l.quantity, l.stages, l.status, l.waiting from order_line l join customer_order o on o.id = l.order_id
join product p on p.id = l.product_id order by o.id, l.seq

-- name: claims
select o.name, l.seq, p.sku, a.quantity, a.unit, g.kind, g.site, g.zone, g.bin, g.vehicle, coalesce(x.code, '') as lot,
       (select h.name from shipment_order y join shipment h on h.id = y.shipment_id where y.order_id = o.id limit 1) as shipment
from order_allocation a join order_line l on l.id = a.line_id join customer_order o on o.id = l.order_id
join product p on p.id = a.product_id join named_place g on g.id = a.place_id left join lot x on x.id = a.lot_id
where a.stage = %s order by o.id, l.seq, a.place_id, lot, a.unit

-- name: aboard
select h.name as shipment, v.name as vehicle, o.name, l.seq, p.sku, w.way, w.unit, coalesce(x.code, '') as lot, w.n as quantity
from (
    select line_id, 'loaded' as way, handling_unit as unit, lot_id, sum(case kind when 'load' then quantity else -quantity end) as n
    from order_step where withdrawn_at is null and kind in ('load', 'unload', 'deliver', 'refuse') group by 1, 3, 4
    union all
    select line_id, 'packed', unit, lot_id, quantity from order_allocation where stage = 'packed'
    union all
    select line_id, 'returning', handling_unit, lot_id, sum(case kind when 'refuse' then quantity else -quantity end)
    from order_step where withdrawn_at is null and kind in ('refuse', 'bring_back') group by 1, 3, 4) w
join order_line l on l.id = w.line_id join customer_order o on o.id = l.order_id join product p on p.id = l.product_id
left join shipment_order y on y.order_id = o.id left join shipment h on h.id = y.shipment_id
left join vehicle v on v.id = h.vehicle_id left join lot x on x.id = w.lot_id
where w.n > 0 and w.way = any(%s) order by o.id, l.seq, w.unit, lot, w.way

-- name: there without counts
select p.sku, m.unit, g.kind, g.site, g.zone, g.bin, g.vehicle, coalesce(x.code, '') as lot, sum(m.n) as n
from moved m join product p on p.id = m.product_id join named_place g on g.id = m.place_id left join lot x on x.id = m.lot_id
where m.kind <> 'adjust' and g.kind in ('site', 'vehicle') group by 1, 2, 3, 4, 5, 6, 7, 8

-- name: bins
select b.place_id, b.product_id, g.site, g.zone, g.bin from ledger_balance b join named_place g on g.id = b.place_id
where g.bin is not null and b.quantity <> 0 group by 1, 2, 3, 4, 5 order by 1, 2

-- name: bin lines
select b.unit, coalesce(t.code, '') as lot from ledger_balance b left join lot t on t.id = b.lot_id
where b.place_id = %s and b.product_id = %s and b.quantity <> 0 order by 1, 2

-- name: count
insert into count_task (tenant_id, place_id, product_id, cause, ledger_quantity, opened_by) values (%s, %s, %s, 'asked', 0, 'x')
on conflict (place_id, product_id) where state in ('open', 'assigned', 'counted') do update set doubt = 1 returning id

-- name: orders told
select o.name, c.code, array_agg(p.sku order by l.seq) as skus, array_agg(l.quantity order by l.seq) as many
from customer_order o join customer c on c.id = o.customer_id join order_line l on l.order_id = o.id join product p on p.id = l.product_id
group by o.id, c.code order by o.id

-- name: carried
select h.name as shipment, o.name from shipment_order x join shipment h on h.id = x.shipment_id join customer_order o on o.id = x.order_id
union
select h.name, o.name from proof p join proof_order x on x.proof_id = p.id join customer_order o on o.id = x.order_id
join shipment h on h.id = p.shipment_id

-- name: on
select o.name from shipment_order x join shipment h on h.id = x.shipment_id join customer_order o on o.id = x.order_id where h.name = %s

-- name: carry
insert into shipment_order (tenant_id, shipment_id, order_id, added_by)
select o.tenant_id, h.id, o.id, 'ann' from customer_order o join shipment h on h.tenant_id = o.tenant_id where o.name = %s and h.name = %s

-- name: steps told
select t.client_id as id, o.name, l.seq, t.kind, t.quantity, t.at, coalesce(x.code, '') as lot, t.handling_unit, f.kind as from_kind,
       f.site as from_site, f.zone as from_zone, f.bin as from_bin, f.vehicle as from_vehicle, g.kind as to_kind, g.site as to_site,
       g.zone as to_zone, g.bin as to_bin, g.vehicle as to_vehicle
from order_step t join order_line l on l.id = t.line_id join customer_order o on o.id = l.order_id left join lot x on x.id = t.lot_id
left join named_place f on f.id = t.place_id left join named_place g on g.id = t.to_place_id
where t.withdrawn_at is null and t.kind = any(%s) and t.client_id not like 'pod-%%' order by t.id

-- name: moves told
select t.client_id as id, p.sku, t.kind, t.quantity, t.moved_at as at, coalesce(x.code, '') as lot,
       case t.kind when 'pack' then t.to_unit else t.from_unit end as handling_unit, f.kind as from_kind, f.site as from_site,
       f.zone as from_zone, f.bin as from_bin, f.vehicle as from_vehicle, g.kind as to_kind, g.site as to_site, g.zone as to_zone,
       g.bin as to_bin, g.vehicle as to_vehicle
from ledger_move t join product p on p.id = t.product_id left join lot x on x.id = t.lot_id
left join named_place f on f.id = t.from_place left join named_place g on g.id = t.to_place
where t.kind not in ('count', 'adjust') and t.entry = 'move' and not exists (select from order_step s where s.client_id = t.client_id) order by t.id

-- name: furnish
create temporary view named_place as
select g.id, g.kind, s.name as site, z.name as zone, b.code as bin, v.name as vehicle from ledger_place g left join site s on s.id = g.site_id
left join zone z on z.id = g.zone_id left join bin b on b.id = g.bin_id left join vehicle v on v.id = g.vehicle_id;
create temporary view moved as
select to_place as place_id, product_id, lot_id, to_unit as unit, quantity as n, kind from ledger_move where kind <> 'count'
union all
select from_place, product_id, lot_id, from_unit, -quantity, kind from ledger_move where kind <> 'count'
