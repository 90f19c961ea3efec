-- Orders of customers: who and what, what was told of their lines, which goods are theirs.

-- name: customers
-- Customers by code, without retired ones; or one, a retired one too.
select c.id as key, c.code as id, c.label, c.min_life_days, c.retired_at,
       (select count(*) from customer_order o where o.customer_id = c.id and o.tenant_id = c.tenant_id) as orders
from customer c where c.tenant_id = %(tenant)s and c.code > %(after)s and (%(id)s::text is null or c.code = %(id)s)
and (%(id)s::text is not null or c.retired_at is null)
and (%(search)s::text is null or position(lower(%(search)s) in lower(c.code || ' ' || c.label)) > 0)
order by c.code limit %(limit)s

-- name: put_customer
-- A customer, made, changed, or taken up again.
insert into customer (tenant_id, code, label, min_life_days) values (%(tenant)s, %(id)s, %(label)s, %(min_life_days)s)
on conflict (tenant_id, code) do update set label = excluded.label, min_life_days = excluded.min_life_days, retired_at = null returning id

-- name: customers_there
-- Customers by code, retired ones too.
select code as id, label, min_life_days, retired_at is not null as retired from customer
where tenant_id = %(tenant)s and code = any(%(names)s::text[])

-- name: put_customers
-- Customers, made, changed, or taken up again.
insert into customer (tenant_id, code, label, min_life_days)
select %(tenant)s, r.id, r.label, r.min_life_days from jsonb_to_recordset(%(rows)s::jsonb) r (id text, label text, min_life_days float8)
on conflict (tenant_id, code) do update set label = excluded.label, min_life_days = excluded.min_life_days, retired_at = null

-- name: retire_customer
-- The customer is offered no more; its orders stay.
update customer set retired_at = now() where tenant_id = %(tenant)s and code = %(id)s and retired_at is null returning id

-- name: ship_tos
-- Where a customer is delivered to, by code; or one place.
select t.code as id, c.code as customer, t.label, t.address, t.lat, t.lon, t.tz, t.opening, t.service_s, t.access, t.contact, t.retired_at
from ship_to t join customer c on c.id = t.customer_id
where t.tenant_id = %(tenant)s and c.code = %(customer)s and t.code > %(after)s and (%(id)s::text is null or t.code = %(id)s)
and (%(id)s::text is not null or t.retired_at is null) order by t.code limit %(limit)s

-- name: put_ship_to
-- A place where a customer is delivered to, made, changed, or taken up again.
insert into ship_to (tenant_id, customer_id, code, label, address, lat, lon, tz, opening, service_s, access, contact)
select %(tenant)s, c.id, %(id)s, %(label)s, %(address)s, %(lat)s, %(lon)s, %(tz)s, %(opening)s, %(service_s)s, %(access)s, %(contact)s
from customer c where c.tenant_id = %(tenant)s and c.code = %(customer)s
on conflict (customer_id, code) do update set label = excluded.label, address = excluded.address, lat = excluded.lat, lon = excluded.lon,
    tz = excluded.tz, opening = excluded.opening, service_s = excluded.service_s, access = excluded.access,
    contact = excluded.contact, retired_at = null
returning id

-- name: retire_ship_to
-- Nobody is delivered to there any more.
update ship_to t set retired_at = now() from customer c
where c.id = t.customer_id and t.tenant_id = %(tenant)s and c.code = %(customer)s and t.code = %(id)s and t.retired_at is null returning t.id

-- name: order_names
-- Keys of what a new order names; and an order of that customer with that reference.
select c.id as customer_id, c.min_life_days, t.id as ship_to_id, s.id as site_id,
       (select o.name from customer_order o where o.customer_id = c.id and o.reference = %(reference)s and o.reference <> ''
        and o.split_from is null) as known
from customer c left join ship_to t on t.customer_id = c.id and t.code = %(ship_to)s and t.retired_at is null
left join site s on s.tenant_id = c.tenant_id and s.name = %(site)s
where c.tenant_id = %(tenant)s and c.code = %(customer)s and c.retired_at is null

-- name: add_order
-- A new order; nothing where its name is taken.
insert into customer_order (tenant_id, name, customer_id, ship_to_id, site_id, reference, priority, window_start, window_end, note, ordered_at,
                            created_by)
values (%(tenant)s, %(name)s, %(customer_id)s, %(ship_to_id)s, %(site_id)s, %(reference)s, %(priority)s, %(window_start)s, %(window_end)s,
        %(note)s, %(ordered_at)s, %(by)s)
on conflict do nothing returning id

-- name: add_lines
-- Lines of an order.
insert into order_line (tenant_id, order_id, seq, product_id, quantity, entered_quantity, entered_unit, stages)
select %(tenant)s, %(order)s, r.seq, r.product, r.quantity, r.entered_quantity, r.entered_unit, jsonb_build_object('open', r.quantity::text)
from jsonb_to_recordset(%(rows)s::jsonb) r (seq int, product int, quantity numeric, entered_quantity numeric, entered_unit text)
order by r.seq

-- name: orders_named
-- Keys of what new orders name, and of each the order that is there by its name, or else by the customer's reference.
select r.n, c.id as customer_id, t.id as ship_to_id, s.id as site_id, k.id as key, k.name, d.code as customer, u.code as ship_to,
       i.name as site, k.reference, k.priority, k.window_start, k.window_end, k.note
from jsonb_to_recordset(%(rows)s::jsonb) r (n int, name text, customer text, ship_to text, site text, reference text)
left join customer c on c.tenant_id = %(tenant)s and c.code = r.customer and c.retired_at is null
left join ship_to t on t.customer_id = c.id and t.code = r.ship_to and t.retired_at is null
left join site s on s.tenant_id = %(tenant)s and s.name = r.site
left join customer_order o on o.tenant_id = %(tenant)s and o.name = r.name
left join customer_order f on f.customer_id = c.id and f.reference = r.reference and f.reference <> '' and f.split_from is null
left join customer_order k on k.id = coalesce(o.id, f.id)
left join customer d on d.id = k.customer_id left join ship_to u on u.id = k.ship_to_id left join site i on i.id = k.site_id

-- name: add_orders
-- New orders.
insert into customer_order (tenant_id, name, customer_id, ship_to_id, site_id, reference, priority, window_start, window_end, note, ordered_at,
                            created_by)
select %(tenant)s, r.name, r.customer_id, r.ship_to_id, r.site_id, r.reference, r.priority, r.window_start, r.window_end, r.note, r.ordered_at,
       %(by)s
from jsonb_to_recordset(%(rows)s::jsonb) r (name text, customer_id int, ship_to_id int, site_id int, reference text, priority int,
                                            window_start timestamptz, window_end timestamptz, note text, ordered_at timestamptz)
returning id, name

-- name: add_lines_of
-- Lines of new orders.
insert into order_line (tenant_id, order_id, seq, product_id, quantity, entered_quantity, entered_unit, stages)
select %(tenant)s, r."order", r.seq, r.product, r.quantity, r.entered_quantity, r.entered_unit, jsonb_build_object('open', r.quantity::text)
from jsonb_to_recordset(%(rows)s::jsonb) r ("order" int8, seq int, product int, quantity numeric, entered_quantity numeric, entered_unit text)

-- name: orders_locked
-- Orders, kept for this transaction alone; locked in the order of their keys.
select o.id, o.name, o.version, o.status, o.priority, o.window_start, o.window_end, s.name as site, o.site_id, c.min_life_days
from customer_order o join site s on s.id = o.site_id join customer c on c.id = o.customer_id
where o.tenant_id = %(tenant)s and o.name = any(%(names)s::text[]) order by o.id for no key update of o

-- name: order_lines_locked
-- Their lines, with what tells whether goods of them expire.
select l.order_id, l.id, l.seq, l.product_id, p.sku, l.quantity, l.status, l.stands_for, p.expiry_days is not null or exists (
           select from lot x where x.product_id = p.id and x.tenant_id = p.tenant_id and x.best_before is not null) as expires
from order_line l join product p on p.id = l.product_id
where l.tenant_id = %(tenant)s and l.order_id = any(%(orders)s::int8[]) order by l.order_id, l.seq

-- name: order_steps_told
-- What was told of their lines and stands.
select t.line_id, t.client_id, t.kind, t.at, t.quantity, coalesce(t.lot_id, 0) as lot, t.place_id as place, t.to_place_id as to_place, t.handling_unit
from order_step t join order_line l on l.id = t.line_id
where t.tenant_id = %(tenant)s and l.order_id = any(%(orders)s::int8[]) and t.withdrawn_at is null

-- name: steps_known
-- Steps by the ids that whoever told them gave them, those that were taken back too.
select t.client_id, t.line_id, t.kind, t.quantity, t.withdrawn_at from order_step t
where t.tenant_id = %(tenant)s and t.client_id = any(%(ids)s)

-- name: add_steps
-- Steps as they are told now; those whose id another transaction was quicker with are not there.
insert into order_step (tenant_id, line_id, client_id, kind, at, quantity, actor, source, reason, lot_id, place_id, to_place_id,
                        handling_unit, evidence)
select %(tenant)s, r.line, r.id, r.kind, r.at, r.quantity, %(by)s, r.source, r.reason, nullif(r.lot, 0), r.place, r.to_place,
       r.handling_unit, r.evidence
from jsonb_to_recordset(%(rows)s::jsonb) r (line int8, id text, kind text, at timestamptz, quantity numeric, source text, reason text, lot int,
                                            place int, to_place int, handling_unit text, evidence jsonb)
order by r.id on conflict do nothing returning client_id

-- name: withdraw_steps
-- Steps that were not so: folded no more; whoever follows steps comes by them once more.
update order_step set withdrawn_at = now(), withdrawn_by = %(by)s, withdrawn_why = %(why)s, written_in = pg_current_xact_id()
where tenant_id = %(tenant)s and client_id = any(%(ids)s) and withdrawn_at is null

-- name: set_lines
-- What lines have come to.
update order_line l set status = r.status, stages = r.stages, waiting = r.waiting
from jsonb_to_recordset(%(rows)s::jsonb) r (id int8, status text, stages jsonb, waiting jsonb)
where l.id = r.id and l.tenant_id = %(tenant)s

-- name: set_orders
-- What orders have come to.
update customer_order o set status = r.status, version = version + 1, changed_at = now()
from jsonb_to_recordset(%(rows)s::jsonb) r (id int8, status text)
where o.tenant_id = %(tenant)s and o.id = r.id returning o.id, o.version

-- name: change_order
-- What is said of an order, when nobody else has said something since.
update customer_order set priority = %(priority)s, window_start = %(window_start)s, window_end = %(window_end)s, note = %(note)s,
    version = version + 1, changed_at = now()
where tenant_id = %(tenant)s and name = %(name)s and (%(version)s::int is null or version = %(version)s) returning version

-- name: claims
-- Goods on hand that are of orders' lines.
select l.order_id, a.line_id as line, a.stage, a.place_id as place, coalesce(a.lot_id, 0) as lot, a.unit, a.quantity
from order_allocation a join order_line l on l.id = a.line_id
where a.tenant_id = %(tenant)s and l.order_id = any(%(orders)s::int8[])

-- name: put_claims
-- Goods on hand that are lines' then.
insert into order_allocation as a (line_id, tenant_id, stage, product_id, place_id, lot_id, unit, quantity)
select r.line, %(tenant)s, r.stage, r.product, r.place, nullif(r.lot, 0), r.unit, r.quantity
from jsonb_to_recordset(%(rows)s::jsonb) r (line int8, stage text, product int, place int, lot int, unit text, quantity numeric)
where r.quantity > 0
on conflict (line_id, stage, place_id, lot_id, unit) do update set quantity = excluded.quantity

-- name: drop_claims
-- Goods that are lines' no more.
delete from order_allocation a using jsonb_to_recordset(%(rows)s::jsonb) r (line int8, stage text, place int, lot int, unit text, quantity numeric)
where a.tenant_id = %(tenant)s and a.line_id = r.line and a.stage = r.stage and a.place_id = r.place and a.lot_id is not distinct from nullif(r.lot, 0)
and a.unit = r.unit and r.quantity <= 0

-- name: goods_there
-- What lies at a site of products, less what is some line's already; a unit whose budget is spent is barred, and so are loose
-- goods of its lot, what is recalled, and what lies where it is not as cold as the product is to be.
select b.product_id as product, b.place_id as place, coalesce(b.lot_id, 0) as lot, b.unit, t.best_before,
       b.quantity - coalesce((select sum(a.quantity) from order_allocation a where a.tenant_id = b.tenant_id and a.place_id = b.place_id
           and a.product_id = b.product_id and a.lot_id is not distinct from b.lot_id and a.unit = b.unit), 0) as quantity,
       coalesce(case when b.unit <> '' then (
           select bool_or(g.verdict = 'fail') from handling_unit h join goods_budget g on g.unit_id = h.id
           where h.tenant_id = b.tenant_id and h.code = b.unit)
       else (select bool_or(g.verdict = 'fail') from goods_part c join goods_budget g on g.unit_id = c.unit_id
             where c.tenant_id = b.tenant_id and c.lot_id = b.lot_id) end, false) or exists (
           select from stock_hold q where q.tenant_id = b.tenant_id and q.unit = b.unit and q.released_at is null)
           or t.recalled_at is not null or coalesce(coalesce(n.temp_class, z.temp_class) <> p.temp_class, false) as barred
from ledger_balance b join ledger_place l on l.id = b.place_id join product p on p.id = b.product_id left join lot t on t.id = b.lot_id
left join zone z on z.id = l.zone_id left join bin n on n.id = l.bin_id
where b.tenant_id = %(tenant)s and b.product_id = any(%(products)s) and l.site_id = %(site)s and b.quantity > 0
order by b.place_id, 3, b.unit

-- name: claimed
-- What of products at a site, or anywhere, is orders' already.
select a.product_id, sum(a.quantity) as quantity from order_allocation a join ledger_place l on l.id = a.place_id left join site s on s.id = l.site_id
where a.tenant_id = %(tenant)s and a.product_id = any(%(products)s) and (%(site)s::text is null or s.name = %(site)s) group by 1

-- name: spots
-- What lies at places of products and lots, in units, and how much of it is orders'.
select r.n, coalesce((select sum(b.quantity) from ledger_balance b where b.tenant_id = %(tenant)s and b.place_id = r.place and b.product_id = r.product
           and b.lot_id is not distinct from nullif(r.lot, 0) and b.unit = r.unit), 0) as quantity,
       coalesce((select sum(a.quantity) from order_allocation a where a.tenant_id = %(tenant)s and a.place_id = r.place and a.product_id = r.product
           and a.lot_id is not distinct from nullif(r.lot, 0) and a.unit = r.unit and a.line_id <> r.line), 0) as others,
       exists (select from stock_hold q where q.tenant_id = %(tenant)s and q.unit = r.unit and q.released_at is null) as on_hold,
       (select x.code from lot x where x.tenant_id = %(tenant)s and x.id = r.lot and x.recalled_at is not null) as recalled
from jsonb_to_recordset(%(rows)s::jsonb) r (n int, line int8, place int, product int, lot int, unit text)

-- name: to_pick
-- Goods that orders were given and nobody has picked yet, with where they lie in their zone.
select o.name as "order", l.seq, p.sku, p.label, p.base_unit, a.quantity, t.code as lot, a.unit, s.name as site, z.name as zone, b.code as bin,
       z.label as zone_label, z.aisles, z.aisle_length_m, z.aisle_pitch_m, z.depot, b.aisle, b.along_m
from order_allocation a join order_line l on l.id = a.line_id join customer_order o on o.id = l.order_id join product p on p.id = a.product_id
join ledger_place g on g.id = a.place_id left join lot t on t.id = a.lot_id left join site s on s.id = g.site_id
left join zone z on z.id = g.zone_id left join bin b on b.id = g.bin_id
where a.tenant_id = %(tenant)s and a.stage = 'allocated' and o.name = any(%(orders)s) and (%(zone)s::text is null or z.name = %(zone)s)
order by s.name, z.name nulls first, b.code nulls first, p.sku, t.code nulls first, a.unit, o.name, l.seq limit %(limit)s

-- name: claims_judged
-- Goods that an order was given, with what is there when those that were picked and more urgent orders have theirs.
with held as (
    select a.*, o.name, sum(a.quantity) over (
               partition by a.place_id, a.product_id, a.lot_id, a.unit
               order by a.stage = 'allocated', o.priority desc, coalesce(o.window_end, 'infinity'), a.line_id, a.stage
               rows unbounded preceding) as upto
    from order_allocation a join order_line l on l.id = a.line_id join customer_order o on o.id = l.order_id
    where a.tenant_id = %(tenant)s and exists (
        select from order_allocation x join order_line y on y.id = x.line_id join customer_order z on z.id = y.order_id
        where z.tenant_id = %(tenant)s and z.name = %(name)s and x.place_id = a.place_id and x.product_id = a.product_id)
)
select h.line_id as line, h.place_id as place, coalesce(h.lot_id, 0) as lot, h.unit, h.quantity, h.upto, coalesce(b.quantity, 0) as there, t.best_before,
       coalesce(case when h.unit <> '' then (
           select bool_or(g.verdict = 'fail') from handling_unit u join goods_budget g on g.unit_id = u.id
           where u.tenant_id = h.tenant_id and u.code = h.unit)
       else (select bool_or(g.verdict = 'fail') from goods_part c join goods_budget g on g.unit_id = c.unit_id
             where c.tenant_id = h.tenant_id and c.lot_id = h.lot_id) end, false) as failed,
       exists (select from stock_hold q where q.tenant_id = h.tenant_id and q.unit = h.unit and q.released_at is null) as on_hold,
       t.recalled_at is not null as recalled, coalesce(coalesce(n.temp_class, y.temp_class) <> p.temp_class, false) as misplaced
from held h join ledger_place e on e.id = h.place_id join product p on p.id = h.product_id left join zone y on y.id = e.zone_id
left join bin n on n.id = e.bin_id left join lot t on t.id = h.lot_id left join ledger_balance b on b.tenant_id = h.tenant_id and b.place_id = h.place_id
    and b.product_id = h.product_id and b.lot_id is not distinct from h.lot_id and b.unit = h.unit
where h.name = %(name)s and h.stage = 'allocated' order by h.line_id, h.place_id, 3, h.unit

-- name: orders_to_mend
-- Orders of all tenants of whose goods some may be gone or no more good; whether they are is judged one by one.
with held as (
    select a.*, o.name, greatest(now(), coalesce(o.window_end, o.window_start)) + c.min_life_days * interval '1 day' as lasting,
           sum(a.quantity) over (partition by a.place_id, a.product_id, a.lot_id, a.unit) as claimed
    from order_allocation a join order_line l on l.id = a.line_id join customer_order o on o.id = l.order_id join customer c on c.id = o.customer_id
)
select distinct h.tenant_id as tenant, h.name from held h join ledger_place e on e.id = h.place_id join product p on p.id = h.product_id
left join zone y on y.id = e.zone_id left join bin n on n.id = e.bin_id left join lot t on t.id = h.lot_id
left join ledger_balance b on b.tenant_id = h.tenant_id and b.place_id = h.place_id and b.product_id = h.product_id
    and b.lot_id is not distinct from h.lot_id and b.unit = h.unit
where h.stage = 'allocated' and (h.claimed > coalesce(b.quantity, 0) or t.best_before <= h.lasting
    or coalesce(case when h.unit <> '' then (
           select bool_or(g.verdict = 'fail') from handling_unit u join goods_budget g on g.unit_id = u.id
           where u.tenant_id = h.tenant_id and u.code = h.unit)
       else (select bool_or(g.verdict = 'fail') from goods_part c join goods_budget g on g.unit_id = c.unit_id
             where c.tenant_id = h.tenant_id and c.lot_id = h.lot_id) end, false)
    or t.recalled_at is not null or coalesce(n.temp_class, y.temp_class) <> p.temp_class
    or exists (select from stock_hold q where q.tenant_id = h.tenant_id and q.unit = h.unit and q.released_at is null))
order by 1, 2

-- name: count_made_by
-- How many orders somebody ever made.
select count(*) as count from customer_order o where o.tenant_id = %(tenant)s and o.created_by = %(by)s

-- name: orders_made_by
-- Orders that somebody made and that are not through.
select o.name from customer_order o where o.tenant_id = %(tenant)s and o.created_by = %(by)s and o.status in ('open', 'allocated')

-- name: orders
-- Orders as a board has them: what is urgent first; or one.
select o.id as key, o.name as id, c.code as customer, c.label as customer_label, t.code as ship_to, s.name as site, o.reference, o.priority,
       o.window_start, o.window_end, o.note, o.status, o.version, o.ordered_at, o.created_by, o.changed_at,
       (select h.name from shipment_order x join shipment h on h.id = x.shipment_id
        where x.tenant_id = o.tenant_id and x.order_id = o.id and h.status <> 'cancelled' order by h.status = 'delivered', x.added_at desc limit 1) as shipment,
       (select k.name from customer_order k where k.tenant_id = o.tenant_id and k.id = o.split_from) as split_from,
       array(select k.name from customer_order k where k.tenant_id = o.tenant_id and k.split_from = o.id order by k.id) as split_to
from customer_order o join customer c on c.id = o.customer_id join site s on s.id = o.site_id left join ship_to t on t.id = o.ship_to_id
where o.tenant_id = %(tenant)s and (%(id)s::text is null or o.name = %(id)s)
and (%(statuses)s::text[] is null or o.status = any(%(statuses)s)) and (%(customer)s::text is null or c.code = %(customer)s)
and (%(site)s::text is null or s.name = %(site)s)
and (%(search)s::text is null or position(lower(%(search)s) in lower(o.name || ' ' || o.reference || ' ' || c.code || ' ' || c.label)) > 0)
and (%(after)s::int8 is null or (-o.priority, coalesce(o.window_end, 'infinity'), o.id) > (-%(priority)s::int, %(due)s::timestamptz, %(after)s::int8))
order by -o.priority, coalesce(o.window_end, 'infinity'), o.id limit %(limit)s

-- name: told
-- Orders by name, as news of them say.
select o.name as id, c.code as customer, s.name as site, o.reference, o.priority, o.status, o.version, o.window_end
from customer_order o join customer c on c.id = o.customer_id join site s on s.id = o.site_id
where o.tenant_id = %(tenant)s and o.name = any(%(names)s::text[]) order by o.id

-- name: lines_of
-- Lines of orders.
select l.order_id, l.seq, p.sku, p.label, p.base_unit, l.quantity, l.entered_quantity, l.entered_unit, l.status, l.stages, l.waiting,
       w.name as for_order, coalesce(f.order_id = l.order_id, false) as instead, f.seq as for_line, q.sku as for_sku, q.label as for_label
from order_line l join product p on p.id = l.product_id left join order_line f on f.id = l.stands_for left join customer_order w on w.id = f.order_id
left join product q on q.id = f.product_id
where l.tenant_id = %(tenant)s and l.order_id = any(%(orders)s) order by l.order_id, l.seq

-- name: claims_of
-- Goods of an order's lines, with the names of their places.
select l.seq, a.stage, a.quantity, t.code as lot, a.unit, s.name as site, z.name as zone, b.code as bin, v.name as vehicle, g.kind
from order_allocation a join order_line l on l.id = a.line_id join ledger_place g on g.id = a.place_id left join lot t on t.id = a.lot_id
left join site s on s.id = g.site_id left join zone z on z.id = g.zone_id left join bin b on b.id = g.bin_id left join vehicle v on v.id = g.vehicle_id
where a.tenant_id = %(tenant)s and l.order_id = %(order)s order by l.seq, a.stage, s.name, z.name, b.code, t.code, a.unit

-- name: steps_of
-- What was told of an order's lines, the newest first.
select t.id as key, t.client_id as id, l.seq, p.sku, t.kind, t.at, t.recorded_at, t.quantity, t.actor, t.source, t.reason, x.code as lot,
       t.handling_unit, t.evidence, f.kind as from_kind, fs.name as from_site, fz.name as from_zone, fb.code as from_bin, fv.name as from_vehicle,
       g.kind as to_kind, gs.name as to_site, gz.name as to_zone, gb.code as to_bin, gv.name as to_vehicle,
       (l.waiting ->> t.client_id)::numeric as waiting
from order_step t join order_line l on l.id = t.line_id join product p on p.id = l.product_id left join lot x on x.id = t.lot_id
left join ledger_place f on f.id = t.place_id left join site fs on fs.id = f.site_id left join zone fz on fz.id = f.zone_id
left join bin fb on fb.id = f.bin_id left join vehicle fv on fv.id = f.vehicle_id
left join ledger_place g on g.id = t.to_place_id left join site gs on gs.id = g.site_id left join zone gz on gz.id = g.zone_id
left join bin gb on gb.id = g.bin_id left join vehicle gv on gv.id = g.vehicle_id
where t.tenant_id = %(tenant)s and l.order_id = %(order)s and (%(after)s::int8 is null or t.id < %(after)s)
order by t.id desc limit %(limit)s
