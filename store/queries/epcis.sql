-- Events of EPCIS 2.0, told by others and by us.

-- name: lock_captures
-- Documents of a tenant are taken in one after the other: what two of them tell alike is done to the stock once, and whole.
select pg_advisory_xact_lock(hashtextextended('epcis captures', %(tenant)s))

-- name: put_capture
-- A document that somebody told.
insert into epcis_capture (tenant_id, created_by, events, taken, known, faults)
values (%(tenant)s, %(by)s, %(events)s, %(taken)s, %(known)s, %(faults)s::jsonb) returning id

-- name: captures
-- Documents that were told, the newest first, or one of them.
select id, created_at, created_by, events, taken, known, faults from epcis_capture
where tenant_id = %(tenant)s and (%(id)s::int8 is null or id = %(id)s) and (%(before)s::int8 is null or id < %(before)s)
order by id desc limit %(limit)s

-- name: events_known
-- Of these events, those that are there.
select event_id, event_hash, declared_at is not null as declared from epcis_event
where tenant_id = %(tenant)s and event_id = any(%(ids)s::text[])

-- name: put_events
-- Events, each once by its id; those that were there are not told back.
insert into epcis_event (tenant_id, capture_id, event_id, event_hash, type, event_at, action, biz_step, disposition, read_point,
                         biz_location, parent, transformation, epcs, inputs, outputs, kinds, classes, transactions,
                         declared_at, reason, body, fact, effect)
select coalesce(n.of_tenant, %(tenant)s::int), %(capture)s, n.event_id, n.event_hash, n.type, n.event_at, n.action, n.biz_step, n.disposition,
       n.read_point, n.biz_location, n.parent, n.transformation, n.epcs, n.inputs, n.outputs, n.kinds, n.classes,
       n.transactions, n.declared_at, n.reason, n.body, n.fact, n.effect
from json_to_recordset(%(events)s::json) as n (
    of_tenant int, event_id text, event_hash text, type text, event_at timestamptz, action text, biz_step text, disposition text,
    read_point text, biz_location text, parent text, transformation text, epcs text[], inputs text[], outputs text[],
    kinds text[], classes text[], transactions text[], declared_at timestamptz, reason text, body json, fact text, effect text)
on conflict (tenant_id, event_id, (declared_at is not null)) do nothing
returning id, event_id

-- name: events
-- Events by all that the standard asks of them, a page in either order of either time; or those between two places in the
-- order of commit, of transactions that nothing can be added to any more.
select id, event_id, event_at, recorded_at, body, effect, capture_id, written_in::text as written_in from epcis_event
where tenant_id = %(tenant)s
and (%(type)s::text[] is null or type = any(%(type)s))
and (%(event_from)s::timestamptz is null or event_at >= %(event_from)s)
and (%(event_before)s::timestamptz is null or event_at < %(event_before)s)
and (%(recorded_from)s::timestamptz is null or recorded_at >= %(recorded_from)s)
and (%(recorded_before)s::timestamptz is null or recorded_at < %(recorded_before)s)
and (%(action)s::text[] is null or action = any(%(action)s))
and (%(biz_step)s::text[] is null or biz_step = any(%(biz_step)s))
and (%(disposition)s::text[] is null or disposition = any(%(disposition)s))
and (%(read_point)s::text[] is null or read_point = any(%(read_point)s))
and (%(biz_location)s::text[] is null or biz_location = any(%(biz_location)s))
and (%(transaction)s::text[] is null or transactions && %(transaction)s)
and (%(transformation)s::text[] is null or transformation = any(%(transformation)s))
and (%(event_id)s::text[] is null or event_id = any(%(event_id)s))
and (%(epc)s::text[] is null or epcs && %(epc)s or (kinds && %(epc)s and inputs = '{}' and outputs = '{}'))
and (%(parent)s::text[] is null or parent = any(%(parent)s))
and (%(input_epc)s::text[] is null or inputs && %(input_epc)s)
and (%(output_epc)s::text[] is null or outputs && %(output_epc)s)
and (%(any_epc)s::text[] is null or epcs && %(any_epc)s or inputs && %(any_epc)s or outputs && %(any_epc)s
     or parent = any(%(any_epc)s) or kinds && %(any_epc)s)
and (%(epc_class)s::text[] is null or classes && %(epc_class)s)
and (%(declared)s::bool is null or (declared_at is not null) = %(declared)s)
and (%(declared_from)s::timestamptz is null or declared_at >= %(declared_from)s)
and (%(declared_before)s::timestamptz is null or declared_at < %(declared_before)s)
and (%(reason)s::text[] is null or reason = any(%(reason)s))
and (%(own)s::bool is null or (capture_id is null) = %(own)s)
and (%(after)s::timestamptz is null
     or case when %(ascending)s then (case when %(by_record)s then recorded_at else event_at end, id) > (%(after)s, %(after_id)s)
        else (case when %(by_record)s then recorded_at else event_at end, id) < (%(after)s, %(after_id)s) end)
and (%(behind)s::text is null or (written_in, id) > (%(behind)s::text::xid8, %(behind_id)s::int8)
     and written_in < pg_snapshot_xmin(pg_current_snapshot()))
and (%(upto)s::text is null or (written_in, id) <= (%(upto)s::text::xid8, %(upto_id)s::int8))
order by case when %(behind)s::text is not null then written_in end, case when %(behind)s::text is not null then id end,
         case when %(ascending)s then case when %(by_record)s then recorded_at else event_at end end,
         case when %(ascending)s then id end,
         case when not %(ascending)s then case when %(by_record)s then recorded_at else event_at end end desc,
         case when not %(ascending)s then id end desc
limit %(limit)s

-- name: moves_behind
-- Moves of stock behind a position, of transactions that nothing can be added to any more.
select written_in::text as written_in, id from ledger_move
where (written_in, id) > (%(written_in)s::text::xid8, %(row_id)s::int8)
and written_in < pg_snapshot_xmin(pg_current_snapshot())
order by ledger_move.written_in, id limit %(limit)s

-- name: moves_to_tell
-- Moves with their names, and those that stand in the place of ones they take back. What an event of others did is told by it.
with place as (
    select p.id, p.kind, s.name as site, s.gln, z.name as zone, b.code as bin, v.name as vehicle
    from ledger_place p left join site s on s.id = p.site_id left join zone z on z.id = p.zone_id
    left join bin b on b.id = p.bin_id left join vehicle v on v.id = p.vehicle_id
)
select m.id::text, m.tenant_id, w.name as tenant, m.kind, m.entry, m.corrects::text, m.moved_at, m.recorded_at, m.quantity, m.from_unit, m.to_unit,
       m.reason, l.code as lot, r.sku, r.gtin, r.base_unit,
       f.kind as from_kind, f.site as from_site, f.gln as from_gln, f.zone as from_zone, f.bin as from_bin, f.vehicle as from_vehicle,
       t.kind as to_kind, t.site as to_site, t.gln as to_gln, t.zone as to_zone, t.bin as to_bin, t.vehicle as to_vehicle
from ledger_move m join place f on f.id = m.from_place join place t on t.id = m.to_place left join lot l on l.id = m.lot_id
join tenant w on w.id = m.tenant_id join product r on r.id = m.product_id left join ledger_move o on o.id = m.corrects
where (m.id = any(%(ids)s::int8[]) or m.entry = 'replacement' and m.corrects in (
    select b.corrects from ledger_move b where b.id = any(%(ids)s::int8[]) and b.entry = 'reversal'))
and m.source <> 'epcis' and coalesce(o.source, '') <> 'epcis'
order by m.id

-- name: events_of_facts
-- Our own facts as they were told.
select tenant_id, fact, event_id, body from epcis_event
where fact = any(%(facts)s::text[]) and tenant_id = any(%(tenants)s::int[]) and declared_at is null

-- name: goods_behind
-- Movements of goods behind a position.
select written_in::text as written_in, id from goods_movement
where (written_in, id) > (%(written_in)s::text::xid8, %(row_id)s::int8)
and written_in < pg_snapshot_xmin(pg_current_snapshot())
order by goods_movement.written_in, id limit %(limit)s

-- name: voids_behind
-- Movements of goods that were taken back, behind a position.
select voided_in::text as written_in, id from goods_movement
where (voided_in, id) > (%(written_in)s::text::xid8, %(row_id)s::int8)
and voided_in < pg_snapshot_xmin(pg_current_snapshot())
order by goods_movement.voided_in, id limit %(limit)s

-- name: goods_to_tell
-- Movements of goods with their names.
select m.id, m.tenant_id, w.name as tenant, m.client_id, m.kind, m.at, m.units, m.body, m.recorded_at, m.voided_at,
       v.name as vehicle, s.name as shipment, d.name as device, i.name as site, z.name as zone,
       (select jsonb_object_agg(l.code, p.gtin) from jsonb_array_elements(coalesce(m.body -> 'contents', '[]')) c
        join lot l on l.tenant_id = m.tenant_id and l.code = c ->> 'lot' join product p on p.id = l.product_id) as gtins
from goods_movement m join tenant w on w.id = m.tenant_id
left join vehicle v on v.id = (m.body #>> '{place,vehicle}')::int and v.tenant_id = m.tenant_id
left join shipment s on s.id = (m.body #>> '{place,shipment}')::int and s.tenant_id = m.tenant_id
left join device d on d.id = (m.body #>> '{place,device}')::int and d.tenant_id = m.tenant_id
left join site i on i.id = (m.body #>> '{place,site}')::int and i.tenant_id = m.tenant_id
left join zone z on z.id = (m.body #>> '{place,zone}')::int and z.tenant_id = m.tenant_id
where m.id = any(%(ids)s::int8[]) order by m.id

-- name: calls_behind
-- Words on arrivals and departures behind a position.
select written_in::text as written_in, id, revision from stop_call
where (written_in, id) > (%(written_in)s::text::xid8, %(row_id)s::int8)
and written_in < pg_snapshot_xmin(pg_current_snapshot())
order by stop_call.written_in, id limit %(limit)s

-- name: calls_to_tell
-- Arrivals and departures with their names, and what the revision before said.
select c.id, c.revision, c.tenant_id, w.name as tenant, h.name as shipment, p.name as stop, s.name as site, s.gln, v.name as vehicle,
       c.arrived_at, c.departed_at, c.decided_at, c.retracted, f.arrived_at as former_arrived_at, f.departed_at as former_departed_at
from unnest(%(ids)s::int8[], %(revisions)s::int[]) as n (id, revision)
join stop_call c on c.id = n.id and c.revision = n.revision join tenant w on w.id = c.tenant_id
join shipment h on h.id = c.shipment_id join stop p on p.id = c.stop_id join vehicle v on v.id = c.vehicle_id
left join site s on s.id = p.site_id
left join stop_call f on f.id = c.id and f.revision = c.revision - 1 and not f.retracted
order by c.id, c.revision

-- name: excursions_behind
-- Words on excursions behind a position.
select x.written_in::text as written_in, x.id, x.revision from tenant t cross join lateral (
    select e.written_in, e.id, e.revision from excursion e
    where e.tenant_id = t.id and (e.written_in, e.id) > (%(written_in)s::text::xid8, %(row_id)s::int8)
    and e.written_in < pg_snapshot_xmin(pg_current_snapshot())
    order by e.written_in, e.id limit %(limit)s) x
order by x.written_in, x.id limit %(limit)s

-- name: excursions_to_tell
-- Excursions with their names, where the device was and what was under way there, and what the revision before said.
select x.id, x.revision, x.tenant_id, w.name as tenant, d.name as device, l.text as probe, x.decided_at, x.retracted,
       x.kind, x.limit_c, x.band, x.severity, x.started_at, x.ended_at, x.extreme_c,
       case when x.severity <> 'info' and (x.suppressed is null or x.suppressed_until is not null) then x.alarm_at end as alarm_at,
       f.kind as former_kind, f.limit_c as former_limit_c, f.band as former_band, f.severity as former_severity,
       f.started_at as former_started_at, f.ended_at as former_ended_at, f.extreme_c as former_extreme_c,
       case when f.severity <> 'info' and (f.suppressed is null or f.suppressed_until is not null) then f.alarm_at end as former_alarm_at,
       v.name as vehicle, s.name as site, s.gln, z.name as zone, array(
           select h.name from shipment h where h.vehicle_id = a.vehicle_id and h.started_at <= coalesce(x.ended_at, 'infinity')
           and coalesce(h.delivered_at, h.cancelled_at, 'infinity') > x.started_at order by h.name) as shipments
from unnest(%(ids)s::int8[], %(revisions)s::int[]) as n (id, revision)
join excursion x on x.id = n.id and x.revision = n.revision join tenant w on w.id = x.tenant_id
join device d on d.id = x.device_id left join label l on l.id = x.probe_id
left join excursion f on f.id = x.id and f.revision = x.revision - 1 and not f.retracted
left join lateral (
    select * from assignment o where o.device_id = x.device_id and o.valid_from <= x.started_at and o.valid_to > x.started_at limit 1) a on true
left join vehicle v on v.id = a.vehicle_id left join site s on s.id = a.site_id left join zone z on z.id = a.zone_id
order by x.id, x.revision

-- name: events_behind
-- Events behind a position.
select written_in::text as written_in, id, tenant_id, recorded_at from epcis_event
where (written_in, id) > (%(written_in)s::text::xid8, %(row_id)s::int8)
and written_in < pg_snapshot_xmin(pg_current_snapshot())
order by epcis_event.written_in, id limit %(limit)s

-- name: named_queries
-- Questions with names.
select q.id, q.name, q.asked, q.created_at, q.created_by,
       (select count(*) from epcis_subscription s where s.query_id = q.id)::int as subscriptions
from epcis_query q where q.tenant_id = %(tenant)s and q.name > %(after)s and (%(name)s::text is null or q.name = %(name)s)
order by q.name limit %(limit)s

-- name: add_query
-- A new one; no row: the name is taken.
insert into epcis_query (tenant_id, name, asked, created_by) values (%(tenant)s, %(name)s, %(asked)s::jsonb, %(actor)s)
on conflict (tenant_id, name) do nothing returning id

-- name: drop_query
-- It is gone.
delete from epcis_query where tenant_id = %(tenant)s and id = %(id)s returning id

-- name: subscriptions_of
-- Who is told what a question finds.
select s.id, w.name, w.url, q.name as query, s.schedule, s.report_if_empty, s.since, s.created_at, s.created_by, w.disabled_why, w.last_error
from epcis_subscription s join epcis_query q on q.id = s.query_id join receiver w on w.id = s.receiver_id
where s.tenant_id = %(tenant)s and q.name = %(query)s and (%(name)s::text is null or w.name = %(name)s) and w.name > %(after)s
order by w.name limit %(limit)s

-- name: subscribe
-- From now on, or from the first event that was recorded at a time.
insert into epcis_subscription (tenant_id, query_id, receiver_id, schedule, report_if_empty, since, written_in, created_by)
values (%(tenant)s, %(query)s, %(receiver)s, %(schedule)s::jsonb, %(empty)s, coalesce(%(since)s, now()),
        case when %(since)s::timestamptz is null then pg_snapshot_xmin(pg_current_snapshot()) else '0'::xid8 end, %(actor)s)

-- name: subscriptions
-- Who is to be told of new events as they come, or by the clock, and of which question.
select s.id, s.tenant_id, s.receiver_id, w.name, q.name as query, q.asked, s.schedule, s.report_if_empty, s.since,
       s.written_in::text as written_in, s.row_id, s.looked_at
from epcis_subscription s join epcis_query q on q.id = s.query_id join receiver w on w.id = s.receiver_id
where (%(tenants)s::int[] is null or s.tenant_id = any(%(tenants)s)) and (s.schedule is not null) = %(by_clock)s and w.disabled_at is null
order by s.id for update of s

-- name: tell_subscriber
-- What is to be told, once.
insert into outgoing (tenant_id, receiver_id, cause, type, subject, at, data)
values (%(of_tenant)s, %(receiver)s, %(cause)s, 'epcis', %(subject)s, %(at)s, %(data)s::jsonb) on conflict (receiver_id, cause) do nothing

-- name: move_subscription
-- What it was told of; when a schedule was looked at.
update epcis_subscription set written_in = %(written_in)s::text::xid8, row_id = %(row_id)s, looked_at = coalesce(%(now)s, looked_at)
where id = %(id)s

-- name: products_of_gtins
-- Products that events name.
select sku, lpad(gtin, 14, '0') as gtin from product
where tenant_id = %(tenant)s and gtin = any(%(gtins)s::text[]) and retired_at is null

-- name: places_of_glns
-- Sites that events name, each alone, with each zone, and with each bin.
select s.gln, s.name as site, null as zone, null as bin from site s
where s.tenant_id = %(tenant)s and s.gln = any(%(glns)s::text[]) and s.retired_at is null
union all
select s.gln, s.name, z.name, null from site s join zone z on z.site_id = s.id and z.retired_at is null
where s.tenant_id = %(tenant)s and s.gln = any(%(glns)s::text[]) and s.retired_at is null and z.name = any(%(parts)s::text[])
union all
select s.gln, s.name, z.name, b.code from site s join bin b on b.site_id = s.id and b.retired_at is null join zone z on z.id = b.zone_id
where s.tenant_id = %(tenant)s and s.gln = any(%(glns)s::text[]) and s.retired_at is null and b.code = any(%(parts)s::text[])

-- name: places_named
-- Sites alone, with each zone, and with each bin, and whose they are.
select w.name as tenant, s.name as site, null as zone, null as bin from site s join tenant w on w.id = s.tenant_id
where s.tenant_id = %(tenant)s and s.retired_at is null
union all
select w.name, s.name, z.name, null from site s join tenant w on w.id = s.tenant_id join zone z on z.site_id = s.id
where s.tenant_id = %(tenant)s and s.retired_at is null and z.retired_at is null
union all
select w.name, s.name, z.name, b.code from site s join tenant w on w.id = s.tenant_id join bin b on b.site_id = s.id join zone z on z.id = b.zone_id
where s.tenant_id = %(tenant)s and s.retired_at is null and b.retired_at is null limit 50000
