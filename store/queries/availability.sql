-- What can be promised: what is on hand and usable, reserved, on its way.

-- name: products_held
-- Products that the ledger has something of, or that are reserved; or one.
select p.id as key, p.sku, p.label, p.base_unit from product p
where p.tenant_id = %(tenant)s and p.sku > %(after)s
and case when %(sku)s::text is not null then p.sku = %(sku)s else
    exists (select from ledger_balance b where b.product_id = p.id and b.tenant_id = p.tenant_id and b.quantity <> 0)
    or exists (select from stock_reservation r where r.product_id = p.id and r.tenant_id = p.tenant_id and r.released_at is null) end
order by p.sku limit %(limit)s

-- name: held
-- What is where of products, by what decides whether it can be promised; a unit whose budget is spent has failed, loose
-- goods have when any unit with goods of their lot has.
select b.product_id, sum(b.quantity) as quantity, t.best_before, s.name as site, l.vehicle_id, v.name as vehicle,
       coalesce(case when b.unit <> '' then (
           select bool_or(g.verdict = 'fail') from handling_unit h join goods_budget g on g.unit_id = h.id
           where h.tenant_id = b.tenant_id and h.code = b.unit)
       else (select bool_or(g.verdict = 'fail') from goods_part c join goods_budget g on g.unit_id = c.unit_id
             where c.tenant_id = b.tenant_id and c.lot_id = b.lot_id) end, false) or exists (
           select from stock_hold q where q.tenant_id = b.tenant_id and q.unit = b.unit and q.released_at is null)
           or t.recalled_at is not null or coalesce(coalesce(n.temp_class, z.temp_class) <> p.temp_class, false) as failed
from ledger_balance b join ledger_place l on l.id = b.place_id join product p on p.id = b.product_id left join lot t on t.id = b.lot_id
left join site s on s.id = l.site_id left join zone z on z.id = l.zone_id left join bin n on n.id = l.bin_id
left join vehicle v on v.id = l.vehicle_id
where b.tenant_id = %(tenant)s and b.product_id = any(%(products)s) and b.quantity <> 0 and (%(lot)s::int is null or b.lot_id = %(lot)s)
and (%(site)s::text is null or s.name = %(site)s or l.kind = 'vehicle')
group by 1, 3, 4, 5, 6, 7

-- name: arrivals
-- When vehicles are expected at the next stop of what they carry, which is a site of ours.
select distinct on (sh.vehicle_id) sh.vehicle_id, sh.name as shipment, s.name as site, s.kind as site_kind, e.p10, e.p50, e.p90
from shipment sh join stop st on st.shipment_id = sh.id and st.arrived_at is null join site s on s.id = st.site_id
left join lateral (select x.p10, x.p50, x.p90 from eta x where x.stop_id = st.id order by x.at desc, x.id desc limit 1) e on true
where sh.tenant_id = %(tenant)s and sh.vehicle_id = any(%(vehicles)s) and sh.delivered_at is null and sh.cancelled_at is null
order by sh.vehicle_id, e.p90 nulls last, st.seq

-- name: reserved
-- What standing reservations promise of products, at a site or anywhere, without one of them, and what orders have of them there; what
-- was delivered since to whom a reservation is for is promised no more, until that is taken back.
with standing as (
    select r.product_id, r.reference, sum(r.quantity) as quantity, min(r.reserved_at) as since
    from stock_reservation r left join site s on s.id = r.site_id
    where r.tenant_id = %(tenant)s and r.product_id = any(%(products)s) and r.released_at is null and coalesce(r.expires_at > %(now)s, true)
    and (%(site)s::text is null or s.name = %(site)s) and (%(lot)s::int is null or r.lot_id = %(lot)s)
    and (%(but)s::text is null or r.client_id <> %(but)s) group by 1, 2
), promised as (
    select s.product_id, greatest(s.quantity - greatest(d.quantity, 0), 0) as quantity from standing s cross join lateral (
        select coalesce(sum(case m.entry when 'reversal' then -m.quantity else m.quantity end), 0) as quantity from ledger_move m
        where m.tenant_id = %(tenant)s and m.reference = s.reference and m.product_id = s.product_id and m.kind = 'deliver'
        and m.recorded_at >= s.since) d
    union all
    select a.product_id, a.quantity from order_allocation a join ledger_place l on l.id = a.place_id left join site s on s.id = l.site_id
    where a.tenant_id = %(tenant)s and a.product_id = any(%(products)s) and (%(site)s::text is null or s.name = %(site)s)
    and (%(lot)s::int is null or a.lot_id = %(lot)s)
)
select product_id, sum(quantity) as quantity from promised group by 1

-- name: lock_product
-- Goods of a product are promised one after the other.
select pg_advisory_xact_lock(hashtextextended('reserve', %(product)s))

-- name: lock_products
-- Goods of each of these products are promised one after the other; locked in the order of their keys.
select pg_advisory_xact_lock(hashtextextended('reserve', p.id)) from (select id from unnest(%(products)s::int[]) id order by id) p

-- name: site_key
-- A site by name.
select id from site where tenant_id = %(tenant)s and name = %(site)s

-- name: reservations
-- Reservations by name: those that stand, or all; or one.
select r.client_id as id, r.reference, p.sku, p.base_unit, t.code as lot, s.name as site, r.quantity, r.needed_at, r.expires_at, r.reserved_at,
       r.reserved_by, r.released_at, r.released_by, (
           select greatest(coalesce(sum(case m.entry when 'reversal' then -m.quantity else m.quantity end), 0), 0) from ledger_move m
           where m.tenant_id = r.tenant_id and m.reference = r.reference and m.product_id = r.product_id and m.kind = 'deliver'
           and m.recorded_at >= r.reserved_at) as delivered
from stock_reservation r join product p on p.id = r.product_id left join lot t on t.id = r.lot_id left join site s on s.id = r.site_id
where r.tenant_id = %(tenant)s and r.client_id > %(after)s and (%(id)s::text is null or r.client_id = %(id)s)
and (%(sku)s::text is null or p.sku = %(sku)s) and (%(reference)s::text is null or r.reference = %(reference)s)
and (%(all)s or (r.released_at is null and coalesce(r.expires_at > now(), true)))
order by r.client_id limit %(limit)s

-- name: put_reservation
-- A reservation, made, changed, or taken up again.
insert into stock_reservation (tenant_id, client_id, reference, product_id, lot_id, site_id, quantity, needed_at, expires_at, reserved_by)
values (%(tenant)s, %(id)s, %(reference)s, %(product)s, nullif(%(lot)s::int, 0), %(site)s, %(quantity)s, %(needed_at)s, %(expires_at)s, %(by)s)
on conflict (tenant_id, client_id) do update set reference = excluded.reference, product_id = excluded.product_id, lot_id = excluded.lot_id,
    site_id = excluded.site_id, quantity = excluded.quantity, needed_at = excluded.needed_at, expires_at = excluded.expires_at,
    reserved_at = now(), reserved_by = excluded.reserved_by, released_at = null, released_by = null
returning id

-- name: release
-- The goods are promised to nobody any more.
update stock_reservation set released_at = now(), released_by = %(by)s
where tenant_id = %(tenant)s and client_id = %(id)s and released_at is null returning id
