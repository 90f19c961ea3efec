-- Doors of docks, what is on a truck by their portals and by people, seals, and what receivers are told.

-- name: zone_dock
-- What a zone is at the dock.
select z.id as key, s.name as site, z.name as zone, z.label, z.dock, s.id as site_id from zone z join site s on s.id = z.site_id
where z.tenant_id = %(tenant)s and s.name = %(site)s and z.name = %(zone)s and z.retired_at is null

-- name: put_zone_dock
-- A zone is a door, for staging, or neither.
update zone set dock = %(dock)s where tenant_id = %(tenant)s and id = %(key)s

-- name: dock_zones
-- Doors and staging zones of a site.
select z.id as key, s.name as site, z.name as zone, z.label, z.dock, s.id as site_id from zone z join site s on s.id = z.site_id
where z.tenant_id = %(tenant)s and z.dock is not null and z.retired_at is null and (%(site)s::text is null or s.name = %(site)s)
order by s.name, z.dock, z.name limit %(limit)s

-- name: dockings
-- Who stood at doors, the newest first; the end is what was told, else when the vehicle left the site or the next one began.
select d.id as key, d.client_id as id, s.name as site, z.name as door, v.name as vehicle, d.shipments, d.began_at, d.ended_at as told_end, e.ended_at,
       d.version, d.told_at, d.told_by, d.withdrawn_at, d.withdrawn_by, d.withdrawn_why, d.vehicle_id, d.zone_id, z.site_id
from docking d join zone z on z.id = d.zone_id join site s on s.id = z.site_id join vehicle v on v.id = d.vehicle_id
cross join lateral (select least(d.ended_at,
    (select i.left_at from visit i where i.vehicle_id = d.vehicle_id and i.site_id = z.site_id and i.superseded_at is null and not i.retracted
        and coalesce(i.left_at, 'infinity') > d.began_at order by i.entered_at limit 1),
    (select min(n.began_at) from docking n where n.withdrawn_at is null and n.began_at > d.began_at
        and (n.vehicle_id = d.vehicle_id or n.zone_id = d.zone_id))) as ended_at) e
where d.tenant_id = %(tenant)s and (%(id)s::text is null or d.client_id = %(id)s) and (%(site)s::text is null or s.name = %(site)s)
and (%(door)s::text is null or z.name = %(door)s) and (%(vehicle)s::text is null or v.name = %(vehicle)s)
and (%(id)s::text is not null or d.withdrawn_at is null) and (%(since)s::timestamptz is null or coalesce(e.ended_at, 'infinity') > %(since)s)
and (%(after)s::int8 is null or (d.began_at, d.id) < (%(after_at)s::timestamptz, %(after)s))
order by d.began_at desc, d.id desc limit %(limit)s

-- name: docking_names
-- Keys of what a docking names, and which of its shipments are there.
select z.id as zone_id, z.dock, s.id as site_id,
       (select v.id from vehicle v where v.tenant_id = s.tenant_id and v.name = %(vehicle)s and v.retired_at is null) as vehicle_id,
       (select coalesce(array_agg(h.name), '{}') from shipment h where h.tenant_id = s.tenant_id and h.name = any(%(shipments)s::text[])) as known
from site s left join zone z on z.site_id = s.id and z.name = %(door)s and z.retired_at is null
where s.tenant_id = %(tenant)s and s.name = %(site)s

-- name: docking_locked
-- A docking, kept for this transaction alone.
select d.id, d.version, d.zone_id, d.vehicle_id, d.shipments, d.began_at, d.ended_at, d.withdrawn_at from docking d
where d.tenant_id = %(tenant)s and d.client_id = %(id)s for update

-- name: dockings_at_once
-- Another vehicle at that door, or that vehicle at another door, at the same time, as it was told.
select d.client_id as id, v.name as vehicle, z.name as door, d.began_at from docking d join vehicle v on v.id = d.vehicle_id join zone z on z.id = d.zone_id
where d.tenant_id = %(tenant)s and d.withdrawn_at is null and d.client_id <> %(id)s and (d.zone_id = %(zone)s or d.vehicle_id = %(vehicle)s)
and d.began_at < coalesce(%(ended_at)s::timestamptz, 'infinity') and d.ended_at > %(began_at)s limit 1

-- name: add_docking
-- A vehicle stands at a door.
insert into docking (tenant_id, client_id, zone_id, vehicle_id, shipments, began_at, ended_at, told_by)
values (%(tenant)s, %(id)s, %(zone)s, %(vehicle)s, %(shipments)s, %(began_at)s, %(ended_at)s, %(by)s) on conflict do nothing returning id

-- name: change_docking
-- The same, mended.
update docking set zone_id = %(zone)s, vehicle_id = %(vehicle)s, shipments = %(shipments)s, began_at = %(began_at)s, ended_at = %(ended_at)s,
    version = version + 1, told_at = now(), told_by = %(by)s, withdrawn_at = null, withdrawn_by = null, withdrawn_why = null
where tenant_id = %(tenant)s and client_id = %(id)s returning id

-- name: withdraw_docking
-- It never was so.
update docking set withdrawn_at = now(), withdrawn_by = %(by)s, withdrawn_why = %(reason)s, version = version + 1
where tenant_id = %(tenant)s and client_id = %(id)s and withdrawn_at is null returning id

-- name: docked_tenants
-- Tenants with vehicles at doors since a time.
select distinct d.tenant_id as tenant from docking d where coalesce(d.ended_at, 'infinity') > %(since)s order by 1

-- name: loads
-- Shipments that are loaded at dockings of a tenant since a time, with what was said of each.
select h.id, h.name, h.vehicle_id, d.id as docking, z.site_id, k.revision, k.made_from, k.site_id as checked_site
from docking d join zone z on z.id = d.zone_id join shipment h on h.tenant_id = d.tenant_id and h.vehicle_id = d.vehicle_id
left join load_check k on k.shipment_id = h.id
where d.tenant_id = %(tenant)s and d.withdrawn_at is null and d.id = any(%(dockings)s::int8[]) and case when d.shipments <> '{}' then h.name = any(d.shipments)
    else h.status <> 'cancelled' and d.began_at < coalesce(h.delivered_at, 'infinity')
    and not exists (select from stop p where p.shipment_id = h.id and p.site_id = z.site_id and p.departed_at < d.began_at) end
and exists (select from shipment_order x join customer_order o on o.id = x.order_id where x.shipment_id = h.id and o.site_id = z.site_id)
order by h.id, d.began_at

-- name: checked
-- Shipments of which something is said that may be loaded no more: their docking was taken back.
select k.shipment_id as id, h.name, k.revision from load_check k join shipment h on h.id = k.shipment_id
where k.tenant_id = %(tenant)s and k.docked_at is not null and coalesce(k.departed_at, 'infinity') > %(since)s

-- name: wanted
-- Units that shipments are to carry from a site: packed for their orders, or loaded already, and where they leave.
select h.name as shipment, u.unit, coalesce(min(p.seq), 0) as drop_seq, bool_and(u.loaded) as booked, array_agg(distinct o.name) as orders
from shipment_order x join shipment h on h.id = x.shipment_id join customer_order o on o.id = x.order_id join order_line l on l.order_id = o.id
left join stop p on p.id = x.stop_id
cross join lateral (
    select a.unit, false as loaded from order_allocation a where a.line_id = l.id and a.stage = 'packed' and a.unit <> ''
    union all
    select t.handling_unit, true from order_step t where t.line_id = l.id and t.withdrawn_at is null and t.handling_unit <> ''
        and t.kind in ('load', 'unload') group by t.handling_unit
        having sum(case when t.kind = 'load' then t.quantity else -t.quantity end) > 0) u
where x.tenant_id = %(tenant)s and x.shipment_id = any(%(shipments)s::int[]) and (%(site)s::int is null or o.site_id = %(site)s)
group by h.name, u.unit order by h.name, u.unit

-- name: readers
-- Antennas that hear doors and staging zones of a site; antenna null: all others of the reader.
select d.id as device, a.antenna::int, z.id as zone, z.dock from device d join antenna a on a.device_id = d.id join zone z on z.id = a.zone_id
where d.tenant_id = %(tenant)s and d.kind = 'rfid' and z.site_id = %(site)s and z.dock is not null
union all
select d.id, null, z.id, z.dock from device d join zone z on z.id = d.zone_id
where d.tenant_id = %(tenant)s and d.kind = 'rfid' and z.site_id = %(site)s and z.dock is not null order by 1, 2 nulls last

-- name: heard
-- How much readers heard in a span, and until when their zones listened: what a check is made from.
select (select jsonb_build_array(count(*), max(r.received_at), max(r.time)) from reading_tag r
        where r.device_id = any(%(devices)s::int[]) and r.time >= %(since)s and r.time <= %(until)s and r.flags = 0) as reads,
       (select max(w.ended_at) from zone_awake w where w.zone_id = any(%(zones)s::int[]) and w.began_at <= %(until)s and w.ended_at >= %(since)s) as awake,
       (select max(g.since) from zone_hearing g where g.zone_id = any(%(zones)s::int[]) and g.since <= %(until)s) as hearing,
       (select count(*) from antenna a where a.device_id = any(%(devices)s::int[])) as antennas

-- name: reads
-- What readers heard in a span; the text of each tag.
select (extract(epoch from r.time) * 1000000)::int8 as at_us, r.device_id, r.antenna::int, l.text as epc, r.rssi_dbm
from reading_tag r join label l on l.id = r.tag_id
where r.device_id = any(%(devices)s::int[]) and r.time >= %(since)s and r.time <= %(until)s and r.flags = 0 limit %(limit)s

-- name: awake
-- When zones listened in a span; microseconds.
select w.zone_id, (extract(epoch from w.began_at) * 1000000)::int8 as began_us, (extract(epoch from w.ended_at) * 1000000)::int8 as ended_us
from zone_awake w where w.zone_id = any(%(zones)s::int[]) and w.began_at <= %(until)s and w.ended_at >= %(since)s

-- name: hearing
-- How zones hear, as it was known at a time.
select distinct on (g.zone_id) g.zone_id, g.inside_dbm, g.outside_dbm, g.sd_db, g.leak from zone_hearing g
where g.zone_id = any(%(zones)s::int[]) and g.since <= %(until)s order by g.zone_id, g.since desc

-- name: nested
-- Which of some units were in which others in a span, and what was in them.
select h.code as unit, y.parent, y.since, nullif(y.until, 'infinity') as until from goods_stay y join handling_unit h on h.id = y.unit_id
where y.tenant_id = %(tenant)s and y.parent is not null and y.since <= %(until)s and y.until > %(since)s
and (h.code = any(%(units)s::text[]) or y.parent = any(%(units)s::text[])) order by 1, 2, 3 limit 50000

-- name: regrouped
-- Whether anything was put into something else, or that was taken back, since a time: the newest word of it.
select max(m.id) as last, count(m.voided_at) as voided from goods_movement m
where m.tenant_id = %(tenant)s and m.at >= %(since)s and m.at <= %(until)s

-- name: units_inside
-- Units that are in a unit, and in those; deepest last.
with recursive held as (
    select h.id, h.code, 1 as deep from handling_unit h join handling_unit p on p.id = h.parent_id
    where h.tenant_id = %(tenant)s and p.code = %(unit)s
    union all
    select h.id, h.code, held.deep + 1 from handling_unit h join held on h.parent_id = held.id where held.deep < 5
)
select code as unit from held order by deep, code

-- name: marks
-- What people said of units of shipments and stands.
select m.id as key, m.shipment_id, h.name as shipment, h.vehicle_id, m.client_id as id, m.unit, m.kind, m.at, m.reason, m.chance, m.told_at, m.told_by
from load_mark m join shipment h on h.id = m.shipment_id
where m.tenant_id = %(tenant)s and m.shipment_id = any(%(shipments)s::int[]) and m.withdrawn_at is null order by m.id

-- name: units
-- What is said of a shipment's units now, and of which nothing is said any more.
select u.revision, u.unit, u.state, u.chance, u.drop_seq, u.other, u.loaded_at, u.by_scan, u.blocked_by, u.decided_at, u.retracted
from load_unit u where u.tenant_id = %(tenant)s and u.shipment_id = %(shipment)s and u.superseded_at is null
order by u.unit

-- name: units_said
-- What was said of a unit, the newest first, or of all of a shipment.
select u.revision, u.unit, u.state, u.chance, u.other, u.loaded_at, u.by_scan, u.decided_at, u.retracted, u.superseded_at
from load_unit u join shipment h on h.id = u.shipment_id
where u.tenant_id = %(tenant)s and h.name = %(name)s and (%(unit)s::text is null or u.unit = %(unit)s)
order by u.decided_at desc, u.unit, u.revision desc limit %(limit)s

-- name: supersede_units
-- What was said of units stands no more.
update load_unit u set superseded_at = %(now)s from jsonb_to_recordset(%(rows)s::jsonb) r (unit text)
where u.shipment_id = %(shipment)s and u.unit = r.unit and u.tenant_id = %(tenant)s and u.superseded_at is null

-- name: put_units
-- What is said of units.
insert into load_unit (revision, shipment_id, tenant_id, unit, state, chance, drop_seq, other, loaded_at, by_scan, blocked_by, decided_at, retracted)
select r.revision, %(shipment)s, %(tenant)s, r.unit, r.state, r.chance, r.drop_seq,
       r.other, r.loaded_at, r.by_scan, array(select jsonb_array_elements_text(r.blocked_by)), %(now)s, r.retracted
from jsonb_to_recordset(%(rows)s::jsonb) r (revision int, unit text, state text, chance float8, drop_seq int, other text,
    loaded_at timestamptz, by_scan bool, blocked_by jsonb, retracted bool) order by r.unit

-- name: put_check
-- The check of a shipment as it stands.
insert into load_check as k (shipment_id, tenant_id, revision, site_id, door, docked_at, departed_at, made_from, decided_at, rule_version)
values (%(shipment)s, %(tenant)s, 1, %(site)s, %(door)s, %(docked_at)s, %(departed_at)s, %(made_from)s::jsonb, %(now)s, %(rule)s)
on conflict (shipment_id) do update set revision = k.revision + %(anew)s::int, site_id = excluded.site_id, door = excluded.door,
    docked_at = excluded.docked_at, departed_at = excluded.departed_at, made_from = excluded.made_from, rule_version = excluded.rule_version,
    decided_at = case when %(anew)s then excluded.decided_at else k.decided_at end
returning revision

-- name: shipment
-- A shipment and its check.
select h.id as key, h.name as id, h.status, h.reference, h.customer, h.vehicle_id, v.name as vehicle, v.label as vehicle_label, h.profile_id, k.revision,
       k.door, k.docked_at, k.departed_at, k.decided_at, s.name as site, s.label as site_label
from shipment h left join vehicle v on v.id = h.vehicle_id left join load_check k on k.shipment_id = h.id left join site s on s.id = k.site_id
where h.tenant_id = %(tenant)s and h.name = %(name)s

-- name: shipment_locked
-- A shipment, kept for this transaction alone.
select h.id, h.name, h.status, v.name as vehicle, h.vehicle_id, h.profile_id from shipment h left join vehicle v on v.id = h.vehicle_id
where h.tenant_id = %(tenant)s and h.name = %(name)s for no key update of h

-- name: shipments_of_order_locked
-- Shipments that carry an order, kept for this transaction alone.
select h.id, h.name from customer_order o join shipment_order x on x.order_id = o.id join shipment h on h.id = x.shipment_id
where o.tenant_id = %(tenant)s and o.name = %(order)s order by h.id for no key update of h

-- name: packed_units
-- Goods packed for a shipment's orders in units: of which line, where, and how many. Their orders are kept for this transaction.
select o.name as "order", o.id as order_id, l.seq, p.sku, p.base_unit, a.unit, a.quantity, coalesce(t.code, '') as lot, g.kind, coalesce(s.name, '') as site,
       coalesce(z.name, '') as zone, coalesce(b.code, '') as bin, coalesce(v.name, '') as vehicle,
       (select max(k.at) from order_step k where k.line_id = l.id and k.kind in ('pick', 'pack') and k.withdrawn_at is null
        and k.handling_unit in ('', a.unit)) as packed_at
from shipment_order x join customer_order o on o.id = x.order_id join order_line l on l.order_id = o.id join product p on p.id = l.product_id
join order_allocation a on a.line_id = l.id and a.stage = 'packed' and a.unit <> ''
join ledger_place g on g.id = a.place_id left join lot t on t.id = a.lot_id left join site s on s.id = g.site_id left join zone z on z.id = g.zone_id
left join bin b on b.id = g.bin_id left join vehicle v on v.id = g.vehicle_id
where x.tenant_id = %(tenant)s and x.shipment_id = %(shipment)s order by o.id, l.seq, a.unit for no key update of o

-- name: loaded_units
-- Goods of a shipment's orders that are on its vehicle in units, as steps tell: where each was before.
select o.name as "order", o.id as order_id, l.seq, p.sku, t.handling_unit as unit, coalesce(x2.code, '') as lot, g.kind, coalesce(s.name, '') as site,
       coalesce(z.name, '') as zone, coalesce(b.code, '') as bin, coalesce(v.name, '') as vehicle,
       sum(case when t.kind = 'load' then t.quantity when t.kind in ('unload', 'deliver', 'refuse') then -t.quantity else 0 end) as quantity,
       max(t.at) filter (where t.kind = 'load') as loaded_at
from shipment_order x join customer_order o on o.id = x.order_id join order_line l on l.order_id = o.id join product p on p.id = l.product_id
join order_step t on t.line_id = l.id and t.withdrawn_at is null and t.handling_unit <> '' and t.kind in ('load', 'unload', 'deliver', 'refuse')
left join lot x2 on x2.id = t.lot_id
left join lateral (select f.place_id from order_step f where f.line_id = l.id and f.kind = 'load' and f.handling_unit = t.handling_unit
    and f.lot_id is not distinct from t.lot_id and f.withdrawn_at is null order by f.at desc, f.id desc limit 1) w on true
left join ledger_place g on g.id = w.place_id left join site s on s.id = g.site_id left join zone z on z.id = g.zone_id
left join bin b on b.id = g.bin_id left join vehicle v on v.id = g.vehicle_id
where x.tenant_id = %(tenant)s and x.shipment_id = %(shipment)s
group by o.name, o.id, l.seq, p.sku, t.handling_unit, x2.code, g.kind, s.name, z.name, b.code, v.name
having sum(case when t.kind = 'load' then t.quantity when t.kind in ('unload', 'deliver', 'refuse') then -t.quantity else 0 end) > 0
order by o.id, l.seq, t.handling_unit

-- name: add_marks
-- What somebody says of units; those whose id was told before are not there.
insert into load_mark (tenant_id, shipment_id, client_id, unit, kind, at, reason, chance, told_by)
select %(tenant)s, %(shipment)s, r.id, r.unit, r.kind, r.at, r.reason, r.chance, %(by)s
from jsonb_to_recordset(%(rows)s::jsonb) r (id text, unit text, kind text, at timestamptz, reason text, chance float8)
on conflict do nothing returning unit

-- name: withdraw_marks
-- What was said of units is taken back.
update load_mark set withdrawn_at = now(), withdrawn_by = %(by)s
where tenant_id = %(tenant)s and shipment_id = %(shipment)s and unit = any(%(units)s::text[]) and withdrawn_at is null returning unit, kind

-- name: unit_elsewhere
-- Which shipment that is not over is to carry a unit.
select h.name as shipment from order_allocation a join order_line l on l.id = a.line_id join shipment_order x on x.order_id = l.order_id
join shipment h on h.id = x.shipment_id
where a.tenant_id = %(tenant)s and a.unit = %(unit)s and a.stage = 'packed' and h.status in ('planned', 'in_transit') order by 1 limit 1

-- name: cooling
-- Probes on a shipment's vehicle at a time, what each said last before it, and the limits that its goods are held to.
select d.name as device, l.text as probe, p.low_c, p.high_c, r.temp_c, r.time from shipment h
join assignment w on w.vehicle_id = h.vehicle_id and w.tenant_id = h.tenant_id and w.valid_from <= %(at)s and w.valid_to > %(at)s
join device d on d.id = w.device_id join label l on l.kind = 'probe' and l.scope = d.id
left join profiles_now(%(tenant)s) p on p.profile_id = coalesce(h.profile_id, d.profile_id)
left join lateral (
    select t.temp_c, t.time from own_temperature(d.id, %(since)s::timestamptz, %(at)s::timestamptz + interval '1 microsecond') t
    where t.probe_id = l.id and t.flags & 8 = 0 order by t.time desc, t.seq desc limit 1) r on true
where h.tenant_id = %(tenant)s and h.id = %(shipment)s order by d.name, l.text

-- name: cold_goods
-- Which temperature classes a shipment's goods have, and what compartments its vehicle has.
select (select coalesce(array_agg(distinct p.temp_class), '{}') from shipment_order x join order_line l on l.order_id = x.order_id
        join product p on p.id = l.product_id where x.shipment_id = h.id and p.temp_class is not null) as classes,
       (select coalesce(jsonb_agg(jsonb_build_object('name', c.name, 'temp_class', c.temp_class) order by c.name), '[]') from compartment c
        where c.vehicle_id = h.vehicle_id) as compartments
from shipment h where h.tenant_id = %(tenant)s and h.id = %(shipment)s

-- name: add_seal
-- A seal is put on, or looked at.
insert into load_seal (tenant_id, shipment_id, kind, numbers, at, temperatures, reason, told_by)
values (%(tenant)s, %(shipment)s, %(kind)s, %(numbers)s, %(at)s, %(temperatures)s::jsonb, %(reason)s, %(by)s) returning id

-- name: seals
-- Seals of a shipment, the newest first.
select l.id as key, l.kind, l.numbers, l.at, l.temperatures, l.reason, l.told_at, l.told_by from load_seal l
where l.tenant_id = %(tenant)s and l.shipment_id = %(shipment)s order by l.id desc limit 50

-- name: load_alerts
-- The last alert of each shipment's load, open or over since lately.
select distinct on (a.shipment_id) a.id, a.shipment_id, a.severity, a.title, a.load, a.opened_at, a.cleared_at, a.withdrawn_at is not null as withdrawn
from alert a where a.tenant_id = %(tenant)s and a.kind = 'wrong_load' and a.shipment_id = any(%(shipments)s::int[])
and (a.cleared_at is null or a.cleared_at > %(since)s) order by a.shipment_id, a.id desc

-- name: keep_alerts
-- Alerts as they are to be; which of them are so now.
select k.place, k.id from keep_alerts(%(rows)s::jsonb) k order by k.place

-- name: report_alerts
-- What happened to alerts, with what is known then.
insert into alert_event (alert_id, at, what, actor, detail)
select n.id, n.at, n.what, 'loading', n.detail from jsonb_to_recordset(%(rows)s::jsonb) n (id int8, at timestamptz, what text, detail jsonb) order by n.id

-- name: told_alerts
-- Alerts of loads as pages have them.
select a.id, a.kind, a.severity, null as device, null as probe, null as vehicle, s.name as site, a.stock, a.load, a.title, a.limit_c,
       a.extreme_c, a.last_c, a.expected_p10, a.expected_p50, a.expected_p90, a.expected_at, a.expected_from_c, a.expected_for_s,
       a.opened_at, a.alarm_at, a.decided_at, a.cleared_at, a.revision, a.acknowledged_at, a.acknowledged_by, a.note, a.resolved_at,
       a.resolved_by, a.assignee, a.disposition, a.disposition_state, a.disposition_reason, a.disposed_at, a.disposed_by, a.signed_at,
       a.signed_by, a.comments, a.muted_until, a.muted_by, a.mute_reason
from alert a join site s on s.id = a.site_id
where a.tenant_id = %(tenant)s and a.id = any(%(ids)s::int8[]) and a.resolved_at is null order by a.id

-- name: carried
-- Goods of a shipment's orders in units: those that were loaded and not taken off again, and with `packed` those that are to be.
select u.unit, u.loaded, o.name as "order", o.reference as order_reference, l.seq, p.sku, p.label, p.gtin, p.base_unit, p.gross_mass_kg, p.temp_class,
       u.lot, u.best_before, u.quantity, c.code as customer, c.label as customer_label, t.code as ship_to, t.label as ship_to_label,
       t.address, st.seq as stop, st.label as stop_label, q.sku as instead_of
from shipment_order x join customer_order o on o.id = x.order_id join customer c on c.id = o.customer_id left join ship_to t on t.id = o.ship_to_id
left join stop st on st.id = x.stop_id join order_line l on l.order_id = o.id join product p on p.id = l.product_id
left join order_line f on f.id = l.stands_for and f.order_id = l.order_id left join product q on q.id = f.product_id
cross join lateral (
    select k.handling_unit as unit, true as loaded, b.code as lot, b.best_before,
           sum(case k.kind when 'load' then k.quantity else -k.quantity end) as quantity
    from order_step k left join lot b on b.id = k.lot_id
    where k.line_id = l.id and k.withdrawn_at is null and k.kind in ('load', 'unload') group by 1, 3, 4
    having sum(case k.kind when 'load' then k.quantity else -k.quantity end) > 0
    union all
    select a.unit, false, b.code, b.best_before, sum(a.quantity) from order_allocation a left join lot b on b.id = a.lot_id
    where %(packed)s and a.line_id = l.id and a.stage = 'packed' group by 1, 3, 4) u
where x.tenant_id = %(tenant)s and x.shipment_id = %(shipment)s
order by st.seq desc nulls last, u.unit, o.name, l.seq, u.lot limit 20000

-- name: sender
-- Whence a shipment goes: the site of its orders, and what it says of itself.
select h.name as shipment, h.reference, v.name as vehicle, v.label as vehicle_label, s.name as site, s.label as site_label, s.gln,
       (select min(p.departed_at) from stop p where p.shipment_id = h.id and p.site_id = s.id) as departed_at,
       (select l.numbers from load_seal l where l.shipment_id = h.id and l.kind = 'sealed' order by l.id desc limit 1) as seals
from shipment h left join vehicle v on v.id = h.vehicle_id
left join lateral (select o.site_id from shipment_order x join customer_order o on o.id = x.order_id where x.shipment_id = h.id order by o.id limit 1) f on true
left join site s on s.id = f.site_id where h.tenant_id = %(tenant)s and h.id = %(shipment)s

-- name: advices
-- Despatch advices of a shipment, the newest first, or the one of a revision.
select d.revision, d.issued_at, d.body from despatch_advice d
where d.tenant_id = %(tenant)s and d.shipment_id = %(shipment)s and (%(revision)s::int is null or d.revision = %(revision)s)
order by d.revision desc limit %(limit)s

-- name: add_advice
-- What receivers are told from now on.
insert into despatch_advice (tenant_id, shipment_id, revision, issued_at, body)
values (%(tenant)s, %(shipment)s, %(revision)s, %(now)s, %(body)s::jsonb) on conflict do nothing returning revision
