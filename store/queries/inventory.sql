-- Products, places, lots and opening stock as one file brings them, all in one transaction.

-- name: products_there
-- Products by SKU as they are, with their units.
select p.sku, p.label, p.gtin, p.unit_mass_kg, p.low_c, p.high_c, p.reorder_point, p.base_unit, p.unit_value, p.attributes,
       p.retired_at is not null as retired, exists (select from ledger_move m where m.product_id = p.id) as moved,
       (select coalesce(array_agg(u.name), '{}') from product_unit u where u.product_id = p.id and u.tenant_id = p.tenant_id) as units
from product p where p.tenant_id = %(tenant)s and p.sku = any(%(skus)s::text[])

-- name: gtins_there
-- Whose these GTINs are.
select gtin, sku from product where tenant_id = %(tenant)s and gtin = any(%(gtins)s::text[])

-- name: bring_products
-- Products, made or changed; what the file does not say stays as it is.
insert into product as p (tenant_id, sku, label, gtin, unit_mass_kg, low_c, high_c, reorder_point, base_unit, unit_value, attributes)
select %(tenant)s, r.sku, coalesce(r.label, r.sku), r.gtin, r.unit_mass_kg, r.low_c, r.high_c, r.reorder_point, coalesce(r.base_unit, 'piece'),
       r.unit_value, coalesce(r.attributes, '{}')
from jsonb_to_recordset(%(rows)s::jsonb) as r (sku text, label text, gtin text, unit_mass_kg float8, low_c float8, high_c float8,
    reorder_point float8, base_unit text, unit_value numeric, attributes jsonb)
on conflict (tenant_id, sku) do update set
    label = case when excluded.label = excluded.sku then p.label else excluded.label end, gtin = coalesce(excluded.gtin, p.gtin),
    unit_mass_kg = coalesce(excluded.unit_mass_kg, p.unit_mass_kg), low_c = coalesce(excluded.low_c, p.low_c),
    high_c = coalesce(excluded.high_c, p.high_c), reorder_point = coalesce(excluded.reorder_point, p.reorder_point),
    base_unit = case when excluded.base_unit = 'piece' then p.base_unit else excluded.base_unit end,
    unit_value = coalesce(excluded.unit_value, p.unit_value), attributes = p.attributes || excluded.attributes

-- name: bring_units
-- Packs of products, made or changed.
insert into product_unit (product_id, name, tenant_id, numerator, denominator)
select p.id, r.name, %(tenant)s, r.quantity, 1 from jsonb_to_recordset(%(rows)s::jsonb) as r (sku text, name text, quantity numeric)
join product p on p.tenant_id = %(tenant)s and p.sku = r.sku
on conflict (product_id, name) do update set numerator = excluded.numerator, denominator = excluded.denominator

-- name: places_there
-- Sites by name with their zones and bins; of a bin the zone it is in.
select s.name as site, s.retired_at is not null as retired,
       (select coalesce(array_agg(z.name), '{}') from zone z where z.site_id = s.id and z.tenant_id = s.tenant_id and z.retired_at is null) as zones,
       (select coalesce(jsonb_object_agg(b.code, z.name), '{}') from bin b join zone z on z.id = b.zone_id
        where b.site_id = s.id and b.tenant_id = s.tenant_id and b.code = any(%(bins)s::text[])) as bins
from site s where s.tenant_id = %(tenant)s and s.name = any(%(sites)s::text[])

-- name: bring_sites
-- Sites that are new.
insert into site (tenant_id, name, label, kind, lat, lon)
select %(tenant)s, r.site, r.label, r.kind, r.lat, r.lon
from jsonb_to_recordset(%(rows)s::jsonb) as r (site text, label text, kind text, lat float8, lon float8)

-- name: bring_zones
-- Zones that are new.
insert into zone (tenant_id, site_id, name, label)
select %(tenant)s, s.id, r.zone, r.zone from jsonb_to_recordset(%(rows)s::jsonb) as r (site text, zone text)
join site s on s.tenant_id = %(tenant)s and s.name = r.site on conflict (site_id, name) do update set retired_at = null

-- name: bring_bins
-- Bins that are new, taken up again, or of which more is told; what is not told stays.
insert into bin as b (tenant_id, site_id, zone_id, code, aisle, along_m, level, kind, volume_m3, load_kg, pallets, height_mm, temp_class, mixing)
select %(tenant)s, s.id, z.id, r.bin, r.bin_aisle, r.bin_along_m, r.bin_level, r.bin_kind, r.bin_volume_m3, r.bin_load_kg, r.bin_pallets, r.bin_height_mm,
       r.bin_temp_class, coalesce(r.bin_mixing, 'any')
from jsonb_to_recordset(%(rows)s::jsonb) as r (site text, zone text, bin text, bin_aisle int, bin_along_m float8, bin_level int, bin_kind text,
     bin_volume_m3 float8, bin_load_kg float8, bin_pallets int, bin_height_mm int, bin_temp_class text, bin_mixing text)
join site s on s.tenant_id = %(tenant)s and s.name = r.site join zone z on z.site_id = s.id and z.name = r.zone
on conflict (site_id, code) do update set retired_at = null, aisle = coalesce(excluded.aisle, b.aisle), along_m = coalesce(excluded.along_m, b.along_m),
    level = coalesce(excluded.level, b.level), kind = coalesce(excluded.kind, b.kind), volume_m3 = coalesce(excluded.volume_m3, b.volume_m3),
    load_kg = coalesce(excluded.load_kg, b.load_kg), pallets = coalesce(excluded.pallets, b.pallets),
    height_mm = coalesce(excluded.height_mm, b.height_mm), temp_class = coalesce(excluded.temp_class, b.temp_class),
    mixing = case when excluded.mixing = 'any' then b.mixing else excluded.mixing end,
    face_product_id = case when coalesce(excluded.kind, b.kind) = 'pick_face' then b.face_product_id end

-- name: lots_there
-- Lots by code, and of which product each is.
select l.code, p.sku from lot l join product p on p.id = l.product_id
where l.tenant_id = %(tenant)s and l.code = any(%(codes)s::text[])

-- name: bring_lots
-- Lots that are new, and days that were not known.
insert into lot as l (tenant_id, code, product_id, made_at, best_before, declared_by)
select %(tenant)s, r.lot, p.id, r.made_at, r.best_before, %(by)s
from jsonb_to_recordset(%(rows)s::jsonb) as r (lot text, sku text, made_at timestamptz, best_before timestamptz)
join product p on p.tenant_id = %(tenant)s and p.sku = r.sku
on conflict (tenant_id, code) do update set made_at = coalesce(excluded.made_at, l.made_at),
    best_before = coalesce(excluded.best_before, l.best_before)
