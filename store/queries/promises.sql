-- When what is wanted can be with a customer: what is expected, who goes before, what was said first and what came.

-- name: site
-- Where it ships from, a retired site too.
select s.id, s.name, s.lat, s.lon, s.tz from site s where s.tenant_id = %(tenant)s and s.name = %(site)s

-- name: products
-- Products by SKU, with what tells whether and how soon goods of them expire.
select p.id, p.sku, p.label, p.base_unit, p.expiry_days, p.expiry_days is not null or exists (
           select from lot x where x.product_id = p.id and x.tenant_id = p.tenant_id and x.best_before is not null) as expires
from product p where p.tenant_id = %(tenant)s and p.sku = any(%(skus)s)

-- name: carried_claims
-- What of products on vehicles is orders' already.
select a.product_id, l.vehicle_id, sum(a.quantity)::float8 as quantity from order_allocation a join ledger_place l on l.id = a.place_id
where a.tenant_id = %(tenant)s and a.product_id = any(%(products)s) and l.kind = 'vehicle' group by 1, 2

-- name: claims
-- What is still to be given of products at a site: to orders (all but one, or those that go before it), and to whom it is reserved.
select l.product_id, (l.stages->>'open')::float8 as quantity, coalesce(o.window_end, o.window_start) as due, c.min_life_days
from customer_order o join order_line l on l.order_id = o.id join customer c on c.id = o.customer_id
where o.tenant_id = %(tenant)s and o.site_id = %(site_id)s and o.status = 'open' and l.product_id = any(%(products)s) and l.stages ? 'open'
and (%(key)s::int8 is null or (o.id <> %(key)s and (not %(ahead)s or
    (-o.priority, coalesce(o.window_end, 'infinity'), o.id) < (-%(priority)s::int, coalesce(%(due)s::timestamptz, 'infinity'), %(key)s::int8))))
union all
select r.product_id, greatest(r.quantity - greatest(d.quantity, 0), 0)::float8, r.needed_at, 0
from stock_reservation r cross join lateral (
    select coalesce(sum(case m.entry when 'reversal' then -m.quantity else m.quantity end), 0) as quantity from ledger_move m
    where m.tenant_id = r.tenant_id and m.reference = r.reference and m.product_id = r.product_id and m.kind = 'deliver'
    and m.recorded_at >= r.reserved_at) d
where r.tenant_id = %(tenant)s and r.site_id = %(site_id)s and r.product_id = any(%(products)s) and r.released_at is null
and coalesce(r.expires_at > %(now)s, true) and r.reference <> %(order)s

-- name: shipment_of
-- The shipment that an order is on: when it is to leave the site, whether it has, and when it is expected at the order's stop.
select h.name, h.status, d.leaves, e.p10, e.p50, e.p90
from shipment_order x join customer_order o on o.id = x.order_id join shipment h on h.id = x.shipment_id
left join lateral (select coalesce(st.window_end, st.window_start) as leaves from stop st
    where st.shipment_id = h.id and st.site_id = o.site_id and st.departed_at is null order by st.seq limit 1) d on true
left join lateral (select z.p10, z.p50, z.p90 from stop st join eta z on z.stop_id = st.id
    where st.id = x.stop_id and st.arrived_at is null order by z.at desc, z.id desc limit 1) e on true
where x.tenant_id = %(tenant)s and x.order_id = %(order)s and h.status in ('planned', 'in_transit') limit 1

-- name: say
-- What is said of an order's window first stays.
insert into order_promise (order_id, tenant_id, said_at, window_end, earliest, p90, chance, code, reason)
select o.id, %(tenant)s, %(said_at)s, %(window_end)s, %(earliest)s, %(p90)s, %(chance)s, %(code)s, %(reason)s
from customer_order o where o.tenant_id = %(tenant)s and o.name = %(order)s
on conflict (order_id) do nothing

-- name: said
-- What was said of an order first, and when the last of it was delivered.
select p.said_at, p.window_end, p.earliest, p.p90, p.chance, p.code, p.reason, case when o.status in ('delivered', 'returning', 'returned') then (
           select max(t.at) from order_step t join order_line l on l.id = t.line_id
           where l.order_id = o.id and t.kind = 'deliver' and t.withdrawn_at is null) end as delivered_at
from order_promise p join customer_order o on o.id = p.order_id where p.tenant_id = %(tenant)s and p.order_id = %(order)s

-- name: graded
-- Of the newest orders of whose window a chance was said: whether it was kept, once they were delivered or it is over; a cancelled one is left out.
select p.chance, coalesce(d.at <= p.window_end, false) as kept
from order_promise p join customer_order o on o.id = p.order_id
left join lateral (select max(t.at) as at from order_step t join order_line l on l.id = t.line_id
    where l.order_id = o.id and t.kind = 'deliver' and t.withdrawn_at is null and o.status in ('delivered', 'returning', 'returned')) d on true
where p.tenant_id = %(tenant)s and p.chance is not null and p.said_at > %(since)s and o.status <> 'cancelled'
and (d.at is not null or p.window_end < %(now)s) order by p.said_at desc limit %(limit)s
