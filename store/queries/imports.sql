-- Many things at once, as a file brings them: what is there of them, and all that are new or changed in one statement.

-- name: audit
-- Many mutations by a person or a token.
insert into audit (tenant_id, actor, action, subject, detail)
select %(tenant)s, %(actor)s, r.action, r.subject, r.detail
from jsonb_to_recordset(%(rows)s::jsonb) as r (action text, subject text, detail jsonb)

-- name: products_there
-- What is there of products by SKU, retired ones too.
select p.sku, p.label, p.unit_mass_kg, p.low_c, p.high_c, p.reorder_point, p.expiry_days, p.gtin, f.name as profile,
       p.gross_mass_kg, p.length_mm, p.width_mm, p.height_mm, p.temp_class, p.apart,
       p.retired_at is not null as retired
from product p left join profile f on f.id = p.profile_id where p.tenant_id = %(tenant)s and p.sku = any(%(names)s::text[])

-- name: put_products
-- Products, made or changed.
insert into product (tenant_id, sku, label, gtin, unit_mass_kg, low_c, high_c, reorder_point, expiry_days, profile_id,
                     gross_mass_kg, length_mm, width_mm, height_mm, temp_class, apart)
select %(tenant)s, r.sku, r.label, r.gtin, r.unit_mass_kg, r.low_c, r.high_c, r.reorder_point, r.expiry_days, r.profile,
       r.gross_mass_kg, r.length_mm, r.width_mm, r.height_mm, r.temp_class, coalesce(r.apart, '')
from jsonb_to_recordset(%(rows)s::jsonb)
    as r (sku text, label text, gtin text, unit_mass_kg float8, low_c float8, high_c float8, reorder_point float8,
          expiry_days float8, profile int, gross_mass_kg float8, length_mm int, width_mm int, height_mm int, temp_class text, apart text)
on conflict (tenant_id, sku) do update set label = excluded.label, gtin = excluded.gtin,
    unit_mass_kg = excluded.unit_mass_kg, low_c = excluded.low_c, high_c = excluded.high_c,
    reorder_point = excluded.reorder_point, expiry_days = excluded.expiry_days, profile_id = excluded.profile_id,
    gross_mass_kg = excluded.gross_mass_kg, length_mm = excluded.length_mm, width_mm = excluded.width_mm, height_mm = excluded.height_mm,
    temp_class = excluded.temp_class, apart = excluded.apart

-- name: vehicles_there
-- What people have told of vehicles by name, retired ones too.
select v.name as id, v.label, v.class, v.fleet, v.model, v.load_capacity_kg, v.volume_capacity_m3, v.pallet_capacity, v.fuel_type,
       v.nominal_fuel_lph, v.tags, v.retired_at is not null as retired
from vehicle v where v.tenant_id = %(tenant)s and v.name = any(%(names)s::text[])

-- name: make_vehicles
-- Vehicles of new names.
insert into vehicle (tenant_id, name, label) select %(tenant)s, n.name, n.name from unnest(%(names)s::text[]) as n (name)
on conflict (tenant_id, name) do nothing

-- name: describe_vehicles
-- All that people tell of vehicles. Another fleet is so from now on.
update vehicle v set label = r.label, class = r.class, fleet = r.fleet, model = r.model,
    load_capacity_kg = r.load_capacity_kg, volume_capacity_m3 = r.volume_capacity_m3,
    pallet_capacity = r.pallet_capacity, fuel_type = r.fuel_type,
    nominal_fuel_lph = r.nominal_fuel_lph, tags = coalesce(r.tags, '{}')
from jsonb_to_recordset(%(rows)s::jsonb)
    as r (id text, label text, class text, fleet text, model text, load_capacity_kg float8, volume_capacity_m3 float8, pallet_capacity int,
          fuel_type text, nominal_fuel_lph float8, tags text[])
where v.tenant_id = %(tenant)s and v.name = r.id

-- name: sites_there
-- What is there of sites by name with the zones of each, retired ones too.
select s.id as key, s.name as id, s.label, s.kind, s.lat, s.lon, s.radius_m, s.polygon, s.corridor, s.dwell_s, s.tz, s.gln,
       s.retired_at is not null as retired,
       (select jsonb_object_agg(z.name, z.label) from zone z where z.tenant_id = s.tenant_id and z.site_id = s.id
        and z.retired_at is null) as zones
from site s where s.tenant_id = %(tenant)s and s.name = any(%(names)s::text[])

-- name: put_sites
-- Sites, made or changed.
insert into site (tenant_id, name, label, kind, lat, lon, radius_m, polygon, corridor, dwell_s, tz)
select %(tenant)s, r.id, r.label, r.kind, r.lat, r.lon, r.radius_m, r.polygon, r.corridor, r.dwell_s, r.tz
from jsonb_to_recordset(%(rows)s::jsonb)
    as r (id text, label text, kind text, lat float8, lon float8, radius_m float8, polygon jsonb, corridor jsonb,
          dwell_s float8, tz text)
on conflict (tenant_id, name) do update set label = excluded.label, kind = excluded.kind, lat = excluded.lat,
    lon = excluded.lon, radius_m = excluded.radius_m, polygon = excluded.polygon, corridor = excluded.corridor,
    dwell_s = excluded.dwell_s, tz = excluded.tz

-- name: put_zones
-- Zones of sites, made or relabelled.
insert into zone (tenant_id, site_id, name, label)
select %(tenant)s, s.id, r.id, r.label
from jsonb_to_recordset(%(rows)s::jsonb) as r (site text, id text, label text)
join site s on s.tenant_id = %(tenant)s and s.name = r.site
on conflict (site_id, name) do update set label = coalesce(nullif(excluded.label, excluded.name), zone.label)

-- name: shipments_there
-- What people have planned of shipments by name.
select s.id as key, s.name as id, s.reference, s.customer, s.status, s.planned_line,
       case when s.since_given then s.on_vehicle_since end as since, v.name as vehicle, p.name as profile
from shipment s left join vehicle v on v.id = s.vehicle_id left join profile p on p.id = s.profile_id
where s.tenant_id = %(tenant)s and s.name = any(%(names)s::text[])

-- name: stops_there
-- Planned stops of shipments.
select t.shipment_id, t.seq, t.name as stop_id, t.label as name, i.name as site, t.lat, t.lon, t.radius_m, t.window_start,
       t.window_end
from stop t left join site i on i.id = t.site_id
where t.tenant_id = %(tenant)s and t.shipment_id = any(%(shipments)s::int[]) order by t.shipment_id, t.seq

-- name: places
-- Sites by name, as stops take them.
select s.id as key, s.name as id, s.label, s.lat, s.lon, s.radius_m from site s
where s.tenant_id = %(tenant)s and s.name = any(%(names)s::text[])

-- name: put_shipments
-- Shipments, made, changed or taken up again, as put_shipment of registry.sql does one.
insert into shipment as s (tenant_id, name, reference, customer, vehicle_id, profile_id, planned_line, status, loaded,
                           on_vehicle_since, since_given)
select %(tenant)s, r.id, r.reference, r.customer, v.id, r.profile, r.planned_line, 'planned', false,
       coalesce(r.since, now()), r.since is not null
from jsonb_to_recordset(%(rows)s::jsonb)
    as r (id text, reference text, customer text, vehicle text, profile int, planned_line jsonb, since timestamptz)
left join vehicle v on v.tenant_id = %(tenant)s and v.name = r.vehicle
on conflict (tenant_id, name) do update set reference = excluded.reference, customer = excluded.customer,
    vehicle_id = excluded.vehicle_id, profile_id = excluded.profile_id, planned_line = excluded.planned_line,
    status = case when s.status <> 'cancelled' then s.status when s.started_at is null then 'planned' else 'in_transit' end,
    cancelled_at = null,
    on_vehicle_since = case when excluded.since_given or s.vehicle_id is distinct from excluded.vehicle_id
                            then excluded.on_vehicle_since else s.on_vehicle_since end,
    since_given = case when excluded.since_given or s.vehicle_id is distinct from excluded.vehicle_id
                       then excluded.since_given else s.since_given end,
    turn = s.turn + (s.vehicle_id is distinct from excluded.vehicle_id
                     or excluded.since_given and s.on_vehicle_since <> excluded.on_vehicle_since)::int

-- name: trim_stops
-- Stops of shipments that are no longer planned and were never reached.
delete from stop t using jsonb_to_recordset(%(rows)s::jsonb) as r (key int, count int)
where t.tenant_id = %(tenant)s and t.shipment_id = r.key and t.seq > r.count and t.arrived_at is null

-- name: put_stops
-- Stops of shipments, made or changed; what has happened there stays.
insert into stop (tenant_id, shipment_id, seq, name, label, site_id, lat, lon, radius_m, window_start, window_end)
select %(tenant)s, s.id, r.seq, r.name, r.label, r.site, r.lat, r.lon, r.radius_m, r.window_start, r.window_end
from jsonb_to_recordset(%(rows)s::jsonb)
    as r (shipment text, seq int, name text, label text, site int, lat float8, lon float8, radius_m float8,
          window_start timestamptz, window_end timestamptz)
join shipment s on s.tenant_id = %(tenant)s and s.name = r.shipment
on conflict (shipment_id, seq) do update set name = excluded.name, label = excluded.label, site_id = excluded.site_id,
    lat = excluded.lat, lon = excluded.lon, radius_m = excluded.radius_m, window_start = excluded.window_start,
    window_end = excluded.window_end
