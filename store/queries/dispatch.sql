-- name: compartments_of
-- Compartments of a vehicle by name.
select c.name, c.temp_class, c.load_kg, c.volume_m3, c.pallets from compartment c join vehicle v on v.id = c.vehicle_id
where c.tenant_id = %(tenant)s and v.name = %(vehicle)s order by c.name

-- name: vehicle_locked
-- A vehicle by name, kept for this transaction alone.
select v.id, v.retired_at from vehicle v where v.tenant_id = %(tenant)s and v.name = %(name)s for no key update

-- name: drop_compartments
-- A vehicle has no compartments.
delete from compartment where tenant_id = %(tenant)s and vehicle_id = %(vehicle)s

-- name: put_compartments
-- Compartments of a vehicle.
insert into compartment (vehicle_id, name, tenant_id, temp_class, load_kg, volume_m3, pallets)
select %(vehicle)s, r.name, %(tenant)s, r.temp_class, r.load_kg, r.volume_m3, r.pallets
from jsonb_to_recordset(%(rows)s::jsonb) r (name text, temp_class text, load_kg float8, volume_m3 float8, pallets int)

-- name: site_of
-- Where vehicles start from.
select s.id, s.name, s.label, s.lat, s.lon, s.tz, s.radius_m from site s where s.tenant_id = %(tenant)s and s.name = %(site)s and s.retired_at is null

-- name: orders_to_plan
-- Orders of a site with goods to bring: those named, or all that are on no shipment and may be brought before a time; urgent ones first.
select o.id as key, o.name as id, o.version, o.priority, o.status, o.window_start, o.window_end, c.code as customer, c.label as customer_label,
       t.code as ship_to, t.label as ship_to_label, t.lat, t.lon, coalesce(t.tz, 'UTC') as tz, coalesce(t.opening, '[]') as opening,
       coalesce(t.service_s, 600) as service_s, open.shipment,
       exists (select from order_line l where l.order_id = o.id and l.tenant_id = o.tenant_id and l.stages ? 'loaded') as loaded
from customer_order o join customer c on c.id = o.customer_id left join ship_to t on t.id = o.ship_to_id
left join lateral (
    select h.name as shipment from shipment_order x join shipment h on h.id = x.shipment_id
    where x.tenant_id = o.tenant_id and x.order_id = o.id and h.status in ('planned', 'in_transit') limit 1) open on true
where o.tenant_id = %(tenant)s and o.site_id = %(site)s and o.status in ('open', 'allocated', 'picked', 'packed', 'loaded')
and case when %(names)s::text[] is not null then o.name = any(%(names)s::text[])
         else open.shipment is null and o.status <> 'loaded' and (o.window_start is null or o.window_start < %(until)s) end
order by -o.priority, coalesce(o.window_end, 'infinity'), o.id limit %(limit)s

-- name: goods_to_plan
-- What orders still have to bring, by temperature class; of what nobody has told nothing is counted.
select l.order_id, p.temp_class, sum(q.left * coalesce(p.gross_mass_kg, p.unit_mass_kg))::float8 as kg,
       sum(q.left * p.length_mm::numeric * p.width_mm * p.height_mm / 1e9)::float8 as m3,
       sum(q.left * u.denominator / u.numerator)::float8 as pallets,
       bool_or(coalesce(p.gross_mass_kg, p.unit_mass_kg) is null) as no_mass, bool_or(p.length_mm is null) as no_size
from order_line l join product p on p.id = l.product_id
left join product_unit u on u.product_id = p.id and u.name = 'pallet' and u.tenant_id = l.tenant_id
cross join lateral (select l.quantity - coalesce((
    select sum(s.value::numeric) from jsonb_each_text(l.stages) s where s.key in ('delivered', 'returning', 'returned', 'short', 'cancelled')), 0) as left) q
where l.tenant_id = %(tenant)s and l.order_id = any(%(orders)s::int8[]) and q.left > 0 group by 1, 2 order by 1, 2

-- name: vehicles_to_plan
-- Vehicles with what fits in, where they are, and a shipment that has them in a span of time.
select v.id as key, v.name as id, v.label, v.load_capacity_kg as kg, v.volume_capacity_m3 as m3, v.pallet_capacity as pallets, v.fuel_type,
       v.nominal_fuel_lph, s.lat, s.lon, s.time,
       (select jsonb_agg(jsonb_build_object('temp_class', c.temp_class, 'kg', c.load_kg, 'm3', c.volume_m3, 'pallets', c.pallets) order by c.name)
        from compartment c where c.tenant_id = v.tenant_id and c.vehicle_id = v.id) as rooms,
       (select h.name from shipment h join stop st on st.shipment_id = h.id
        where h.tenant_id = v.tenant_id and h.vehicle_id = v.id and h.status in ('planned', 'in_transit') and st.arrived_at is null
        and coalesce(st.window_start, st.window_end) < %(until)s and coalesce(st.window_end, st.window_start) > %(since)s
        order by h.id limit 1) as busy
from vehicle v left join vehicle_state s on s.vehicle_id = v.id and s.tenant_id = v.tenant_id
where v.tenant_id = %(tenant)s and v.retired_at is null and (%(names)s::text[] is null or v.name = any(%(names)s::text[]))
order by v.name limit %(limit)s

-- name: trips_driven
-- Trips of the tenant's vehicles, the newest first.
select t.start_lat, t.start_lon, t.end_lat, t.end_lon, t.distance_m, extract(epoch from t.ended_at - t.started_at)::float8 as seconds,
       extract(epoch from t.started_at)::float8 as began_s
from trip t where t.tenant_id = %(tenant)s and t.kind = 'trip' and t.superseded_at is null and not t.retracted and t.ended_at is not null
and t.distance_m > 300 and t.started_at > %(since)s order by t.started_at desc limit %(limit)s

-- name: shipments_running
-- Shipments that carry orders of a site and are not over, with their vehicles.
select h.id as key, h.name as id, h.status, v.name as vehicle from shipment h join vehicle v on v.id = h.vehicle_id
where h.tenant_id = %(tenant)s and h.status in ('planned', 'in_transit') and exists (
    select from shipment_order x join customer_order o on o.id = x.order_id
    where x.shipment_id = h.id and x.tenant_id = h.tenant_id and o.site_id = %(site)s)
and exists (select from stop st where st.shipment_id = h.id and st.tenant_id = h.tenant_id and (
    coalesce(st.window_end, st.window_start) is null or (coalesce(st.window_start, st.window_end) < %(until)s and coalesce(st.window_end, st.window_start) > %(since)s)))
order by h.id limit %(limit)s

-- name: stops_running
-- Their stops with what is known of them, and the orders that leave there.
select st.shipment_id, st.seq, st.site_id, st.lat, st.lon, st.window_start, st.arrived_at, st.departed_at, e.p50,
       (select array_agg(o.name order by o.id) from shipment_order x join customer_order o on o.id = x.order_id
        where x.tenant_id = st.tenant_id and x.stop_id = st.id) as orders
from stop st left join lateral (
    select x.p50 from eta x where x.stop_id = st.id and st.arrived_at is null order by x.at desc, x.id desc limit 1) e on true
where st.tenant_id = %(tenant)s and st.shipment_id = any(%(shipments)s::int[]) order by st.shipment_id, st.seq

-- name: add_plan
-- A plan that is proposed.
insert into dispatch_plan (tenant_id, site_id, day, begin_at, end_at, kind, reason, work, routes, left_out, excluded, notes, before, kept, summary, made_by)
values (%(tenant)s, %(site)s, %(day)s, %(begin)s, %(end)s, %(kind)s, %(reason)s, %(work)s::jsonb, %(routes)s::jsonb, %(left_out)s::jsonb, %(excluded)s::jsonb,
        %(notes)s::jsonb, %(before)s::jsonb, %(kept)s::jsonb, %(summary)s::jsonb, %(by)s) returning id

-- name: trim_plans
-- Discards are forgotten when there are many newer plans, and proposals that nobody decided on.
delete from dispatch_plan where tenant_id = %(tenant)s and status <> 'accepted' and id < (
    select min(id) from (select p.id from dispatch_plan p where p.tenant_id = %(tenant)s order by p.id desc limit %(most)s) newest)

-- name: plans
-- Plans, the newest first.
select p.id as key, s.name as site, p.day, p.kind, p.status, p.version, p.reason, p.summary, p.made_by, p.made_at, p.changed_at, p.decided_by, p.decided_at
from dispatch_plan p join site s on s.id = p.site_id
where p.tenant_id = %(tenant)s and (%(site)s::text is null or s.name = %(site)s) and (%(day)s::date is null or p.day = %(day)s)
and (%(status)s::text is null or p.status = %(status)s) and (%(after)s::int8 is null or p.id < %(after)s) order by p.id desc limit %(limit)s

-- name: plan
-- One plan, whole.
select p.*, s.name as site, s.label as site_label, s.lat as site_lat, s.lon as site_lon, s.tz from dispatch_plan p join site s on s.id = p.site_id
where p.tenant_id = %(tenant)s and p.id = %(id)s

-- name: plan_locked
-- One plan, whole, kept for this transaction alone.
select p.*, s.name as site, s.label as site_label, s.lat as site_lat, s.lon as site_lon, s.tz, s.radius_m from dispatch_plan p join site s on s.id = p.site_id
where p.tenant_id = %(tenant)s and p.id = %(id)s for no key update of p

-- name: change_plan
-- A plan is changed by hand.
update dispatch_plan set work = %(work)s::jsonb, routes = %(routes)s::jsonb, left_out = %(left_out)s::jsonb, summary = %(summary)s::jsonb,
    version = version + 1, changed_at = now() where tenant_id = %(tenant)s and id = %(id)s returning version

-- name: decide_plan
-- A plan is accepted or discarded.
update dispatch_plan set status = %(status)s, decided_by = %(by)s, decided_at = now(), version = version + 1, changed_at = now()
where tenant_id = %(tenant)s and id = %(id)s

-- name: orders_taken
-- Of orders of a plan those that are on a shipment that is not over.
select o.name as id, h.name as shipment from shipment_order x join customer_order o on o.id = x.order_id join shipment h on h.id = x.shipment_id
where x.tenant_id = %(tenant)s and o.name = any(%(names)s::text[]) and h.status in ('planned', 'in_transit')

-- name: vehicles_known
-- Vehicles that are not retired.
select v.id, v.name from vehicle v where v.tenant_id = %(tenant)s and v.name = any(%(names)s::text[]) and v.retired_at is null

-- name: make_shipment
-- A shipment of a plan; none, where its name is taken.
insert into shipment (tenant_id, name, reference, customer, vehicle_id, status, loaded, on_vehicle_since, since_given)
values (%(tenant)s, %(name)s, %(reference)s, %(customer)s, %(vehicle)s, 'planned', false, now(), false)
on conflict (tenant_id, name) do nothing returning id

-- name: stops_reached
-- Stops of shipments that were reached.
select h.name as shipment, st.seq from stop st join shipment h on h.id = st.shipment_id
where st.tenant_id = %(tenant)s and h.name = any(%(names)s::text[]) and st.arrived_at is not null

-- name: trim_stops
-- Stops of a shipment that were not reached, from a number on.
delete from stop where tenant_id = %(tenant)s and shipment_id = %(shipment)s and seq >= %(seq)s and arrived_at is null

-- name: add_stops
-- Stops of a shipment.
insert into stop (tenant_id, shipment_id, seq, name, label, site_id, lat, lon, radius_m, window_start, window_end)
select %(tenant)s, %(shipment)s, r.seq, r.name, r.label, r.site, r.lat, r.lon, r.radius_m, r.window_start, r.window_end
from jsonb_to_recordset(%(rows)s::jsonb) r (seq int, name text, label text, site int, lat float8, lon float8, radius_m float8,
    window_start timestamptz, window_end timestamptz)
