-- name: of_tenant
-- Functions of own_… answer for this tenant, to the end of the transaction.
select set_config('app.tenant', %(tenant)s::text, true)

-- name: stationary
-- Vehicles that stood in the span.
select vehicle, fleet, model, sum(total) / sum(samples) as speed_mps from own_speed_windows(%(fleets)s, %(models)s, %(drivers)s, %(fuel_types)s, %(tags)s, %(since)s, %(until)s)
group by vehicle, fleet, model having sum(total) < sum(samples) order by vehicle limit %(limit)s

-- name: long_driving
-- Vehicles that drove the whole span but for so many minutes.
select vehicle, fleet, model, count(*) * 10 as driving_minutes from own_speed_windows(%(fleets)s, %(models)s, %(drivers)s, %(fuel_types)s, %(tags)s, %(since)s, %(until)s)
where total > samples group by vehicle, fleet, model
having count(*) * 600 >= extract(epoch from %(until)s - %(since)s) - %(threshold)s * 60 order by vehicle limit %(limit)s

-- name: long_day
-- Days on which a vehicle drove more than so many hours.
select vehicle, fleet, model, (time at time zone %(zone)s)::date as day, count(*) / 6.0::float8 as driving_h from own_speed_windows(%(fleets)s, %(models)s, %(drivers)s, %(fuel_types)s, %(tags)s, %(since)s, %(until)s)
where total > samples group by 1, 2, 3, 4 having count(*) > 6 * %(threshold)s order by 4, 1 limit %(limit)s

-- name: driving_a_day
-- Hours a vehicle drives on a day on which it drives at all.
select vehicle, fleet, model, count(*) as days, avg(windows) / 6.0::float8 as driving_h from (
    select vehicle, fleet, model, (time at time zone %(zone)s)::date as day, count(*)::float8 as windows from own_speed_windows(%(fleets)s, %(models)s, %(drivers)s, %(fuel_types)s, %(tags)s, %(since)s, %(until)s)
    where total > samples group by 1, 2, 3, 4) d
group by 1, 2, 3 order by 1 limit %(limit)s

-- name: driving_without_rest
-- How long a vehicle drives without ten minutes of rest, by the day on which it begins.
select vehicle, (began at time zone %(zone)s)::date as day, count(*) as drives, avg(minutes)::float8 as mean_minutes,
       max(minutes) as longest_minutes from (
    select vehicle, min(time) as began, count(*) * 10 as minutes from (
        select vehicle, time, time - row_number() over (partition by vehicle order by time) * interval '10 minutes' as run
        from own_speed_windows(%(fleets)s, %(models)s, %(drivers)s, %(fuel_types)s, %(tags)s, %(since)s, %(until)s) where total > samples) w
    group by vehicle, run) d
group by 1, 2 order by 2, 1 limit %(limit)s

-- name: low_fuel
-- Vehicles whose last value is less than so much, and how long before the end of the span it was.
select vehicle, fleet, model, time, value, extract(epoch from %(until)s - time)::float8 as age_s
from own_last_values(%(attribute)s, %(fleets)s, %(models)s, %(drivers)s, %(fuel_types)s, %(tags)s, %(since)s, %(until)s)
where value < %(threshold)s order by value, vehicle limit %(limit)s

-- name: high_load
-- Vehicles whose last value is more than so much of what they may carry, and how long before the end of the span it was.
select vehicle, fleet, model, time, value / load_capacity_kg as load_ratio, extract(epoch from %(until)s - time)::float8 as age_s
from own_last_values(%(attribute)s, %(fleets)s, %(models)s, %(drivers)s, %(fuel_types)s, %(tags)s, %(since)s, %(until)s)
where value / load_capacity_kg > %(threshold)s order by load_ratio desc, vehicle limit %(limit)s

-- name: load
-- How full the vehicles of a fleet and model are on average.
select fleet, model, count(*) as vehicles, avg(load_kg / load_capacity_kg) as load_ratio from (
    select vehicle, fleet, model, load_capacity_kg, sum(total) / sum(samples) as load_kg from own_value_windows(%(attribute)s, %(fleets)s, %(models)s, %(drivers)s, %(fuel_types)s, %(tags)s, %(since)s, %(until)s) group by 1, 2, 3, 4) v
where load_capacity_kg is not null group by 1, 2 order by 1, 2 limit %(limit)s

-- name: activity
-- How many vehicles of a fleet and model were in order, by day, in whole days of vehicles.
select fleet, model, (time at time zone %(zone)s)::date as day, count(*) / 144.0::float8 as vehicle_days from own_value_windows(%(attribute)s, %(fleets)s, %(models)s, %(drivers)s, %(fuel_types)s, %(tags)s, %(since)s, %(until)s)
where total > 0.5 * samples group by 1, 2, 3 order by 3, 1, 2 limit %(limit)s

-- name: breakdowns
-- How often the vehicles of a model stopped being in order.
select model, count(*) filter (where before and not running) as breakdowns, count(distinct vehicle) as vehicles from (
    select model, vehicle, total > 0.5 * samples as running,
           lag(total > 0.5 * samples) over (partition by vehicle order by time) as before from own_value_windows(%(attribute)s, %(fleets)s, %(models)s, %(drivers)s, %(fuel_types)s, %(tags)s, %(since)s, %(until)s)) w
group by 1 order by 2 desc, 1 limit %(limit)s

-- name: fuel_against_plan
-- What a fleet burns in an hour on the road, beside what the makers of its vehicles say.
select fleet, sum(driving_total) / sum(driving_samples) as fuel_lph,
       sum(driving_samples * nominal_fuel_lph) / nullif(sum(driving_samples) filter (where nominal_fuel_lph is not null), 0) as nominal_fuel_lph
from own_value_windows(%(attribute)s, %(fleets)s, %(models)s, %(drivers)s, %(fuel_types)s, %(tags)s, %(since)s, %(until)s) where driving_samples > 0 group by 1 order by 1 limit %(limit)s

-- name: last_position
-- Where every vehicle was last.
select v.name as vehicle, v.fleet, v.model, s.time, s.lat, s.lon, s.speed_mps::float8 as speed_mps from vehicle_state s
join vehicle v on v.id = s.vehicle_id and v.tenant_id = %(tenant)s
where v.retired_at is null and (%(fleets)s::text[] is null or v.fleet = any(%(fleets)s))
and (%(models)s::text[] is null or v.model = any(%(models)s)) and (%(fuel_types)s::text[] is null or v.fuel_type = any(%(fuel_types)s))
and (%(tags)s::text[] is null or v.tags @> %(tags)s)
and (%(drivers)s::text[] is null or exists (
    select from vehicle_driver d join driver w on w.id = d.driver_id
    where d.vehicle_id = v.id and s.time >= d.valid_from and s.time < d.valid_to and w.name = any(%(drivers)s)))
order by 1 limit %(limit)s
