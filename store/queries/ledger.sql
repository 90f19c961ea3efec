-- The stock ledger as it is read: its moves, its levels now and then, bins and units.

-- name: places_matching
-- Keys of places that are asked for by name.
select l.id from ledger_place l left join site s on s.id = l.site_id left join zone z on z.id = l.zone_id left join bin b on b.id = l.bin_id
left join vehicle v on v.id = l.vehicle_id
where l.tenant_id = %(tenant)s and (%(site)s::text is null or s.name = %(site)s) and (%(zone)s::text is null or z.name = %(zone)s)
and (%(bin)s::text is null or b.code = %(bin)s) and (%(vehicle)s::text is null or v.name = %(vehicle)s)

-- name: keys_asked
-- Keys of a product and a lot that are asked for by name; -1: there is none.
select case when %(sku)s::text is not null then coalesce((select p.id from product p where p.tenant_id = %(tenant)s and p.sku = %(sku)s), -1)
       end as product,
       case when %(lot)s::text is not null then coalesce((select t.id from lot t where t.tenant_id = %(tenant)s and t.code = %(lot)s), -1)
       end as lot

-- name: moves
-- Moves, the newest first; `change` is what each did to the places that are asked for.
with page as materialized (
    select m.* from ledger_move m
    where m.tenant_id = %(tenant)s and (%(product)s::int is null or m.product_id = %(product)s) and (%(lot)s::int is null or m.lot_id = %(lot)s)
    and (%(places)s::int[] is null or m.to_place = any(%(places)s) or m.from_place = any(%(places)s))
    and (%(unit)s::text is null or m.to_unit = %(unit)s or m.from_unit = %(unit)s)
    and (%(kind)s::text is null or m.kind = %(kind)s) and (%(reference)s::text is null or m.reference = %(reference)s)
    and (%(since)s::timestamptz is null or m.moved_at >= %(since)s) and (%(until)s::timestamptz is null or m.moved_at < %(until)s)
    and (%(names)s::text[] is null or m.client_id = any(%(names)s))
    and (%(before)s::timestamptz is null or (m.moved_at, m.id) < (%(before)s, %(before_id)s))
    order by m.moved_at desc, m.id desc limit %(limit)s)
select m.id as key, m.client_id as id, m.kind, m.entry, c.client_id as corrects, m.moved_at, m.recorded_at, p.sku, p.label, p.base_unit,
       t.code as lot, fl.kind as from_kind, fs.name as from_site, fz.name as from_zone, fb.code as from_bin, fv.name as from_vehicle,
       tl.kind as to_kind, ts.name as to_site, tz.name as to_zone, tb.code as to_bin, tv.name as to_vehicle, m.from_unit, m.to_unit,
       m.quantity, m.entered_quantity, m.entered_unit, m.actor, m.source, m.reason, m.reference, m.evidence,
       (select r.client_id from ledger_move r where r.corrects = m.id and r.entry = 'reversal') as taken_back_by,
       (select r.client_id from ledger_move r where r.corrects = m.id and r.entry = 'replacement') as corrected_by,
       m.quantity * ((m.to_place = any(%(places)s::int[]))::int - (m.from_place = any(%(places)s::int[]))::int) as change
from page m join product p on p.id = m.product_id left join lot t on t.id = m.lot_id left join ledger_move c on c.id = m.corrects
join ledger_place fl on fl.id = m.from_place left join site fs on fs.id = fl.site_id left join zone fz on fz.id = fl.zone_id
left join bin fb on fb.id = fl.bin_id left join vehicle fv on fv.id = fl.vehicle_id
join ledger_place tl on tl.id = m.to_place left join site ts on ts.id = tl.site_id left join zone tz on tz.id = tl.zone_id
left join bin tb on tb.id = tl.bin_id left join vehicle tv on tv.id = tl.vehicle_id
order by m.moved_at desc, m.id desc

-- name: running
-- How much of a product was at places after each of these moves, by event time.
select x.id, x.balance from (
    select m.id, sum(m.quantity * ((m.to_place = any(%(places)s) and (%(unit)s::text is null or m.to_unit = %(unit)s))::int
                                   - (m.from_place = any(%(places)s) and (%(unit)s::text is null or m.from_unit = %(unit)s))::int))
           over (order by m.moved_at, m.id) as balance
    from ledger_move m where m.tenant_id = %(tenant)s and m.product_id = %(product)s and (%(lot)s::int is null or m.lot_id = %(lot)s)
    and (m.to_place = any(%(places)s) or m.from_place = any(%(places)s))) x
where x.id = any(%(ids)s::int8[])

-- name: levels
-- What is where, line by line, as it is now; beside it what sensors saw of the product in the zone.
with page as materialized (
    select b.place_id, b.product_id, coalesce(b.lot_id, 0) as lot_id, b.unit, b.quantity, b.moved_at, b.changed_at, b.counted_at, b.counted
    from ledger_balance b
    where b.tenant_id = %(tenant)s and (%(places)s::int[] is null or b.place_id = any(%(places)s))
    and (%(product)s::int is null or b.product_id = %(product)s) and (%(lot)s::int is null or b.lot_id = %(lot)s)
    and (%(unit)s::text is null or b.unit = %(unit)s) and (%(empty)s or b.quantity <> 0)
    and (%(search)s::text is null or exists (
        select from product p join ledger_place l on l.id = b.place_id left join lot t on t.id = b.lot_id left join bin n on n.id = l.bin_id
        where p.id = b.product_id
        and strpos(lower(concat_ws(' ', p.sku, p.label, p.gtin, t.code, n.code, b.unit)), lower(%(search)s)) > 0))
    and (%(expires_by)s::timestamptz is null or exists (select from lot t where t.id = b.lot_id and t.best_before <= %(expires_by)s))
    and (not %(low)s or exists (
        select from product p join ledger_place l on l.id = b.place_id and l.site_id is not null
        where p.id = b.product_id and p.reorder_point >= (
            select sum(k.quantity) from ledger_balance k join ledger_place o on o.id = k.place_id
            where k.product_id = b.product_id and o.site_id = l.site_id)))
    and (b.place_id, b.product_id) >= (%(a)s, %(b)s)
    and (b.place_id, b.product_id, coalesce(b.lot_id, 0), b.unit) > (%(a)s, %(b)s, %(c)s, %(d)s)
    order by b.place_id, b.product_id, coalesce(b.lot_id, 0), b.unit limit %(limit)s)
select b.*, s.name as site, z.name as zone, n.code as bin, v.name as vehicle, p.sku, p.label, p.base_unit, p.reorder_point, t.code as lot, t.best_before,
       e.quantity as evidence_quantity, e.confidence, e.last_evidence_at, e.source
from page b join ledger_place l on l.id = b.place_id join product p on p.id = b.product_id left join lot t on t.id = b.lot_id
left join site s on s.id = l.site_id left join zone z on z.id = l.zone_id left join bin n on n.id = l.bin_id
left join vehicle v on v.id = l.vehicle_id
left join stock_level e on e.site_id = l.site_id and e.zone_id = l.zone_id and e.product_id = b.product_id
order by b.place_id, b.product_id, b.lot_id, b.unit

-- name: levels_then
-- The same as it was at a moment, by what was known at another; of sensors nothing is said.
with delta as (
    select m.to_place as place_id, m.product_id, coalesce(m.lot_id, 0) as lot_id, m.to_unit as unit, m.quantity, m.moved_at, m.recorded_at
    from ledger_move m
    where m.tenant_id = %(tenant)s and m.kind <> 'count' and m.moved_at <= %(as_of)s and m.recorded_at <= %(known_at)s
    and (%(places)s::int[] is null or m.to_place = any(%(places)s)) and (%(product)s::int is null or m.product_id = %(product)s)
    union all
    select m.from_place, m.product_id, coalesce(m.lot_id, 0), m.from_unit, -m.quantity, m.moved_at, m.recorded_at from ledger_move m
    where m.tenant_id = %(tenant)s and m.kind <> 'count' and m.moved_at <= %(as_of)s and m.recorded_at <= %(known_at)s
    and (%(places)s::int[] is null or m.from_place = any(%(places)s)) and (%(product)s::int is null or m.product_id = %(product)s)
), page as materialized (
    select d.place_id, d.product_id, d.lot_id, d.unit, sum(d.quantity) as quantity, max(d.moved_at) as moved_at,
           max(d.recorded_at) as changed_at
    from delta d join ledger_place l on l.id = d.place_id and l.kind in ('site', 'vehicle')
    where (%(lot)s::int is null or d.lot_id = %(lot)s) and (%(unit)s::text is null or d.unit = %(unit)s)
    and (d.place_id, d.product_id, d.lot_id, d.unit) > (%(a)s, %(b)s, %(c)s, %(d)s)
    group by 1, 2, 3, 4 having %(empty)s or sum(d.quantity) <> 0 order by 1, 2, 3, 4 limit %(limit)s)
select b.*, null::timestamptz as counted_at, null::numeric as counted, s.name as site, z.name as zone, n.code as bin, v.name as vehicle,
       p.sku, p.label, p.base_unit, p.reorder_point, t.code as lot, t.best_before, null::float8 as evidence_quantity
from page b join ledger_place l on l.id = b.place_id join product p on p.id = b.product_id left join lot t on t.id = b.lot_id
left join site s on s.id = l.site_id left join zone z on z.id = l.zone_id left join bin n on n.id = l.bin_id
left join vehicle v on v.id = l.vehicle_id
order by b.place_id, b.product_id, b.lot_id, b.unit

-- name: zone_levels
-- What is in each zone by product, all lots together, beside what sensors saw; either may know nothing of the other.
with ledger as (
    select l.site_id, l.zone_id, b.product_id, sum(b.quantity) as quantity, max(b.moved_at) as moved_at, max(b.changed_at) as changed_at,
           case when bool_and(b.counted_at is not null) then min(b.counted_at) end as counted_at
    from ledger_balance b join ledger_place l on l.id = b.place_id
    where b.tenant_id = %(tenant)s and l.kind = 'site' and (b.quantity <> 0 or b.counted_at is not null)
    and (%(places)s::int[] is null or b.place_id = any(%(places)s)) and (%(product)s::int is null or b.product_id = %(product)s)
    group by 1, 2, 3)
select s.name as site, z.name as zone, p.sku, p.label, p.base_unit, p.reorder_point, coalesce(w.quantity, 0) as quantity, w.moved_at, w.changed_at,
       w.counted_at, e.quantity as evidence_quantity, e.confidence, e.last_evidence_at, e.source
from ledger w full join (select * from stock_level x where x.tenant_id = %(tenant)s) e
    on e.site_id = w.site_id and e.zone_id = w.zone_id and e.product_id = w.product_id
join site s on s.id = coalesce(w.site_id, e.site_id) left join zone z on z.id = coalesce(w.zone_id, e.zone_id)
join product p on p.id = coalesce(w.product_id, e.product_id)
where (%(empty)s or coalesce(w.quantity, 0) <> 0 or (coalesce(e.quantity, 0) <> 0 and s.retired_at is null and p.retired_at is null))
and (%(site)s::text is null or s.name = %(site)s) and (%(zone)s::text is null or z.name = %(zone)s)
and (%(product)s::int is null or p.id = %(product)s)
and (s.name, coalesce(z.name, ''), p.sku) > (%(a)s, %(b)s, %(c)s)
order by s.name, coalesce(z.name, ''), p.sku limit %(limit)s

-- name: reckoned
-- What all moves of a tenant come to in places of its own, beside what is kept; only what is not the same.
with delta as (
    select to_place as place_id, product_id, lot_id, to_unit as unit, quantity from ledger_move where tenant_id = %(tenant)s and kind <> 'count'
    union all select from_place, product_id, lot_id, from_unit, -quantity from ledger_move where tenant_id = %(tenant)s and kind <> 'count'
), reckoned as (
    select d.place_id, d.product_id, d.lot_id, d.unit, sum(d.quantity) as quantity
    from delta d join ledger_place l on l.id = d.place_id and l.kind in ('site', 'vehicle') group by 1, 2, 3, 4)
select coalesce(k.place_id, r.place_id) as place_id, p.sku, t.code as lot, coalesce(k.unit, r.unit) as unit,
       coalesce(k.quantity, 0) as kept, coalesce(r.quantity, 0) as reckoned, s.name as site, z.name as zone, n.code as bin, v.name as vehicle
from (select * from ledger_balance b where b.tenant_id = %(tenant)s) k
full join reckoned r on r.place_id = k.place_id and r.product_id = k.product_id and coalesce(r.lot_id, 0) = coalesce(k.lot_id, 0)
                     and r.unit = k.unit
join product p on p.id = coalesce(k.product_id, r.product_id) left join lot t on t.id = coalesce(k.lot_id, r.lot_id)
join ledger_place l on l.id = coalesce(k.place_id, r.place_id)
left join site s on s.id = l.site_id left join zone z on z.id = l.zone_id left join bin n on n.id = l.bin_id
left join vehicle v on v.id = l.vehicle_id
where coalesce(k.quantity, 0) <> coalesce(r.quantity, 0) order by 1, 2, 3, 4

-- name: ledger_size
-- How many moves and lines there are.
select (select count(*) from ledger_move where tenant_id = %(tenant)s) as moves,
       (select count(*) from ledger_balance where tenant_id = %(tenant)s) as lines

-- name: bins
-- Bins of sites by code, or one, with their limits; `lines`: how many products and lots lie there, and what they come to.
select s.name as site, z.name as zone, b.code, b.label, b.id as key, b.retired_at, b.aisle, b.along_m, b.level, b.kind, b.volume_m3, b.load_kg, b.pallets,
       b.height_mm, b.temp_class, b.mixing, f.sku as face_of, b.face_full, t.*
from bin b join site s on s.id = b.site_id join zone z on z.id = b.zone_id left join product f on f.id = b.face_product_id cross join lateral (
    select count(*) as lines, coalesce(sum(k.quantity * p.length_mm::numeric * p.width_mm * p.height_mm / 1e9), 0)::float8 as lies_m3,
           coalesce(sum(k.quantity * coalesce(p.gross_mass_kg, p.unit_mass_kg)::numeric), 0)::float8 as lies_kg,
           coalesce(sum(ceil(k.quantity * u.denominator / u.numerator)), 0)::int as lies_pallets,
           count(*) filter (where p.height_mm is null or coalesce(p.gross_mass_kg, p.unit_mass_kg) is null) as unknown
    from ledger_balance k join ledger_place l on l.id = k.place_id join product p on p.id = k.product_id
    left join product_unit u on u.product_id = p.id and u.name = 'pallet' where l.bin_id = b.id and k.tenant_id = b.tenant_id and k.quantity <> 0) t
where b.tenant_id = %(tenant)s and s.name = %(site)s and b.code > %(after)s and (%(zone)s::text is null or z.name = %(zone)s)
and case when %(code)s::text is null then b.retired_at is null else b.code = %(code)s end
order by b.code limit %(limit)s

-- name: zone_layout
-- How a zone's aisles stand.
select z.id as key, s.name as site, z.name as zone, z.aisles, z.aisle_length_m, z.aisle_pitch_m, z.depot
from zone z join site s on s.id = z.site_id where z.tenant_id = %(tenant)s and s.name = %(site)s and z.name = %(zone)s and z.retired_at is null

-- name: put_layout
-- How a zone's aisles stand, or that nobody says.
update zone set aisles = %(aisles)s, aisle_length_m = %(aisle_length_m)s, aisle_pitch_m = %(aisle_pitch_m)s, depot = %(depot)s
where tenant_id = %(tenant)s and id = %(key)s

-- name: zone_of_bins
-- A zone by name, and its site.
select s.id as site_id, z.id as zone_id from site s left join zone z on z.site_id = s.id and z.name = %(zone)s
where s.tenant_id = %(tenant)s and s.name = %(site)s

-- name: put_bin
-- A bin, made, changed, or taken up again; its zone is another only while no move has named it.
insert into bin as b (tenant_id, site_id, zone_id, code, label, aisle, along_m, level)
values (%(tenant)s, %(site)s, %(zone)s, %(code)s, %(label)s, %(aisle)s, %(along_m)s, %(level)s)
on conflict (site_id, code) do update set label = excluded.label, zone_id = excluded.zone_id, aisle = excluded.aisle,
    along_m = excluded.along_m, level = excluded.level, retired_at = null
where b.zone_id = excluded.zone_id or not exists (select from ledger_place l where l.bin_id = b.id)
returning b.id

-- name: limit_bin
-- What goes into a bin and what it is for.
update bin set kind = %(kind)s, volume_m3 = %(volume_m3)s, load_kg = %(load_kg)s, pallets = %(pallets)s, height_mm = %(height_mm)s,
       temp_class = %(temp_class)s, mixing = %(mixing)s, face_full = %(face_full)s,
       face_product_id = (select p.id from product p where p.tenant_id = %(tenant)s and p.sku = %(face_of)s)
where tenant_id = %(tenant)s and id = %(id)s returning face_product_id

-- name: drop_bin
-- A bin that no move has named.
delete from bin b where b.tenant_id = %(tenant)s and b.id = %(id)s and not exists (select from ledger_place l where l.bin_id = b.id) returning b.id

-- name: retire_bin
-- A bin that is empty is offered no more.
update bin b set retired_at = now() where b.tenant_id = %(tenant)s and b.id = %(id)s and not exists (
    select from ledger_balance k join ledger_place l on l.id = k.place_id where l.bin_id = b.id and k.quantity <> 0) returning b.id

-- name: product_units
-- A product with its units, and whether the ledger has moves of it.
select p.id as key, p.sku, p.base_unit, p.unit_value, exists (select from ledger_move m where m.product_id = p.id) as moved,
       (select coalesce(jsonb_object_agg(u.name, jsonb_build_array(u.numerator::text, u.denominator::text)), '{}')
        from product_unit u where u.product_id = p.id and u.tenant_id = p.tenant_id) as units
from product p where p.tenant_id = %(tenant)s and p.sku = %(sku)s

-- name: set_base_unit
-- What the ledger counts a product in, and what one is worth.
update product set base_unit = %(base)s, unit_value = %(value)s where tenant_id = %(tenant)s and id = %(product)s

-- name: drop_units
-- A product's own units, to be said anew.
delete from product_unit where tenant_id = %(tenant)s and product_id = %(product)s

-- name: add_units
-- A product's own units.
insert into product_unit (product_id, name, tenant_id, numerator, denominator)
select %(product)s, r.name, %(tenant)s, r.numerator, r.denominator
from jsonb_to_recordset(%(rows)s::jsonb) r (name text, numerator numeric, denominator numeric)
