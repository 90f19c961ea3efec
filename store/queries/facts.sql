-- name: supersede_visit
-- The word so far on a visit ends when the next begins: never before it began itself, whatever the clock says.
update visit set superseded_at = greatest(decided_at, %(decided_at)s) where id = %(id)s and superseded_at is null
returning superseded_at

-- name: put_visit
-- A word on a visit: the first (no id yet), or the next.
insert into visit (id, revision, tenant_id, vehicle_id, site_id, entered_at, left_at, decided_at, rule_version, retracted)
values (coalesce(%(id)s::int8, nextval(pg_get_serial_sequence('visit', 'id'))), %(revision)s, %(tenant_id)s, %(vehicle_id)s,
        %(site_id)s, %(entered_at)s, %(left_at)s, %(decided_at)s, %(rule_version)s, %(retracted)s)
returning id

-- name: supersede_excursion
-- The word so far on an excursion ends when the next begins.
update excursion set superseded_at = greatest(decided_at, %(decided_at)s) where id = %(id)s and superseded_at is null
returning superseded_at

-- name: put_excursion
-- A word on an excursion: the first (no id yet), or the next.
insert into excursion (id, revision, tenant_id, probe_id, device_id, kind, limit_c, started_at, ended_at, alarm_at,
                       extreme_c, samples, decided_at, rule_version, retracted)
values (coalesce(%(id)s::int8, nextval(pg_get_serial_sequence('excursion', 'id'))), %(revision)s, %(tenant_id)s,
        %(probe_id)s, %(device_id)s, %(kind)s, %(limit_c)s, %(started_at)s, %(ended_at)s, %(alarm_at)s, %(extreme_c)s,
        %(samples)s, %(decided_at)s, %(rule_version)s, %(retracted)s)
returning id

-- name: supersede_call
-- The word so far on a call ends when the next begins.
update stop_call set superseded_at = greatest(decided_at, %(decided_at)s) where id = %(id)s and superseded_at is null
returning superseded_at

-- name: put_call
-- A word on a call: the first (no id yet), or the next.
insert into stop_call (id, revision, tenant_id, shipment_id, stop_id, vehicle_id, turn, arrived_at, departed_at,
                       decided_at, rule_version, retracted)
values (coalesce(%(id)s::int8, nextval(pg_get_serial_sequence('stop_call', 'id'))), %(revision)s, %(tenant_id)s,
        %(shipment_id)s, %(stop_id)s, %(vehicle_id)s, %(turn)s, %(arrived_at)s, %(departed_at)s, %(decided_at)s,
        %(rule_version)s, %(retracted)s)
returning id

-- name: supersede_deviation
-- The word so far on a deviation ends when the next begins.
update deviation set superseded_at = greatest(decided_at, %(decided_at)s) where id = %(id)s and superseded_at is null
returning superseded_at

-- name: put_deviation
-- A word on a deviation: the first (no id yet), or the next.
insert into deviation (id, revision, tenant_id, shipment_id, stop_id, vehicle_id, kind, started_at, ended_at, decided_at,
                       rule_version, retracted)
values (coalesce(%(id)s::int8, nextval(pg_get_serial_sequence('deviation', 'id'))), %(revision)s, %(tenant_id)s,
        %(shipment_id)s, %(stop_id)s, %(vehicle_id)s, %(kind)s, %(started_at)s, %(ended_at)s, %(decided_at)s,
        %(rule_version)s, %(retracted)s)
returning id

-- name: trip_ids
-- Ids of trips that nobody has spoken of yet.
select nextval(pg_get_serial_sequence('trip', 'id')) from generate_series(1, %s)

-- name: supersede_trips
-- The words so far on some trips end when the next begin.
update trip t set superseded_at = greatest(t.decided_at, u.decided_at)
from unnest(%s::int8[], %s::timestamptz[]) as u (id, decided_at) where t.id = u.id and t.superseded_at is null
returning t.id, t.superseded_at

-- name: put_trips
-- Words on trips: the first ones, or the next.
insert into trip (id, revision, tenant_id, vehicle_id, kind, started_at, ended_at, start_lat, start_lon, end_lat, end_lon,
                  distance_m, gap_m, moving_s, idle_s, unknown_s, speed_max_mps, odometer_m, carried_m, decided_at,
                  rule_version, retracted)
select i, r, t, v, k, s, e, a1, o1, a2, o2, d, g, m, w, u, x, o, y, c, l, z <> 0
from unnest(%s::int8[], %s::int4[], %s::int4[], %s::int4[], %s::text[], %s::timestamptz[], %s::timestamptz[],
            %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::float8[],
            %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::timestamptz[], %s::int4[], %s::int4[])
     as n (i, r, t, v, k, s, e, a1, o1, a2, o2, d, g, m, w, u, x, o, y, c, l, z)

-- name: off_route_of
-- Current deviations of shipments from their lines.
select shipment_id, id, revision, vehicle_id, started_at, ended_at from deviation
where shipment_id = any(%s::int4[]) and kind = 'off_route' and superseded_at is null and not retracted
order by started_at

-- name: visits_after
-- Current visits of vehicles that lasted beyond a time of each; who stays longer than a month has come to stay.
select v.id, v.vehicle_id, v.site_id, v.entered_at, v.left_at
from unnest(%s::int4[], %s::timestamptz[]) as w (vehicle_id, since) join visit v on v.vehicle_id = w.vehicle_id
and v.entered_at > w.since - interval '31 days' and coalesce(v.left_at, 'infinity') > w.since
where v.superseded_at is null and not v.retracted

-- name: delivered_since
-- Shipments of vehicles that were delivered at or after a time of each.
select h.id, h.tenant_id, h.name, h.status, h.vehicle_id, h.planned_line, h.on_vehicle_since, h.loaded, h.started_at,
       h.delivered_at, h.turn, h.since_given
from unnest(%s::int4[], %s::timestamptz[]) as w (vehicle_id, since) join shipment h on h.vehicle_id = w.vehicle_id
and h.status = 'delivered' and h.delivered_at >= w.since
order by h.id

-- name: stops_of
-- Stops of some shipments.
select s.id, s.shipment_id, s.seq, s.name, s.label, coalesce(s.site_id, 0), s.lat, s.lon, s.radius_m,
       s.window_start, s.window_end, s.arrived_at, s.departed_at,
       array(select d.kind from deviation d where d.stop_id = s.id and d.kind <> 'off_route' and d.superseded_at is null
             and not d.retracted order by d.kind), s.learned_at is not null
from stop s where s.shipment_id = any(%s::int4[]) order by s.shipment_id, s.seq

-- name: calls_of
-- Current calls of shipments.
select shipment_id, id, revision, stop_id, vehicle_id, turn, arrived_at, departed_at from stop_call
where shipment_id = any(%s::int4[]) and superseded_at is null and not retracted order by id

-- name: deviations_of
-- Current deviations of shipments at their stops.
select shipment_id, id, revision, stop_id, kind, started_at, ended_at from deviation
where shipment_id = any(%s::int4[]) and superseded_at is null and not retracted and stop_id is not null order by id

-- name: put_stop_times
-- The current call at a stop, for the pages.
update stop set arrived_at = %(arrived_at)s, departed_at = %(departed_at)s where id = %(id)s

-- name: put_shipment_status
-- A shipment is under way, or delivered, or it turns out that it is not.
update shipment set status = %(status)s, started_at = %(started_at)s, delivered_at = %(delivered_at)s where id = %(id)s

-- name: put_alert
-- The alert of a fact, opened or amended, and what it was before; what people did with it stays.
with told as (select revision, cleared_at from alert where kind = %(kind)s and fact_id = %(fact_id)s)
insert into alert as a (tenant_id, kind, severity, fact_id, rule_key, device_id, probe_id, title, limit_c, extreme_c,
                        last_c, opened_at, alarm_at, decided_at, cleared_at)
values (%(tenant_id)s, %(kind)s, %(severity)s, %(fact_id)s, %(rule_key)s, %(device_id)s, %(probe_id)s, %(title)s,
        %(limit_c)s, %(extreme_c)s, %(last_c)s, %(opened_at)s, %(alarm_at)s, %(decided_at)s, %(cleared_at)s)
on conflict (kind, fact_id) where fact_id is not null do update
set title = excluded.title, limit_c = excluded.limit_c, extreme_c = excluded.extreme_c, last_c = excluded.last_c,
    opened_at = excluded.opened_at, alarm_at = excluded.alarm_at, cleared_at = excluded.cleared_at,
    revision = a.revision + ((a.opened_at, a.alarm_at, a.cleared_at) is distinct from
                             (excluded.opened_at, excluded.alarm_at, excluded.cleared_at))::int
returning id, revision, decided_at, cleared_at, acknowledged_at, acknowledged_by, note, resolved_at, resolved_by,
          (select revision from told) as told_revision, (select cleared_at from told) as told_cleared_at

-- name: alert_of
-- The alert of a fact that is still active.
select alarm_at from alert where kind = 'temperature' and fact_id = %(fact_id)s and cleared_at is null
