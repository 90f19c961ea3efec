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
