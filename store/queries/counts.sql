-- Count tasks: opened where the ledger and what was seen are two things, ranked, counted, settled.

-- name: task
-- A task with the names of its place and product.
select k.id, k.state, k.cause, k.place_id, k.product_id, p.sku, p.base_unit, k.counted_at, k.counts, l.kind,
       coalesce(s.name, '') as site, coalesce(z.name, '') as zone, coalesce(b.code, '') as bin, coalesce(v.name, '') as vehicle
from count_task k join product p on p.id = k.product_id join ledger_place l on l.id = k.place_id left join site s on s.id = l.site_id
left join zone z on z.id = l.zone_id left join bin b on b.id = l.bin_id left join vehicle v on v.id = l.vehicle_id
where k.tenant_id = %(tenant)s and k.id = %(id)s

-- name: tasks
-- Tasks by value and doubt, those first that are worth most; or one.
select k.*, p.sku, p.label, p.base_unit, p.unit_value, l.kind, s.name as site, z.name as zone, b.code as bin, v.name as vehicle,
       k.value * k.doubt::numeric as rank
from count_task k join product p on p.id = k.product_id join ledger_place l on l.id = k.place_id left join site s on s.id = l.site_id
left join zone z on z.id = l.zone_id left join bin b on b.id = l.bin_id left join vehicle v on v.id = l.vehicle_id
where k.tenant_id = %(tenant)s and (%(id)s::int8 is null or k.id = %(id)s)
and (%(states)s::text[] is null or k.state = any(%(states)s)) and (%(assignee)s::text is null or k.assignee = %(assignee)s)
and (%(site)s::text is null or s.name = %(site)s) and (%(zone)s::text is null or z.name = %(zone)s) and (%(sku)s::text is null or p.sku = %(sku)s)
and (%(rank)s::numeric is null or (k.value * k.doubt::numeric, -k.id) < (%(rank)s, -%(after)s::int8))
order by k.value * k.doubt::numeric desc, k.id limit %(limit)s

-- name: lines_there
-- What the ledger has of a product at a place and in all bins of it.
select b.place_id as place, coalesce(b.lot_id, 0) as lot, b.unit, b.quantity, t.code as lot_code, n.code as bin
from ledger_place o join ledger_place l on l.id = o.id or (o.bin_id is null and l.site_id = o.site_id and l.zone_id = o.zone_id)
join ledger_balance b on b.place_id = l.id and b.product_id = %(product)s and b.quantity <> 0
left join lot t on t.id = b.lot_id left join bin n on n.id = l.bin_id
where o.tenant_id = %(tenant)s and o.id = %(place)s order by 1, 2, 3

-- name: ask_count
-- Somebody asks for a count; where one is open already nothing is another thing.
insert into count_task (tenant_id, place_id, product_id, cause, ledger_quantity, evidence_quantity, confidence, evidence_at, value, doubt, opened_by)
select %(tenant)s, o.id, p.id, 'asked', coalesce(w.quantity, 0), e.quantity::numeric(18, 3), e.confidence, e.last_evidence_at,
       abs(coalesce(w.quantity, 0)) * coalesce(p.unit_value, 1), coalesce(e.confidence, 1), %(by)s
from ledger_place o join product p on p.id = %(product)s
left join stock_level e on e.site_id = o.site_id and e.zone_id = o.zone_id and e.product_id = p.id and o.bin_id is null
left join lateral (select sum(b.quantity) as quantity from ledger_place l join ledger_balance b on b.place_id = l.id and b.product_id = p.id
    where l.id = o.id or (o.bin_id is null and l.site_id = o.site_id and l.zone_id = o.zone_id)) w on true
where o.tenant_id = %(tenant)s and o.id = %(place)s
on conflict (place_id, product_id) where state in ('open', 'assigned', 'counted') do nothing returning id

-- name: open_task_of
-- The task that is open of a place and product.
select id from count_task where tenant_id = %(tenant)s and place_id = %(place)s and product_id = %(product)s
and state in ('open', 'assigned', 'counted')

-- name: counted
-- It was counted, line by line; settled when the ledger says so now.
update count_task set state = %(state)s, counted_at = %(at)s, counted_by = %(by)s, counts = %(counts)s::jsonb,
    ended_at = case when %(state)s = 'settled' then now() end, ended_by = case when %(state)s = 'settled' then %(by)s end,
    reason = %(reason)s
where tenant_id = %(tenant)s and id = %(id)s and state in ('open', 'assigned', 'counted') returning id

-- name: settled
-- What was counted stands in the ledger.
update count_task set state = 'settled', counts = %(counts)s::jsonb, ended_at = now(), ended_by = %(by)s, reason = %(reason)s
where tenant_id = %(tenant)s and id = %(id)s and state = 'counted' returning id

-- name: dismissed
-- Nobody is to count after all.
update count_task set state = 'dismissed', ended_at = now(), ended_by = %(by)s, reason = %(reason)s
where tenant_id = %(tenant)s and id = %(id)s and state in ('open', 'assigned', 'counted') returning id

-- name: assigned
-- Somebody is to count, or nobody in particular.
update count_task set assignee = %(to)s, state = case when state = 'counted' then state when %(to)s::text is null then 'open' else 'assigned' end
where tenant_id = %(tenant)s and id = %(id)s and state in ('open', 'assigned', 'counted') returning id

-- name: compared
-- What sensors saw in zones that have a ledger, beside what the ledger says; sensors count pieces.
select e.tenant_id, e.site_id, e.zone_id, e.product_id, coalesce(w.quantity, 0) as ledger, e.quantity as evidence, e.confidence,
       e.last_evidence_at, p.unit_value, w.changed_at
from stock_level e join product p on p.id = e.product_id and p.base_unit = 'piece' and p.retired_at is null
left join lateral (
    select sum(b.quantity) as quantity, max(b.changed_at) as changed_at from ledger_place l
    join ledger_balance b on b.place_id = l.id and b.product_id = e.product_id where l.site_id = e.site_id and l.zone_id = e.zone_id) w on true
where exists (select from ledger_place l join ledger_balance b on b.place_id = l.id where l.site_id = e.site_id and l.zone_id = e.zone_id)
order by e.site_id, e.zone_id, e.product_id

-- name: add_zone_places
-- Zones as places of the ledger.
insert into ledger_place (tenant_id, kind, site_id, zone_id)
select r.tenant, 'site', r.site, r.zone from jsonb_to_recordset(%(rows)s::jsonb) r (tenant int, site int, zone int)
where not exists (select from ledger_place l where l.site_id = r.site and l.zone_id = r.zone and l.bin_id is null)
group by 1, 3, 4 order by 3, 4 on conflict do nothing

-- name: put_differences
-- Zones where the ledger and what was seen are two things: a task each, renewed while nobody has counted.
insert into count_task as k (tenant_id, place_id, product_id, cause, ledger_quantity, evidence_quantity, confidence, evidence_at, value, doubt, opened_by)
select r.tenant, l.id, r.product, 'difference', r.ledger, r.evidence, r.confidence, r.evidence_at, r.value, r.doubt, 'stock'
from jsonb_to_recordset(%(rows)s::jsonb) r (tenant int, site int, zone int, product int, ledger numeric, evidence numeric, confidence float8,
                                            evidence_at timestamptz, value numeric, doubt float8)
join ledger_place l on l.site_id = r.site and l.zone_id = r.zone and l.bin_id is null
order by l.id, r.product
on conflict (place_id, product_id) where state in ('open', 'assigned', 'counted') do update set
    ledger_quantity = excluded.ledger_quantity, evidence_quantity = excluded.evidence_quantity, confidence = excluded.confidence,
    evidence_at = excluded.evidence_at, value = excluded.value, doubt = excluded.doubt
where k.cause = 'difference' and k.state in ('open', 'assigned') and k.evidence_at is distinct from excluded.evidence_at
returning k.id

-- name: drop_differences
-- Where both are one again nobody need count; what somebody has taken on stays.
update count_task k set state = 'dismissed', ended_at = now(), ended_by = 'stock', reason = 'the ledger and what is seen are one again'
from jsonb_to_recordset(%(rows)s::jsonb) r (tenant int, site int, zone int, product int)
join ledger_place l on l.site_id = r.site and l.zone_id = r.zone and l.bin_id is null
where k.place_id = l.id and k.product_id = r.product and k.cause = 'difference' and k.state = 'open'

-- name: drop_negatives
-- What was less than nothing is not any more, before anybody has counted.
update count_task k set state = 'dismissed', ended_at = now(), ended_by = 'stock', reason = 'it is not less than nothing any more'
where k.cause = 'negative' and k.state = 'open' and not exists (
    select from ledger_balance b where b.place_id = k.place_id and b.product_id = k.product_id and b.quantity < 0)
