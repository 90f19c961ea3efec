-- name: tenant
-- Id of a tenant by name; nothing when there is none.
select id from tenant where name = %(name)s

-- name: add_tenant
-- A new tenant; nothing when there is one of this name.
insert into tenant (name) values (%(name)s) on conflict (name) do nothing returning id

-- name: tenants
-- All tenants and how many devices each has.
select t.name, count(d.id)::int as devices from tenant t left join device d on d.tenant_id = t.id group by t.name order by t.name

-- name: put_site
-- A site, made or changed.
insert into site (tenant_id, name, label, kind, lat, lon, radius_m, polygon, corridor, dwell_s, tz)
values (%(tenant)s, %(name)s, %(label)s, %(kind)s, %(lat)s, %(lon)s, %(radius_m)s, %(polygon)s::jsonb,
        %(corridor)s::jsonb, %(dwell_s)s, %(tz)s)
on conflict (tenant_id, name) do update set label = excluded.label, kind = excluded.kind, lat = excluded.lat,
    lon = excluded.lon, radius_m = excluded.radius_m, polygon = excluded.polygon, corridor = excluded.corridor,
    dwell_s = excluded.dwell_s, tz = excluded.tz
returning id

-- name: put_glns
-- By which partners name these sites.
update site s set gln = n.gln from unnest(%(names)s::text[], %(glns)s::text[]) as n (name, gln)
where s.tenant_id = %(tenant)s and s.name = n.name

-- name: ensure_site
-- Id of a site by name; nothing when there is none.
select id from site where tenant_id = %(tenant)s and name = %(name)s

-- name: site_id
-- Id of a site by name.
select id from site where tenant_id = %(tenant)s and name = %(name)s

-- name: vehicle_id
-- Id of a vehicle by name.
select id from vehicle where tenant_id = %(tenant)s and name = %(name)s

-- name: put_zone
-- A zone of a site, made or relabelled.
insert into zone (tenant_id, site_id, name, label) values (%(tenant)s, %(site)s, %(name)s, %(label)s)
on conflict (site_id, name) do update set label = coalesce(nullif(excluded.label, excluded.name), zone.label)
returning id

-- name: put_vehicle
-- A vehicle, made or relabelled.
insert into vehicle (tenant_id, name, label) values (%(tenant)s, %(name)s, %(label)s)
on conflict (tenant_id, name) do update set label = coalesce(nullif(excluded.label, excluded.name), vehicle.label)
returning id

-- name: class_vehicle
-- A vehicle of another class, or of none that anybody has told.
update vehicle set class = %(class)s where tenant_id = %(tenant)s and name = %(name)s returning id

-- name: put_profile
-- A temperature profile, made or locked; `add_profile_version` says what it is.
insert into profile as p (tenant_id, name) values (%(tenant)s, %(name)s)
on conflict (tenant_id, name) do update set name = excluded.name returning id

-- name: add_profile
-- A temperature profile of a new name; `add_profile_version` says what it is.
insert into profile as p (tenant_id, name) values (%(tenant)s, %(name)s)
on conflict (tenant_id, name) do nothing returning id

-- name: lock_profile
-- A profile, locked until the transaction ends.
select id from profile where tenant_id = %(tenant)s and name = %(name)s for update

-- name: add_profile_version
-- The next version of a profile that is locked, the first one since ever; nothing when it is what the newest says.
with newest as (
    select v.version, v.body from profile_version v where v.tenant_id = %(tenant)s and v.profile_id = %(profile)s
    order by v.version desc limit 1
), made as (
    insert into profile_version (profile_id, tenant_id, version, valid_from, body, note, made_by)
    select %(profile)s, %(tenant)s, coalesce((select version from newest), 0) + 1,
           case when exists (select from newest) then greatest(%(valid_from)s::timestamptz, now()) else '-infinity' end,
           %(body)s::jsonb, %(note)s, %(by)s
    where (select body from newest) is distinct from %(body)s::jsonb
    returning version, valid_from
)
update profile p
set version = m.version,
    low_c = case when m.valid_from <= now() then %(low_c)s else p.low_c end,
    high_c = case when m.valid_from <= now() then %(high_c)s else p.high_c end,
    for_s = case when m.valid_from <= now() then %(for_s)s else p.for_s end,
    hysteresis_c = case when m.valid_from <= now() then %(hysteresis_c)s else p.hysteresis_c end,
    max_interval_s = case when m.valid_from <= now() then %(max_interval_s)s else p.max_interval_s end
from made m where p.tenant_id = %(tenant)s and p.id = %(profile)s
returning p.version, nullif(m.valid_from, '-infinity') as valid_from

-- name: profile_versions
-- Versions of a profile, newest first.
select v.version, nullif(v.valid_from, '-infinity') as valid_from, v.body::text as body, v.note, v.made_by, v.made_at
from profile_version v where v.tenant_id = %(tenant)s and v.profile_id = %(profile)s and (%(before)s::int is null or v.version < %(before)s)
order by v.version desc limit %(limit)s

-- name: profile_id
-- Id of a profile by name.
select id from profile where tenant_id = %(tenant)s and name = %(name)s

-- name: put_device
-- A device, made or moved; a new password or token replaces the old one only when one is given. A revoked token stays so.
insert into device as d (tenant_id, name, kind, vehicle_id, site_id, zone_id, profile_id, mqtt_password_hash,
                         external_id, gateway_id, http_token_sha256)
values (%(tenant)s, %(name)s, %(kind)s, %(vehicle)s, %(site)s, %(zone)s, %(profile)s, %(password_hash)s,
        %(external_id)s, %(gateway)s, %(http_token_sha256)s)
on conflict (tenant_id, name) do update set kind = excluded.kind, vehicle_id = excluded.vehicle_id,
    site_id = excluded.site_id, zone_id = excluded.zone_id, profile_id = coalesce(excluded.profile_id, d.profile_id),
    mqtt_password_hash = coalesce(excluded.mqtt_password_hash, d.mqtt_password_hash), revoked_at = null,
    external_id = coalesce(excluded.external_id, d.external_id), gateway_id = coalesce(excluded.gateway_id, d.gateway_id),
    http_token_sha256 = coalesce(excluded.http_token_sha256,
                                 case when d.revoked_at is null then d.http_token_sha256 end)
returning id

-- name: add_device
-- A new device; nothing when there is one of this name.
insert into device (tenant_id, name, kind, vehicle_id, site_id, zone_id, profile_id, mqtt_password_hash, external_id,
                    gateway_id, http_token_sha256)
values (%(tenant)s, %(name)s, %(kind)s, %(vehicle)s, %(site)s, %(zone)s, %(profile)s, %(password_hash)s,
        %(external_id)s, %(gateway)s, %(http_token_sha256)s)
on conflict (tenant_id, name) do nothing returning id

-- name: device_revoked
-- Whether a device may not speak any more; nothing when there is none of this name.
select revoked_at is not null as revoked from device where tenant_id = %(tenant)s and name = %(name)s

-- name: change_device
-- Of a device that may speak what is named in `parts`; null takes it away. Where it is and its login stay.
update device set kind = case when 'kind' = any(%(parts)s::text[]) then %(kind)s else kind end,
    profile_id = case when 'profile' = any(%(parts)s::text[]) then %(profile)s::int else profile_id end,
    external_id = case when 'foreign_id' = any(%(parts)s::text[]) then %(external_id)s::text else external_id end,
    gateway_id = case when 'gateway' = any(%(parts)s::text[]) then %(gateway)s::int else gateway_id end
where tenant_id = %(tenant)s and name = %(name)s and revoked_at is null returning id, external_id, gateway_id

-- name: device_assignments
-- Where a device was and when, the newest first; null: since ever, and until now.
select a.id, v.name as vehicle, s.name as site, z.name as zone, nullif(a.valid_from, '-infinity') as since,
       nullif(a.valid_to, 'infinity') as until, a.recorded_at, a.recorded_by
from assignment a left join vehicle v on v.id = a.vehicle_id left join site s on s.id = a.site_id
left join zone z on z.id = a.zone_id
where a.tenant_id = %(tenant)s and a.device_id = %(device)s and (%(id)s::int8 is null or a.id = %(id)s)
order by a.valid_from desc limit %(limit)s

-- name: aboard
-- Devices that are on a vehicle now, and since when; null: since ever.
select d.name as id, d.kind, nullif(a.valid_from, '-infinity') as since
from assignment a join device d on d.id = a.device_id and d.tenant_id = a.tenant_id
where a.tenant_id = %(tenant)s and a.vehicle_id = %(vehicle)s and a.valid_to = 'infinity' order by d.name limit 1000

-- name: reassign
-- A device was somewhere from a time to a time; nowhere when no place is given.
select reassign(%(device)s, %(vehicle)s, %(site)s, %(zone)s, coalesce(%(since)s::timestamptz, '-infinity'),
                coalesce(%(until)s::timestamptz, 'infinity'), %(by)s)

-- name: foreign_id_taken
-- Whether a device of another tenant that speaks for itself has this foreign id; holds others back until we have ended.
select foreign_id_taken(%(external_id)s, %(tenant)s) as taken

-- name: tell_foreign_id_holder
-- Whoever has this foreign id is told that another tenant wanted it.
select tell_foreign_id_holder(%(external_id)s, %(tenant)s)

-- name: rotate_device
-- A new password in place of the old one; a revoked device may speak again, but its token for HTTP stays void.
update device set mqtt_password_hash = %(password_hash)s, revoked_at = null,
    http_token_sha256 = case when revoked_at is null then http_token_sha256 end
where tenant_id = %(tenant)s and name = %(name)s returning id

-- name: rotate_device_token
-- A new token for HTTP in place of the old one; a revoked device may speak again, by HTTP only.
update device set http_token_sha256 = %(http_token_sha256)s, revoked_at = null
where tenant_id = %(tenant)s and name = %(name)s returning id

-- name: revoke_device
-- A device that may not speak any more; what it said stays.
update device set revoked_at = coalesce(revoked_at, now()), mqtt_password_hash = null, http_token_sha256 = null
where tenant_id = %(tenant)s and name = %(name)s returning id

-- name: device_id
-- Id of a device by name.
select id from device where tenant_id = %(tenant)s and name = %(name)s

-- name: lock_device
-- Id of a device by name, for a change of what belongs to it.
select id from device where tenant_id = %(tenant)s and name = %(name)s for update

-- name: add_device_profile
-- The next version of a device's profile; nothing is ever changed. Hold the device's lock.
insert into device_profile (device_id, tenant_id, version, since, body, created_by)
select %(device)s, %(tenant)s, 1 + coalesce(max(version), 0), coalesce(%(since)s::timestamptz, now()), %(body)s::jsonb, %(by)s
from device_profile where device_id = %(device)s and tenant_id = %(tenant)s
returning version, since

-- name: device_profiles
-- A device's profiles, newest first.
select p.version, p.since, p.body::text as body, p.created_at, p.created_by from device_profile p
where p.tenant_id = %(tenant)s and p.device_id = %(device)s order by p.since desc, p.version desc limit %(limit)s

-- name: put_product
-- A product, made or changed.
insert into product (tenant_id, sku, label, gtin, unit_mass_kg, low_c, high_c, reorder_point, expiry_days, profile_id)
values (%(tenant)s, %(sku)s, %(label)s, %(gtin)s, %(unit_mass_kg)s, %(low_c)s, %(high_c)s, %(reorder_point)s, %(expiry_days)s, %(profile)s)
on conflict (tenant_id, sku) do update set label = excluded.label, gtin = excluded.gtin,
    unit_mass_kg = excluded.unit_mass_kg, low_c = excluded.low_c, high_c = excluded.high_c,
    reorder_point = excluded.reorder_point, expiry_days = excluded.expiry_days, profile_id = excluded.profile_id
returning id

-- name: pack_product
-- How a product travels, of what is named in `parts`; null takes it away.
update product set gross_mass_kg = case when 'gross_mass_kg' = any(%(parts)s::text[]) then %(gross_mass_kg)s::float8 else gross_mass_kg end,
    length_mm = case when 'length_mm' = any(%(parts)s::text[]) then %(length_mm)s::int else length_mm end,
    width_mm = case when 'width_mm' = any(%(parts)s::text[]) then %(width_mm)s::int else width_mm end,
    height_mm = case when 'height_mm' = any(%(parts)s::text[]) then %(height_mm)s::int else height_mm end,
    temp_class = case when 'temp_class' = any(%(parts)s::text[]) then %(temp_class)s::text else temp_class end,
    apart = case when 'apart' = any(%(parts)s::text[]) then coalesce(%(apart)s::text, '') else apart end
where tenant_id = %(tenant)s and sku = %(sku)s

-- name: put_slot
-- What lies in a slot of a shelf.
insert into slot (tenant_id, device_id, name, product_id) values (%(tenant)s, %(device)s, %(name)s, %(product)s)
on conflict (device_id, name) do update set product_id = excluded.product_id returning id

-- name: put_shipment
-- A shipment, made, changed or taken up again; what has happened stays. Another vehicle has it from now on, or as is given.
insert into shipment as s (tenant_id, name, reference, customer, vehicle_id, profile_id, planned_line, status, loaded,
                           on_vehicle_since, since_given, started_at)
values (%(tenant)s, %(name)s, %(reference)s, %(customer)s, %(vehicle)s, %(profile)s, %(planned_line)s::jsonb, %(status)s,
        %(status)s = 'in_transit', coalesce(%(since)s::timestamptz, now()),
        %(since)s::timestamptz is not null,
        case when %(status)s = 'in_transit' then coalesce(%(since)s::timestamptz, now()) end)
on conflict (tenant_id, name) do update set reference = excluded.reference, customer = excluded.customer,
    vehicle_id = excluded.vehicle_id, profile_id = excluded.profile_id, planned_line = excluded.planned_line,
    status = case when s.status <> 'cancelled' then s.status when s.started_at is null then 'planned' else 'in_transit' end,
    cancelled_at = null,
    on_vehicle_since = case when %(since)s::timestamptz is not null or s.vehicle_id is distinct from excluded.vehicle_id
                            then excluded.on_vehicle_since else s.on_vehicle_since end,
    since_given = case when %(since)s::timestamptz is not null or s.vehicle_id is distinct from excluded.vehicle_id
                       then excluded.since_given else s.since_given end,
    turn = s.turn + (s.vehicle_id is distinct from excluded.vehicle_id
                     or %(since)s::timestamptz is not null and s.on_vehicle_since <> excluded.on_vehicle_since)::int
returning id

-- name: put_stop
-- A stop of a shipment, made or changed; what has happened there stays.
insert into stop (tenant_id, shipment_id, seq, name, label, site_id, lat, lon, radius_m, window_start, window_end)
values (%(tenant)s, %(shipment)s, %(seq)s, %(name)s, %(label)s, %(site)s, %(lat)s, %(lon)s, %(radius_m)s,
        %(window_start)s, %(window_end)s)
on conflict (shipment_id, seq) do update set name = excluded.name, label = excluded.label, site_id = excluded.site_id,
    lat = excluded.lat, lon = excluded.lon, radius_m = excluded.radius_m, window_start = excluded.window_start,
    window_end = excluded.window_end
returning id

-- name: put_account
-- A person who may sign in.
insert into account (tenant_id, name, role, password_hash) values (%(tenant)s, %(name)s, %(role)s, %(password_hash)s)
on conflict (tenant_id, name) do update set role = excluded.role, password_hash = excluded.password_hash

-- name: account_password
-- What is kept of a person's password.
select password_hash from account where tenant_id = %(tenant)s and name = %(name)s

-- name: accounts
-- Who may sign in.
select name, role from account where tenant_id = %(tenant)s order by name

-- name: end_sessions
-- A person's browser sessions end.
update access_token set revoked_at = now()
where tenant_id = %(tenant)s and subject = %(name)s and kind = 'session' and revoked_at is null

-- name: has_token
-- Whether a bearer token of this subject is good.
select from access_token where tenant_id = %(tenant)s and subject = %(subject)s and kind = 'bearer' and revoked_at is null
and (expires_at is null or expires_at > now())

-- name: has_account
-- Whether anybody of this name may sign in.
select exists (select from account where tenant_id = %(tenant)s and name = %(name)s)

-- name: add_token
-- A bearer token or a session; only its hash is kept.
insert into access_token (tenant_id, kind, subject, role, token_sha256, expires_at)
values (%(tenant)s, %(kind)s, %(subject)s, %(role)s, %(token_sha256)s, %(expires_at)s)

-- name: tokens
-- Bearer tokens, the newest first; never what they are or their hashes.
select id, regexp_replace(subject, '^token:', '') as name, role, created_at, expires_at, revoked_at from access_token
where tenant_id = %(tenant)s and kind = 'bearer' and (%(name)s::text is null or regexp_replace(subject, '^token:', '') = %(name)s)
order by id desc

-- name: revoke_token
-- Bearer tokens of a name are good no more.
update access_token set revoked_at = now()
where tenant_id = %(tenant)s and kind = 'bearer' and regexp_replace(subject, '^token:', '') = %(name)s and revoked_at is null
returning id

-- name: devices
-- Devices of a tenant with where they are.
select d.name, d.kind, v.name as vehicle, s.name as site, z.name as zone, p.name as profile, st.last_time, d.revoked_at
from device d left join vehicle v on v.id = d.vehicle_id left join site s on s.id = d.site_id
left join zone z on z.id = d.zone_id left join profile p on p.id = d.profile_id
left join device_state st on st.device_id = d.id
where d.tenant_id = %(tenant)s order by d.name

-- name: broker_users
-- User name and password hash of every device that may speak.
select name, password_hash from broker_logins()

-- name: broker_edges
-- User name of every device of these kinds that may speak.
select name from broker_logins() where kind = any(%s::text[])

-- name: notify_registry
-- Tells ingest and tracker that the registry has changed.
select pg_notify('frostway_registry', '')

-- name: ingest_devices
-- What ingest knows of devices: ids, tenant and home.
select t.name, d.name, d.id, d.tenant_id,
       case when v.id is not null then 'vehicle/' || coalesce(v.home_name, v.name)
            when s.id is not null then 'site/' || coalesce(s.home_name, s.name) else 'device/' || d.name end,
       d.kind, d.external_id, d.gateway_id, d.http_token_sha256
from device d join tenant t on t.id = d.tenant_id left join vehicle v on v.id = d.vehicle_id
left join site s on s.id = d.site_id
where d.revoked_at is null

-- name: revoked_devices
-- Devices that may not speak any more.
select t.name, d.name from device d join tenant t on t.id = d.tenant_id where d.revoked_at is not null

-- name: ingest_device_profiles
-- The profiles that count: of those with one beginning the last, and of each device the newest.
select device_id, version, since, body from (
    select distinct on (p.device_id, p.since) p.device_id, p.version, p.since, p.body::text as body,
           dense_rank() over (partition by p.device_id order by p.since desc) as back
    from device_profile p join device d on d.id = p.device_id
    where d.revoked_at is null order by p.device_id, p.since, p.version desc) found
where back <= %(most)s

-- name: listen_registry
-- Be told when the registry changes.
listen frostway_registry

-- name: audit
-- A mutation by a person or a token.
insert into audit (tenant_id, actor, action, subject, detail)
values (%(tenant)s, %(actor)s, %(action)s, %(subject)s, %(detail)s::jsonb)

-- name: has_shipment
-- Whether there is a shipment of this name.
select exists (select from shipment where tenant_id = %(tenant)s and name = %(name)s)

-- name: idle_vehicles
-- Vehicles whose shipments are all delivered, and how many they had; not retired ones.
select v.name, count(*) from vehicle v join shipment s on s.vehicle_id = v.id
where v.tenant_id = %(tenant)s and v.retired_at is null group by v.name having bool_and(s.status in ('delivered', 'cancelled'))
