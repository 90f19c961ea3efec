-- Suppliers, their terms, what sites promise, orders from suppliers, and what came of them by moves.

-- name: suppliers
-- Suppliers by code, without retired ones; or one.
select u.id as key, u.code as id, u.label, u.contact, u.retired_at,
       (select count(*) from supplier_terms t where t.supplier_id = u.id and t.tenant_id = u.tenant_id) as products,
       (select count(*) from purchase_order o where o.supplier_id = u.id and o.tenant_id = u.tenant_id
        and o.cancelled_at is null and o.closed_at is null) as orders
from supplier u where u.tenant_id = %(tenant)s and u.code > %(after)s and (%(id)s::text is null or u.code = %(id)s)
and (%(id)s::text is not null or u.retired_at is null) order by u.code limit %(limit)s

-- name: put_supplier
-- A supplier, made, changed, or taken up again.
insert into supplier (tenant_id, code, label, contact) values (%(tenant)s, %(id)s, %(label)s, %(contact)s)
on conflict (tenant_id, code) do update set label = excluded.label, contact = excluded.contact, retired_at = null returning id

-- name: retire_supplier
-- Nothing is ordered there any more; what was ordered stays.
update supplier set retired_at = now() where tenant_id = %(tenant)s and code = %(id)s and retired_at is null returning id

-- name: terms
-- On what terms a supplier delivers products, by SKU; or one of them.
select u.code as supplier, p.sku, p.label, p.base_unit, t.lead_days, t.pack, t.least, t.price, t.currency, t.set_at, t.set_by
from supplier_terms t join supplier u on u.id = t.supplier_id join product p on p.id = t.product_id
where t.tenant_id = %(tenant)s and u.code = %(supplier)s and p.retired_at is null and (%(sku)s::text is null or p.sku = %(sku)s)
and p.sku > %(after)s order by p.sku limit %(limit)s

-- name: put_terms
-- Terms of a product, made or changed; xmax tells which.
insert into supplier_terms as t (supplier_id, product_id, tenant_id, lead_days, pack, least, price, currency, set_by)
select u.id, p.id, %(tenant)s, %(lead_days)s, %(pack)s, %(least)s, %(price)s, %(currency)s, %(by)s from supplier u, product p
where u.tenant_id = %(tenant)s and u.code = %(supplier)s and u.retired_at is null
and p.tenant_id = %(tenant)s and p.sku = %(sku)s and p.retired_at is null
on conflict (supplier_id, product_id) do update set lead_days = excluded.lead_days, pack = excluded.pack, least = excluded.least,
    price = excluded.price, currency = excluded.currency, set_at = now(), set_by = excluded.set_by
where t.tenant_id = excluded.tenant_id returning (xmax = 0) as created

-- name: drop_terms
-- The supplier has the product no more.
delete from supplier_terms t using supplier u, product p
where u.id = t.supplier_id and p.id = t.product_id and t.tenant_id = %(tenant)s and u.code = %(supplier)s and p.sku = %(sku)s returning t.product_id

-- name: goals
-- What sites promise of products, by name; or one.
select s.name as site, p.sku, g.goal, g.service, g.review_days, g.cover_days, g.most, u.code as supplier, g.set_at, g.set_by
from stock_goal g join site s on s.id = g.site_id join product p on p.id = g.product_id left join supplier u on u.id = g.supplier_id
where g.tenant_id = %(tenant)s and s.retired_at is null and p.retired_at is null and (%(site)s::text is null or s.name = %(site)s)
and (%(sku)s::text is null or p.sku = %(sku)s) and (s.name, p.sku) > (%(a)s, %(b)s) order by s.name, p.sku limit %(limit)s

-- name: goal_names
-- Keys of what a goal names.
select (select id from site where tenant_id = %(tenant)s and name = %(site)s and retired_at is null) as site_id,
       (select id from product where tenant_id = %(tenant)s and sku = %(sku)s and retired_at is null) as product_id,
       (select id from supplier where tenant_id = %(tenant)s and code = %(supplier)s and retired_at is null) as supplier_id

-- name: put_goal
-- What a site promises of a product, made or changed.
insert into stock_goal as g (site_id, product_id, tenant_id, goal, service, review_days, cover_days, most, supplier_id, set_by)
values (%(site_id)s, %(product_id)s, %(tenant)s, %(goal)s, %(service)s, %(review_days)s, %(cover_days)s, %(most)s, %(supplier_id)s, %(by)s)
on conflict (site_id, product_id) do update set goal = excluded.goal, service = excluded.service, review_days = excluded.review_days,
    cover_days = excluded.cover_days, most = excluded.most, supplier_id = excluded.supplier_id, set_at = now(), set_by = excluded.set_by
where g.tenant_id = excluded.tenant_id returning (xmax = 0) as created

-- name: drop_goal
-- Nothing of its own is promised any more: the usual holds.
delete from stock_goal g using site s, product p
where s.id = g.site_id and p.id = g.product_id and g.tenant_id = %(tenant)s and s.name = %(site)s and p.sku = %(sku)s returning g.product_id

-- name: purchase_orders
-- Purchase orders, the newest first, with their lines and what came of each by moves that name them; or one, or those that are open.
select o.id as key, o.name as id, u.code as supplier, u.label as supplier_label, s.name as site, s.label as site_label, s.tz, h.name as shipment, o.note,
       o.sent_at, o.sent_by, o.cancelled_at, o.closed_at, o.ended_by, o.why, o.version, o.created_at, o.created_by, o.changed_at, l.lines
from purchase_order o join supplier u on u.id = o.supplier_id join site s on s.id = o.site_id left join shipment h on h.id = o.shipment_id
cross join lateral (
    select coalesce(jsonb_agg(jsonb_build_object('sku', p.sku, 'label', p.label, 'base_unit', p.base_unit, 'quantity', x.quantity, 'price', x.price,
               'currency', x.currency, 'expected_on', x.expected_on, 'promised_days', t.lead_days, 'received', coalesce(m.quantity, 0),
               'first_at', m.first_at, 'last_at', m.last_at) order by p.sku), '[]') as lines,
           coalesce(bool_or(x.quantity > coalesce(m.quantity, 0)), true) as expected
    from purchase_order_line x join product p on p.id = x.product_id
    left join supplier_terms t on t.supplier_id = o.supplier_id and t.product_id = x.product_id
    left join lateral (
        select sum(case r.entry when 'reversal' then -r.quantity else r.quantity end) as quantity, min(r.moved_at) as first_at, max(r.moved_at) as last_at
        from ledger_move r where r.tenant_id = o.tenant_id and r.reference = o.name and r.product_id = x.product_id and r.kind = 'receive') m on true
    where x.order_id = o.id) l
where o.tenant_id = %(tenant)s and (%(id)s::text is null or o.name = %(id)s) and (%(supplier)s::text is null or u.code = %(supplier)s)
and (%(site)s::text is null or s.name = %(site)s)
and (%(open)s::boolean is null or %(open)s = (o.cancelled_at is null and o.closed_at is null and l.expected))
and (%(before)s::int8 is null or o.id < %(before)s) order by o.id desc limit %(limit)s

-- name: order_names
-- Keys of supplier, site and shipment.
select (select id from supplier where tenant_id = %(tenant)s and code = %(supplier)s and retired_at is null) as supplier_id,
       (select id from site where tenant_id = %(tenant)s and name = %(site)s and retired_at is null) as site_id,
       (select id from shipment where tenant_id = %(tenant)s and name = %(shipment)s) as shipment_id

-- name: line_products
-- Products of lines with what the supplier wants for one.
select p.sku, p.id, t.price, t.currency from product p left join supplier_terms t on t.product_id = p.id and t.supplier_id = %(supplier)s
where p.tenant_id = %(tenant)s and p.sku = any(%(skus)s) and p.retired_at is null

-- name: order_locked
-- A purchase order, locked, as people have set it.
select o.id as key, o.supplier_id, o.site_id, o.shipment_id, o.note, o.sent_at, o.cancelled_at, o.closed_at, o.ended_by, o.why, o.version
from purchase_order o where o.tenant_id = %(tenant)s and o.name = %(id)s for update

-- name: order_lines
-- Lines of a purchase order, and what came of each.
select x.product_id, p.sku, x.quantity, x.price, x.currency, x.expected_on, coalesce((
           select sum(case r.entry when 'reversal' then -r.quantity else r.quantity end) from ledger_move r
           where r.tenant_id = x.tenant_id and r.reference = %(id)s and r.product_id = x.product_id and r.kind = 'receive'), 0) as received
from purchase_order_line x join product p on p.id = x.product_id where x.tenant_id = %(tenant)s and x.order_id = %(key)s order by p.sku

-- name: add_order
-- A new purchase order, unless there is one of that name.
insert into purchase_order (tenant_id, name, supplier_id, site_id, shipment_id, note, created_by)
values (%(tenant)s, %(id)s, %(supplier_id)s, %(site_id)s, %(shipment_id)s, %(note)s, %(by)s) on conflict (tenant_id, name) do nothing returning id

-- name: change_order
-- A draft says something else.
update purchase_order set supplier_id = %(supplier_id)s, site_id = %(site_id)s, shipment_id = %(shipment_id)s, note = %(note)s,
    version = version + 1, changed_at = now()
where tenant_id = %(tenant)s and id = %(key)s

-- name: drop_lines
-- Lines of a draft that are not wanted any more.
delete from purchase_order_line where tenant_id = %(tenant)s and order_id = %(key)s and product_id <> all(%(products)s)

-- name: put_lines
-- Lines of a purchase order, as they are to be.
insert into purchase_order_line as x (order_id, product_id, tenant_id, quantity, price, currency, expected_on)
select %(key)s, r.product_id, %(tenant)s, r.quantity, r.price, r.currency, r.expected_on
from jsonb_to_recordset(%(rows)s::jsonb) as r (product_id int, quantity numeric, price numeric, currency text, expected_on date)
on conflict (order_id, product_id) do update set quantity = excluded.quantity, price = excluded.price, currency = excluded.currency,
    expected_on = excluded.expected_on
where x.tenant_id = excluded.tenant_id

-- name: add_to_line
-- So much more of a product on a draft.
insert into purchase_order_line as x (order_id, product_id, tenant_id, quantity, price, currency)
values (%(key)s, %(product_id)s, %(tenant)s, %(quantity)s, %(price)s, %(currency)s)
on conflict (order_id, product_id) do update set quantity = x.quantity + excluded.quantity where x.tenant_id = excluded.tenant_id

-- name: mark_order
-- What people said of it.
update purchase_order set sent_at = coalesce(sent_at, %(sent_at)s), sent_by = coalesce(sent_by, %(sent_by)s), cancelled_at = %(cancelled_at)s,
    closed_at = %(closed_at)s, ended_by = %(ended_by)s, why = %(why)s, shipment_id = %(shipment_id)s, version = version + 1, changed_at = now()
where tenant_id = %(tenant)s and id = %(key)s

-- name: expect_lines
-- When all that is to come is expected.
update purchase_order_line set expected_on = %(expected_on)s where tenant_id = %(tenant)s and order_id = %(key)s

-- name: last_taken
-- The last proposal of a product at a site that was taken; and the one that was taken after a certain one.
select (select max(id) from proposal_taken where tenant_id = %(tenant)s and site_id = %(site_id)s and product_id = %(product_id)s) as last,
       t.quantity, o.name as purchase_order
from (select 1) one left join proposal_taken t on t.tenant_id = %(tenant)s and t.site_id = %(site_id)s and t.product_id = %(product_id)s
    and t.after_id = %(after)s left join purchase_order o on o.id = t.order_id

-- name: lock_supplier
-- Proposals of a supplier are taken one after the other, so that a draft is made once.
select id from supplier where tenant_id = %(tenant)s and id = %(supplier_id)s for update

-- name: draft_of
-- The oldest draft of a supplier for a site.
select o.id as key, o.name from purchase_order o where o.tenant_id = %(tenant)s and o.supplier_id = %(supplier_id)s and o.site_id = %(site_id)s
and o.sent_at is null and o.cancelled_at is null and o.closed_at is null
and not exists (select from ledger_move r where r.tenant_id = o.tenant_id and r.reference = o.name and r.kind = 'receive') order by o.id limit 1 for update

-- name: touch_order
-- It says something else than before.
update purchase_order set version = version + 1, changed_at = now() where tenant_id = %(tenant)s and id = %(key)s

-- name: take
-- A proposal was taken.
insert into proposal_taken (tenant_id, site_id, product_id, after_id, order_id, proposed, quantity, reason, told, taken_by)
values (%(tenant)s, %(site_id)s, %(product_id)s, %(after)s, %(key)s, %(proposed)s, %(quantity)s, %(reason)s, %(told)s::jsonb, %(by)s)
on conflict (site_id, product_id, after_id) do nothing returning id

-- name: taken
-- Proposals that people took, the newest first.
select t.id::text as id, s.name as site, p.sku, o.name as purchase_order, t.proposed, t.quantity, t.reason, t.taken_at, t.taken_by
from proposal_taken t join site s on s.id = t.site_id join product p on p.id = t.product_id join purchase_order o on o.id = t.order_id
where t.tenant_id = %(tenant)s and (%(site)s::text is null or s.name = %(site)s) and (%(sku)s::text is null or p.sku = %(sku)s)
and (%(before)s::int8 is null or t.id < %(before)s) order by t.id desc limit %(limit)s

-- name: count_made_by
-- How many purchase orders somebody has made.
select count(*) from purchase_order where tenant_id = %(tenant)s and created_by = %(by)s

-- name: orders_made_by
-- Open purchase orders that somebody has made.
select name from purchase_order where tenant_id = %(tenant)s and created_by = %(by)s and cancelled_at is null and closed_at is null order by id
