-- What customers send back, and goods on hold.

-- name: awaited
-- What of an order's lines is announced and has not come.
select l.seq, r.origin, sum(r.quantity) as quantity from goods_return_line r join order_line l on l.id = r.line_id
where r.tenant_id = %(tenant)s and l.order_id = %(order)s and r.state = 'announced' group by 1, 2

-- name: return_states
-- How far each line of a return is.
select r.state from goods_return_line r join goods_return g on g.id = r.return_id where r.tenant_id = %(tenant)s and g.name = %(name)s

-- name: cancel_return
-- Nothing of a return comes back any more.
update goods_return_line r set state = 'cancelled' from goods_return g
where g.id = r.return_id and r.tenant_id = %(tenant)s and g.name = %(name)s and r.state = 'announced'

-- name: add_return
-- Something that is to come back.
insert into goods_return (tenant_id, name, order_id, note, created_by) values (%(tenant)s, %(name)s, %(order)s, %(note)s, %(by)s)
on conflict do nothing returning id

-- name: add_return_lines
-- Lines of it.
insert into goods_return_line (tenant_id, return_id, seq, line_id, origin, quantity, condition, reason)
select %(tenant)s, %(return)s, x.seq, x.line, x.origin, x.quantity, x.condition, x.reason
from jsonb_to_recordset(%(rows)s::jsonb) x (seq int, line int8, origin text, quantity numeric, condition text, reason text)

-- name: return_line
-- One line of a return, and whether its goods are to be kept cold.
select r.id, r.return_id, r.seq, r.origin, r.quantity, r.condition, r.reason, r.state, r.received, r.unit, l.seq as line, o.name as "order", p.sku,
       t.code as lot, s.name as site, z.name as zone, b.code as bin, coalesce(p.temp_class, 'ambient') <> 'ambient' or exists (
           select from shipment_order x join shipment h on h.id = x.shipment_id
           where x.tenant_id = r.tenant_id and x.order_id = o.id and h.profile_id is not null) as cold
from goods_return_line r join goods_return g on g.id = r.return_id join order_line l on l.id = r.line_id join customer_order o on o.id = l.order_id
join product p on p.id = l.product_id left join lot t on t.id = r.lot_id left join ledger_place a on a.id = r.place_id
left join site s on s.id = a.site_id left join zone z on z.id = a.zone_id left join bin b on b.id = a.bin_id
where r.tenant_id = %(tenant)s and g.name = %(name)s and r.seq = %(seq)s

-- name: set_received
-- Goods of a line have come.
update goods_return_line set state = 'received', received = %(received)s, received_at = %(at)s, received_by = %(by)s, place_id = %(place)s,
    lot_id = %(lot)s, unit = %(unit)s, custody = %(custody)s, condition = %(condition)s where tenant_id = %(tenant)s and id = %(id)s

-- name: set_decided
-- What becomes of them.
update goods_return_line set state = %(state)s, decision = %(decision)s, decided_at = now(), decided_by = %(by)s, decided_why = %(why)s
where tenant_id = %(tenant)s and id = %(id)s

-- name: hold
-- Goods in a unit are not to be sold.
insert into stock_hold (tenant_id, unit, reason, held_by) values (%(tenant)s, %(unit)s, left(%(reason)s, 400), %(by)s)

-- name: release_hold
-- They may go where was decided.
update stock_hold set released_at = now(), released_by = %(by)s, released_why = left(%(why)s, 400)
where tenant_id = %(tenant)s and unit = %(unit)s and released_at is null

-- name: returns
-- Returns, the newest first: those with a line in a state, of an order; or one.
select g.id as key, g.name as id, o.name as "order", c.code as customer, c.label as customer_label, g.note, g.created_at, g.created_by
from goods_return g join customer_order o on o.id = g.order_id join customer c on c.id = o.customer_id
where g.tenant_id = %(tenant)s and (%(id)s::text is null or g.name = %(id)s) and (%(before)s::int8 is null or g.id < %(before)s)
and (%(order)s::text is null or o.name = %(order)s)
and (%(state)s::text is null or exists (select from goods_return_line r where r.return_id = g.id and r.state = %(state)s))
order by g.id desc limit %(limit)s

-- name: return_lines
-- Lines of returns.
select r.return_id, r.seq, l.seq as line, p.sku, p.label, p.base_unit, r.origin, r.quantity, r.condition, r.reason, r.state, r.custody, r.received,
       r.received_at, r.received_by, t.code as lot, r.unit, s.name as site, z.name as zone, b.code as bin, r.decision, r.decided_at, r.decided_by,
       r.decided_why
from goods_return_line r join order_line l on l.id = r.line_id join product p on p.id = l.product_id left join lot t on t.id = r.lot_id
left join ledger_place a on a.id = r.place_id left join site s on s.id = a.site_id left join zone z on z.id = a.zone_id left join bin b on b.id = a.bin_id
where r.tenant_id = %(tenant)s and r.return_id = any(%(returns)s) order by r.return_id, r.seq
