-- Appointments at docks, who came and stood there, how long it took, and what waiting costs.

-- name: appointments
-- Appointments by their begin, with when their shipment is expected at that site; or one.
select a.id as key, a.client_id as id, s.name as site, s.label as site_label, s.tz, z.name as door, z.label as door_label, a.direction, h.name as shipment,
       a.goods, v.name as vehicle, v.label as vehicle_label, a.truck, c.code as carrier, c.label as carrier_label, coalesce(a.temp_class, g.temp_class) as temp_class,
       a.begins_at, a.ends_at, a.pallets, a.note, a.outcome, a.outcome_why, a.told_arrived_at, a.told_docked_at, a.told_left_at, a.version,
       a.created_at, a.created_by, a.changed_at, a.changed_by, e.p10, e.p50, e.p90, a.site_id, a.zone_id, a.shipment_id, v.id as vehicle_key, a.carrier_id
from dock_appointment a join site s on s.id = a.site_id left join zone z on z.id = a.zone_id left join shipment h on h.id = a.shipment_id
left join vehicle v on v.id = coalesce(a.vehicle_id, h.vehicle_id) left join carrier c on c.id = a.carrier_id
left join lateral (select x.p10, x.p50, x.p90 from stop st join eta x on x.stop_id = st.id
    where st.shipment_id = a.shipment_id and st.site_id = a.site_id and st.arrived_at is null and h.status <> 'cancelled'
    order by st.seq, x.at desc, x.id desc limit 1) e on true
left join lateral (select min(p.temp_class) as temp_class from shipment_order x join customer_order o on o.id = x.order_id
    join order_line l on l.order_id = o.id join product p on p.id = l.product_id
    where x.tenant_id = a.tenant_id and x.shipment_id = a.shipment_id and p.temp_class in ('chilled', 'frozen')) g on true
where a.tenant_id = %(tenant)s and (%(id)s::text is null or a.client_id = %(id)s) and (%(site)s::text is null or s.name = %(site)s)
and (%(door)s::text is null or z.name = %(door)s) and (%(shipment)s::text is null or h.name = %(shipment)s)
and (%(since)s::timestamptz is null or a.ends_at > %(since)s) and (%(until)s::timestamptz is null or a.begins_at < %(until)s)
and (%(keys)s::int8[] is null or a.id = any(%(keys)s))
and (%(after)s::int8 is null or (a.begins_at, a.id) > (%(after_at)s::timestamptz, %(after)s))
order by a.begins_at, a.id limit %(limit)s

-- name: rivals
-- All appointments of vehicles in a span, to say which one a docking or visit is of.
select a.id as key, v.id as vehicle, a.site_id as site, a.begins_at, a.ends_at
from dock_appointment a left join shipment h on h.id = a.shipment_id join vehicle v on v.id = coalesce(a.vehicle_id, h.vehicle_id)
where a.tenant_id = %(tenant)s and v.id = any(%(vehicles)s::int[]) and a.outcome is distinct from 'cancelled'
and a.ends_at > %(since)s and a.begins_at < %(until)s order by a.id limit 20000

-- name: stays
-- Visits of vehicles in a span, as they are known now.
select i.vehicle_id as vehicle, i.site_id as site, i.entered_at as began, i.left_at as ended from visit i
where i.tenant_id = %(tenant)s and i.superseded_at is null and not i.retracted and i.vehicle_id = any(%(vehicles)s::int[])
and i.entered_at < %(until)s and coalesce(i.left_at, 'infinity') > %(since)s order by i.entered_at limit 20000

-- name: docked
-- Dockings in a span, of vehicles or at a site, the newest first; the end is what was told, else when the vehicle left or the next one began.
select d.vehicle_id as vehicle, z.site_id as site, z.name as door, d.began_at as began, e.ended, d.client_id as name, v.name as vehicle_name,
       v.label as vehicle_label, s.name as site_name, d.id as key, d.shipments
from docking d join zone z on z.id = d.zone_id join site s on s.id = z.site_id join vehicle v on v.id = d.vehicle_id
cross join lateral (select least(d.ended_at,
    (select i.left_at from visit i where i.vehicle_id = d.vehicle_id and i.site_id = z.site_id and i.superseded_at is null and not i.retracted
        and coalesce(i.left_at, 'infinity') > d.began_at order by i.entered_at limit 1),
    (select min(n.began_at) from docking n where n.withdrawn_at is null and n.began_at > d.began_at
        and (n.vehicle_id = d.vehicle_id or n.zone_id = d.zone_id))) as ended) e
where d.tenant_id = %(tenant)s and d.withdrawn_at is null and (%(vehicles)s::int[] is null or d.vehicle_id = any(%(vehicles)s))
and (%(site)s::text is null or s.name = %(site)s) and d.began_at < %(until)s and coalesce(e.ended, 'infinity') > %(since)s
and (%(after)s::int8 is null or (d.began_at, d.id) < (%(after_at)s::timestamptz, %(after)s))
order by d.began_at desc, d.id desc limit %(limit)s

-- name: doors
-- Doors of a site and which temperature class each is for.
select z.id as key, z.name as door, z.label, z.temp_class from zone z join site s on s.id = z.site_id
where z.tenant_id = %(tenant)s and s.name = %(site)s and z.dock = 'door' and z.retired_at is null order by z.name limit 200

-- name: site
-- A site by name.
select s.id as key, s.name, s.label, s.tz from site s where s.tenant_id = %(tenant)s and s.name = %(site)s and s.retired_at is null

-- name: terms
-- What waiting costs, by site and carrier; or one.
select t.id as key, s.name as site, c.code as carrier, t.free_min, t.rate_per_h, t.currency, t.step_min, t.told_at, t.told_by, t.site_id, t.carrier_id
from detention_terms t left join site s on s.id = t.site_id left join carrier c on c.id = t.carrier_id
where t.tenant_id = %(tenant)s and (%(id)s::int is null or t.id = %(id)s) and t.id > %(after)s order by t.id limit %(limit)s

-- name: put_terms
-- What waiting costs at a site, of a carrier, or of a carrier at a site; told anew it is replaced.
insert into detention_terms (tenant_id, site_id, carrier_id, free_min, rate_per_h, currency, step_min, told_by)
values (%(tenant)s, %(site)s, %(carrier)s, %(free_min)s, %(rate_per_h)s, %(currency)s, %(step_min)s, %(by)s)
on conflict (tenant_id, coalesce(site_id, 0), coalesce(carrier_id, 0)) do update set free_min = excluded.free_min, rate_per_h = excluded.rate_per_h,
    currency = excluded.currency, step_min = excluded.step_min, told_at = now(), told_by = excluded.told_by returning id

-- name: drop_terms
-- Waiting costs nothing any more there.
delete from detention_terms where tenant_id = %(tenant)s and id = %(id)s returning id

-- name: appointment_names
-- Keys of what an appointment names.
select s.id as site_id, z.id as zone_id, z.dock, h.id as shipment_id, h.status as shipment_status, v.id as vehicle_id, c.id as carrier_id
from site s left join zone z on z.site_id = s.id and z.name = %(door)s and z.retired_at is null
left join shipment h on h.tenant_id = s.tenant_id and h.name = %(shipment)s
left join vehicle v on v.tenant_id = s.tenant_id and v.name = %(vehicle)s and v.retired_at is null
left join carrier c on c.tenant_id = s.tenant_id and c.code = %(carrier)s and c.retired_at is null
where s.tenant_id = %(tenant)s and s.name = %(site)s and s.retired_at is null for no key update of s

-- name: appointment_locked
-- An appointment, kept for this transaction alone.
select a.id, a.version, a.site_id, a.zone_id, a.direction, a.shipment_id, a.vehicle_id, a.carrier_id, a.truck, a.goods, a.temp_class, a.begins_at, a.ends_at,
       a.pallets, a.note, a.outcome, a.told_arrived_at, a.told_docked_at, a.told_left_at
from dock_appointment a where a.tenant_id = %(tenant)s and a.client_id = %(id)s for update

-- name: at_once
-- Another appointment at a door at the same time.
select a.client_id as id, z.name as door, a.begins_at, a.ends_at from dock_appointment a join zone z on z.id = a.zone_id
where a.tenant_id = %(tenant)s and a.zone_id = %(zone)s and a.client_id <> all(%(ids)s::text[]) and a.outcome is null
and a.begins_at < %(ends_at)s and a.ends_at > %(begins_at)s order by a.begins_at limit 1

-- name: add_appointment
-- A new appointment.
insert into dock_appointment (tenant_id, client_id, site_id, zone_id, direction, shipment_id, vehicle_id, carrier_id, truck, goods, temp_class, begins_at,
                              ends_at, pallets, note, created_by, changed_by)
values (%(tenant)s, %(id)s, %(site_id)s, %(zone_id)s, %(direction)s, %(shipment_id)s, %(vehicle_id)s, %(carrier_id)s, %(truck)s, %(goods)s, %(temp_class)s,
        %(begins_at)s, %(ends_at)s, %(pallets)s, %(note)s, %(by)s, %(by)s) on conflict do nothing returning id

-- name: change_appointment
-- The same, changed; one that was called off is booked again.
update dock_appointment set site_id = %(site_id)s, zone_id = %(zone_id)s, direction = %(direction)s, shipment_id = %(shipment_id)s,
    vehicle_id = %(vehicle_id)s, carrier_id = %(carrier_id)s, truck = %(truck)s, goods = %(goods)s, temp_class = %(temp_class)s, begins_at = %(begins_at)s,
    ends_at = %(ends_at)s, pallets = %(pallets)s, note = %(note)s, outcome = null, outcome_why = '', version = version + 1, changed_at = now(),
    changed_by = %(by)s
where tenant_id = %(tenant)s and client_id = %(id)s returning id

-- name: move_appointment
-- It is at another door, or another time.
update dock_appointment set zone_id = %(zone)s, begins_at = %(begins_at)s, ends_at = %(ends_at)s, version = version + 1, changed_at = now(), changed_by = %(by)s
where tenant_id = %(tenant)s and client_id = %(id)s returning id

-- name: tell_appointment
-- What people say of it.
update dock_appointment set outcome = %(outcome)s, outcome_why = %(why)s, told_arrived_at = %(arrived_at)s, told_docked_at = %(docked_at)s,
    told_left_at = %(left_at)s, version = version + 1, changed_at = now(), changed_by = %(by)s
where tenant_id = %(tenant)s and client_id = %(id)s returning id

-- name: stood
-- How long vehicles stood at doors of a site and with how many pallets, the newest first: dockings (units loaded there, else as they were
-- announced), and appointments of which somebody told both times.
select pallets, minutes, direction from (
    select coalesce(nullif((select count(*) from load_unit u join shipment h on h.id = u.shipment_id join load_check k on k.shipment_id = h.id
               where u.superseded_at is null and not u.retracted and u.state = 'loaded' and h.name = any(d.shipments) and k.docked_at = d.began_at), 0),
               a.pallets)::int as pallets,
           extract(epoch from d.ended_at - d.began_at)::float8 / 60 as minutes, a.direction, d.began_at as at
    from docking d join zone z on z.id = d.zone_id join site s on s.id = z.site_id
    join lateral (select x.pallets, x.direction from dock_appointment x left join shipment h on h.id = x.shipment_id
        where x.site_id = s.id and x.outcome is null and coalesce(x.vehicle_id, h.vehicle_id) = d.vehicle_id
        and x.begins_at between d.began_at - interval '12 hours' and d.began_at + interval '4 hours'
        order by abs(extract(epoch from x.begins_at - d.began_at)) limit 1) a on true
    where d.tenant_id = %(tenant)s and s.name = %(site)s and d.withdrawn_at is null and d.ended_at is not null
    union all
    select a.pallets, extract(epoch from a.told_left_at - a.told_docked_at)::float8 / 60, a.direction, a.told_docked_at
    from dock_appointment a join site s on s.id = a.site_id
    where a.tenant_id = %(tenant)s and s.name = %(site)s and a.vehicle_id is null and a.shipment_id is null and a.told_left_at > a.told_docked_at) q
where pallets is not null order by at desc limit 800

-- name: carrier
-- A carrier by code.
select c.id as key from carrier c where c.tenant_id = %(tenant)s and c.code = %(carrier)s and c.retired_at is null

-- name: goods_dwell
-- How long handling units stood in doors and staging zones of a site, of those that left in a span.
select extract(epoch from y.until - y.since)::float8 / 60 as minutes from goods_stay y join zone z on z.id = y.zone_id
where y.tenant_id = %(tenant)s and y.site_id = %(site)s and z.dock is not null and y.until < 'infinity' and y.until > %(since)s and y.until <= %(until)s
order by y.until desc limit 20000

-- name: count_booked_by
-- How many appointments somebody made.
select count(*)::int as count from dock_appointment a where a.tenant_id = %(tenant)s and a.created_by = %(by)s

-- name: booked_by
-- Appointments that somebody made and that are not over.
select a.client_id as id from dock_appointment a
where a.tenant_id = %(tenant)s and a.created_by = %(by)s and a.outcome is null and a.told_left_at is null order by a.id limit 1000

-- name: drop_terms_by
-- Terms that somebody told are no more.
delete from detention_terms where tenant_id = %(tenant)s and told_by = %(by)s
