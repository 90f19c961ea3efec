-- Facts as the API reads them, of whatever kind: filled in by `store/facts.py` from the kind's declaration.

-- name: facts
-- Facts of an owner as known at a moment (none: now), or all words on one fact.
select f.id, f.revision, f.decided_at, f.superseded_at, f.rule_version, f.retracted, {columns}
from {table} f
{joins}
where f.tenant_id = %(tenant)s and (%(id)s::int8 is null or f.id = %(id)s)
and (%(owner)s::int4 is null or f.{owner} = %(owner)s){chosen}
and (%(id)s::int8 is not null or not f.retracted and {known})
and (%(until)s::timestamptz is null or f.{start} < %(until)s)
and (%(since)s::timestamptz is null or coalesce(f.{end}, 'infinity') >= %(since)s)
and (%(after)s::int8 is null or case when %(id)s::int8 is not null then f.revision > %(after)s
     else (f.{start}, f.id) > (%(after_at)s::timestamptz, %(after)s) end)
order by case when %(id)s::int8 is null then f.{start} end, f.id, f.revision limit %(limit)s

-- name: known_at
-- Whether a word of a fact was the one that counted at a moment; now when none is given.
case when %(as_of)s::timestamptz is null then fact.superseded_at is null
     else fact.decided_at <= %(as_of)s and coalesce(fact.superseded_at, 'infinity') > %(as_of)s end

-- name: fits
-- Whether a fact's vehicle was, when it began, what is asked for; all when nothing is.
(%(fits)s::bool is null or exists (
    select from vehicle_spans(%(tenant)s, %(fleets)s::text[], %(models)s::text[], %(drivers)s::text[], %(fuel_types)s::text[],
                              %(tags)s::text[]) fit
    where fit.vehicle_id = f.vehicle_id and f.{start} >= fit.valid_from and f.{start} < fit.valid_to))

-- name: trip_extra
-- Of a trip that is open now the figures so far; of a stop the site where the vehicle was for most of it.
left join vehicle_state w on w.vehicle_id = f.vehicle_id and w.tenant_id = f.tenant_id and f.ended_at is null
     and f.superseded_at is null and not f.retracted and %(as_of)s::timestamptz is null
left join lateral (
    select s.name from visit x join site s on s.id = x.site_id and s.tenant_id = x.tenant_id
    where x.vehicle_id = f.vehicle_id and x.tenant_id = f.tenant_id and f.kind = 'stop' and not x.retracted
    and {known}
    and x.entered_at between f.started_at - interval '31 days' and coalesce(f.ended_at, 'infinity')
    and coalesce(x.left_at, 'infinity') > f.started_at
    order by least(coalesce(x.left_at, now()), coalesce(f.ended_at, now())) - greatest(x.entered_at, f.started_at) desc,
             x.id
    limit 1) place on true
cross join lateral (
    select coalesce(f.ended_at, w.time) as until, place.name as site, coalesce(f.end_lat, w.lat) as end_lat,
           coalesce(f.end_lon, w.lon) as end_lon, coalesce(f.distance_m, w.trip_distance_m) as distance_m,
           coalesce(f.gap_m, w.trip_gap_m) as gap_m, coalesce(f.moving_s, w.trip_moving_s) as moving_s,
           coalesce(f.idle_s, w.trip_idle_s) as idle_s, coalesce(f.unknown_s, w.trip_unknown_s) as unknown_s,
           coalesce(f.speed_max_mps, w.trip_speed_max_mps) as speed_max_mps,
           coalesce(f.odometer_m, w.odometer_m) as odometer_m, coalesce(f.carried_m, w.trip_carried_m) as carried_m) extra
