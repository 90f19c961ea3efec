-- Kinds of packaging, what may not stand together in one, and what of an order is to be packed.

-- name: packagings
-- Kinds of packaging by code; or one.
select p.code as id, p.label, p.kind, p.length_mm, p.width_mm, p.height_mm, p.load_kg, p.tare_kg, p.fill_max, p.temp_classes
from packaging p where p.tenant_id = %(tenant)s and p.code > %(after)s and (%(id)s::text is null or p.code = %(id)s)
order by p.code limit %(limit)s

-- name: put_packaging
-- A kind of packaging, made or changed.
insert into packaging (tenant_id, code, label, kind, length_mm, width_mm, height_mm, load_kg, tare_kg, fill_max, temp_classes)
values (%(tenant)s, %(id)s, %(label)s, %(kind)s, %(length_mm)s, %(width_mm)s, %(height_mm)s, %(load_kg)s, %(tare_kg)s, %(fill_max)s, %(temp_classes)s)
on conflict (tenant_id, code) do update set label = excluded.label, kind = excluded.kind, length_mm = excluded.length_mm, width_mm = excluded.width_mm,
    height_mm = excluded.height_mm, load_kg = excluded.load_kg, tare_kg = excluded.tare_kg, fill_max = excluded.fill_max,
    temp_classes = excluded.temp_classes
returning id

-- name: count_packagings
-- How many kinds of packaging there are.
select count(*) as count from packaging p where p.tenant_id = %(tenant)s

-- name: drop_packaging
-- A kind of packaging that is proposed no more.
delete from packaging where tenant_id = %(tenant)s and code = %(id)s returning id

-- name: packing_rules
-- Words that may not stand together.
select r.one, r.other from packing_rule r where r.tenant_id = %(tenant)s order by r.one, r.other

-- name: drop_packing_rules
-- Nothing has to stand apart.
delete from packing_rule where tenant_id = %(tenant)s

-- name: put_packing_rules
-- Words that may not stand together, each pair in its order.
insert into packing_rule (tenant_id, one, other) select %(tenant)s, r.one, r.other from jsonb_to_recordset(%(rows)s::jsonb) r (one text, other text)
on conflict do nothing

-- name: to_pack
-- What of an order is picked, loose and not packed yet, with what is known of how large and heavy a piece is.
select l.seq, p.sku, p.label, p.base_unit, a.quantity, t.code as lot, s.name as site, z.name as zone, b.code as bin, v.name as vehicle, g.kind,
       coalesce(p.gross_mass_kg, p.unit_mass_kg) as mass_kg, p.length_mm, p.width_mm, p.height_mm, p.temp_class, p.apart
from order_allocation a join order_line l on l.id = a.line_id join customer_order o on o.id = l.order_id join product p on p.id = l.product_id
join ledger_place g on g.id = a.place_id left join lot t on t.id = a.lot_id left join site s on s.id = g.site_id
left join zone z on z.id = g.zone_id left join bin b on b.id = g.bin_id left join vehicle v on v.id = g.vehicle_id
where a.tenant_id = %(tenant)s and o.name = %(order)s and a.stage = 'picked' and a.unit = ''
order by l.seq, s.name, z.name, b.code, t.code
