-- name: repeatable_read
-- First words of a transaction whose queries must all see one moment.
set transaction isolation level repeatable read, read only

-- name: become_tenant
-- To the end of the transaction: rows of one tenant, as a role that owns nothing.
select set_config('role', 'frostway_api', true), set_config('app.tenant', %(tenant)s::text, true),
       set_config('statement_timeout', %(timeout_ms)s::text, true),
       set_config('idle_in_transaction_session_timeout', %(idle_ms)s::text, true)

-- name: callers
-- Who hold tokens that are still good.
select w.digest as token_sha256, c.*
from unnest(%(token_sha256s)s::bytea[]) as w (digest) cross join lateral door_caller(w.digest) c

-- name: tenant_key
-- A tenant's key.
select * from door_tenant(%(tenant_name)s)

-- name: account
-- Who may sign in under a name.
select * from door_account(%(tenant_name)s, %(user)s)

-- name: add_session
-- A browser session; only its hash is kept.
select door_add_session(%(tenant_id)s, %(subject)s, %(token_sha256)s, %(expires_at)s, %(agent)s, %(network)s)

-- name: change_password
-- Another password of a person, whose other sessions end.
select door_change_password(%(tenant_id)s, %(subject)s, %(password_hash)s, %(id)s)

-- name: end_session
-- Signs out.
select door_end_session(%(id)s)

-- name: tokens
-- Bearer tokens of a tenant, the newest first.
select * from own_tokens(%(tenant)s)
where (%(before)s::int is null or id < %(before)s) and (%(name)s::text is null or name = %(name)s)
order by id desc limit %(limit)s

-- name: revoke_token
-- Bearer tokens of a name are good no more.
select id from own_revoke_token(%(tenant)s, %(name)s)

-- name: vehicles
-- Vehicles by name with their last state and the site they are in; retired ones when they are asked for.
select v.id as key, v.name as id, v.label, v.class, v.fleet, v.model, v.load_capacity_kg, v.volume_capacity_m3, v.pallet_capacity, v.fuel_type,
       v.nominal_fuel_lph, v.tags, w.name as driver, w.label as driver_label,
       nullif(a.valid_from, '-infinity') as driver_since, s.time, s.received_at, s.lat, s.lon, s.speed_mps, s.heading_deg, s.accuracy_m,
       coalesce(s.flags, 0) as flags, coalesce(s.status, 'unknown') as status, s.status_since, s.battery_ratio,
       here.name as site
from vehicle v left join vehicle_state s on s.vehicle_id = v.id and s.tenant_id = v.tenant_id
left join lateral (
    select si.name from visit vi join site si on si.id = vi.site_id
    where vi.vehicle_id = v.id and vi.superseded_at is null and not vi.retracted and vi.left_at is null
    order by vi.entered_at desc, vi.id desc limit 1) here on true
left join (vehicle_driver a join driver w on w.id = a.driver_id and w.tenant_id = a.tenant_id)
     on a.vehicle_id = v.id and a.tenant_id = v.tenant_id and a.valid_to = 'infinity'
where v.tenant_id = %(tenant)s and v.name > %(after)s and (%(name)s::text is null or v.name = %(name)s)
and (%(names)s::text[] is null or v.name = any(%(names)s))
and (v.retired_at is null or %(retired)s)
and (%(south)s::float8 is null or v.id in (
    select i.vehicle_id from vehicle_state i
    where i.tenant_id = %(tenant)s and i.lat between %(south)s and %(north)s
    and case when %(west)s::float8 <= %(east)s::float8 then i.lon between %(west)s and %(east)s
        else i.lon >= %(west)s or i.lon <= %(east)s end))
and (%(fits)s::bool is null or v.id in (
    select w.vehicle_id from vehicle_spans(%(tenant)s, %(fleets)s::text[], %(models)s::text[], %(drivers)s::text[],
                                           %(fuel_types)s::text[], %(tags)s::text[]) w where w.valid_to = 'infinity'))
order by v.name limit %(limit)s

-- name: vehicle_class
-- A vehicle's key, its class, and when it was last somewhere.
select v.id as key, v.class, s.time from vehicle v
left join vehicle_state s on s.vehicle_id = v.id and s.tenant_id = v.tenant_id
where v.tenant_id = %(tenant)s and v.name = %(name)s

-- name: vehicle_paces
-- Positions of a vehicle in three days up to a time, one in five seconds; microseconds, degrees.
select distinct on (floor(extract(epoch from r.time) / 5)) (extract(epoch from r.time) * 1000000)::int8, r.lat, r.lon
from assignment d
cross join lateral own_position(d.device_id, greatest(d.valid_from, %(until)s::timestamptz - interval '3 days'),
                                least(d.valid_to, %(until)s::timestamptz)) r
where d.tenant_id = %(tenant)s and d.vehicle_id = %(vehicle)s and r.flags & %(not_driven)s = 0
order by floor(extract(epoch from r.time) / 5), r.time, r.seq, r.received_at

-- name: vehicle_key
-- A vehicle's key.
select id as key from vehicle where tenant_id = %(tenant)s and name = %(name)s

-- name: temps
-- Last temperature of every probe on these vehicles or at these sites.
select d.vehicle_id, d.site_id, d.name as device, l.text as probe, s.time, s.temp_c, s.humidity_pct, p.low_c, p.high_c,
       s.state
from series_state s join device d on d.id = s.device_id join label l on l.id = s.probe_id
left join profiles_now(%(tenant)s) p on p.profile_id = d.profile_id
where d.tenant_id = %(tenant)s and s.tenant_id = %(tenant)s
and (d.vehicle_id = any(%(vehicles)s::int[]) or d.site_id = any(%(sites)s::int[]))
order by d.name, l.text

-- name: vehicle_shipments
-- What each vehicle is carrying: the oldest shipment under way, else the oldest planned one; the next stop behind the last.
select sh.vehicle_id, sh.name as id, coalesce(si.name, st.name) as next_stop, e.p10, e.p50, e.p90, e.few_trips
from (select distinct on (h.vehicle_id) h.vehicle_id, h.name, h.id from shipment h
      where h.tenant_id = %(tenant)s and h.vehicle_id = any(%(vehicles)s::int[]) and h.status not in ('delivered', 'cancelled')
      order by h.vehicle_id, h.status = 'in_transit' desc, h.id) sh
left join lateral (
    select n.id, n.name, n.site_id from stop n where n.shipment_id = sh.id and n.arrived_at is null
    order by n.seq > coalesce((select l.seq from stop l where l.shipment_id = sh.id and l.arrived_at is not null
                               order by l.arrived_at desc, l.seq desc limit 1), 0) desc, n.seq limit 1) st on true
left join site si on si.id = st.site_id
left join lateral (
    select x.p10, x.p50, x.p90, x.few_trips from eta x where x.stop_id = st.id order by x.at desc, x.id desc limit 1) e on true
order by sh.vehicle_id

-- name: vehicle_alerts
-- Number of active critical alerts of each vehicle, resolved ones too: it is in alarm while it is too warm.
select d.vehicle_id, count(*) as alerts from alert a join device d on d.id = a.device_id and d.tenant_id = a.tenant_id
where a.tenant_id = %(tenant)s and d.vehicle_id = any(%(vehicles)s::int[])
and a.cleared_at is null and a.severity = 'critical'
group by d.vehicle_id

-- name: sort_in_memory
-- A long answer is sorted without files, until the transaction ends.
set local work_mem = '32MB'

-- name: track
-- Positions of a vehicle's devices in event order, packed: microseconds, degrees, m/s, degrees, flags.
select * from own_way(%(tenant)s, %(vehicle)s, %(since)s, %(until)s, %(most)s)

-- name: sites
-- Sites by name; retired ones when they are asked for.
select s.id as key, s.name as id, s.label, s.kind, s.lat, s.lon, s.radius_m, s.polygon, s.corridor, s.dwell_s, s.tz, s.gln
from site s
where s.tenant_id = %(tenant)s and s.name > %(after)s and (%(name)s::text is null or s.name = %(name)s)
and (%(names)s::text[] is null or s.name = any(%(names)s))
and (s.retired_at is null or %(retired)s)
and (%(south)s::float8 is null or s.lat between %(south)s and %(north)s and case when %(west)s::float8 <= %(east)s::float8
     then s.lon between %(west)s and %(east)s else s.lon >= %(west)s or s.lon <= %(east)s end)
order by s.name limit %(limit)s

-- name: zones
-- Zones of sites.
select z.site_id, z.name as id, z.label from zone z
where z.tenant_id = %(tenant)s and z.site_id = any(%(sites)s::int[]) and z.retired_at is null order by z.name

-- name: zone_key
-- A zone's key.
select id from zone where tenant_id = %(tenant)s and site_id = %(site)s and name = %(name)s

-- name: devices
-- Devices by name with where they are and when they last spoke.
select d.id as key, d.name as id, d.kind, v.name as vehicle, s.name as site, z.name as zone, p.name as profile,
       d.external_id, g.name as gateway, st.last_time as last_seen, d.mqtt_password_hash is not null as has_password,
       d.revoked_at is not null as revoked
from device d left join vehicle v on v.id = d.vehicle_id left join site s on s.id = d.site_id
left join zone z on z.id = d.zone_id left join profile p on p.id = d.profile_id
left join device g on g.id = d.gateway_id
left join device_state st on st.device_id = d.id and st.tenant_id = d.tenant_id
where d.tenant_id = %(tenant)s and d.name > %(after)s and (%(name)s::text is null or d.name = %(name)s)
      and (%(profile)s::text is null or p.name = %(profile)s)
order by d.name limit %(limit)s

-- name: products
-- Products by SKU, without retired ones, perhaps those that some text is in; or one.
select p.id as key, p.sku, p.label, p.unit_mass_kg, p.low_c, p.high_c, p.reorder_point, p.expiry_days, p.gtin, f.name as profile,
       p.gross_mass_kg, p.length_mm, p.width_mm, p.height_mm, p.temp_class, p.apart
from product p left join profile f on f.id = p.profile_id
where p.tenant_id = %(tenant)s and p.sku > %(after)s
and case when %(name)s::text is null then p.retired_at is null else p.sku = %(name)s end
and (%(search)s::text is null or position(lower(%(search)s) in lower(p.sku || ' ' || p.label || ' ' || coalesce(p.gtin, ''))) > 0)
order by p.sku limit %(limit)s

-- name: stock
-- Stock levels by place and product; nothing of sites and products that are retired.
select s.name as site, z.name as zone, p.sku, p.label, l.quantity, l.confidence, l.last_evidence_at, l.source,
       p.reorder_point
from stock_level l join site s on s.id = l.site_id join zone z on z.id = l.zone_id join product p on p.id = l.product_id
where l.tenant_id = %(tenant)s and (s.name, z.name, p.sku) > (%(after_site)s, %(after_zone)s, %(after_sku)s)
and s.retired_at is null and z.retired_at is null and p.retired_at is null
and (%(site)s::text is null or s.name = %(site)s) and (%(zone)s::text is null or z.name = %(zone)s)
and (%(sku)s::text is null or p.sku = %(sku)s) and (%(skus)s::text[] is null or p.sku = any(%(skus)s))
order by s.name, z.name, p.sku limit %(limit)s

-- name: alerts
-- Alerts, newest first.
select a.id, a.kind, a.severity, d.name as device, l.text as probe, v.name as vehicle, s.name as site, a.stock, a.load, a.title, a.limit_c,
       a.extreme_c, a.last_c, a.expected_p10, a.expected_p50, a.expected_p90, a.expected_at, a.expected_from_c, a.expected_for_s,
       a.opened_at, a.alarm_at, a.decided_at,
       a.cleared_at, a.revision, a.acknowledged_at,
       a.acknowledged_by, a.note, a.resolved_at, a.resolved_by, a.assignee, a.disposition, a.disposition_state,
       a.disposition_reason, a.disposed_at, a.disposed_by, a.signed_at, a.signed_by, a.comments, a.muted_until,
       a.muted_by, a.mute_reason, w.vehicle_id
from alert a left join device d on d.id = a.device_id and d.tenant_id = a.tenant_id
left join label l on l.id = a.probe_id
left join assignment w on w.device_id = d.id and w.tenant_id = d.tenant_id
                          and a.opened_at >= w.valid_from and a.opened_at < w.valid_to
left join vehicle v on v.id = w.vehicle_id
left join site s on s.id = coalesce(a.site_id, w.site_id) and s.tenant_id = a.tenant_id
where a.tenant_id = %(tenant)s and (%(id)s::int8 is null or a.id = %(id)s)
and (%(after_id)s::int8 is null or (a.opened_at, a.id) < (%(after_at)s::timestamptz, %(after_id)s))
and case %(state)s
    when 'all' then true
    when 'active' then a.cleared_at is null and a.resolved_at is null
    when 'cleared' then a.cleared_at is not null
    when 'unacknowledged' then a.acknowledged_at is null and a.resolved_at is null
    else a.resolved_at is null and (a.cleared_at is null or a.acknowledged_at is null)
         or coalesce(a.disposition_state in ('proposed', 'superseded'), false) end
and (%(assignee)s::text is null or a.assignee = %(assignee)s)
and (%(disposition)s::text is null or %(disposition)s in (a.disposition, a.disposition_state)
     or %(disposition)s = 'none' and a.disposition is null)
and (%(fits)s::bool is null or exists (
    select from vehicle_spans(%(tenant)s, %(fleets)s::text[], %(models)s::text[], %(drivers)s::text[], %(fuel_types)s::text[],
                              %(tags)s::text[]) fit
    where fit.vehicle_id = w.vehicle_id and a.opened_at >= fit.valid_from and a.opened_at < fit.valid_to))
order by a.opened_at desc, a.id desc limit %(limit)s

-- name: shipments
-- Shipments by name; `recent` leaves out what was delivered or called off before that time.
select sh.id as key, sh.name as id, sh.reference, sh.status, v.name as vehicle, sh.vehicle_id, sh.customer,
       sh.planned_line, sh.planned_at, sh.started_at, sh.delivered_at, sh.cancelled_at, p.name as profile, n.low_c, n.high_c
from shipment sh left join vehicle v on v.id = sh.vehicle_id left join profile p on p.id = sh.profile_id
left join profiles_now(%(tenant)s) n on n.profile_id = sh.profile_id
where sh.tenant_id = %(tenant)s and sh.name > %(after)s and (%(name)s::text is null or sh.name = %(name)s)
and (%(names)s::text[] is null or sh.name = any(%(names)s))
and (%(key)s::int is null or sh.id = %(key)s) and (%(status)s::text is null or sh.status = %(status)s)
and (%(vehicle)s::text is null or v.name = %(vehicle)s)
and (%(recent)s::timestamptz is null or coalesce(coalesce(sh.delivered_at, sh.cancelled_at) > %(recent)s, true))
and (%(fits)s::bool is null or exists (
    select from vehicle_spans(%(tenant)s, %(fleets)s::text[], %(models)s::text[], %(drivers)s::text[], %(fuel_types)s::text[],
                              %(tags)s::text[]) fit
    where fit.vehicle_id = sh.vehicle_id and coalesce(sh.delivered_at, sh.cancelled_at, now()) >= fit.valid_from
    and coalesce(sh.delivered_at, sh.cancelled_at, now()) < fit.valid_to))
order by sh.name limit %(limit)s

-- name: stops
-- Stops of shipments in order; an estimate stands only where the vehicle has still to arrive.
select st.shipment_id, st.seq, st.name as stop_id, si.name as site, si.kind as site_kind, st.label as name, st.lat,
       st.lon, st.radius_m, st.window_start, st.window_end, st.arrived_at, st.departed_at, e.p10, e.p50, e.p90, e.remaining_m,
       e.late_probability, e.few_trips, e.decided_at,
       array(select d.kind from deviation d where d.tenant_id = st.tenant_id and d.stop_id = st.id and d.kind <> 'off_route'
             and d.superseded_at is null and not d.retracted order by d.kind) as deviations
from stop st left join site si on si.id = st.site_id
left join lateral (
    select x.p10, x.p50, x.p90, x.remaining_m, x.late_probability, x.few_trips, x.decided_at from eta x
    where x.stop_id = st.id and st.arrived_at is null order by x.at desc, x.id desc limit 1) e on true
where st.tenant_id = %(tenant)s and st.shipment_id = any(%(shipments)s::int[]) order by st.shipment_id, st.seq

-- name: profiles
-- Temperature profiles by name, and how many have them now: devices that may speak, shipments under way.
select p.name as id, n.version, nullif(n.valid_from, '-infinity') as valid_from, n.body::text as body, p.retired_at,
       (select min(v.valid_from) from profile_version v
        where v.tenant_id = p.tenant_id and v.profile_id = p.id and v.valid_from > now()) as next_from,
       (select count(*) from device d where d.tenant_id = p.tenant_id and d.profile_id = p.id and d.revoked_at is null) as devices,
       (select count(*) from shipment h where h.tenant_id = p.tenant_id and h.profile_id = p.id
        and h.status not in ('delivered', 'cancelled')) as shipments
from profile p join profiles_now(%(tenant)s) n on n.profile_id = p.id
where p.tenant_id = %(tenant)s and p.name > %(after)s and (%(name)s::text is null or p.name = %(name)s)
order by p.name limit %(limit)s

-- name: shipment_to_end
-- A shipment, locked until the transaction ends, and whether anything has happened to it.
select sh.id as key, sh.status, v.name as vehicle,
       exists (select from stop_call c where c.tenant_id = sh.tenant_id and c.shipment_id = sh.id)
       or exists (select from deviation d where d.tenant_id = sh.tenant_id and d.shipment_id = sh.id)
       or exists (select from goods_stay g where g.tenant_id = sh.tenant_id and g.shipment_id = sh.id)
       or exists (select from proof p where p.tenant_id = sh.tenant_id and p.shipment_id = sh.id) as happened,
       (select count(*) from share s where s.tenant_id = sh.tenant_id and s.shipment_id = sh.id and s.revoked_at is null
        and s.expires_at > now()) as links
from shipment sh left join vehicle v on v.id = sh.vehicle_id
where sh.tenant_id = %(tenant)s and sh.name = %(name)s for update of sh

-- name: cancel_shipment
-- A shipment is called off; what has happened to it stays.
update shipment set status = 'cancelled', cancelled_at = now() where tenant_id = %(tenant)s and id = %(id)s

-- name: delete_stops
-- All stops of a shipment are gone.
delete from stop where tenant_id = %(tenant)s and shipment_id = %(id)s

-- name: delete_shipment
-- A shipment is gone, and with it the links to it.
delete from shipment where tenant_id = %(tenant)s and id = %(id)s

-- name: trim_stops
-- Stops that are no longer planned and were never reached.
delete from stop where tenant_id = %(tenant)s and shipment_id = %(shipment)s and not seq = any(%(seqs)s::int[])
and arrived_at is null

-- name: last_position
-- Where a vehicle is.
select s.time, s.lat, s.lon, s.heading_deg from vehicle_state s
where s.tenant_id = %(tenant)s and s.vehicle_id = %(vehicle)s

-- name: series_device
-- A device and its limits.
select d.id as key, p.low_c, p.high_c, p.body::text as body
from device d left join profiles_now(%(tenant)s) p on p.profile_id = d.profile_id
where d.tenant_id = %(tenant)s and d.name = %(device)s

-- name: probes
-- Probes of a device by name.
select l.id as key, l.text as probe from label l join device d on d.id = l.scope
where d.tenant_id = %(tenant)s and d.id = %(device)s and l.kind = 'probe' order by l.text

-- name: series
-- Temperatures of a probe in event order; error codes of the sensor are left out.
select (extract(epoch from r.time) * 1000000)::int8, r.temp_c
from device d cross join lateral own_temperature(d.id, %(since)s, %(until)s) r
where d.tenant_id = %(tenant)s and d.id = %(device)s and r.probe_id = %(probe)s and r.flags & 8 = 0
order by r.time, r.seq, r.received_at

-- name: excursions
-- Excursions of a probe as known now that touch a span.
select x.id, x.kind, x.band, x.severity, x.started_at, x.alarm_at, x.ended_at, x.extreme_c from excursion x
where x.tenant_id = %(tenant)s and x.probe_id = %(probe)s and x.superseded_at is null and not x.retracted
and x.started_at < %(until)s and coalesce(x.ended_at, 'infinity') > %(since)s
order by x.started_at

-- name: device_key
-- A device's key.
select id as key from device where tenant_id = %(tenant)s and name = %(name)s

-- name: shipment_key
-- A shipment's key.
select id as key from shipment where tenant_id = %(tenant)s and name = %(name)s

-- name: readings_gps
-- Positions of a device as they were sent; a page of at least so many, which ends between two times.
select r.time, r.received_at, b.text as boot, nullif(r.seq, -1) as seq, r.flags, r.lat, r.lon, r.speed_mps, r.heading_deg,
       r.accuracy_m, r.altitude_m, r.odometer_m, r.ignition
from device d cross join lateral own_position(d.id, %(since)s, %(until)s, %(after)s, %(most)s) r
left join label b on b.id = r.boot_id
where d.tenant_id = %(tenant)s and d.id = %(device)s
order by r.time, r.seq, r.received_at

-- name: readings_temp
-- Temperatures of a device as they were sent.
select r.time, r.received_at, b.text as boot, nullif(r.seq, -1) as seq, r.flags, l.text as probe, r.temp_c, r.humidity_pct,
       r.correction_c
from device d cross join lateral own_temperature(d.id, %(since)s, %(until)s, %(after)s, %(most)s) r
left join label b on b.id = r.boot_id
left join label l on l.id = r.probe_id
where d.tenant_id = %(tenant)s and d.id = %(device)s
order by r.time, r.seq, r.received_at

-- name: readings_rfid
-- Tag reads of a device as they were sent.
select r.time, r.received_at, b.text as boot, nullif(r.seq, -1) as seq, r.flags, l.text as epc, r.antenna, r.rssi_dbm
from device d cross join lateral own_tag(d.id, %(since)s, %(until)s, %(after)s, %(most)s) r
left join label b on b.id = r.boot_id
left join label l on l.id = r.tag_id
where d.tenant_id = %(tenant)s and d.id = %(device)s
order by r.time, r.seq, r.received_at

-- name: readings_shelf
-- Shelf readings of a device as they were sent.
select r.time, r.received_at, b.text as boot, nullif(r.seq, -1) as seq, r.flags, l.text as slot, r.mass_kg, r.item_count
from device d cross join lateral own_shelf(d.id, %(since)s, %(until)s, %(after)s, %(most)s) r
left join label b on b.id = r.boot_id
left join label l on l.id = r.slot_id
where d.tenant_id = %(tenant)s and d.id = %(device)s
order by r.time, r.seq, r.received_at

-- name: readings_door
-- Door readings of a device as they were sent.
select r.time, r.received_at, b.text as boot, nullif(r.seq, -1) as seq, r.flags, l.text as door, r.open
from device d cross join lateral own_door(d.id, %(since)s, %(until)s, %(after)s, %(most)s) r
left join label b on b.id = r.boot_id
left join label l on l.id = r.door_id
where d.tenant_id = %(tenant)s and d.id = %(device)s
order by r.time, r.seq, r.received_at

-- name: readings_status
-- Status readings of a device as they were sent.
select r.time, r.received_at, b.text as boot, nullif(r.seq, -1) as seq, r.flags, r.battery_ratio, r.rssi_dbm,
       l.text as reefer, r.setpoint_c, r.defrost
from device d cross join lateral own_status(d.id, %(since)s, %(until)s, %(after)s, %(most)s) r
left join label b on b.id = r.boot_id
left join label l on l.id = r.reefer_id
where d.tenant_id = %(tenant)s and d.id = %(device)s
order by r.time, r.seq, r.received_at

-- name: readings_attr
-- What else a device said.
select r.time, r.received_at, b.text as boot, nullif(r.seq, -1) as seq, r.flags, l.text as name, r.value, n.text as note
from device d cross join lateral own_attribute(d.id, %(since)s, %(until)s, %(after)s, %(most)s) r
left join label b on b.id = r.boot_id
left join label l on l.id = r.name_id left join label n on n.id = r.note_id
where d.tenant_id = %(tenant)s and d.id = %(device)s
order by r.time, r.seq, r.received_at

-- name: eta_grades
-- How good predictions were by hours out, lane, vehicle or day; every arrival counts once in each line.
select g.key, count(*) as arrivals, sum(g.predictions) as predictions, avg(g.error_min) as mae_min,
       avg(g.error_share) as mape, avg(g.within_15) as within_15, avg(g.within_30) as within_30,
       avg(g.covered) as coverage, avg(g.width_min) as width_min, avg(g.jitter_min) as jitter_min,
       avg(g.learned_min) as learned, avg(g.own_pace_min) as own_pace, avg(g.recovering_min) as recovering,
       avg(g.plan_and_delay_min) as plan_and_delay, avg(g.plan_min) as plan
from (select e.*, case %(by)s when 'hours_out' then e.hours_out when 'lane' then e.lane when 'vehicle' then v.name
                  else to_char(e.arrived_at at time zone 'UTC', 'YYYY-MM-DD') end as key
      from eta_grade e left join vehicle v on v.id = e.vehicle_id and v.tenant_id = e.tenant_id
      where e.tenant_id = %(tenant)s and (%(by)s = 'hours_out' or e.bucket = -1)
      and (%(since)s::timestamptz is null or e.arrived_at >= %(since)s)
      and (%(until)s::timestamptz is null or e.arrived_at < %(until)s)) g
where g.key > %(after)s group by g.key
order by case when %(by)s = 'hours_out' then min(g.bucket) end, g.key limit %(limit)s
