-- Proofs of delivery: told, corrected, shown; what a driver carries; links for drivers.

-- name: stop_of_shipment
-- A stop of a shipment that is not called off.
select st.id as stop_id, st.name, st.lat, st.lon, st.radius_m, sh.id as shipment_id, v.name as vehicle
from shipment sh join stop st on st.shipment_id = sh.id left join vehicle v on v.id = sh.vehicle_id
where sh.tenant_id = %(tenant)s and sh.name = %(shipment)s and st.name = %(stop)s and (%(only)s::int is null or sh.id = %(only)s)

-- name: proof_known
-- A proof by the key that its device gave it.
select p.id, p.boot, p.seq, p.asked, p.revision, r.outcome, array(
           select o.name from proof_order x join customer_order o on o.id = x.order_id where x.proof_id = p.id order by o.name) as orders
from proof p join proof_revision r on r.proof_id = p.id and r.revision = p.revision
where p.tenant_id = %(tenant)s and p.device = %(device)s and p.boot = %(boot)s and p.seq = %(seq)s

-- name: orders_carried
-- Orders of a shipment by name, kept for this transaction alone.
select o.id, o.name, o.customer_id, x.stop_id from customer_order o join shipment_order x on x.order_id = o.id
where o.tenant_id = %(tenant)s and x.shipment_id = %(shipment)s and o.name = any(%(names)s) order by o.id for no key update of o

-- name: add_proof
-- A proof that nobody has told before.
insert into proof (tenant_id, shipment_id, stop_id, stop_name, customer_id, device, boot, seq, asked)
values (%(tenant)s, %(shipment)s, %(stop)s, %(stop_name)s, %(customer)s, %(device)s, %(boot)s, %(seq)s, %(asked)s)
on conflict do nothing returning id

-- name: proof_locked
-- A proof, kept for this transaction alone, with its stop as it is now.
select p.id, p.shipment_id, p.stop_id, p.customer_id, p.device, p.boot, p.seq, p.revision, st.lat, st.lon, coalesce(st.radius_m, 150) as radius_m,
       v.name as vehicle
from proof p join shipment sh on sh.id = p.shipment_id left join stop st on st.id = p.stop_id left join vehicle v on v.id = sh.vehicle_id
where p.tenant_id = %(tenant)s and p.id = %(id)s for update of p

-- name: add_proof_revision
-- What is said of a stop now.
with told as (
    insert into proof_revision (proof_id, revision, tenant_id, at, recorded_by, reason, outcome, flags, distance_m, body)
    values (%(proof)s, %(revision)s, %(tenant)s, %(at)s, %(by)s, %(reason)s, %(outcome)s, %(flags)s, %(distance_m)s, %(body)s)
    on conflict do nothing returning proof_id, revision)
update proof p set revision = t.revision from told t where p.id = t.proof_id and p.tenant_id = %(tenant)s returning p.id

-- name: add_proof_lines
-- What a revision says of lines; those that the order does not have are left out.
insert into proof_line (proof_id, revision, n, tenant_id, line_id, handling_unit, lot, accepted, short, damaged, refused, reason)
select %(proof)s, %(revision)s, r.n, %(tenant)s, l.id, r.handling_unit, r.lot, r.accepted, r.short, r.damaged, r.refused, r.reason
from jsonb_to_recordset(%(rows)s::jsonb) r (n int, "order" text, seq int, handling_unit text, lot text, accepted numeric, short numeric,
                                            damaged numeric, refused numeric, reason text)
join customer_order o on o.tenant_id = %(tenant)s and o.name = r."order" join order_line l on l.order_id = o.id and l.seq = r.seq
returning n

-- name: set_proof_orders
-- Which orders a proof speaks of.
with gone as (
    delete from proof_order x using customer_order o
    where x.tenant_id = %(tenant)s and x.proof_id = %(proof)s and o.id = x.order_id and not o.name = any(%(names)s))
insert into proof_order (proof_id, order_id, tenant_id)
select %(proof)s, o.id, %(tenant)s from customer_order o where o.tenant_id = %(tenant)s and o.name = any(%(names)s) on conflict do nothing

-- name: steps_of_proof
-- Steps that a revision has told its orders.
select t.client_id as id, o.name as "order" from order_step t join order_line l on l.id = t.line_id join customer_order o on o.id = l.order_id
join proof_order x on x.order_id = o.id and x.proof_id = %(proof)s
where t.tenant_id = %(tenant)s and starts_with(t.client_id, %(prefix)s) and t.withdrawn_at is null

-- name: proofs
-- Proofs as they stand, the newest first: of a shipment, an order, a customer, exceptions alone; or one, also an earlier revision.
select p.id as key, sh.name as shipment, p.stop_name as stop, coalesce(st.label, p.stop_name) as stop_label, c.code as customer,
       c.label as customer_label, p.device, p.boot, p.seq, p.revision as latest, r.revision, r.at, r.recorded_at, r.recorded_by, r.reason, r.outcome,
       r.flags, r.distance_m, r.body, p.shipment_id, p.customer_id, array(
           select o.name from proof_order x join customer_order o on o.id = x.order_id where x.proof_id = p.id order by o.name) as orders
from proof p join proof_revision r on r.proof_id = p.id and r.revision = coalesce(%(revision)s::int, p.revision) join shipment sh on sh.id = p.shipment_id
join customer c on c.id = p.customer_id left join stop st on st.id = p.stop_id
where p.tenant_id = %(tenant)s and (%(id)s::int8 is null or p.id = %(id)s) and (%(before)s::int8 is null or p.id < %(before)s)
and (%(shipment)s::text is null or sh.name = %(shipment)s) and (%(customer)s::int is null or p.customer_id = %(customer)s)
and (%(order)s::text is null or exists (select from proof_order x join customer_order o on o.id = x.order_id
                                        where x.proof_id = p.id and o.name = %(order)s))
and (not %(exceptions)s or r.outcome <> 'delivered' or r.flags <> '{}')
order by p.id desc limit %(limit)s

-- name: proof_lines
-- What revisions say of lines.
select d.proof_id, d.n, o.name as "order", l.seq as line, p.sku, p.label, p.base_unit, d.handling_unit, d.lot, d.accepted, d.short, d.damaged,
       d.refused, d.reason
from jsonb_to_recordset(%(rows)s::jsonb) r (id int8, revision int) join proof_line d on d.proof_id = r.id and d.revision = r.revision
join order_line l on l.id = d.line_id join customer_order o on o.id = l.order_id join product p on p.id = l.product_id
where d.tenant_id = %(tenant)s order by d.proof_id, d.n

-- name: proof_revisions
-- All that was said in a proof, the newest first.
select r.revision, r.at, r.recorded_at, r.recorded_by, r.reason, r.outcome from proof_revision r
where r.tenant_id = %(tenant)s and r.proof_id = %(id)s order by r.revision desc

-- name: put_picture
-- A picture, kept once.
insert into proof_picture (tenant_id, digest, media_type, content, created_by)
values (%(tenant)s, %(digest)s, %(media_type)s, %(content)s, %(by)s) on conflict do nothing returning digest

-- name: pictures_since
-- How many pictures somebody has brought since a time.
select count(*) as n from proof_picture where tenant_id = %(tenant)s and created_by = %(by)s and created_at > %(since)s

-- name: picture
-- A picture by what is in it.
select media_type, content from proof_picture where tenant_id = %(tenant)s and digest = %(digest)s

-- name: pictures_there
-- Which of some pictures have come.
select digest from proof_picture where tenant_id = %(tenant)s and digest = any(%(digests)s)

-- name: picture_of
-- A picture that a customer's proofs of a shipment name.
select x.media_type, x.content from proof_picture x where x.tenant_id = %(tenant)s and x.digest = %(digest)s and exists (
    select from proof p join proof_revision r on r.proof_id = p.id and r.revision = p.revision
    where p.tenant_id = x.tenant_id and p.id = any(%(proofs)s)
    and (r.body->>'signature' = encode(x.digest, 'hex') or r.body->'photos' ? encode(x.digest, 'hex')))

-- name: run_orders
-- Orders that a shipment carries, by stop, with where they go and whom to ask for.
select x.stop_id, o.id as key, o.name as "order", o.reference, o.note, o.status, o.window_start, o.window_end, c.code as customer,
       c.label as customer_label, t.code as ship_to, t.label as ship_to_label, t.address, t.access, t.contact, t.opening, t.tz, t.lat, t.lon
from shipment_order x join customer_order o on o.id = x.order_id join customer c on c.id = o.customer_id left join ship_to t on t.id = o.ship_to_id
where x.tenant_id = %(tenant)s and x.shipment_id = %(shipment)s order by o.priority desc, o.name

-- name: run_lines
-- Lines of orders, with how many are where.
select l.id as key, l.order_id, l.seq as line, p.sku, p.label, p.base_unit, p.gtin, l.quantity, l.stages, l.waiting
from order_line l join product p on p.id = l.product_id where l.tenant_id = %(tenant)s and l.order_id = any(%(orders)s) order by l.order_id, l.seq

-- name: run_goods
-- What of lines is on its way or about to be, by lot and unit: loaded, else as it was packed, picked or promised.
select l.id as line, t.kind, t.quantity, x.code as lot, t.handling_unit as unit from order_step t join order_line l on l.id = t.line_id
left join lot x on x.id = t.lot_id
where t.tenant_id = %(tenant)s and l.order_id = any(%(orders)s) and t.kind in ('load', 'unload', 'deliver', 'refuse') and t.withdrawn_at is null
union all
select a.line_id, a.stage, a.quantity, x.code, a.unit from order_allocation a join order_line l on l.id = a.line_id left join lot x on x.id = a.lot_id
where a.tenant_id = %(tenant)s and l.order_id = any(%(orders)s)

-- name: add_driver_link
-- A driver's link to a shipment.
insert into driver_link (tenant_id, shipment_id, token_sha256, driver, created_by, expires_at)
select %(tenant)s, sh.id, %(token_sha256)s, %(driver)s, %(by)s, %(expires_at)s from shipment sh
where sh.tenant_id = %(tenant)s and sh.name = %(shipment)s
and (select count(*) from driver_link d where d.tenant_id = %(tenant)s and d.shipment_id = sh.id and d.revoked_at is null
     and d.expires_at > now()) < %(most)s
returning id

-- name: driver_links
-- Drivers' links of a shipment, the newest first.
select d.id, d.driver, d.created_at, d.created_by, d.expires_at, d.revoked_at, d.last_used_at, d.expires_at <= now() as expired
from driver_link d where d.tenant_id = %(tenant)s and d.shipment_id = %(shipment)s order by d.id desc limit %(limit)s

-- name: revoke_driver_link
-- Takes a driver's link back.
update driver_link set revoked_at = now()
where tenant_id = %(tenant)s and shipment_id = %(shipment)s and id = %(id)s and revoked_at is null returning id

-- name: driver_link_by_token
-- The shipment that a driver's link opens, while it is good.
select * from door_driver_link(%(token_sha256)s)

-- name: driver_link_used
-- Remembers, to the minute, that a driver's link is in use.
update driver_link set last_used_at = now()
where tenant_id = %(tenant)s and id = %(id)s and (last_used_at is null or last_used_at < now() - interval '1 minute')

-- name: leg_readings
-- What each probe on a shipment's vehicle measured from its start until a time, in order; seconds since 1970, with what it is held to.
with carried as (
    select w.device_id, greatest(sh.started_at, w.valid_from) as since, least(%(until)s::timestamptz, w.valid_to) as until,
           coalesce(p.max_interval_s, 900) as gap_s, p.low_c, p.high_c
    from shipment sh join assignment w on w.vehicle_id = sh.vehicle_id and w.tenant_id = sh.tenant_id
        and w.valid_from <= %(until)s and w.valid_to > sh.started_at
    join device d on d.id = w.device_id left join profiles_now(%(tenant)s) p on p.profile_id = coalesce(sh.profile_id, d.profile_id)
    where sh.tenant_id = %(tenant)s and sh.id = %(shipment)s and sh.started_at < %(until)s
    and %(until)s::timestamptz - sh.started_at < interval '31 days'
)
select c.device_id, l.text as probe, extract(epoch from min(c.since))::float8 as since_s, extract(epoch from max(c.until))::float8 as until_s,
       max(c.gap_s)::float8 as gap_s, max(c.low_c) as low_c, min(c.high_c) as high_c,
       array_agg(extract(epoch from r.time)::float8 order by r.time, r.seq) as time_s, array_agg(r.temp_c order by r.time, r.seq) as temp_c,
       exists (select from excursion x where x.device_id = c.device_id and x.probe_id = r.probe_id and x.superseded_at is null and not x.retracted
               and x.alarm_at is not null and x.started_at <= max(c.until) and coalesce(x.ended_at, 'infinity') >= min(c.since)) as excursion
from carried c cross join lateral own_temperature(c.device_id, c.since, c.until + interval '1 microsecond') r
left join label l on l.id = r.probe_id
where r.flags & 8 = 0 group by c.device_id, r.probe_id, l.text order by c.device_id, r.probe_id

-- name: stop_keys
-- Stops of a shipment.
select id as key, name as stop_id from stop where tenant_id = %(tenant)s and shipment_id = %(shipment)s

-- name: customer_key
-- A customer by code.
select id from customer where tenant_id = %(tenant)s and code = %(code)s

-- name: customers_of_shipment
-- Whose orders a shipment carries or has brought, and at which stop the last of each leaves it.
select x.customer_id, max(x.seq) as seq from (
    select o.customer_id, st.seq from shipment_order c join customer_order o on o.id = c.order_id left join stop st on st.id = c.stop_id
    where c.tenant_id = %(tenant)s and c.shipment_id = %(shipment)s
    union all
    select p.customer_id, st.seq from proof p left join stop st on st.id = p.stop_id where p.tenant_id = %(tenant)s and p.shipment_id = %(shipment)s) x
group by 1
