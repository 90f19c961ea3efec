-- name: put_etas
-- Arrival times as they are said; each is kept.
insert into eta (tenant_id, stop_id, at, p10, p50, p90, remaining_m, late_probability, few_trips, planned, waiting, said,
                 decided_at, rule_version)
select tenant_id, stop_id, at, p10, p50, p90, remaining_m, late_probability, few_trips, state >= 2, state %% 2 = 1, said, decided_at,
       rule_version
from unnest(%s::int4[], %s::int4[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[],
            %s::float8[], %s::float4[], %s::int2[], %s::int2[], %s::bytea[], %s::timestamptz[], %s::int4[])
     as n (tenant_id, stop_id, at, p10, p50, p90, remaining_m, late_probability, few_trips, state, said, decided_at, rule_version)

-- name: predictions_of
-- What was said of some stops, in order of time; what experts said only if this version did.
select stop_id, at, p10, p50, p90, planned, waiting, case rule_version when %s then said end from eta where stop_id = any(%s::int4[]) order by stop_id, at, id

-- name: graded
-- The arrivals that the grades of some stops are about.
select stop_id, arrived_at from eta_grade where stop_id = any(%s::int4[]) and bucket = -1

-- name: drop_grades
-- The grades of stops whose arrival is amended or taken back.
delete from eta_grade where stop_id = any(%s::int4[])

-- name: put_grades
-- How good the predictions of arrivals were.
insert into eta_grade (stop_id, bucket, hours_out, tenant_id, vehicle_id, lane, arrived_at, predictions, error_min, error_share,
                       within_15, within_30, covered, width_min, jitter_min, learned_min, own_pace_min, recovering_min,
                       plan_and_delay_min, plan_min, decided_at, rule_version)
select * from unnest(%s::int4[], %s::int2[], %s::text[], %s::int4[], %s::int4[], %s::text[], %s::timestamptz[], %s::int4[],
                     %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::float8[],
                     %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::float8[], %s::timestamptz[], %s::int4[])

-- name: mark_learned
-- These arrivals have taught.
update stop set learned_at = %s where id = any(%s::int4[])

-- name: knowledge
-- What a tenant's arrivals have taught, up to a lesson.
select saved_seq, body from eta_knowledge where tenant_id = %s

-- name: lessons
-- What was taught after that, in order.
select seq, body from eta_lesson where tenant_id = %s and seq > %s order by seq

-- name: lesson_heads
-- The newest lesson of each tenant, and the first that is not in its snapshot.
select tenant_id, seq, saved_seq from eta_knowledge

-- name: begin_knowledge
-- A tenant's first lesson is to come.
insert into eta_knowledge (tenant_id) values (%(tenant_id)s) on conflict do nothing

-- name: next_lesson
-- The number of a new lesson; until the transaction ends nobody else teaches this tenant.
update eta_knowledge set seq = seq + 1 where tenant_id = %(tenant_id)s returning seq, saved_seq

-- name: put_lesson
-- What the arrivals of one step teach.
insert into eta_lesson (tenant_id, seq, body) values (%(tenant_id)s, %(seq)s, %(body)s)

-- name: save_knowledge
-- A snapshot; the lessons in it are needed no more.
with gone as (delete from eta_lesson where tenant_id = %(tenant_id)s and seq <= %(seq)s)
update eta_knowledge set saved_seq = %(seq)s, body = %(body)s where tenant_id = %(tenant_id)s

-- name: journeys
-- How far shipments have come.
select shipment_id, carry from journey order by shipment_id

-- name: put_journeys
-- How far shipments have come.
insert into journey as j (shipment_id, carry) select * from unnest(%s::int4[], %s::bytea[])
on conflict (shipment_id) do update set carry = excluded.carry

-- name: drop_journeys
-- Shipments that are delivered.
delete from journey where shipment_id = any(%s::int4[])

-- name: routes
-- Roads of shipments.
select shipment_id, mark, body from route

-- name: put_routes
-- Roads of shipments, as the routing service has answered.
insert into route (shipment_id, mark, body) select * from unnest(%s::int4[], %s::int8[], %s::bytea[])
on conflict (shipment_id) do update set mark = excluded.mark, body = excluded.body

-- name: drop_routes
-- Shipments that are delivered.
delete from route where shipment_id = any(%s::int4[])
