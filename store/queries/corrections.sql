-- name: all_reassigned
-- Vehicles that have other readings than before, or another class, of all owners.
select vehicle_id, greatest(since, '0001-01-01T00:00:00Z') from reassigned

-- name: reassigned
-- Vehicles that have other readings than before, and the time from which on; a place to fold on from when some are gone.
select r.vehicle_id, greatest(r.since, '0001-01-01T00:00:00Z') as since,
       (select max(p.time) from assignment a join lateral (
            select x.time from reading_position x where x.device_id = a.device_id and x.time >= a.valid_from
            and x.time < a.valid_to and x.time < r.since order by x.time desc limit 1) p on true
        where a.vehicle_id = r.vehicle_id)
from reassigned r where r.vehicle_id = any(%s::int4[])

-- name: drop_reassigned
-- These are waiting to be folded again now; one that has changed further stays.
delete from reassigned r using unnest(%s::int4[], %s::timestamptz[]) as u (vehicle_id, since)
where r.vehicle_id = u.vehicle_id and greatest(r.since, '0001-01-01T00:00:00Z') = u.since

-- name: refenced
-- Fences that were made, moved or removed, as they are and as they were; those for partitions that are no more too.
select id, tenant_id, site_id, lat, lon, radius_m, polygon, corridor, since from refenced
where partition = any(%s::int4[]) or partition >= %s order by id limit %s

-- name: drop_refenced
-- The vehicles these concern are waiting to be folded again now.
delete from refenced where id = any(%s::int8[])

-- name: been_in_cells
-- Vehicles of a tenant that were ever in one of these cells, or may have been, and since when.
select vehicle_id, min(since) from vehicle_cell where tenant_id = %s and cell = any(%s::int4[]) group by vehicle_id

-- name: been_anywhere
-- All vehicles of a tenant that have a position, and since when.
select vehicle_id, min(since) from vehicle_cell where tenant_id = %s group by vehicle_id

-- name: put_vehicle_cells
-- Cells that vehicles came into, and when first.
insert into vehicle_cell as k (tenant_id, vehicle_id, cell, since)
select * from unnest(%s::int4[], %s::int4[], %s::int4[], %s::timestamptz[])
on conflict (tenant_id, cell, vehicle_id) do update set since = excluded.since where excluded.since < k.since

-- name: forget_unknown_cells
-- Vehicles of which every cell is known now.
delete from vehicle_cell k using unnest(%s::int4[]) as u (vehicle_id), vehicle v
where v.id = u.vehicle_id and k.tenant_id = v.tenant_id and k.cell = -1 and k.vehicle_id = v.id
