-- The layout held against: a wide row to each message, an index by vehicle and time and one by time, chunks of a day. What vehicles
-- are stands in one table beside it, `fleet_vehicle`, as it is now; each answers what the report of its name does.

-- name: last_position
-- Where is everybody?
select v.vehicle, v.fleet, v.model, p.time, p.lat, p.lon, p.speed_mps from fleet_vehicle v cross join lateral (
    select r.time, r.lat, r.lon, r.speed_mps from wide_motion r where r.device_id = v.device_id order by r.time desc limit 1) p
order by v.vehicle

-- name: low_fuel
-- Whose tank is less than a tenth full?
select v.vehicle, v.fleet, v.model, a.time, a.fuel_ratio, extract(epoch from %(until)s - a.time)::float8
from fleet_vehicle v cross join lateral (
    select r.time, r.fuel_ratio from wide_condition r where r.device_id = v.device_id
    and r.time >= %(since)s and r.time < %(until)s order by r.time desc limit 1) a
where a.fuel_ratio < %(threshold)s order by a.fuel_ratio

-- name: high_load
-- Who carries more than nine tenths of what it may?
select v.vehicle, v.fleet, v.model, a.time, a.load_kg / v.load_capacity_kg as load_ratio,
       extract(epoch from %(until)s - a.time)::float8
from fleet_vehicle v cross join lateral (
    select r.time, r.load_kg from wide_condition r where r.device_id = v.device_id
    and r.time >= %(since)s and r.time < %(until)s order by r.time desc limit 1) a
where a.load_kg > %(threshold)s * v.load_capacity_kg order by load_ratio desc

-- name: stationary
-- Who has stood for the last ten minutes?
select v.vehicle, v.fleet, v.model, avg(r.speed_mps) from wide_motion r join fleet_vehicle v using (device_id)
where r.time >= %(since)s and r.time < %(until)s
group by 1, 2, 3 having avg(r.speed_mps) < 1 order by 1

-- name: long_driving
-- Who rested no more than twenty minutes in four hours?
select vehicle, fleet, model, count(*) * 10 from (
    select v.vehicle, v.fleet, v.model, avg(r.speed_mps) as speed from wide_motion r join fleet_vehicle v using (device_id)
    where r.time >= %(since)s and r.time < %(until)s
    group by v.vehicle, v.fleet, v.model, date_bin('10 minutes', r.time, 'epoch')) w
where speed > 1 group by 1, 2, 3
having count(*) * 600 >= extract(epoch from %(until)s - %(since)s) - %(threshold)s * 60 order by 1

-- name: long_day
-- Who drove more than ten hours in one day?
select vehicle, fleet, model, (at at time zone %(zone)s)::date as day, count(*) / 6.0::float8 from (
    select v.vehicle, v.fleet, v.model, date_bin('10 minutes', r.time, 'epoch') as at, avg(r.speed_mps) as speed
    from wide_motion r join fleet_vehicle v using (device_id)
    where r.time >= %(since)s and r.time < %(until)s group by 1, 2, 3, 4) w
where speed > 1 group by 1, 2, 3, 4 having count(*) > 6 * %(threshold)s order by 4, 1

-- name: fuel_against_plan
-- What does a fleet burn in an hour on the road, beside what its makers say?
select v.fleet, avg(r.fuel_lph), avg(v.nominal_lph)
from wide_motion r join fleet_vehicle v using (device_id)
where r.speed_mps > 1 and r.time >= %(since)s and r.time < %(until)s
group by v.fleet order by v.fleet

-- name: driving_a_day
-- How many hours a day does each drive?
select vehicle, fleet, model, count(*), avg(windows) / 6 from (
    select vehicle, fleet, model, (at at time zone %(zone)s)::date as day, count(*)::float8 as windows from (
        select v.vehicle, v.fleet, v.model, date_bin('10 minutes', r.time, 'epoch') as at, avg(r.speed_mps) as speed
        from wide_motion r join fleet_vehicle v using (device_id)
        where r.time >= %(since)s and r.time < %(until)s group by 1, 2, 3, 4) w
    where speed > 1 group by 1, 2, 3, 4) d
group by 1, 2, 3 order by 1

-- name: driving_without_rest
-- How long does each drive without a rest, by day?
select vehicle, day, count(*), avg(minutes)::float8, max(minutes) from (
    select vehicle, (min(at) at time zone %(zone)s)::date as day, count(*) * 10 as minutes from (
        select vehicle, at, at - row_number() over (partition by vehicle order by at) * interval '10 minutes' as run
        from (
            select v.vehicle, date_bin('10 minutes', r.time, 'epoch') as at, avg(r.speed_mps) as speed
            from wide_motion r join fleet_vehicle v using (device_id)
            where r.time >= %(since)s and r.time < %(until)s group by 1, 2) w
        where speed > 1) s
    group by vehicle, run) d
group by vehicle, day order by day, vehicle

-- name: load
-- How full are the vehicles of a fleet and model on average?
select v.fleet, v.model, count(*), avg(a.load / v.load_capacity_kg) from (
    select device_id, avg(load_kg) as load from wide_condition
    where time >= %(since)s and time < %(until)s group by device_id) a
join fleet_vehicle v using (device_id) group by 1, 2 order by 1, 2

-- name: activity
-- How many vehicles of a fleet and model were in order, by day?
select fleet, model, (at at time zone %(zone)s)::date as day, count(*) / 144.0::float8 from (
    select v.fleet, v.model, v.vehicle, date_bin('10 minutes', r.time, 'epoch') as at, avg(r.running) as running
    from wide_condition r join fleet_vehicle v using (device_id)
    where r.time >= %(since)s and r.time < %(until)s group by 1, 2, 3, 4) w
where running > 0.5 group by 1, 2, 3 order by 3, 1, 2

-- name: breakdowns
-- How often does each model break down?
select model, count(*) filter (where before and not running) as breakdowns, count(distinct vehicle) from (
    select model, vehicle, running, lag(running) over (partition by vehicle order by at) as before from (
        select v.model, v.vehicle, date_bin('10 minutes', r.time, 'epoch') as at, avg(r.running) > 0.5 as running
        from wide_condition r join fleet_vehicle v using (device_id)
        where r.time >= %(since)s and r.time < %(until)s group by 1, 2, 3) w) s
group by model order by 2 desc, 1
