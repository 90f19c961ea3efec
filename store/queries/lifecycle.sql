-- name: find
-- A thing by its name, and by that of the site or device it is of; locked until the transaction ends.
select x.id, x.{retired} as retired_at from {table} x join {parent} p on p.id = x.{parent_id}
where x.tenant_id = %(tenant)s and x.{key} = %(name)s and (%(parent)s::text is null or p.name = %(parent)s)
for update of x

-- name: retire
-- It is offered no more.
update {table} set retired_at = now() where tenant_id = %(tenant)s and id = %(id)s returning id

-- name: restore
-- It is as if it had never been retired.
update {table} set retired_at = null where tenant_id = %(tenant)s and id = %(id)s returning id

-- name: rename
-- It has another name.
update {table} set {key} = %(new)s where tenant_id = %(tenant)s and id = %(id)s returning id

-- name: rename_labelled
-- The same; a label that was only its name goes with it.
update {table} set {key} = %(new)s, label = case when label = {key} then %(new)s else label end
where tenant_id = %(tenant)s and id = %(id)s returning id

-- name: rename_home
-- The same of what devices are in; its first name is kept, as the partition of their readings is reckoned from it.
update {table} set {key} = %(new)s, label = case when label = {key} then %(new)s else label end,
    home_name = coalesce(home_name, {key})
where tenant_id = %(tenant)s and id = %(id)s returning id

-- name: delete
-- It never was.
delete from {table} where tenant_id = %(tenant)s and id = %(id)s returning id

-- name: for_tenant
-- Functions of the schema answer for this tenant until the transaction ends.
select set_config('app.tenant', %(tenant)s::text, true)

-- name: audit
-- What somebody has done to a thing.
insert into audit (tenant_id, actor, action, subject, detail)
values (%(tenant)s, %(actor)s, %(action)s, %(subject)s, %(detail)s::jsonb) returning id

-- name: retired
-- All that is retired, by kind and name.
select * from (
    select 'device' as kind, null as parent, name, revoked_at as retired_at from device where tenant_id = %(tenant)s union all
    select 'vehicle', null, name, retired_at from vehicle where tenant_id = %(tenant)s union all
    select 'site', null, name, retired_at from site where tenant_id = %(tenant)s union all
    select 'product', null, sku, retired_at from product where tenant_id = %(tenant)s union all
    select 'zone', s.name, z.name, z.retired_at from zone z join site s on s.id = z.site_id where z.tenant_id = %(tenant)s union all
    select 'slot', d.name, s.name, s.retired_at from slot s join device d on d.id = s.device_id where s.tenant_id = %(tenant)s union all
    select 'driver', null, name, retired_at from driver where tenant_id = %(tenant)s union all
    select 'profile', null, name, retired_at from profile where tenant_id = %(tenant)s) found
where retired_at is not null and (kind, concat_ws('/', parent, name)) > (%(after_kind)s, %(after)s)
order by kind, concat_ws('/', parent, name) limit %(limit)s

-- name: vehicles
-- Vehicles with how many devices are on them now.
select v.name, v.label, coalesce(v.class, '') as class, (select count(*) from device d where d.vehicle_id = v.id) as devices, v.retired_at
from vehicle v where v.tenant_id = %(tenant)s order by v.name

-- name: drivers
-- Drivers with the vehicles that they drive now.
select w.name, w.label, coalesce((select string_agg(v.name, ' ' order by v.name) from vehicle_driver d join vehicle v on v.id = d.vehicle_id
       where d.driver_id = w.id and d.tenant_id = w.tenant_id and d.valid_to = 'infinity'), '') as vehicles, w.retired_at
from driver w where w.tenant_id = %(tenant)s order by w.name

-- name: sites
-- Sites with their place.
select s.name, s.label, s.kind, round(s.lat::numeric, 5)::text || ',' || round(s.lon::numeric, 5)::text as place, s.retired_at
from site s where s.tenant_id = %(tenant)s order by s.name

-- name: zones
-- Zones of all sites.
select s.name || '/' || z.name as name, z.label, (select count(*) from device d where d.zone_id = z.id) as devices, z.retired_at
from zone z join site s on s.id = z.site_id where z.tenant_id = %(tenant)s order by s.name, z.name

-- name: products
-- Products.
select p.sku as name, p.label, coalesce(p.gtin, '') as gtin, p.retired_at
from product p where p.tenant_id = %(tenant)s order by p.sku

-- name: slots
-- Slots of all shelves, and what lies in them.
select d.name || '/' || s.name as name, p.sku as product, s.retired_at
from slot s join device d on d.id = s.device_id join product p on p.id = s.product_id
where s.tenant_id = %(tenant)s order by d.name, s.name

-- name: profiles
-- Temperature profiles: the range, how many bands, and the version in force.
select p.name, coalesce(n.low_c::text, '') as low_c, coalesce(n.high_c::text, '') as high_c,
       jsonb_array_length(n.body -> 'bands') as bands, n.version, p.retired_at
from profile p join profiles_now(%(tenant)s) n on n.profile_id = p.id where p.tenant_id = %(tenant)s order by p.name

-- name: of_vehicle
-- What depends on a vehicle: how many, and how many of them now.
select 'readings' as what, coalesce(sum(own_reading_count(a.device_id, a.valid_from, a.valid_to, %(most)s)), 0) as count, 0 as now
from assignment a where a.tenant_id = %(tenant)s and a.vehicle_id = %(id)s
union all select 'devices', count(distinct a.device_id), count(distinct a.device_id) filter (where a.valid_to = 'infinity')
from assignment a where a.tenant_id = %(tenant)s and a.vehicle_id = %(id)s
union all select 'shipments', count(*), count(*) filter (where h.status not in ('delivered', 'cancelled'))
from shipment h where h.tenant_id = %(tenant)s and h.vehicle_id = %(id)s
union all select 'visits', count(distinct f.id), 0 from visit f where f.tenant_id = %(tenant)s and f.vehicle_id = %(id)s
union all select 'trips', count(distinct f.id), 0 from trip f where f.tenant_id = %(tenant)s and f.vehicle_id = %(id)s
union all select 'calls', count(distinct f.id), 0 from stop_call f where f.tenant_id = %(tenant)s and f.vehicle_id = %(id)s
union all select 'dockings', count(*), count(*) filter (where k.ended_at is null and k.withdrawn_at is null)
from docking k where k.tenant_id = %(tenant)s and k.vehicle_id = %(id)s
union all select 'deviations', count(distinct f.id), 0 from deviation f where f.tenant_id = %(tenant)s and f.vehicle_id = %(id)s
union all select 'handling units', count(distinct g.unit_id), count(distinct g.unit_id) filter (where g.until = 'infinity' and u.closed_at is null)
from goods_stay g join handling_unit u on u.id = g.unit_id where g.tenant_id = %(tenant)s and g.vehicle_id = %(id)s
union all select 'places in the stock ledger', count(*), count(*) filter (where exists (select from ledger_balance b where b.place_id = l.id and b.quantity <> 0))
from ledger_place l where l.tenant_id = %(tenant)s and l.vehicle_id = %(id)s

-- name: of_driver
-- What depends on a driver: the vehicles that he or she drove.
select 'vehicles' as what, count(distinct d.vehicle_id) as count, count(distinct d.vehicle_id) filter (where d.valid_to = 'infinity') as now
from vehicle_driver d where d.tenant_id = %(tenant)s and d.driver_id = %(id)s

-- name: of_site
-- What depends on a site.
select 'devices' as what, count(distinct a.device_id) as count, count(distinct a.device_id) filter (where a.valid_to = 'infinity') as now
from assignment a where a.tenant_id = %(tenant)s and a.site_id = %(id)s
union all select 'zones', count(*), count(*) filter (where z.retired_at is null)
from zone z where z.tenant_id = %(tenant)s and z.site_id = %(id)s
union all select 'shipments', count(distinct h.id), count(distinct h.id) filter (where h.status not in ('delivered', 'cancelled'))
from stop t join shipment h on h.id = t.shipment_id where t.tenant_id = %(tenant)s and t.site_id = %(id)s
union all select 'visits', count(distinct f.id), 0 from visit f where f.tenant_id = %(tenant)s and f.site_id = %(id)s
union all select 'stock levels', count(*), 0 from stock_level l where l.tenant_id = %(tenant)s and l.site_id = %(id)s
union all select 'stock moves', count(*), 0 from stock_move m where m.tenant_id = %(tenant)s and m.site_id = %(id)s
union all select 'tags', count(*), 0 from tag_state g where g.tenant_id = %(tenant)s and g.site_id = %(id)s
union all select 'handling units', count(distinct g.unit_id), count(distinct g.unit_id) filter (where g.until = 'infinity' and u.closed_at is null)
from goods_stay g join handling_unit u on u.id = g.unit_id where g.tenant_id = %(tenant)s and g.site_id = %(id)s
union all select 'bins', count(*), count(*) filter (where b.retired_at is null) from bin b where b.tenant_id = %(tenant)s and b.site_id = %(id)s
union all select 'places in the stock ledger', count(*), count(*) filter (where exists (select from ledger_balance b where b.place_id = l.id and b.quantity <> 0))
from ledger_place l where l.tenant_id = %(tenant)s and l.site_id = %(id)s
union all select 'reservations', count(*), count(*) filter (where r.released_at is null)
from stock_reservation r where r.tenant_id = %(tenant)s and r.site_id = %(id)s
union all select 'orders', count(*), count(*) filter (where o.status not in ('delivered', 'returned', 'short', 'cancelled'))
from customer_order o where o.tenant_id = %(tenant)s and o.site_id = %(id)s
union all select 'alerts', count(*), 0 from alert a where a.tenant_id = %(tenant)s and a.site_id = %(id)s

-- name: of_zone
-- What depends on a zone.
select 'devices' as what, count(distinct a.device_id) as count, count(distinct a.device_id) filter (where a.valid_to = 'infinity') as now
from assignment a where a.tenant_id = %(tenant)s and a.zone_id = %(id)s
union all select 'stock levels', count(*), 0 from stock_level l where l.tenant_id = %(tenant)s and l.zone_id = %(id)s
union all select 'stock moves', count(*), 0 from stock_move m where m.tenant_id = %(tenant)s and m.zone_id = %(id)s
union all select 'tags', count(*), 0 from tag_state g where g.tenant_id = %(tenant)s and g.zone_id = %(id)s
union all select 'handling units', count(distinct g.unit_id), count(distinct g.unit_id) filter (where g.until = 'infinity' and u.closed_at is null)
from goods_stay g join handling_unit u on u.id = g.unit_id where g.tenant_id = %(tenant)s and g.zone_id = %(id)s
union all select 'bins', count(*), count(*) filter (where b.retired_at is null) from bin b where b.tenant_id = %(tenant)s and b.zone_id = %(id)s
union all select 'dockings', count(*), count(*) filter (where k.ended_at is null and k.withdrawn_at is null)
from docking k where k.tenant_id = %(tenant)s and k.zone_id = %(id)s
union all select 'places in the stock ledger', count(*), count(*) filter (where exists (select from ledger_balance b where b.place_id = l.id and b.quantity <> 0))
from ledger_place l where l.tenant_id = %(tenant)s and l.zone_id = %(id)s

-- name: of_product
-- What depends on a product.
select 'slots' as what, count(*) as count, count(*) filter (where s.retired_at is null) as now
from slot s where s.tenant_id = %(tenant)s and s.product_id = %(id)s
union all select 'stock levels', count(*), 0 from stock_level l where l.tenant_id = %(tenant)s and l.product_id = %(id)s
union all select 'stock moves', count(*), 0 from stock_move m where m.tenant_id = %(tenant)s and m.product_id = %(id)s
union all select 'tags', count(*), 0 from tag_state g where g.tenant_id = %(tenant)s and g.product_id = %(id)s
union all select 'lots', count(*), 0 from lot l where l.tenant_id = %(tenant)s and l.product_id = %(id)s
union all select 'pick faces', count(*), 0 from bin b where b.tenant_id = %(tenant)s and b.face_product_id = %(id)s
union all select 'moves of the stock ledger', count(*), 0 from ledger_move m where m.tenant_id = %(tenant)s and m.product_id = %(id)s
union all select 'reservations', count(*), count(*) filter (where r.released_at is null)
from stock_reservation r where r.tenant_id = %(tenant)s and r.product_id = %(id)s
union all select 'order lines', count(*), count(*) filter (where l.status not in ('delivered', 'returned', 'short', 'cancelled'))
from order_line l where l.tenant_id = %(tenant)s and l.product_id = %(id)s
union all select 'alerts', count(*), 0 from alert a where a.tenant_id = %(tenant)s and a.product_id = %(id)s

-- name: of_slot
-- What depends on a slot: what its shelf has said of it.
select 'readings' as what, coalesce(sum(own_slot_count(l.id, %(most)s)), 0) as count, 0 as now
from slot s join label l on l.kind = 'slot' and l.scope = s.device_id and l.text = s.name
where s.tenant_id = %(tenant)s and s.id = %(id)s

-- name: of_profile
-- What depends on a temperature profile.
select 'devices' as what, count(*) as count, count(*) filter (where d.revoked_at is null) as now
from device d where d.tenant_id = %(tenant)s and d.profile_id = %(id)s
union all select 'shipments', count(*), count(*) filter (where h.status not in ('delivered', 'cancelled'))
from shipment h where h.tenant_id = %(tenant)s and h.profile_id = %(id)s
union all select 'products', count(*), count(*) filter (where r.retired_at is null)
from product r where r.tenant_id = %(tenant)s and r.profile_id = %(id)s
union all select 'lots', count(*), 0 from lot l where l.tenant_id = %(tenant)s and l.profile_id = %(id)s

-- name: of_device
-- What depends on a device; where it was and its profiles are its own, and go with it.
select 'readings' as what, own_reading_count(%(id)s, '-infinity', 'infinity', %(most)s) as count, 0 as now
union all select 'excursions', count(distinct f.id), 0 from excursion f where f.tenant_id = %(tenant)s and f.device_id = %(id)s
union all select 'alerts', count(*), 0 from alert a where a.tenant_id = %(tenant)s and a.device_id = %(id)s
union all select 'slots', count(*), count(*) filter (where s.retired_at is null)
from slot s where s.tenant_id = %(tenant)s and s.device_id = %(id)s
union all select 'devices behind it', count(*), count(*) filter (where d.revoked_at is null)
from device d where d.tenant_id = %(tenant)s and d.gateway_id = %(id)s
union all select 'handling units', count(distinct g.unit_id), count(distinct g.unit_id) filter (where g.until = 'infinity' and u.closed_at is null)
from goods_stay g join handling_unit u on u.id = g.unit_id where g.tenant_id = %(tenant)s and g.device_id = %(id)s
