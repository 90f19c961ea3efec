-- Bins with what they take and what lies there, for who advises, puts away and refills.

-- name: bins_told
-- Bins of a site that are in use, with their limits: those of a zone, or those by name.
select b.id as key, b.code, z.name as zone, z.id as zone_key, b.aisle, b.along_m, b.level, b.kind, b.volume_m3, b.load_kg, b.pallets, b.height_mm,
       coalesce(b.temp_class, z.temp_class) as temp_class, b.mixing, f.sku as face_of, b.face_full, z.aisles, z.aisle_length_m, z.aisle_pitch_m, z.depot
from bin b join site s on s.id = b.site_id join zone z on z.id = b.zone_id left join product f on f.id = b.face_product_id
where b.tenant_id = %(tenant)s and s.name = %(site)s and b.retired_at is null and (%(zone)s::text is null or z.name = %(zone)s)
and (%(codes)s::text[] is null or b.code = any(%(codes)s)) order by b.code limit %(limit)s

-- name: goods_in_bins
-- What lies in bins, with what one base unit takes up and how many are on a pallet.
select l.bin_id as bin_key, p.sku, p.label, p.base_unit, k.quantity, t.code as lot, t.best_before, k.unit, p.temp_class, p.apart, p.height_mm,
       (p.length_mm::float8 * p.width_mm * p.height_mm / 1e9)::float8 as m3, coalesce(p.gross_mass_kg, p.unit_mass_kg) as kg,
       (select u.numerator / u.denominator from product_unit u where u.product_id = p.id and u.tenant_id = p.tenant_id and u.name = 'pallet') as per_pallet
from ledger_place l join ledger_balance k on k.place_id = l.id join product p on p.id = k.product_id left join lot t on t.id = k.lot_id
where l.tenant_id = %(tenant)s and l.bin_id = any(%(bins)s::int[]) and k.quantity > 0 order by l.bin_id, p.sku, t.code

-- name: lock_bin
-- A bin that is in use, kept for this transaction alone, with its zone.
select b.id as key, z.name as zone from bin b join site s on s.id = b.site_id join zone z on z.id = b.zone_id
where b.tenant_id = %(tenant)s and s.name = %(site)s and b.code = %(code)s and b.retired_at is null for no key update of b

-- name: goods_told
-- What one base unit of a product takes up, how many are in a case and on a pallet.
select p.sku, p.label, p.base_unit, p.temp_class, p.apart, p.height_mm, (p.length_mm::float8 * p.width_mm * p.height_mm / 1e9)::float8 as m3,
       coalesce(p.gross_mass_kg, p.unit_mass_kg) as kg,
       (select u.numerator / u.denominator from product_unit u where u.product_id = p.id and u.tenant_id = p.tenant_id and u.name = 'pallet') as per_pallet,
       (select u.numerator / u.denominator from product_unit u where u.product_id = p.id and u.tenant_id = p.tenant_id and u.name = 'case') as per_case
from product p where p.tenant_id = %(tenant)s and p.sku = %(sku)s

-- name: waiting
-- Goods of a site that have come in and lie in no bin yet, or in one for what comes in; the oldest first.
select p.sku, p.label, p.base_unit, k.quantity, t.code as lot, t.best_before, k.unit, s.name as site, z.name as zone, b.code as bin, k.moved_at, l.id as place,
       p.id as product, coalesce(t.id, 0) as lot_id
from ledger_place l join site s on s.id = l.site_id join ledger_balance k on k.place_id = l.id join product p on p.id = k.product_id
left join zone z on z.id = l.zone_id left join bin b on b.id = l.bin_id left join lot t on t.id = k.lot_id
where l.tenant_id = %(tenant)s and s.name = %(site)s and l.kind = 'site' and k.quantity > 0 and (l.bin_id is null or b.kind = 'receiving')
and exists (select from bin x where x.site_id = s.id and x.retired_at is null)
and (%(moved)s::timestamptz is null or (k.moved_at, l.id, p.id, coalesce(t.id, 0), k.unit) > (%(moved)s, %(a)s, %(b)s, %(c)s, %(d)s))
order by k.moved_at, l.id, p.id, coalesce(t.id, 0), k.unit limit %(limit)s

-- name: wanted_now
-- Orders of a site that have no goods of a product yet and are due by a time, the most urgent first, with how many they lack.
select o.name as "order", (l.stages ->> 'open')::numeric as quantity, o.window_end
from order_line l join customer_order o on o.id = l.order_id join site s on s.id = o.site_id join product p on p.id = l.product_id
where l.tenant_id = %(tenant)s and s.name = %(site)s and p.sku = %(sku)s and l.stages ? 'open' and o.status in ('open', 'allocated', 'picked', 'packed')
and o.window_end <= %(until)s order by -o.priority, o.window_end, o.id limit 50

-- name: picked_where
-- Where a product lies best: its pick face at a site, else the bin that it was picked from most.
select b.code from bin b join site s on s.id = b.site_id
left join product f on f.id = b.face_product_id and f.sku = %(sku)s
left join lateral (
    select count(*) as picks from ledger_place l join ledger_move m on m.from_place = l.id join product p on p.id = m.product_id
    where l.bin_id = b.id and p.sku = %(sku)s and m.kind = 'pick' and m.entry <> 'reversal' and m.moved_at >= %(since)s) t on true
where b.tenant_id = %(tenant)s and s.name = %(site)s and b.retired_at is null and (f.id is not null or t.picks > 0)
order by f.id is null, t.picks desc, b.code limit 1

-- name: faces
-- Pick faces of a site with what lies there, and what released waves still want of their products.
select b.id as key, b.code, z.name as zone, p.sku, p.label, p.base_unit, p.id as product_key,
       (select coalesce(sum(k.quantity), 0) from ledger_place l join ledger_balance k on k.place_id = l.id
        where l.bin_id = b.id and k.product_id = p.id and k.tenant_id = b.tenant_id) as lies,
       (select coalesce(sum(coalesce((n.stages ->> 'allocated')::numeric, 0) + coalesce((n.stages ->> 'open')::numeric, 0)), 0)
        from order_line n join wave_order e on e.order_id = n.order_id and not e.dropped join wave w on w.id = e.wave_id and w.status = 'released'
        where n.tenant_id = b.tenant_id and n.product_id = p.id and w.site_id = b.site_id) as released
from bin b join site s on s.id = b.site_id join zone z on z.id = b.zone_id join product p on p.id = b.face_product_id
where b.tenant_id = %(tenant)s and s.name = %(site)s and b.retired_at is null order by b.code limit %(limit)s

-- name: picked_in_spans
-- What was picked of products at a site, span by span before a time; spans in which nothing was are not told.
select p.sku, floor(extract(epoch from %(now)s::timestamptz - m.moved_at) / %(span_s)s)::int as span, sum(m.quantity) as quantity
from ledger_move m join ledger_place l on l.id = m.from_place join site s on s.id = l.site_id join product p on p.id = m.product_id
where m.tenant_id = %(tenant)s and s.name = %(site)s and m.product_id = any(%(products)s::int[]) and m.kind = 'pick' and m.entry <> 'reversal'
and m.moved_at >= %(since)s and m.moved_at < %(now)s
and not exists (select from ledger_move c where c.corrects = m.id and c.entry = 'reversal') group by 1, 2

-- name: reserve
-- Goods of products that lie in bins of a site for what is kept, usable and promised to nobody.
select b.code, p.sku, t.code as lot, t.best_before, k.unit, k.quantity - coalesce(a.quantity, 0) as quantity
from bin b join site s on s.id = b.site_id join ledger_place l on l.bin_id = b.id join ledger_balance k on k.place_id = l.id
join product p on p.id = k.product_id left join lot t on t.id = k.lot_id left join lateral (
    select sum(x.quantity) as quantity from order_allocation x where x.place_id = l.id and x.product_id = k.product_id
    and x.lot_id is not distinct from k.lot_id and x.unit = k.unit and x.tenant_id = k.tenant_id) a on true
where b.tenant_id = %(tenant)s and s.name = %(site)s and b.retired_at is null and (b.kind is null or b.kind in ('reserve', 'floor'))
and k.product_id = any(%(products)s::int[]) and k.quantity > coalesce(a.quantity, 0) and (t.best_before is null or t.best_before > %(now)s)
and not exists (select from stock_hold q where q.tenant_id = k.tenant_id and q.unit = k.unit and q.released_at is null and k.unit <> '')
order by t.best_before nulls last, b.code, p.sku
