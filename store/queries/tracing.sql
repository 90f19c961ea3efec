-- Where goods came from and what became of them.

-- name: events_of_things
-- Events of lots, units and items, as far as they were not declared wrong; of a unit also when all was taken out of it. Each
-- name is looked up by itself: of many at once the planner expects far too much, and reads all events.
select e.event_id, e.type, (extract(epoch from e.event_at) * 1000000)::int8 as at_us, e.action, e.parent, e.transformation, e.epcs, e.inputs,
       e.outputs, e.classes, e.biz_step, e.disposition, e.read_point, e.biz_location, e.body, e.capture_id is null as own
from epcis_event e
where e.tenant_id = %(tenant)s and e.declared_at is null and e.id = any(array(
    select k.id from unnest(%(things)s::text[]) as t (name) cross join lateral (
        select id from epcis_event where tenant_id = %(tenant)s and epcs @> array[t.name]
        union all select id from epcis_event where tenant_id = %(tenant)s and inputs @> array[t.name]
        union all select id from epcis_event where tenant_id = %(tenant)s and outputs @> array[t.name]
        union all select id from epcis_event where tenant_id = %(tenant)s and classes @> array[t.name]
        union all select id from epcis_event where tenant_id = %(tenant)s and parent = t.name and action = 'DELETE' and epcs = '{}'
                  and classes = '{}') k))
and not exists (select from epcis_event d where d.tenant_id = e.tenant_id and d.event_id = e.event_id and d.declared_at is not null)
order by e.event_at, e.id limit %(limit)s

-- name: events_of_runs
-- All events of transformations that are told by several.
select e.event_id, e.type, (extract(epoch from e.event_at) * 1000000)::int8 as at_us, e.action, e.parent, e.transformation, e.epcs, e.inputs,
       e.outputs, e.classes, e.biz_step, e.disposition, e.read_point, e.biz_location, e.body, e.capture_id is null as own
from epcis_event e
where e.tenant_id = %(tenant)s and e.declared_at is null and e.transformation = any(%(runs)s)
and not exists (select from epcis_event d where d.tenant_id = e.tenant_id and d.event_id = e.event_id and d.declared_at is not null)
order by e.event_at, e.id limit %(limit)s

-- name: lot_named
-- A lot with what names it.
select l.code as lot, p.sku, p.label, p.gtin, w.name as tenant from lot l join product p on p.id = l.product_id join tenant w on w.id = l.tenant_id
where l.tenant_id = %(tenant)s and l.code = %(code)s

-- name: unit_named
-- A unit with whose it is.
select h.code, w.name as tenant from handling_unit h join tenant w on w.id = h.tenant_id where h.tenant_id = %(tenant)s and h.code = %(code)s

-- name: carriers_named
-- What goods ride in, with and beside: vehicles, shipments, devices.
(select 'vehicle' as kind, name from vehicle where tenant_id = %(tenant)s order by id desc limit %(limit)s)
union all (select 'shipment', name from shipment where tenant_id = %(tenant)s order by id desc limit %(limit)s)
union all (select 'device', name from device where tenant_id = %(tenant)s order by id desc limit %(limit)s)

-- name: tenant_named
-- Who asks.
select name as tenant from tenant where id = %(tenant)s

-- name: lots_named
-- Lots, those that were declared last in front: to say which of them an identifier is.
select l.code as lot, p.sku, p.label, p.gtin from lot l join product p on p.id = l.product_id
where l.tenant_id = %(tenant)s order by l.id desc limit %(limit)s

-- name: products_named
-- Products that have a number, likewise: lots of others are known by it.
select sku, label, gtin from product where tenant_id = %(tenant)s and gtin is not null order by id desc limit %(limit)s

-- name: units_named
-- Units of goods, likewise.
select code from handling_unit where tenant_id = %(tenant)s order by id desc limit %(limit)s

-- name: places_named
-- Sites with their zones and bins, likewise.
select s.name as site, s.label, s.gln, z.name as part, z.label as part_label, 'zone' as kind
from site s left join zone z on z.site_id = s.id where s.tenant_id = %(tenant)s
union all
select s.name, s.label, s.gln, b.code, b.code, 'bin' from bin b join zone z on z.id = b.zone_id join site s on s.id = z.site_id
where s.tenant_id = %(tenant)s
limit %(limit)s

-- name: fsma_moves
-- Lots that came to a site or left it, with whom it is from or for, as far as that is known: the moves that hold today.
with place as (
    select p.id, p.kind, s.name as site, s.label, s.gln, s.tz, s.lat, s.lon, v.name as vehicle
    from ledger_place p left join site s on s.id = p.site_id left join vehicle v on v.id = p.vehicle_id where p.tenant_id = %(tenant)s
)
select case when m.kind = 'receive' or m.kind = 'return' then 'receiving' else 'shipping' end as event, l.code as lot, r.sku, r.label, r.gtin, r.base_unit,
       m.quantity::float8 as quantity, m.moved_at, m.client_id, m.reference, coalesce(f.tz, t.tz, 'UTC') as tz,
       case when m.kind in ('receive', 'return') then t.label else f.label end as here, case when m.kind in ('receive', 'return') then t.gln else f.gln end as here_gln,
       c.code as customer, c.label as customer_label, h.label as ship_to, h.address as ship_to_address, o.reference as order_reference,
       u.code as supplier, u.label as supplier_label
from ledger_move m join lot l on l.id = m.lot_id join product r on r.id = m.product_id join place f on f.id = m.from_place join place t on t.id = m.to_place
left join customer_order o on o.tenant_id = m.tenant_id and o.name = m.reference left join customer c on c.id = o.customer_id
left join ship_to h on h.id = o.ship_to_id
left join purchase_order b on b.tenant_id = m.tenant_id and b.name = m.reference and m.kind = 'receive' left join supplier u on u.id = b.supplier_id
where m.tenant_id = %(tenant)s and m.entry <> 'reversal'
and not exists (select from ledger_move x where x.corrects = m.id and x.entry = 'reversal')
and (m.kind in ('receive', 'return') and t.kind = 'site' or m.kind in ('load', 'deliver') and f.kind = 'site')
and m.moved_at >= %(since)s and m.moved_at < %(until)s and (%(lot)s::text is null or l.code = %(lot)s) and (%(sku)s::text is null or r.sku = %(sku)s)
order by m.moved_at, m.id limit %(limit)s

-- name: fsma_transformations
-- Lots that were made of others.
select e.event_at, e.event_id, e.body, e.read_point, e.biz_location from epcis_event e
where e.tenant_id = %(tenant)s and e.type = 'TransformationEvent' and e.declared_at is null and e.event_at >= %(since)s and e.event_at < %(until)s
and (%(thing)s::text is null or e.classes && array[%(thing)s] or e.inputs && array[%(thing)s] or e.outputs && array[%(thing)s])
and not exists (select from epcis_event d where d.tenant_id = e.tenant_id and d.event_id = e.event_id and d.declared_at is not null)
order by e.event_at, e.id limit %(limit)s
