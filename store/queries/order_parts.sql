-- Parts of orders that go to orders of their own.

-- name: split_names
-- Keys of what a new order of an order's units names: where it goes, as there when nothing is said; and an order of that name.
select case when %(ship_to)s::text is null then o.ship_to_id else t.id end as ship_to_id,
       (select k.name from customer_order k where k.tenant_id = o.tenant_id and k.name = %(name)s) as known
from customer_order o left join ship_to t on t.customer_id = o.customer_id and t.code = %(ship_to)s and t.retired_at is null
where o.tenant_id = %(tenant)s and o.id = %(order)s

-- name: parts_of
-- Lines of an order that was split from another one, with the lines they stand for.
select l.stands_for, l.quantity from order_line l join customer_order o on o.id = l.order_id
where o.tenant_id = %(tenant)s and o.name = %(name)s and o.split_from = %(order)s order by l.seq

-- name: add_split
-- A new order of another one's units; nothing where its name is taken.
insert into customer_order (tenant_id, name, customer_id, ship_to_id, site_id, reference, priority, window_start, window_end, note, ordered_at,
                            created_by, split_from)
select %(tenant)s, %(name)s, o.customer_id, %(ship_to)s::int, o.site_id, o.reference, coalesce(%(priority)s::int, o.priority),
       %(window_start)s::timestamptz, %(window_end)s::timestamptz, coalesce(%(note)s::text, o.note), %(ordered_at)s, %(by)s, o.id
from customer_order o where o.tenant_id = %(tenant)s and o.id = %(order)s
on conflict do nothing returning id

-- name: add_parts
-- Lines of an order that stand for lines of another one.
insert into order_line (tenant_id, order_id, seq, product_id, quantity, entered_quantity, entered_unit, stages, stands_for)
select %(tenant)s, %(order)s, r.seq, r.product, r.quantity, r.entered_quantity, r.entered_unit, jsonb_build_object('open', r.quantity::text),
       r.stands_for
from jsonb_to_recordset(%(rows)s::jsonb) r (seq int, product int, quantity numeric, entered_quantity numeric, entered_unit text, stands_for int8)
order by r.seq
