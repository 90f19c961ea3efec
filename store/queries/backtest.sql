-- What a temperature profile is tried on.

-- name: backtest_count
-- How many devices a profile is tried on: those that have it, or those that are named.
select count(*) as devices from device d
where d.tenant_id = %(tenant)s and (d.profile_id = %(profile)s or d.name = any(%(devices)s::text[]))

-- name: backtest_devices
-- The next of them by name.
select d.id, d.name from device d
where d.tenant_id = %(tenant)s and (d.profile_id = %(profile)s or d.name = any(%(devices)s::text[])) and d.name > %(after)s
order by d.name limit %(limit)s

-- name: backtest_known
-- Which of these names are devices.
select d.name from device d where d.tenant_id = %(tenant)s and d.name = any(%(devices)s::text[])

-- name: backtest_version
-- What a version of a profile says; of none in particular the one that holds now.
select v.body::text as body from profile_version v
where v.tenant_id = %(tenant)s and v.profile_id = %(profile)s and (v.version = %(version)s or %(version)s::int is null and v.valid_from <= now())
order by v.valid_from desc, v.version desc limit 1

-- name: backtest_probes
-- Names of the probes of a device.
select l.id, l.text from label l join device d on d.id = l.scope and d.tenant_id = %(tenant)s
where d.id = %(device)s and l.kind = 'probe'

-- name: backtest_readings
-- Probe, microseconds, temperature and flags of a device's readings as they were folded; without those that decide nothing.
select r.probe_id, (extract(epoch from r.time) * 1000000)::int8, r.temp_c, r.flags
from device d cross join lateral own_temperature(d.id, %(since)s, %(until)s) r
where d.tenant_id = %(tenant)s and d.id = %(device)s and r.flags & %(unused)s = 0
order by r.probe_id, r.time, r.seq, r.received_at

-- name: backtest_raised
-- The temperature alerts of a device that alarmed in a span and were not taken back, with the band they are about.
select a.id::text as id, a.probe_id, a.rule_key as kind, a.severity, a.limit_c, a.extreme_c, a.opened_at, a.alarm_at, a.cleared_at,
       coalesce(x.band, '') as band
from alert a left join excursion x on x.id = a.fact_id and x.superseded_at is null
where a.tenant_id = %(tenant)s and a.device_id = %(device)s and a.kind = 'temperature' and a.withdrawn_at is null
and a.alarm_at >= %(since)s and a.alarm_at < %(until)s
order by a.alarm_at, a.id

-- name: backtest_said
-- What doors and cooling units said where a device is: microseconds, door or defrost, which, on (1) or not (0).
with home as (
    select a.vehicle_id, a.site_id from assignment a
    where a.tenant_id = %(tenant)s and a.device_id = %(device)s and a.valid_to = 'infinity'
), near as (
    select distinct a.device_id as id from assignment a join home h on a.vehicle_id = h.vehicle_id or a.site_id = h.site_id
    where a.tenant_id = %(tenant)s and a.valid_to = 'infinity'
)
select (extract(epoch from r.time) * 1000000)::int8 as at_us, 'door' as what, r.door_id as of, r.open::int as is_on
from near cross join lateral own_door(near.id, %(since)s, %(until)s) r
union all
select (extract(epoch from r.time) * 1000000)::int8, 'defrost', near.id, r.defrost::int
from near cross join lateral own_status(near.id, %(since)s, %(until)s) r where r.defrost is not null
order by 1 limit 200000

-- name: backtest_loaded
-- When shipments came onto the vehicle of a device: microseconds.
select (extract(epoch from h.started_at) * 1000000)::int8 as at_us
from shipment h join assignment a on a.tenant_id = h.tenant_id and a.vehicle_id = h.vehicle_id
where h.tenant_id = %(tenant)s and a.device_id = %(device)s and h.started_at >= greatest(a.valid_from, %(since)s)
and h.started_at < least(a.valid_to, %(until)s)
order by 1
