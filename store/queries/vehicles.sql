-- What vehicles are: their fleet and driver by interval of event time, and which of them fit what somebody asks for.

-- name: describe
-- Of a vehicle what is named in `parts`; null takes it away. Another fleet is so from now on.
update vehicle set fleet = case when 'fleet' = any(%(parts)s::text[]) then %(fleet)s else fleet end,
    model = case when 'model' = any(%(parts)s::text[]) then %(model)s else model end,
    load_capacity_kg = case when 'load_capacity_kg' = any(%(parts)s::text[]) then %(load_capacity_kg)s::float8 else load_capacity_kg end,
    volume_capacity_m3 = case when 'volume_capacity_m3' = any(%(parts)s::text[]) then %(volume_capacity_m3)s::float8
                         else volume_capacity_m3 end,
    pallet_capacity = case when 'pallet_capacity' = any(%(parts)s::text[]) then %(pallet_capacity)s::int else pallet_capacity end,
    fuel_type = case when 'fuel_type' = any(%(parts)s::text[]) then %(fuel_type)s else fuel_type end,
    nominal_fuel_lph = case when 'nominal_fuel_lph' = any(%(parts)s::text[]) then %(nominal_fuel_lph)s::float8 else nominal_fuel_lph end,
    tags = case when 'tags' = any(%(parts)s::text[]) then coalesce(%(tags)s::text[], '{}') else tags end
where tenant_id = %(tenant)s and name = %(name)s returning id

-- name: actor
-- Who does what follows, to the end of the transaction.
select set_config('app.actor', %(by)s, true)

-- name: spans
-- When vehicles were what is asked for: fleet and driver of that time, all else as it is now; null: since ever, still.
select vehicle_id, nullif(valid_from, '-infinity') as since, nullif(valid_to, 'infinity') as until
from vehicle_spans(%(tenant)s, %(fleets)s::text[], %(models)s::text[], %(drivers)s::text[], %(fuel_types)s::text[], %(tags)s::text[])

-- name: then
-- Fleet and driver of a vehicle at a time.
select f.fleet, w.name as driver, w.label as driver_label from (values (%(at)s::timestamptz)) as t (at)
left join vehicle_fleet f on f.tenant_id = %(tenant)s and f.vehicle_id = %(vehicle)s and t.at >= f.valid_from and t.at < f.valid_to
left join vehicle_driver d on d.tenant_id = %(tenant)s and d.vehicle_id = %(vehicle)s and t.at >= d.valid_from and t.at < d.valid_to
left join driver w on w.id = d.driver_id and w.tenant_id = d.tenant_id

-- name: put_driver
-- A driver, made or relabelled; told apart is whether there was one.
insert into driver as d (tenant_id, name, label) values (%(tenant)s, %(name)s, coalesce(%(label)s, %(name)s))
on conflict (tenant_id, name) do update set label = coalesce(%(label)s, d.label)
returning d.id, xmax <> 0 as was_there

-- name: driver_id
-- Key of a driver by name.
select id from driver where tenant_id = %(tenant)s and name = %(name)s

-- name: drivers
-- Drivers by name and the vehicles that each drives now; retired ones when they are asked for.
select w.name as id, w.label, w.retired_at,
       array(select v.name from vehicle_driver d join vehicle v on v.id = d.vehicle_id and v.tenant_id = d.tenant_id
             where d.driver_id = w.id and d.tenant_id = w.tenant_id and d.valid_to = 'infinity' order by v.name limit 100) as vehicles
from driver w
where w.tenant_id = %(tenant)s and w.name > %(after)s and (%(name)s::text is null or w.name = %(name)s)
and (w.retired_at is null or %(retired)s)
order by w.name limit %(limit)s

-- name: vehicle_drivers
-- Who drove a vehicle and when, the newest first; null: since ever, and until now.
select d.id, w.name as driver, w.label, nullif(d.valid_from, '-infinity') as since, nullif(d.valid_to, 'infinity') as until,
       d.recorded_at, d.recorded_by
from vehicle_driver d join driver w on w.id = d.driver_id and w.tenant_id = d.tenant_id
where d.tenant_id = %(tenant)s and d.vehicle_id = %(vehicle)s and (%(id)s::int8 is null or d.id = %(id)s)
order by d.valid_from desc limit %(limit)s

-- name: vehicle_fleets
-- Of which fleets a vehicle was and when, the newest first.
select f.id, f.fleet, nullif(f.valid_from, '-infinity') as since, nullif(f.valid_to, 'infinity') as until, f.recorded_at,
       f.recorded_by
from vehicle_fleet f where f.tenant_id = %(tenant)s and f.vehicle_id = %(vehicle)s and (%(id)s::int8 is null or f.id = %(id)s)
order by f.valid_from desc limit %(limit)s

-- name: hand_over
-- Somebody drove a vehicle from a time to a time; nobody when no driver is given.
select hand_over(%(vehicle)s, %(driver)s, coalesce(%(since)s::timestamptz, '-infinity'),
                 coalesce(%(until)s::timestamptz, 'infinity'), %(by)s)

-- name: enlist
-- A vehicle was of a fleet from a time to a time; of none when none is given.
select enlist(%(vehicle)s, %(fleet)s, coalesce(%(since)s::timestamptz, '-infinity'),
              coalesce(%(until)s::timestamptz, 'infinity'), %(by)s)

-- name: groups
-- Vehicles by what they are told to be; each counts once among the states, the most urgent one wins.
with now_of as (
    select v.fleet, v.model, v.fuel_type, v.tags, w.name as driver, w.label,
           case when exists (select from device d join alert a on a.device_id = d.id and a.tenant_id = d.tenant_id
                             where d.vehicle_id = v.id and d.tenant_id = v.tenant_id and a.cleared_at is null
                             and a.severity = 'critical') then 'alarm'
                when s.time is null or s.time < now() - make_interval(secs => %(stale_s)s) then 'stale'
                else s.status end as status
    from vehicle v left join vehicle_state s on s.vehicle_id = v.id and s.tenant_id = v.tenant_id
    left join (vehicle_driver a join driver w on w.id = a.driver_id and w.tenant_id = a.tenant_id)
         on a.vehicle_id = v.id and a.tenant_id = v.tenant_id and a.valid_to = 'infinity'
    where v.tenant_id = %(tenant)s and v.retired_at is null and (%(fits)s::bool is null or v.id in (
        select f.vehicle_id from vehicle_spans(%(tenant)s, %(fleets)s::text[], %(models)s::text[], %(drivers)s::text[],
                                               %(fuel_types)s::text[], %(tags)s::text[]) f where f.valid_to = 'infinity'))
)
select g.key, g.label, count(*) as vehicles, count(*) filter (where status = 'moving') as moving,
       count(*) filter (where status = 'stopped') as stopped, count(*) filter (where status = 'stale') as stale,
       count(*) filter (where status = 'alarm') as alarm
from now_of v cross join lateral (
    select case %(by)s when 'fleet' then v.fleet when 'model' then v.model when 'driver' then v.driver else v.fuel_type end as key,
           case when %(by)s = 'driver' then v.label end as label where %(by)s <> 'tag'
    union all select t, null from unnest(v.tags) t where %(by)s = 'tag'
    union all select null, null where %(by)s = 'tag' and v.tags = '{}') g
group by g.key, g.label order by count(*) desc, g.key nulls last limit %(limit)s
