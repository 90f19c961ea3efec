-- name: visit
-- Visits of a vehicle as known at a moment (none: now), or all words on one visit.
select f.id, f.revision, v.name as vehicle, s.name as site, f.entered_at, f.left_at, f.decided_at, f.superseded_at,
       f.rule_version, f.retracted
from visit f join vehicle v on v.id = f.vehicle_id and v.tenant_id = f.tenant_id
left join site s on s.id = f.site_id and s.tenant_id = f.tenant_id
where f.tenant_id = %(tenant)s and (%(id)s::int8 is null or f.id = %(id)s)
and (%(owner)s::int4 is null or f.vehicle_id = %(owner)s)
and (%(id)s::int8 is not null or not f.retracted and
     case when %(as_of)s::timestamptz is null then f.superseded_at is null
     else f.decided_at <= %(as_of)s and coalesce(f.superseded_at, 'infinity') > %(as_of)s end)
and (%(until)s::timestamptz is null or f.entered_at < %(until)s)
and (%(since)s::timestamptz is null or coalesce(f.left_at, 'infinity') >= %(since)s)
and (%(after)s::int8 is null or case when %(id)s::int8 is not null then f.revision > %(after)s
     else (f.entered_at, f.id) > (%(after_at)s::timestamptz, %(after)s) end)
order by case when %(id)s::int8 is null then f.entered_at end, f.id, f.revision limit %(limit)s

-- name: excursion
-- Excursions of a device's probes as known at a moment (none: now), or all words on one excursion.
select f.id, f.revision, d.name as device, l.text as probe, f.kind, f.limit_c, f.started_at, f.ended_at, f.alarm_at,
       f.extreme_c, f.samples, f.decided_at, f.superseded_at, f.rule_version, f.retracted
from excursion f join device d on d.id = f.device_id and d.tenant_id = f.tenant_id
left join label l on l.id = f.probe_id
where f.tenant_id = %(tenant)s and (%(id)s::int8 is null or f.id = %(id)s)
and (%(owner)s::int4 is null or f.device_id = %(owner)s)
and (%(id)s::int8 is not null or not f.retracted and
     case when %(as_of)s::timestamptz is null then f.superseded_at is null
     else f.decided_at <= %(as_of)s and coalesce(f.superseded_at, 'infinity') > %(as_of)s end)
and (%(until)s::timestamptz is null or f.started_at < %(until)s)
and (%(since)s::timestamptz is null or coalesce(f.ended_at, 'infinity') >= %(since)s)
and (%(after)s::int8 is null or case when %(id)s::int8 is not null then f.revision > %(after)s
     else (f.started_at, f.id) > (%(after_at)s::timestamptz, %(after)s) end)
order by case when %(id)s::int8 is null then f.started_at end, f.id, f.revision limit %(limit)s

-- name: call
-- Calls of a shipment as known at a moment (none: now), or all words on one call.
select f.id, f.revision, h.name as shipment, t.name as stop_id, t.seq, v.name as vehicle, f.arrived_at, f.departed_at,
       f.decided_at, f.superseded_at, f.rule_version, f.retracted
from stop_call f join shipment h on h.id = f.shipment_id and h.tenant_id = f.tenant_id
left join stop t on t.id = f.stop_id and t.tenant_id = f.tenant_id
left join vehicle v on v.id = f.vehicle_id and v.tenant_id = f.tenant_id
where f.tenant_id = %(tenant)s and (%(id)s::int8 is null or f.id = %(id)s)
and (%(owner)s::int4 is null or f.shipment_id = %(owner)s)
and (%(id)s::int8 is not null or not f.retracted and
     case when %(as_of)s::timestamptz is null then f.superseded_at is null
     else f.decided_at <= %(as_of)s and coalesce(f.superseded_at, 'infinity') > %(as_of)s end)
and (%(until)s::timestamptz is null or f.arrived_at < %(until)s)
and (%(since)s::timestamptz is null or coalesce(f.departed_at, 'infinity') >= %(since)s)
and (%(after)s::int8 is null or case when %(id)s::int8 is not null then f.revision > %(after)s
     else (f.arrived_at, f.id) > (%(after_at)s::timestamptz, %(after)s) end)
order by case when %(id)s::int8 is null then f.arrived_at end, f.id, f.revision limit %(limit)s

-- name: deviation
-- Deviations of a shipment as known at a moment (none: now), or all words on one deviation.
select f.id, f.revision, h.name as shipment, t.name as stop_id, t.seq, v.name as vehicle, f.kind, f.started_at, f.ended_at,
       f.decided_at, f.superseded_at, f.rule_version, f.retracted
from deviation f join shipment h on h.id = f.shipment_id and h.tenant_id = f.tenant_id
left join stop t on t.id = f.stop_id and t.tenant_id = f.tenant_id
left join vehicle v on v.id = f.vehicle_id and v.tenant_id = f.tenant_id
where f.tenant_id = %(tenant)s and (%(id)s::int8 is null or f.id = %(id)s)
and (%(owner)s::int4 is null or f.shipment_id = %(owner)s)
and (%(id)s::int8 is not null or not f.retracted and
     case when %(as_of)s::timestamptz is null then f.superseded_at is null
     else f.decided_at <= %(as_of)s and coalesce(f.superseded_at, 'infinity') > %(as_of)s end)
and (%(until)s::timestamptz is null or f.started_at < %(until)s)
and (%(since)s::timestamptz is null or coalesce(f.ended_at, 'infinity') >= %(since)s)
and (%(after)s::int8 is null or case when %(id)s::int8 is not null then f.revision > %(after)s
     else (f.started_at, f.id) > (%(after_at)s::timestamptz, %(after)s) end)
order by case when %(id)s::int8 is null then f.started_at end, f.id, f.revision limit %(limit)s

-- name: trip
-- Trips, stops and gaps of a vehicle as known at a moment (none: now), or all words on one; what is open now with its
-- figures so far, a stop with the site where the vehicle was for most of it.
select f.id, f.revision, v.name as vehicle, f.kind, f.started_at, f.ended_at, coalesce(f.ended_at, w.time) as until,
       place.name as site, f.start_lat, f.start_lon, coalesce(f.end_lat, w.lat) as end_lat,
       coalesce(f.end_lon, w.lon) as end_lon, coalesce(f.distance_m, w.trip_distance_m) as distance_m,
       coalesce(f.gap_m, w.trip_gap_m) as gap_m, coalesce(f.moving_s, w.trip_moving_s) as moving_s,
       coalesce(f.idle_s, w.trip_idle_s) as idle_s, coalesce(f.unknown_s, w.trip_unknown_s) as unknown_s,
       coalesce(f.speed_max_mps, w.trip_speed_max_mps) as speed_max_mps, coalesce(f.odometer_m, w.odometer_m) as odometer_m,
       coalesce(f.carried_m, w.trip_carried_m) as carried_m,
       f.decided_at, f.superseded_at, f.rule_version, f.retracted
from trip f join vehicle v on v.id = f.vehicle_id and v.tenant_id = f.tenant_id
left join vehicle_state w on w.vehicle_id = f.vehicle_id and w.tenant_id = f.tenant_id and f.ended_at is null
     and f.superseded_at is null and not f.retracted and %(as_of)s::timestamptz is null
left join lateral (
    select s.name from visit x join site s on s.id = x.site_id and s.tenant_id = x.tenant_id
    where x.vehicle_id = f.vehicle_id and x.tenant_id = f.tenant_id and f.kind = 'stop' and not x.retracted
    and case when %(as_of)s::timestamptz is null then x.superseded_at is null
        else x.decided_at <= %(as_of)s and coalesce(x.superseded_at, 'infinity') > %(as_of)s end
    and x.entered_at between f.started_at - interval '31 days' and coalesce(f.ended_at, 'infinity')
    and coalesce(x.left_at, 'infinity') > f.started_at
    order by least(coalesce(x.left_at, now()), coalesce(f.ended_at, now())) - greatest(x.entered_at, f.started_at) desc,
             x.id
    limit 1) place on true
where f.tenant_id = %(tenant)s and (%(id)s::int8 is null or f.id = %(id)s)
and (%(owner)s::int4 is null or f.vehicle_id = %(owner)s) and (%(kind)s::text is null or f.kind = %(kind)s)
and (%(id)s::int8 is not null or not f.retracted and
     case when %(as_of)s::timestamptz is null then f.superseded_at is null
     else f.decided_at <= %(as_of)s and coalesce(f.superseded_at, 'infinity') > %(as_of)s end)
and (%(until)s::timestamptz is null or f.started_at < %(until)s)
and (%(since)s::timestamptz is null or coalesce(f.ended_at, 'infinity') >= %(since)s)
and (%(after)s::int8 is null or case when %(id)s::int8 is not null then f.revision > %(after)s
     else (f.started_at, f.id) > (%(after_at)s::timestamptz, %(after)s) end)
order by case when %(id)s::int8 is null then f.started_at end, f.id, f.revision limit %(limit)s
