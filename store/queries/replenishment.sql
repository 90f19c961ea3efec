-- What a proposal to order rests on.

-- name: items
-- Products of a site by SKU that have a forecast, a goal, or are there and have a supplier; with all that people and programs said of each.
with chosen as (
    select f.product_id from demand_forecast f where f.tenant_id = %(tenant)s and f.site_id = %(site_id)s
    union
    select g.product_id from stock_goal g where g.tenant_id = %(tenant)s and g.site_id = %(site_id)s
    union
    select b.product_id from ledger_place l join ledger_balance b on b.place_id = l.id
    where l.tenant_id = %(tenant)s and l.site_id = %(site_id)s and l.kind = 'site' and exists (
        select from supplier_terms t join supplier u on u.id = t.supplier_id and u.retired_at is null where t.product_id = b.product_id)
)
select p.id as product_id, p.sku, p.label, p.base_unit, p.unit_value::float8, f.begins, f.made_at, f.model, f.class, f.mean, f.p10, f.p50, f.p90,
       a.adjustments, g.goal, g.service, g.review_days, g.cover_days, g.most::float8, t.supplier_id, t.supplier, t.supplier_label, t.lead_days,
       t.pack::float8, t.least::float8, t.price, t.currency, coalesce(k.after_id, 0) as after_id, e.seen,
       exists (select from ledger_place l join ledger_balance b on b.place_id = l.id
               where l.tenant_id = p.tenant_id and l.site_id = %(site_id)s and l.kind = 'site' and b.product_id = p.id) as told
from chosen c join product p on p.id = c.product_id
left join stock_goal g on g.site_id = %(site_id)s and g.product_id = p.id
left join lateral (select * from demand_forecast x where x.site_id = %(site_id)s and x.product_id = p.id order by x.begins desc limit 1) f on true
left join lateral (select jsonb_agg(jsonb_build_object('first_day', j.first_day, 'last_day', j.last_day, 'factor', j.factor)) as adjustments
    from forecast_adjustment j where j.site_id = %(site_id)s and j.product_id = p.id and j.withdrawn_at is null and j.last_day >= f.begins) a on true
left join lateral (select u.id as supplier_id, u.code as supplier, u.label as supplier_label, t.lead_days, t.pack, t.least, t.price, t.currency
    from supplier_terms t join supplier u on u.id = t.supplier_id
    where t.product_id = p.id and u.retired_at is null and (g.supplier_id is null or u.id = g.supplier_id)
    order by t.price nulls last, u.code limit 1) t on true
left join lateral (select max(x.id) as after_id from proposal_taken x where x.site_id = %(site_id)s and x.product_id = p.id) k on true
left join lateral (select sum(l.quantity)::float8 as seen from stock_level l
    where l.tenant_id = p.tenant_id and l.site_id = %(site_id)s and l.product_id = p.id) e on true
where p.tenant_id = %(tenant)s and p.retired_at is null and (%(sku)s::text is null or p.sku = %(sku)s)
and (%(supplier)s::text is null or t.supplier = %(supplier)s) order by p.sku limit %(limit)s

-- name: on_order
-- What open purchase orders still bring to a site, with when the supplier or the shipment says so.
select x.product_id, o.name, o.supplier_id, o.sent_at, x.expected_on, t.lead_days, (x.quantity - m.received)::float8 as quantity,
       h.name as shipment, e.p10, e.p50, e.p90
from purchase_order o join purchase_order_line x on x.order_id = o.id left join shipment h on h.id = o.shipment_id
left join supplier_terms t on t.supplier_id = o.supplier_id and t.product_id = x.product_id
cross join lateral (
    select coalesce(sum(case r.entry when 'reversal' then -r.quantity else r.quantity end), 0) as received from ledger_move r
    where r.tenant_id = o.tenant_id and r.reference = o.name and r.product_id = x.product_id and r.kind = 'receive') m
left join lateral (select z.p10, z.p50, z.p90 from stop st join eta z on z.stop_id = st.id
    where st.shipment_id = o.shipment_id and st.site_id = o.site_id and st.arrived_at is null and h.status <> 'cancelled'
    order by st.seq, z.at desc, z.id desc limit 1) e on true
where o.tenant_id = %(tenant)s and o.site_id = %(site_id)s and o.cancelled_at is null and o.closed_at is null
and x.product_id = any(%(products)s) and x.quantity > m.received order by o.id

-- name: lead_times
-- Days from sending to the last receipt of lines that came whole, of suppliers to a site, of the last two years.
select o.supplier_id, x.product_id, greatest(extract(epoch from m.last_at - o.sent_at) / 86400, 0)::float8 as days
from purchase_order o join purchase_order_line x on x.order_id = o.id
cross join lateral (
    select sum(case r.entry when 'reversal' then -r.quantity else r.quantity end) as received, max(r.moved_at) as last_at from ledger_move r
    where r.tenant_id = o.tenant_id and r.reference = o.name and r.product_id = x.product_id and r.kind = 'receive') m
where o.tenant_id = %(tenant)s and o.site_id = %(site_id)s and o.supplier_id = any(%(suppliers)s) and o.sent_at > now() - interval '2 years'
and m.received >= x.quantity and m.last_at < o.sent_at + interval '400 days' order by m.last_at desc, x.product_id limit 20000

-- name: wanted
-- What orders and reservations want of products at a site that is still there, by the local day on which it is due; null: for no day.
select l.product_id, (coalesce(o.window_end, o.ordered_at) at time zone %(tz)s)::date as day, sum((
           select coalesce(sum(v.value::numeric), 0) from jsonb_each_text(l.stages) v where v.key in ('open', 'allocated', 'picked', 'packed')))::float8 as quantity
from customer_order o join order_line l on l.order_id = o.id
where o.tenant_id = %(tenant)s and o.site_id = %(site_id)s and l.product_id = any(%(products)s)
and l.stages ?| array['open', 'allocated', 'picked', 'packed'] group by 1, 2
union all
select r.product_id, (r.needed_at at time zone %(tz)s)::date, sum(greatest(r.quantity - greatest(d.quantity, 0), 0))::float8
from stock_reservation r cross join lateral (
    select coalesce(sum(case m.entry when 'reversal' then -m.quantity else m.quantity end), 0) as quantity from ledger_move m
    where m.tenant_id = r.tenant_id and m.reference = r.reference and m.product_id = r.product_id and m.kind = 'deliver'
    and m.recorded_at >= r.reserved_at) d
where r.tenant_id = %(tenant)s and r.site_id = %(site_id)s and r.product_id = any(%(products)s) and r.released_at is null
and coalesce(r.expires_at > now(), true) group by 1, 2

-- name: site
-- A site by name.
select id as site_id, name as site, label, tz from site where tenant_id = %(tenant)s and name = %(site)s and retired_at is null
