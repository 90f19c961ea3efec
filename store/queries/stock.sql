-- The stock ledger: what moves name, moves and balances as they are recorded, and what is read of them.

-- name: products_told
-- Products that moves name, with their units: numerator and denominator of base units.
select p.sku, p.id, p.base_unit, p.unit_value, p.retired_at,
       (select coalesce(jsonb_object_agg(u.name, jsonb_build_array(u.numerator::text, u.denominator::text)), '{}')
        from product_unit u where u.product_id = p.id and u.tenant_id = p.tenant_id) as units
from product p where p.tenant_id = %(tenant)s and p.sku = any(%(skus)s)

-- name: lots_told
-- Lots that moves name.
select code, id, product_id from lot where tenant_id = %(tenant)s and code = any(%(codes)s)

-- name: sites_told
-- Sites, zones and bins that moves name.
select s.name as site, s.id as site_id, z.name as zone, z.id as zone_id, b.code as bin, b.id as bin_id
from site s left join zone z on z.site_id = s.id and (z.name = any(%(zones)s) or exists (
    select from bin x where x.zone_id = z.id and x.code = any(%(bins)s)))
left join bin b on b.zone_id = z.id and b.code = any(%(bins)s)
where s.tenant_id = %(tenant)s and s.name = any(%(sites)s)

-- name: vehicles_told
-- Vehicles that moves name.
select name, id from vehicle where tenant_id = %(tenant)s and name = any(%(names)s)

-- name: add_places
-- Places that no move has named before.
insert into ledger_place (tenant_id, kind, site_id, zone_id, bin_id, vehicle_id)
select %(tenant)s, r.kind, r.site_id, r.zone_id, r.bin_id, r.vehicle_id
from jsonb_to_recordset(%(rows)s::jsonb) r (kind text, site_id int, zone_id int, bin_id int, vehicle_id int)
where not exists (select from ledger_place l where l.tenant_id = %(tenant)s and (l.kind, l.site_id, l.zone_id, l.bin_id, l.vehicle_id)
                  is not distinct from (r.kind, r.site_id, r.zone_id, r.bin_id, r.vehicle_id))
order by r.kind, r.site_id, r.zone_id, r.bin_id, r.vehicle_id on conflict do nothing

-- name: place_keys
-- Keys of places.
select r.n, l.id from jsonb_to_recordset(%(rows)s::jsonb) r (n int, kind text, site_id int, zone_id int, bin_id int, vehicle_id int)
join ledger_place l on l.tenant_id = %(tenant)s and l.kind = r.kind and l.site_id is not distinct from r.site_id
and l.zone_id is not distinct from r.zone_id and l.bin_id is not distinct from r.bin_id and l.vehicle_id is not distinct from r.vehicle_id

-- name: moves_known
-- Moves by the ids that whoever told them gave them.
select m.id as key, m.client_id as id, m.kind, m.entry, m.moved_at, m.product_id, coalesce(m.lot_id, 0) as lot, m.from_place, m.to_place,
       m.from_unit, m.to_unit, m.quantity, m.entered_quantity, m.entered_unit, m.reference, m.source, f.kind as from_kind, t.kind as to_kind,
       exists (select from ledger_move r where r.corrects = m.id and r.entry = 'reversal') as corrected
from ledger_move m join ledger_place f on f.id = m.from_place join ledger_place t on t.id = m.to_place
where m.tenant_id = %(tenant)s and m.client_id = any(%(ids)s)

-- name: add_moves
-- Moves as they are told now; those whose id another transaction was quicker with are not there.
insert into ledger_move (tenant_id, client_id, kind, entry, corrects, moved_at, product_id, lot_id, from_place, to_place, from_unit, to_unit,
                         quantity, entered_quantity, entered_unit, actor, source, reason, reference, evidence, recorded_at)
select %(tenant)s, r.id, r.kind, r.entry, r.corrects, r.moved_at, r.product, nullif(r.lot, 0), r.source_place, r.target_place, r.from_unit,
       r.to_unit, r.quantity, r.entered_quantity, r.entered_unit, %(by)s, r.source, r.reason, r.reference, r.evidence,
       date_trunc('milliseconds', clock_timestamp())
from jsonb_to_recordset(%(rows)s::jsonb) r (id text, kind text, entry text, corrects int8, moved_at timestamptz, product int, lot int,
    source_place int, target_place int, from_unit text, to_unit text, quantity numeric, entered_quantity numeric, entered_unit text,
    source text, reason text, reference text, evidence jsonb)
order by r.id on conflict do nothing returning client_id

-- name: add_changes
-- What moves come to, line after line in one order; the numbers after them.
insert into ledger_balance as b (place_id, product_id, lot_id, unit, tenant_id, quantity, moved_at, changed_at, counted_at, counted)
select r.place, r.product, nullif(r.lot, 0), r.unit, %(tenant)s, r.delta, r.moved_at, clock_timestamp(), r.counted_at, r.counted
from jsonb_to_recordset(%(rows)s::jsonb) r (place int, product int, lot int, unit text, delta numeric, moved_at timestamptz,
                                            counted_at timestamptz, counted numeric)
order by r.place, r.product, r.lot, r.unit
on conflict (place_id, product_id, lot_id, unit) do update set
    quantity = b.quantity + excluded.quantity,
    moved_at = greatest(b.moved_at, excluded.moved_at),
    changed_at = case when excluded.quantity = 0 then b.changed_at else excluded.changed_at end,
    counted_at = greatest(b.counted_at, excluded.counted_at),
    counted = case when excluded.counted_at >= coalesce(b.counted_at, '-infinity') then excluded.counted else b.counted end
returning place_id as place, product_id as product, coalesce(lot_id, 0) as lot, unit, quantity, counted_at

-- name: units_apart
-- Units with goods at more than one place of our own, each with the names of those.
select b.unit, array_agg(distinct coalesce(v.name, concat_ws('/', s.name, z.name, n.code)) order by coalesce(v.name, concat_ws('/', s.name, z.name, n.code))) as places
from ledger_balance b join ledger_place l on l.id = b.place_id left join site s on s.id = l.site_id left join zone z on z.id = l.zone_id
left join bin n on n.id = l.bin_id left join vehicle v on v.id = l.vehicle_id
where b.tenant_id = %(tenant)s and b.unit <> '' and b.unit = any(%(units)s::text[]) and b.quantity > 0
group by b.unit having count(distinct b.place_id) > 1 order by 1

-- name: there
-- What is at a place of a product, line by line: for who is told that it is not enough.
select t.code as lot, b.unit, b.quantity from ledger_balance b left join lot t on t.id = b.lot_id
where b.tenant_id = %(tenant)s and b.place_id = %(place)s and b.product_id = %(product)s and b.quantity > 0
order by t.code nulls first, b.unit limit 6

-- name: changes_after
-- What became of lines of a product at places after a moment.
select b.place, coalesce(b.lot, 0) as lot, b.unit, sum(b.delta) as delta from (
    select m.to_place as place, m.lot_id as lot, m.to_unit as unit, m.quantity as delta from ledger_move m
    where m.tenant_id = %(tenant)s and m.product_id = %(product)s and m.to_place = any(%(places)s) and m.moved_at > %(at)s and m.kind <> 'count'
    union all
    select m.from_place, m.lot_id, m.from_unit, -m.quantity from ledger_move m
    where m.tenant_id = %(tenant)s and m.product_id = %(product)s and m.from_place = any(%(places)s) and m.moved_at > %(at)s
    and m.kind <> 'count') b
group by 1, 2, 3

-- name: open_counts
-- Lines that say less than nothing are to be counted, each place and product once.
insert into count_task (tenant_id, place_id, product_id, cause, ledger_quantity, value, doubt, opened_by)
select %(tenant)s, r.place, r.product, r.cause, r.ledger, r.value * coalesce(p.unit_value, 1), r.doubt, %(by)s
from jsonb_to_recordset(%(rows)s::jsonb) r (place int, product int, cause text, ledger numeric, value numeric, doubt float8)
join product p on p.id = r.product and p.tenant_id = %(tenant)s
order by r.place, r.product on conflict (place_id, product_id) where state in ('open', 'assigned', 'counted') do nothing
returning id

-- name: inner_of
-- Which of these places are our own.
select id from ledger_place where tenant_id = %(tenant)s and id = any(%(places)s) and kind in ('site', 'vehicle')
