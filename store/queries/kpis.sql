-- Figures of the work, counted from raw facts. Each KPI is one query of facts with the same columns: what is counted, when it was,
-- when the last word on it came, whose it is, and how much of it is good of how much. Figures are sums of these, the list behind a
-- figure is these: `store/kpis.py` puts the parts together. Of everything that is revised, the word of `as_of` counts.

-- name: figures
-- Sums of facts by local period, and by a dimension if one is asked for.
select date_trunc(%(by)s, f.at at time zone f.tz)::date as period, {split} as part, sum(f.good) as good, sum(f.total) as total,
       count(*)::int as facts, percentile_cont(array[0.5, 0.9]::float8[]) within group (order by f.good) as quantiles
from ({facts}) f where f.tenant_id = %(tenant)s and {chosen} group by 1, 2 order by 1, 2 limit %(limit)s

-- name: parts
-- The same of all periods together, by a dimension, those of most facts first.
select null::date as period, {split} as part, sum(f.good) as good, sum(f.total) as total, count(*)::int as facts,
       percentile_cont(array[0.5, 0.9]::float8[]) within group (order by f.good) as quantiles
from ({facts}) f where f.tenant_id = %(tenant)s and {chosen} group by 2 order by 5 desc, 2 limit %(limit)s

-- name: page
-- The facts themselves, in the order in which they were.
select f.key, f.about, f.at, f.known_at, date_trunc(%(by)s, f.at at time zone f.tz)::date as period, f.tz, f.site, f.customer, f.carrier, f.lane,
       f.product, f.vehicle, f.good, f.total, f.why
from ({facts}) f where f.tenant_id = %(tenant)s and {chosen}
and (%(after)s::text is null or (f.at, f.key) > (%(after_at)s::timestamptz, %(after)s)) order by f.at, f.key limit %(limit)s

-- name: chosen
-- Which facts are asked for: of local days, of a site and so on.
(f.at at time zone f.tz)::date >= %(since)s::date and (f.at at time zone f.tz)::date < %(until)s::date
and (%(site)s::text is null or f.site = %(site)s) and (%(customer)s::text is null or f.customer = %(customer)s)
and (%(carrier)s::text is null or f.carrier = %(carrier)s) and (%(lane)s::text is null or f.lane = %(lane)s)
and (%(product)s::text is null or f.product = %(product)s) and (%(vehicle)s::text is null or f.vehicle = %(vehicle)s)

-- name: reported
-- The facts of one KPI among those of all, for views.
select '{kpi}'::text as kpi, f.key, f.about, f.at, f.known_at, date_trunc('week', f.at at time zone f.tz)::date as week, f.tz, f.site, f.customer,
       f.carrier, f.lane, f.product, f.vehicle, f.good, f.total, f.why from ({facts}) f where f.tenant_id = %(tenant)s

-- name: there
-- Which kinds of facts there are at all: what is not there is not counted as nothing.
select exists (select from customer_order o where o.tenant_id = %(tenant)s and o.window_end is not null) as due_orders,
       exists (select from customer_order o where o.tenant_id = %(tenant)s) as orders,
       exists (select from order_step s where s.tenant_id = %(tenant)s and s.kind in ('load', 'deliver')) as deliveries,
       exists (select from proof p where p.tenant_id = %(tenant)s) as proofs,
       exists (select from ledger_move m join ledger_place l on l.id = m.to_place join zone z on z.id = l.zone_id
               where m.tenant_id = %(tenant)s and m.kind = 'receive' and l.bin_id is null) as receipts,
       exists (select from ledger_move m join ledger_place l on l.id = m.from_place join product p on p.id = m.product_id
               where m.tenant_id = %(tenant)s and m.kind in ('load', 'deliver') and l.kind = 'site' and p.unit_value > 0) as issues,
       exists (select from docking d where d.tenant_id = %(tenant)s)
           or exists (select from dock_appointment a where a.tenant_id = %(tenant)s) as dockings,
       exists (select from detention_terms t where t.tenant_id = %(tenant)s) as terms,
       exists (select from trip t where t.tenant_id = %(tenant)s and t.kind = 'trip') as trips,
       exists (select from shipment h where h.tenant_id = %(tenant)s and h.started_at is not null) as shipments,
       exists (select from shipment h where h.tenant_id = %(tenant)s and h.delivered_at is not null and h.profile_id is not null) as cold_shipments,
       exists (select from carrier_choice x join carrier_service s on s.id = x.service_id
               where x.tenant_id = %(tenant)s and s.co2e_g_per_tkm is not null) as carrier_choices,
       exists (select from demand_forecast f where f.tenant_id = %(tenant)s) as forecasts,
       exists (select from alert a where a.tenant_id = %(tenant)s and a.withdrawn_at is not null)
           or exists (select from case_event e where e.tenant_id = %(tenant)s and e.what in ('acted', 'disposed', 'countersigned')) as judged_alerts,
       exists (select from eta_grade g where g.tenant_id = %(tenant)s) as arrivals

-- name: lines
-- Lines of orders as they were known: what was called off, loaded and brought. Quantities and windows are those of now.
select l.tenant_id, l.id as line_id, l.seq, o.id as order_id, o.name as order_name, o.window_end, o.ordered_at, s.name as site, s.tz, c.code as customer,
       p.sku as product, y.carrier, s.name || ' → ' || coalesce(t.code, c.code) as lane, l.quantity - k.cancelled as ordered, k.delivered, k.in_time,
       k.came_at, k.gone_at, greatest(o.created_at, k.known_at) as known_at, y.shipments
from customer_order o join order_line l on l.order_id = o.id join site s on s.id = o.site_id join customer c on c.id = o.customer_id
join product p on p.id = l.product_id left join ship_to t on t.id = o.ship_to_id
cross join lateral (
    select coalesce(sum(x.quantity) filter (where x.kind = 'cancel'), 0) as cancelled,
           coalesce(sum(x.quantity) filter (where x.kind = 'deliver'), 0) as delivered,
           coalesce(sum(x.quantity) filter (where x.kind = 'deliver' and x.at <= o.window_end), 0) as in_time,
           max(x.at) filter (where x.kind = 'deliver') as came_at, min(x.at) filter (where x.kind in ('load', 'deliver')) as gone_at,
           max(greatest(x.recorded_at, x.withdrawn_at)) filter (where x.kind in ('cancel', 'deliver', 'load')) as known_at
    from order_step x where x.tenant_id = %(tenant)s and x.line_id = l.id and x.recorded_at <= %(as_of)s
    and coalesce(x.withdrawn_at, 'infinity') > %(as_of)s) k
left join lateral (
    select array_agg(h.shipment_id) as shipments, max(r.code) as carrier from shipment_order h
    left join lateral (select v.service_id from carrier_choice v where v.tenant_id = %(tenant)s and v.shipment_id = h.shipment_id
                       and v.chosen_at <= %(as_of)s order by v.id desc limit 1) w on true
    left join carrier_service q on q.id = w.service_id left join carrier r on r.id = q.carrier_id
    where h.tenant_id = %(tenant)s and h.order_id = o.id) y on true
where o.tenant_id = %(tenant)s and l.tenant_id = %(tenant)s and o.created_at <= %(as_of)s and l.quantity > k.cancelled and {of}

-- name: of_due
-- Orders whose window ended in the span.
o.window_end >= %(since)s::date - 1 and o.window_end < %(until)s::date + 1 and o.window_end <= %(as_of)s

-- name: of_left
-- Orders of which something left or came in the span.
o.id in (select i.order_id from order_step e join order_line i on i.id = e.line_id where e.tenant_id = %(tenant)s
         and e.kind in ('load', 'deliver') and e.at >= %(since)s::date - 1 and e.at < %(until)s::date + 1)

-- name: moves
-- Moves of the ledger as they were known, without those that were taken back by then.
select m.* from ledger_move m where m.tenant_id = %(tenant)s and m.entry <> 'reversal' and m.kind <> 'count' and m.recorded_at <= %(as_of)s
and not exists (select from ledger_move x where x.corrects = m.id and x.entry = 'reversal' and x.recorded_at <= %(as_of)s)

-- name: colds
-- Critical alarms of temperature on vehicles as they were known.
select a.id, a.tenant_id, g.vehicle_id, a.opened_at, a.decided_at from alert a join assignment g on g.device_id = a.device_id and g.tenant_id = a.tenant_id
where a.tenant_id = %(tenant)s and a.kind = 'temperature' and a.severity = 'critical' and g.vehicle_id is not null
and a.opened_at >= %(since)s::date - 31 and a.opened_at < %(until)s::date + 1
and a.opened_at >= g.valid_from and a.opened_at < g.valid_to and a.decided_at <= %(as_of)s and coalesce(a.withdrawn_at, 'infinity') > %(as_of)s

-- name: otif
-- Lines of orders whose window is over: all of it was there when it ended.
select d.tenant_id, d.order_name || '/' || d.seq as key, d.order_name || ' ' || d.seq as about, d.window_end as at, d.known_at, d.tz, d.site, d.customer,
       d.carrier, d.lane, d.product, null::text as vehicle, (d.in_time >= d.ordered)::int::float8 as good, 1::float8 as total,
       case when d.in_time >= d.ordered then '' when d.delivered >= d.ordered then 'late' when d.delivered > 0 then 'short' else 'not_delivered' end as why
from ({lines_due}) d where d.tenant_id = %(tenant)s

-- name: perfect_order
-- Orders whose window is over: whole, in time, with a proof, nothing damaged, refused or too warm.
with line as ({lines_due}), cold as materialized ({colds}), ordr as (
    select d.tenant_id, d.order_id, d.order_name, d.window_end, max(d.known_at) as known_at, d.tz, d.site, d.customer, max(d.carrier) as carrier, d.lane,
           bool_and(d.delivered >= d.ordered) as whole, bool_and(d.in_time >= d.ordered) as in_time, max(d.came_at) as came_at, max(d.shipments) as shipments
    from line d group by d.tenant_id, d.order_id, d.order_name, d.window_end, d.tz, d.site, d.customer, d.lane
), said as (
    select b.order_id, max(r.recorded_at) as known_at, bool_or(exists (select from proof_line i where i.proof_id = r.proof_id
           and i.revision = r.revision and i.tenant_id = %(tenant)s and i.damaged + i.refused > 0)) as damaged
    from proof_order b cross join lateral (select v.proof_id, v.revision, v.recorded_at from proof_revision v
        where v.tenant_id = %(tenant)s and v.proof_id = b.proof_id and v.recorded_at <= %(as_of)s order by v.revision desc limit 1) r
    where b.tenant_id = %(tenant)s and b.order_id in (select u.order_id from ordr u) group by b.order_id
)
select o.tenant_id, o.order_name as key, o.order_name as about, o.window_end as at, greatest(o.known_at, p.known_at, w.decided_at) as known_at, o.tz,
       o.site, o.customer, o.carrier, o.lane, null::text as product, null::text as vehicle,
       (o.in_time and p.order_id is not null and not p.damaged and w.id is null)::int::float8 as good, 1::float8 as total,
       concat_ws(', ', case when o.whole and not o.in_time then 'late' when not o.whole then 'short' end,
                 case when p.order_id is null then 'no_proof' end, case when p.damaged then 'damaged' end,
                 case when w.id is not null then 'too_warm' end) as why
from ordr o left join said p on p.order_id = o.order_id
left join lateral (select q.id, q.decided_at from cold q join shipment h on h.vehicle_id = q.vehicle_id and h.tenant_id = q.tenant_id
    where h.id = any(o.shipments) and q.opened_at >= h.started_at and q.opened_at <= coalesce(o.came_at, h.delivered_at, %(as_of)s)
    order by q.id limit 1) w on true
where o.tenant_id = %(tenant)s

-- name: order_cycle_time
-- Orders that are with the customer whole: hours since they were ordered.
select d.tenant_id, d.order_name as key, d.order_name as about, max(d.came_at) as at, max(d.known_at) as known_at, d.tz, d.site, d.customer,
       max(d.carrier) as carrier, d.lane, null::text as product, null::text as vehicle,
       extract(epoch from max(d.came_at) - d.ordered_at)::float8 / 3600 as good, 1::float8 as total, '' as why
from ({lines_left}) d where d.tenant_id = %(tenant)s
group by d.tenant_id, d.order_id, d.order_name, d.ordered_at, d.tz, d.site, d.customer, d.lane having bool_and(d.delivered >= d.ordered)

-- name: fill_rate
-- Lines of orders, by when the first of the order left, else by when it was due: units that left with the first, within twelve hours.
with line as ({lines_left} union all {lines_due}), first as (
    select distinct on (d.line_id) d.*, min(d.gone_at) over (partition by d.order_id) as first_at from line d order by d.line_id
)
select d.tenant_id, d.order_name || '/' || d.seq as key, d.order_name || ' ' || d.seq as about, coalesce(d.first_at, d.window_end) as at, d.known_at, d.tz,
       d.site, d.customer, d.carrier, d.lane, d.product, null::text as vehicle, least(d.ordered, g.units)::float8 as good, d.ordered::float8 as total,
       case when g.units >= d.ordered then '' else 'short' end as why
from first d cross join lateral (
    select coalesce(greatest(sum(x.quantity) filter (where x.kind = 'load'), sum(x.quantity) filter (where x.kind = 'deliver')), 0) as units
    from order_step x where x.tenant_id = %(tenant)s and x.line_id = d.line_id and x.kind in ('load', 'deliver') and x.recorded_at <= %(as_of)s
    and coalesce(x.withdrawn_at, 'infinity') > %(as_of)s and x.at <= d.first_at + interval '12 hours') g
where d.tenant_id = %(tenant)s and coalesce(d.first_at, d.window_end) is not null

-- name: dock_to_stock
-- Receipts into a zone: hours until the last of them was taken on from there, the first in being the first out.
with m as ({moves}), came as (
    select m.id, m.tenant_id, m.client_id, m.product_id, m.lot_id, m.to_place, m.to_unit, m.moved_at, m.recorded_at, m.quantity,
           sum(m.quantity) over (partition by m.to_place, m.product_id, m.lot_id, m.to_unit order by m.moved_at, m.id) as sum
    from m join ledger_place l on l.id = m.to_place where m.kind = 'receive' and l.zone_id is not null and l.bin_id is null
), went as (
    select m.product_id, m.lot_id, m.from_place, m.from_unit, m.moved_at, m.recorded_at,
           sum(m.quantity) over (partition by m.from_place, m.product_id, m.lot_id, m.from_unit order by m.moved_at, m.id) as sum
    from m where m.kind in ('put_away', 'move', 'pick') and m.from_place in (select c.to_place from came c)
)
select c.tenant_id, c.client_id as key, c.client_id as about, w.moved_at as at, greatest(c.recorded_at, w.recorded_at) as known_at, s.tz, s.name as site,
       null::text as customer, null::text as carrier, null::text as lane, p.sku as product, null::text as vehicle,
       greatest(extract(epoch from w.moved_at - c.moved_at), 0)::float8 / 3600 as good, 1::float8 as total, '' as why
from came c join ledger_place l on l.id = c.to_place join site s on s.id = l.site_id join product p on p.id = c.product_id
cross join lateral (select w.moved_at, w.recorded_at from went w where w.from_place = c.to_place and w.product_id = c.product_id
    and w.lot_id is not distinct from c.lot_id and w.from_unit = c.to_unit and w.sum >= c.sum order by w.sum, w.moved_at limit 1) w
where c.tenant_id = %(tenant)s and w.moved_at >= %(since)s::date - 1 and w.moved_at < %(until)s::date + 1

-- name: held
-- By site, product and local day: the value of what left the site, and of what lay there when the day ended.
with m as ({moves}), change as (
    select l.site_id, m.product_id, (m.moved_at at time zone s.tz)::date as day, m.quantity as units, 0::numeric as gone, m.recorded_at as known_at
    from m join ledger_place l on l.id = m.to_place and l.kind = 'site' join site s on s.id = l.site_id
    union all
    select l.site_id, m.product_id, (m.moved_at at time zone s.tz)::date, -m.quantity,
           case when m.kind in ('load', 'deliver') then m.quantity else 0 end, m.recorded_at
    from m join ledger_place l on l.id = m.from_place and l.kind = 'site' join site s on s.id = l.site_id
), grid as (
    select day, site_id, product_id, units, gone, known_at from change where day < %(until)s::date
    union all
    select g.day::date, h.site_id, h.product_id, 0, 0, null from (select distinct site_id, product_id from change) h
    cross join generate_series(%(since)s::date, least(%(until)s::date, %(as_of)s::date + 1) - 1, interval '1 day') as g (day)
), level as (
    select site_id, product_id, day, sum(sum(units)) over (partition by site_id, product_id order by day) as on_hand, sum(gone) as gone,
           max(max(known_at)) over (partition by site_id, product_id order by day) as known_at from grid group by site_id, product_id, day
)
select p.tenant_id, s.name || '/' || p.sku || '/' || v.day as key, p.sku || ' ' || v.day as about, (v.day + time '12:00') at time zone s.tz as at,
       v.known_at, s.tz, s.name as site, null::text as customer, null::text as carrier, null::text as lane, p.sku as product, null::text as vehicle,
       (v.gone * p.unit_value)::float8 as gone, (greatest(v.on_hand, 0) * p.unit_value)::float8 as held, '' as why
from level v join site s on s.id = v.site_id join product p on p.id = v.product_id
where p.tenant_id = %(tenant)s and p.unit_value > 0 and v.day >= %(since)s::date and (v.on_hand > 0 or v.gone > 0)

-- name: inventory_turns
-- Value that left in a year at this pace, through what lies there.
select h.tenant_id, h.key, h.about, h.at, h.known_at, h.tz, h.site, h.customer, h.carrier, h.lane, h.product, h.vehicle, h.gone as good,
       h.held / 365 as total, h.why from ({held}) h where h.tenant_id = %(tenant)s

-- name: days_of_cover
-- How many days what lies there lasts at the pace at which it leaves.
select h.tenant_id, h.key, h.about, h.at, h.known_at, h.tz, h.site, h.customer, h.carrier, h.lane, h.product, h.vehicle, h.held as good,
       h.gone as total, h.why from ({held}) h where h.tenant_id = %(tenant)s

-- name: spoilage
-- Value thrown away, through value that left: moves of either kind.
select m.tenant_id, 'move-' || m.id as key, m.client_id as about, m.moved_at as at, m.recorded_at as known_at, coalesce(s.tz, 'UTC') as tz, s.name as site,
       null::text as customer, null::text as carrier, null::text as lane, p.sku as product, null::text as vehicle,
       case when m.kind = 'waste' then m.quantity * p.unit_value else 0 end::float8 as good,
       case when m.kind = 'waste' then 0 else m.quantity * p.unit_value end::float8 as total, case when m.kind = 'waste' then m.reason else '' end as why
from ({moves}) m join product p on p.id = m.product_id and p.unit_value > 0 join ledger_place l on l.id = m.from_place
left join site s on s.id = l.site_id
where m.tenant_id = %(tenant)s and (m.kind = 'waste' or m.kind in ('load', 'deliver') and l.kind = 'site')
and m.moved_at >= %(since)s::date - 1 and m.moved_at < %(until)s::date + 1

-- name: stands
-- Trucks that came to a dock and left again, as they were known, and the appointment they came for.
select v.tenant_id, 'visit-' || v.id as key, w.name as about, v.left_at as at, v.decided_at as known_at, s.tz, s.name as site, s.id as site_id,
       a.carrier, a.carrier_id, w.name as vehicle, v.entered_at as came_at, a.begins_at
from visit v join site s on s.id = v.site_id join vehicle w on w.id = v.vehicle_id
left join lateral (select b.begins_at, c.code as carrier, b.carrier_id from dock_appointment b left join carrier c on c.id = b.carrier_id
    left join shipment h on h.id = b.shipment_id where b.tenant_id = %(tenant)s and b.site_id = v.site_id
    and coalesce(b.vehicle_id, h.vehicle_id) = v.vehicle_id and b.outcome is distinct from 'cancelled' and b.created_at <= %(as_of)s
    and b.begins_at between v.entered_at - interval '12 hours' and v.left_at + interval '4 hours'
    order by abs(extract(epoch from b.begins_at - v.entered_at)) limit 1) a on true
where v.tenant_id = %(tenant)s and v.left_at >= %(since)s::date - 1 and v.left_at < %(until)s::date + 1 and not v.retracted
and v.decided_at <= %(as_of)s and coalesce(v.superseded_at, 'infinity') > %(as_of)s
and (a.begins_at is not null or exists (select from docking d join zone z on z.id = d.zone_id where d.tenant_id = %(tenant)s
     and d.vehicle_id = v.vehicle_id and z.site_id = v.site_id and d.told_at <= %(as_of)s and coalesce(d.withdrawn_at, 'infinity') > %(as_of)s
     and d.began_at between v.entered_at - interval '1 hour' and v.left_at))
union all
select b.tenant_id, 'appointment-' || b.client_id, coalesce(nullif(b.truck, ''), b.client_id), b.told_left_at, b.changed_at, s.tz, s.name, s.id, c.code,
       b.carrier_id, null, b.told_arrived_at, b.begins_at
from dock_appointment b join site s on s.id = b.site_id left join carrier c on c.id = b.carrier_id
where b.tenant_id = %(tenant)s and b.vehicle_id is null and b.shipment_id is null and b.outcome is null and b.told_left_at >= b.told_arrived_at
and b.told_left_at >= %(since)s::date - 1 and b.told_left_at < %(until)s::date + 1 and b.changed_at <= %(as_of)s

-- name: dock_dwell
-- Hours from gate to gate.
select d.tenant_id, d.key, d.about, d.at, d.known_at, d.tz, d.site, null::text as customer, d.carrier, null::text as lane, null::text as product, d.vehicle,
       extract(epoch from d.at - d.came_at)::float8 / 3600 as good, 1::float8 as total, '' as why from ({stands}) d where d.tenant_id = %(tenant)s

-- name: detention
-- Minutes beyond what is free on the terms of now, from its appointment on when a truck came early.
select d.tenant_id, d.key, d.about, d.at, d.known_at, d.tz, d.site, null::text as customer, d.carrier, null::text as lane, null::text as product, d.vehicle,
       greatest(trunc(extract(epoch from d.at - greatest(d.came_at, d.begins_at)) / 60 - t.free_min), 0)::float8 as good, 1::float8 as total, '' as why
from ({stands}) d cross join lateral (select x.free_min from detention_terms x where x.tenant_id = %(tenant)s
    and coalesce(x.site_id, d.site_id) = d.site_id and (x.carrier_id is null or x.carrier_id = d.carrier_id)
    order by x.carrier_id nulls last, x.site_id nulls last limit 1) t where d.tenant_id = %(tenant)s

-- name: empty_km
-- Kilometres of trips during which no shipment was under way with the vehicle, of all.
select t.tenant_id, 'trip-' || t.id as key, v.name as about, t.ended_at as at, t.decided_at as known_at, z.tz, null::text as site, null::text as customer,
       null::text as carrier, null::text as lane, null::text as product, v.name as vehicle,
       case when e.loaded then 0 else t.distance_m / 1000 end as good, t.distance_m / 1000 as total, case when e.loaded then '' else 'empty' end as why
from trip t join vehicle v on v.id = t.vehicle_id
cross join lateral (select exists (select from shipment h where h.tenant_id = %(tenant)s and h.vehicle_id = t.vehicle_id and h.status <> 'cancelled'
    and h.started_at < t.ended_at and coalesce(h.delivered_at, 'infinity') > t.started_at) as loaded) e
cross join lateral (select coalesce((select y.tz from tenant_display y where y.tenant_id = %(tenant)s), 'UTC') as tz) z
where t.tenant_id = %(tenant)s and t.kind = 'trip' and t.ended_at >= %(since)s::date - 1 and t.ended_at < %(until)s::date + 1 and t.distance_m > 0
and not t.retracted and t.decided_at <= %(as_of)s and coalesce(t.superseded_at, 'infinity') > %(as_of)s

-- name: co2e_per_tkm
-- Shipments that were given to a carrier: grams as they were reckoned then, and tonne-kilometres.
select x.tenant_id, h.name as key, h.name as about, x.chosen_at as at, x.chosen_at as known_at, coalesce(i.tz, 'UTC') as tz, i.name as site,
       null::text as customer, c.code as carrier, coalesce(i.name, a.label) || ' → ' || coalesce(j.name, b.label) as lane, null::text as product,
       v.name as vehicle, (e.kg * 1000)::float8 as good, (e.kg * 1000 / s.co2e_g_per_tkm)::float8 as total, e.grade as why
from (select distinct on (w.shipment_id) w.* from carrier_choice w where w.tenant_id = %(tenant)s and w.chosen_at <= %(as_of)s
      order by w.shipment_id, w.id desc) x
join shipment h on h.id = x.shipment_id and h.status <> 'cancelled' join carrier_service s on s.id = x.service_id and s.co2e_g_per_tkm > 0
join carrier c on c.id = s.carrier_id left join vehicle v on v.id = h.vehicle_id
cross join lateral (select (o ->> 'co2e_kg')::float8 as kg, o ->> 'co2e_grade' as grade from jsonb_array_elements(x.options) o
    where o ->> 'carrier' = c.code and o ->> 'service' = s.code and o ->> 'co2e_kg' is not null limit 1) e
left join lateral (select t.site_id, t.label from stop t where t.tenant_id = %(tenant)s and t.shipment_id = h.id order by t.seq limit 1) a on true
left join lateral (select t.site_id, t.label from stop t where t.tenant_id = %(tenant)s and t.shipment_id = h.id order by t.seq desc limit 1) b on true
left join site i on i.id = a.site_id left join site j on j.id = b.site_id
where x.tenant_id = %(tenant)s and x.chosen_at >= %(since)s::date - 1 and x.chosen_at < %(until)s::date + 1

-- name: forecast_error
-- Forecasts whose first seven days are over: units they were off by, day by day, and units asked for.
with asked as (
    select o.site_id, l.product_id, (coalesce(o.window_end, o.ordered_at) at time zone s.tz)::date as day, l.quantity - k.cancelled as ordered,
           null::numeric as gone, null::numeric as sold, greatest(o.created_at, k.known_at) as known_at
    from customer_order o join site s on s.id = o.site_id join order_line l on l.order_id = o.id
    cross join lateral (select coalesce(sum(x.quantity), 0) as cancelled, max(x.recorded_at) as known_at from order_step x
        where x.tenant_id = %(tenant)s and x.line_id = l.id and x.kind = 'cancel' and x.recorded_at <= %(as_of)s
        and coalesce(x.withdrawn_at, 'infinity') > %(as_of)s) k
    where o.tenant_id = %(tenant)s and o.created_at <= %(as_of)s
    union all
    select l.site_id, m.product_id, (m.moved_at at time zone s.tz)::date, null, m.quantity, null, m.recorded_at
    from ({moves}) m join ledger_place l on l.id = m.from_place and l.kind = 'site' join site s on s.id = l.site_id
    where m.kind in ('load', 'deliver') and m.source <> 'order'
    and not exists (select from customer_order o where o.tenant_id = m.tenant_id and o.name = m.reference)
    union all
    select d.site_id, d.product_id, d.day, null, null, d.quantity, d.told_at from sales_day d
    where d.tenant_id = %(tenant)s and d.told_at <= %(as_of)s
), by_day as (
    select site_id, product_id, day, (coalesce(sum(ordered), 0) + coalesce(sum(sold), sum(gone), 0))::float8 as units, max(known_at) as known_at
    from asked group by site_id, product_id, day
)
select f.tenant_id, s.name || '/' || p.sku || '/' || f.begins as key, p.sku || ' ' || f.begins as about, (f.begins + 6 + time '12:00') at time zone s.tz as at,
       greatest(f.made_at, max(d.known_at)) as known_at, s.tz, s.name as site, null::text as customer, null::text as carrier, null::text as lane,
       p.sku as product, null::text as vehicle, sum(abs(u.mean - coalesce(d.units, 0))) as good, sum(coalesce(d.units, 0)) as total, f.model as why
from demand_forecast f join site s on s.id = f.site_id join product p on p.id = f.product_id
cross join lateral unnest(f.mean[1:7]) with ordinality as u (mean, n)
left join by_day d on d.site_id = f.site_id and d.product_id = f.product_id and d.day = f.begins + u.n::int - 1
where f.tenant_id = %(tenant)s and f.begins between %(since)s::date - 7 and %(until)s::date and f.made_at <= %(as_of)s and cardinality(f.mean) >= 7
and f.begins + 7 <= (%(as_of)s::timestamptz at time zone s.tz)::date
group by f.tenant_id, s.name, p.sku, f.begins, f.made_at, s.tz, f.model

-- name: alarm_precision
-- Alarms somebody acted on or decided the goods of, and those that late readings took back; others are not judged.
select a.tenant_id, 'alert-' || a.id as key, a.title as about, a.opened_at as at, j.at as known_at, coalesce(s.tz, z.tz) as tz, s.name as site,
       null::text as customer, null::text as carrier, null::text as lane, p.sku as product, v.name as vehicle, j.good, 1::float8 as total,
       case when j.good > 0 then a.kind else 'taken_back' end as why
from alert a left join device d on d.id = a.device_id left join vehicle v on v.id = d.vehicle_id left join site s on s.id = coalesce(a.site_id, d.site_id)
left join product p on p.id = a.product_id
cross join lateral (select case when a.withdrawn_at <= %(as_of)s then 0::float8 when max(e.at) is not null then 1::float8 end as good,
        case when a.withdrawn_at <= %(as_of)s then a.withdrawn_at else max(e.at) end as at
    from case_event e where e.tenant_id = %(tenant)s and e.alert_id = a.id and e.what in ('acted', 'disposed', 'countersigned') and e.at <= %(as_of)s) j
cross join lateral (select coalesce((select y.tz from tenant_display y where y.tenant_id = %(tenant)s), 'UTC') as tz) z
where a.tenant_id = %(tenant)s and a.opened_at >= %(since)s::date - 1 and a.opened_at < %(until)s::date + 1 and j.good is not null

-- name: arrival_error
-- Arrivals: minutes by which what was predicted of them was off on average.
select g.tenant_id, h.name || '/' || t.seq as key, h.name || ' ' || t.label as about, g.arrived_at as at, g.decided_at as known_at,
       coalesce(s.tz, 'UTC') as tz, s.name as site, null::text as customer, null::text as carrier, g.lane, null::text as product, v.name as vehicle,
       g.error_min as good, 1::float8 as total, '' as why
from eta_grade g join stop t on t.id = g.stop_id join shipment h on h.id = t.shipment_id join vehicle v on v.id = g.vehicle_id
left join site s on s.id = t.site_id
where g.tenant_id = %(tenant)s and g.bucket = -1 and g.arrived_at >= %(since)s::date - 1 and g.arrived_at < %(until)s::date + 1
and g.decided_at <= %(as_of)s

-- name: cold_chain_kept
-- Shipments of a temperature profile that were delivered: without a critical alarm of temperature on their way.
with cold as materialized ({colds})
select h.tenant_id, h.name as key, h.name as about, h.delivered_at as at, greatest(h.delivered_at, q.decided_at) as known_at, z.tz, null::text as site,
       null::text as customer, null::text as carrier, null::text as lane, null::text as product, v.name as vehicle,
       (q.decided_at is null)::int::float8 as good, 1::float8 as total, case when q.decided_at is null then '' else 'too_warm' end as why
from shipment h join vehicle v on v.id = h.vehicle_id
left join lateral (select max(c.decided_at) as decided_at from cold c where c.vehicle_id = h.vehicle_id and c.opened_at >= h.started_at
    and c.opened_at <= h.delivered_at) q on true
cross join lateral (select coalesce((select y.tz from tenant_display y where y.tenant_id = %(tenant)s), 'UTC') as tz) z
where h.tenant_id = %(tenant)s and h.profile_id is not null and h.status = 'delivered' and h.delivered_at <= %(as_of)s
and h.delivered_at >= %(since)s::date - 1 and h.delivered_at < %(until)s::date + 1

-- name: targets
-- What is wanted of each figure.
select kpi, target, changes, version, changed_at, changed_by from kpi_target where tenant_id = %(tenant)s order by kpi

-- name: put_target
-- What is wanted from now on; none when somebody else has said otherwise since.
insert into kpi_target as t (tenant_id, kpi, target, changes, changed_by)
values (%(tenant)s, %(kpi)s, %(target)s, %(changes)s::date[], %(by)s)
on conflict (tenant_id, kpi) do update set target = excluded.target, changes = excluded.changes, version = t.version + 1, changed_at = now(),
    changed_by = excluded.changed_by
where %(version)s::int is null or t.version = %(version)s returning version
