-- name: of_shipments
-- Orders that shipments carry, with the number of the stop where each leaves it.
select x.shipment_id, o.name as id, c.code as customer, c.label as customer_label, o.status, st.seq as stop
from shipment_order x join customer_order o on o.id = x.order_id join customer c on c.id = o.customer_id
left join stop st on st.id = x.stop_id
where x.tenant_id = %(tenant)s and x.shipment_id = any(%(shipments)s::int[]) order by x.shipment_id, st.seq nulls last, o.name

-- name: shipments_locked
-- Shipments by name, kept for this transaction alone.
select h.id, h.name, h.status from shipment h where h.tenant_id = %(tenant)s and h.name = any(%(names)s::text[])
order by h.id for no key update

-- name: stops_there
-- Stops of shipments.
select st.shipment_id, st.id, st.seq from stop st
where st.tenant_id = %(tenant)s and st.shipment_id = any(%(shipments)s::int[]) order by st.shipment_id, st.seq

-- name: orders_asked
-- Orders by name, or those that shipments carry, kept for this transaction alone.
select o.id, o.name, o.status, o.version from customer_order o
where o.tenant_id = %(tenant)s and (o.name = any(%(names)s::text[]) or exists (
    select from shipment_order x where x.order_id = o.id and x.tenant_id = o.tenant_id and x.shipment_id = any(%(shipments)s::int[])))
order by o.id for no key update of o

-- name: orders_carried
-- Which shipments that are not over carry orders, and whether goods of them are on a vehicle or with the customer.
select x.order_id, x.shipment_id, x.stop_id, h.name as shipment, h.status, exists (
    select from order_line l where l.order_id = x.order_id and l.tenant_id = x.tenant_id
    and l.stages ?| array['loaded', 'delivered', 'returning']) as aboard
from shipment_order x join shipment h on h.id = x.shipment_id
where x.tenant_id = %(tenant)s and x.order_id = any(%(orders)s::int8[])
and (h.status in ('planned', 'in_transit') or h.id = any(%(shipments)s::int[])) order by x.order_id

-- name: drop_orders
-- Takes orders off shipments.
delete from shipment_order x using jsonb_to_recordset(%(rows)s::jsonb) r (shipment int, "order" int8)
where x.tenant_id = %(tenant)s and x.shipment_id = r.shipment and x.order_id = r."order"

-- name: put_orders
-- Puts orders on shipments, each with the stop where it leaves them.
insert into shipment_order as x (shipment_id, order_id, tenant_id, stop_id, added_by)
select r.shipment, r."order", %(tenant)s, r.stop, %(by)s from jsonb_to_recordset(%(rows)s::jsonb) r (shipment int, "order" int8, stop int)
on conflict (shipment_id, order_id) do update set stop_id = excluded.stop_id
