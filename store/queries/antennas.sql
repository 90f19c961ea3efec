-- name: antennas_of
-- Antennas of a device that stand elsewhere than it, by number.
select a.antenna, z.name as zone from antenna a join device d on d.id = a.device_id join zone z on z.id = a.zone_id
where a.tenant_id = %(tenant)s and d.tenant_id = %(tenant)s and d.name = %(name)s order by a.antenna

-- name: antennas_reader
-- A reader, its site, the zone it stands in. Locks it.
select d.id, d.site_id, d.kind, z.name as zone from device d left join zone z on z.id = d.zone_id
where d.tenant_id = %(tenant)s and d.name = %(name)s for update of d

-- name: antenna_zones
-- Zones of a site that have these names.
select z.id, z.name from zone z join site s on s.id = z.site_id
where s.tenant_id = %(tenant)s and z.site_id = %(site)s and z.name = any(%(names)s)

-- name: drop_antennas
-- None of a device's stands elsewhere than it.
delete from antenna where tenant_id = %(tenant)s and device_id = %(device)s

-- name: put_antennas
-- These of a device stand elsewhere than it.
insert into antenna (device_id, antenna, tenant_id, zone_id)
select %(device)s, u.antenna, %(tenant)s, u.zone from unnest(%(antennas)s::int2[], %(zones)s::int4[]) as u (antenna, zone)
