-- Recalls of lots.

-- name: lot_locked
-- A lot, kept for this transaction alone.
select t.id, t.code, t.recalled_at, t.recalled_by, t.recall_reason from lot t
where t.tenant_id = %(tenant)s and t.code = %(code)s for no key update of t

-- name: set_recalled
-- Nothing of it is sent any more.
update lot set recalled_at = now(), recalled_by = %(by)s, recall_reason = %(reason)s where tenant_id = %(tenant)s and id = %(lot)s

-- name: lift_recall
-- It may be sent again.
update lot set recalled_at = null, recalled_by = null, recall_reason = null where tenant_id = %(tenant)s and id = %(lot)s

-- name: end_reservations
-- What is reserved of a lot by name is promised no more.
update stock_reservation set released_at = now(), released_by = %(by)s
where tenant_id = %(tenant)s and lot_id = %(lot)s and released_at is null returning client_id as id

-- name: orders_promised
-- Orders that were given some of a lot and have not picked it, the most urgent first.
select o.name from customer_order o where o.tenant_id = %(tenant)s and exists (
    select from order_line l join order_allocation a on a.line_id = l.id where l.order_id = o.id and a.stage = 'allocated' and a.lot_id = %(lot)s)
order by -o.priority, coalesce(o.window_end, 'infinity'), o.id limit %(limit)s

-- name: recall
-- A lot as it is recalled or not.
select t.id as key, t.code as lot, p.sku, p.label, p.base_unit, t.recalled_at, t.recalled_by, t.recall_reason as reason
from lot t join product p on p.id = t.product_id where t.tenant_id = %(tenant)s and t.code = %(code)s

-- name: who_has
-- Orders that have or had some of a lot: how much by what was done with it, who they are of, when they got it last.
select o.name as "order", o.reference, c.code as customer, c.label as customer_label, t.code as ship_to, d.delivered, d.returned, d.aboard, d.held,
       d.delivered_at, (select h.name from shipment_order x join shipment h on h.id = x.shipment_id
                        where x.order_id = o.id and h.status <> 'cancelled' order by x.added_at desc limit 1) as shipment
from (
    select w.order_id, coalesce(sum(n) filter (where kind = 'deliver'), 0) as delivered, coalesce(sum(n) filter (where kind in ('return', 'bring_back')), 0) as returned,
           greatest(coalesce(sum(case kind when 'load' then n when 'unload' then -n when 'deliver' then -n when 'bring_back' then -n end), 0), 0) as aboard,
           coalesce(sum(n) filter (where kind = 'held'), 0) as held, max(at) filter (where kind = 'deliver') as delivered_at
    from (
        select l.order_id, k.kind, k.quantity as n, k.at from order_step k join order_line l on l.id = k.line_id
        where k.tenant_id = %(tenant)s and k.lot_id = %(lot)s and k.withdrawn_at is null
        and k.kind in ('load', 'unload', 'deliver', 'bring_back', 'return')
        union all
        select l.order_id, 'held', a.quantity, null from order_allocation a join order_line l on l.id = a.line_id
        where a.tenant_id = %(tenant)s and a.lot_id = %(lot)s) w group by 1) d
join customer_order o on o.id = d.order_id join customer c on c.id = o.customer_id left join ship_to t on t.id = o.ship_to_id
where d.delivered > 0 or d.aboard > 0 or d.held > 0 order by d.delivered - d.returned desc, o.id limit %(limit)s

-- name: where_is
-- Where something of a lot lies.
select s.name as site, z.name as zone, n.code as bin, v.name as vehicle, l.kind, b.unit, b.quantity from ledger_balance b
join ledger_place l on l.id = b.place_id left join site s on s.id = l.site_id left join zone z on z.id = l.zone_id left join bin n on n.id = l.bin_id
left join vehicle v on v.id = l.vehicle_id
where b.tenant_id = %(tenant)s and b.lot_id = %(lot)s and b.quantity <> 0 order by 1 nulls last, 2, 3, 4, b.unit limit %(limit)s
