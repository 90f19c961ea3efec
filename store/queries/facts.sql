-- Facts of whatever kind: the templates are filled in by `store/facts.py` from the kind's declaration.

-- name: supersede
-- The words so far on some facts end when the next begin: never before they began themselves, whatever the clock says.
update {table} t set superseded_at = greatest(t.decided_at, u.decided_at)
from unnest(%s::int8[], %s::timestamptz[]) as u (id, decided_at) where t.id = u.id and t.superseded_at is null
returning t.id, t.superseded_at

-- name: new_ids
-- Ids of facts that nobody has told yet.
select nextval(pg_get_serial_sequence('{table}', 'id')) from generate_series(1, %s)

-- name: put
-- Words on facts: the first ones, or the next.
insert into {table} ({columns}, retracted)
select {columns}, retracted <> 0 from unnest({arrays}) as n ({columns}, retracted)

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
-- The current calls at stops, for the pages.
update stop s set arrived_at = n.arrived_at, departed_at = n.departed_at
from unnest(%s::int4[], %s::timestamptz[], %s::timestamptz[]) as n (id, arrived_at, departed_at) where s.id = n.id

-- name: put_shipment_status
-- Shipments are under way, or delivered, or it turns out that they are not.
update shipment s set status = n.status, started_at = n.started_at, delivered_at = n.delivered_at
from unnest(%s::int4[], %s::text[], %s::timestamptz[], %s::timestamptz[]) as n (id, status, started_at, delivered_at)
where s.id = n.id and s.status <> 'cancelled'
