-- Our layout: `reading_position`, and `reading_attribute`, a view of a row to each value, whose names are each device's own.
-- Questions of hours and days are put to their summaries of ten minutes, and to the readings for the rest (ADR 0024).
-- `fleet_vehicle` has what vehicles are, `fleet_name` the key of a name of a vehicle's values.

-- name: last_position
-- Where is everybody?
select v.vehicle, p.lat, p.lon from fleet_vehicle v cross join lateral (
    select r.lat, r.lon from reading_position r where r.device_id = v.device_id order by r.time desc limit 1) p

-- name: low_fuel
-- Whose tank is less than a tenth full?
select v.vehicle, a.value from fleet_name v cross join lateral (
    select r.value from reading_attribute r where r.device_id = v.device_id and r.name_id = v.name_id
    order by r.time desc limit 1) a
where v.name = 'fuel_ratio' and a.value < 0.1

-- name: high_load
-- Who carries more than nine tenths of what it may?
select v.vehicle, a.value / v.load_capacity_kg from fleet_name v cross join lateral (
    select r.value from reading_attribute r where r.device_id = v.device_id and r.name_id = v.name_id
    order by r.time desc limit 1) a
where v.name = 'load_kg' and a.value > 0.9 * v.load_capacity_kg

-- name: stationary
-- Who has stood for the last ten minutes?
select v.vehicle from reading_position r join fleet_vehicle v using (device_id)
where r.time >= %(end)s - interval '10 minutes' and r.time < %(end)s
group by v.vehicle having avg(r.speed_mps) < 1

-- name: long_driving
-- Who rested no more than twenty minutes in four hours?
select vehicle, count(*) from (
    select v.vehicle, sum(s.total) / sum(s.samples) as speed
    from speed_summaries(%(end)s - interval '4 hours', %(end)s) s join fleet_vehicle v using (device_id)
    group by v.vehicle, s.time) w
where speed > 1 group by vehicle having count(*) >= 22

-- name: long_day
-- Who drove more than ten hours in one day?
select vehicle, count(*) from (
    select v.vehicle, sum(s.total) / sum(s.samples) as speed
    from speed_summaries(%(end)s - interval '24 hours', %(end)s) s join fleet_vehicle v using (device_id)
    group by v.vehicle, s.time) w
where speed > 1 group by vehicle having count(*) > 60

-- name: fuel_against_plan
-- What does a fleet burn in an hour on the road, beside what its makers say?
select v.fleet, sum(s.driving_total) / sum(s.driving_samples), sum(s.driving_samples * v.nominal_lph) / sum(s.driving_samples)
from value_summaries('fuel_lph', %(start)s, %(end)s) s join fleet_vehicle v using (device_id)
group by v.fleet

-- name: driving_a_day
-- How many hours a day does each drive?
select vehicle, avg(windows) / 6 from (
    select vehicle, date_bin('1 day', at, %(start)s) as day, count(*) as windows from (
        select v.vehicle, s.time as at, sum(s.total) / sum(s.samples) as speed
        from speed_summaries(%(start)s, %(end)s) s join fleet_vehicle v using (device_id) group by 1, 2) w
    where speed > 1 group by 1, 2) d
group by vehicle

-- name: driving_at_a_time
-- How long does each drive without a rest, by day?
select vehicle, day, avg(minutes) from (
    select vehicle, date_bin('1 day', min(at), %(start)s) as day, count(*) * 10 as minutes from (
        select vehicle, at, at - row_number() over (partition by vehicle order by at) * interval '10 minutes' as run
        from (
            select v.vehicle, s.time as at, sum(s.total) / sum(s.samples) as speed
            from speed_summaries(%(start)s, %(end)s) s join fleet_vehicle v using (device_id) group by 1, 2) w
        where speed > 1) s
    group by vehicle, run) d
group by vehicle, day

-- name: load
-- How full are the vehicles of a fleet and model on average?
select v.fleet, v.model, avg(a.load / v.load_capacity_kg) from (
    select device_id, sum(total) / sum(samples) as load
    from value_summaries('load_kg', %(start)s, %(end)s) group by device_id) a
join fleet_vehicle v using (device_id) group by 1, 2

-- name: activity
-- How many vehicles of a fleet and model were in order, by day?
select fleet, model, date_bin('1 day', at, %(start)s) as day, count(*) / 144.0 from (
    select v.fleet, v.model, v.vehicle, s.time as at, sum(s.total) / sum(s.samples) as running
    from value_summaries('running', %(start)s, %(end)s) s join fleet_vehicle v using (device_id) group by 1, 2, 3, 4) w
where running > 0.5 group by 1, 2, 3

-- name: breakdowns
-- How often does each model break down?
select model, count(*) from (
    select model, running, lag(running) over (partition by vehicle order by at) as before from (
        select v.model, v.vehicle, s.time as at, sum(s.total) / sum(s.samples) > 0.5 as running
        from value_summaries('running', %(start)s, %(end)s) s join fleet_vehicle v using (device_id) group by 1, 2, 3) w) s
where before and not running group by model
