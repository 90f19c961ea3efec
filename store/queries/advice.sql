-- Advice with what it promises, real lists, and what came of it.

-- name: zones_laid_out
-- Zones of a site whose layout is known; of one, or of all tenants where none is named.
select z.tenant_id as tenant, s.id as site_id, s.name as site, z.id as zone_id, z.name as zone, z.label, z.aisles, z.aisle_length_m, z.aisle_pitch_m, z.depot
from zone z join site s on s.id = z.site_id
where (%(tenant)s::int is null or z.tenant_id = %(tenant)s) and z.aisles is not null and z.retired_at is null
and (%(site)s::text is null or s.name = %(site)s) and (%(zone)s::text is null or z.name = %(zone)s) order by s.name, z.name

-- name: picks_walked
-- What was picked from bins of a zone, product by product of a list: the round of a wave, else the order, else what one picked in an hour.
select distinct coalesce('round ' || r.wave_id || '/' || r.seq, nullif(m.reference, ''), m.actor || to_char(m.moved_at, ' YYYYMMDDHH24')) as list,
       b.code as bin, p.sku
from ledger_place l join bin b on b.id = l.bin_id join ledger_move m on m.from_place = l.id join product p on p.id = m.product_id
left join customer_order o on o.tenant_id = m.tenant_id and o.name = m.reference
left join lateral (
    select w.wave_id, w.seq from round_order x join wave_round w on w.wave_id = x.wave_id and w.seq = x.seq
    where x.order_id = o.id and x.tenant_id = m.tenant_id and (w.zone_id is null or w.zone_id = l.zone_id) order by w.wave_id desc limit 1) r on true
where l.tenant_id = %(tenant)s and l.zone_id = %(zone)s and m.kind = 'pick' and m.entry <> 'reversal' and m.moved_at >= %(since)s and m.moved_at < %(until)s
and not exists (select from ledger_move c where c.corrects = m.id and c.entry = 'reversal') order by 1, 2, 3 limit %(limit)s

-- name: picks_by_bin
-- How often was picked from each bin of a zone, for how many orders, and what the picks came to.
select b.code as bin, count(*) as picks, count(distinct nullif(m.reference, '')) as orders, array_agg(distinct p.sku order by p.sku) as skus
from ledger_place l join bin b on b.id = l.bin_id join ledger_move m on m.from_place = l.id join product p on p.id = m.product_id
where l.tenant_id = %(tenant)s and l.zone_id = %(zone)s and m.kind = 'pick' and m.entry <> 'reversal' and m.moved_at >= %(since)s and m.moved_at < %(until)s
and not exists (select from ledger_move c where c.corrects = m.id and c.entry = 'reversal') group by b.code order by b.code

-- name: bins_frozen
-- Bins of a zone with advice that is being followed: it is taken, and not done yet.
select distinct e ->> part as bin from advice a cross join jsonb_array_elements(a.body -> 'moves') e cross join unnest(array['from', 'to']) part
where a.tenant_id = %(tenant)s and a.zone_id = %(zone)s and a.status = 'accepted'

-- name: supersede_advice
-- Advice that nobody has decided on gives way to newer one.
update advice set status = 'superseded', version = version + 1 where tenant_id = %(tenant)s and zone_id = %(zone)s and kind = 'slotting' and status = 'open'

-- name: forget_advice
-- Advice that nobody decided on before newer came is kept for some months.
delete from advice where tenant_id = %(tenant)s and zone_id = %(zone)s and status = 'superseded' and made_at < %(before)s

-- name: add_advice
-- Advice on where things lie.
insert into advice (tenant_id, kind, site_id, zone_id, body, unit, days, predicted, cost, made_by, made_at)
select %(tenant)s, 'slotting', %(site)s, %(zone)s, r.body, 'm', %(days)s, r.predicted, r.cost, %(by)s, %(at)s
from jsonb_to_recordset(%(rows)s::jsonb) r (body jsonb, predicted float8, cost float8) returning id

-- name: advice
-- Advice, the newest first; of one kind, site, or one.
select a.*, s.name as site, z.name as zone from advice a join site s on s.id = a.site_id left join zone z on z.id = a.zone_id
where a.tenant_id = %(tenant)s and (%(id)s::int8 is null or a.id = %(id)s) and (%(kind)s::text is null or a.kind = %(kind)s)
and (%(site)s::text is null or s.name = %(site)s) and (%(statuses)s::text[] is null or a.status = any(%(statuses)s))
and (%(after)s::int8 is null or a.id < %(after)s) order by a.id desc limit %(limit)s

-- name: decide_advice
-- Somebody has decided, when nobody else has in the meantime.
update advice set status = %(status)s, version = version + 1, decided_at = coalesce(decided_at, now()), decided_by = %(by)s,
       reason = %(reason)s, done_at = case when %(status)s = 'done' then coalesce(%(at)s, now()) end
where tenant_id = %(tenant)s and id = %(id)s and status = any(%(of)s::text[]) and (%(version)s::int is null or version = %(version)s) returning id, zone_id

-- name: change_faces
-- Pick faces whose goods change places are those of each other's products.
update bin b set face_product_id = o.face_product_id, face_full = o.face_full
from bin o where b.tenant_id = %(tenant)s and o.tenant_id = b.tenant_id and b.zone_id = %(zone)s and o.zone_id = b.zone_id
and ((b.code = %(one)s and o.code = %(other)s) or (b.code = %(other)s and o.code = %(one)s)) and b.kind = 'pick_face' and o.kind = 'pick_face'

-- name: lines_of_bins
-- Goods that lie in bins, line by line, to be moved.
select b.code as bin, p.sku, t.code as lot, k.unit, k.quantity
from bin b join site s on s.id = b.site_id join ledger_place l on l.bin_id = b.id join ledger_balance k on k.place_id = l.id join product p on p.id = k.product_id
left join lot t on t.id = k.lot_id where b.tenant_id = %(tenant)s and s.name = %(site)s and b.code = any(%(codes)s::text[]) and k.quantity > 0
order by b.code, p.sku, t.code, k.unit

-- name: advice_running
-- Advice on where things lie that was followed and is not graded for good, of a zone.
select a.id, a.body, a.days, a.predicted, a.cost, a.done_at from advice a
where a.tenant_id = %(tenant)s and a.zone_id = %(zone)s and a.kind = 'slotting' and a.status = 'done' and not a.final order by a.id

-- name: put_grades
-- What came of advice.
update advice a set realised = r.realised, seen = r.seen, final = r.final, graded_at = %(at)s
from jsonb_to_recordset(%(rows)s::jsonb) r (id int8, realised float8, seen jsonb, final bool) where a.tenant_id = %(tenant)s and a.id = r.id

-- name: grades_given
-- Grades for good of the last months, by site and kind, and who was woken when.
select s.name as site, k.kind, w.woken_at, w.woken_by, coalesce((
    select jsonb_agg(jsonb_build_array(extract(epoch from a.graded_at)::float8, a.predicted, a.realised) order by a.graded_at)
    from advice a where a.tenant_id = s.tenant_id and a.site_id = s.id and a.kind = k.kind and a.final and a.graded_at > %(since)s), '[]') as given,
    (select count(*) from advice a where a.tenant_id = s.tenant_id and a.site_id = s.id and a.kind = k.kind and a.status = 'done' and not a.final) as running
from site s cross join unnest(array['slotting', 'waves', 'dispatch']) k (kind) left join adviser w on w.site_id = s.id and w.kind = k.kind
where s.tenant_id = %(tenant)s and (%(site)s::text is null or s.name = %(site)s) and (%(kind)s::text is null or k.kind = %(kind)s)
and exists (select from advice a where a.tenant_id = s.tenant_id and a.site_id = s.id and a.kind = k.kind)
and (s.name, k.kind) > (%(a)s, %(b)s) order by s.name, k.kind limit %(limit)s

-- name: wake_adviser
-- An adviser may speak again.
insert into adviser (site_id, kind, tenant_id, woken_by) select s.id, %(kind)s, %(tenant)s, %(by)s from site s where s.tenant_id = %(tenant)s and s.name = %(site)s
on conflict (site_id, kind) do update set woken_at = now(), woken_by = excluded.woken_by returning woken_at

-- name: waves_over
-- Waves of a tenant, or of all, that are picked, promised something, and are not graded yet.
select w.id as wave, w.tenant_id as tenant, w.name as about, w.site_id as site, w.walk_m, w.as_came_m, w.released_at, w.released_by,
       (select count(*) from wave_order x where x.wave_id = w.id and x.tenant_id = w.tenant_id and not x.dropped) as orders
from wave w where (%(tenant)s::int is null or w.tenant_id = %(tenant)s) and w.status = 'released' and w.walk_m > 0 and w.as_came_m > w.walk_m
and w.released_at > %(since)s and not exists (select from advice a where a.tenant_id = w.tenant_id and a.kind = 'waves' and a.about = w.name)
and not exists (select from wave_order x join order_line l on l.order_id = x.order_id where x.wave_id = w.id and x.tenant_id = w.tenant_id
                and not x.dropped and coalesce((l.stages ->> 'allocated')::numeric, 0) > 0)
order by w.id limit %(limit)s

-- name: round_picks
-- Picks of a wave's rounds in the order in which they were made, where the floor is known.
select r.seq, z.name as zone, z.aisles, z.aisle_length_m, z.aisle_pitch_m, z.depot, b.aisle, b.along_m
from wave_round r join round_order x on x.wave_id = r.wave_id and x.seq = r.seq join customer_order o on o.id = x.order_id
join ledger_move m on m.tenant_id = r.tenant_id and m.reference = o.name and m.kind = 'pick' and m.entry <> 'reversal' and m.moved_at >= %(since)s
join ledger_place l on l.id = m.from_place join bin b on b.id = l.bin_id join zone z on z.id = l.zone_id
where r.tenant_id = %(tenant)s and r.wave_id = %(wave)s and (r.zone_id is null or r.zone_id = l.zone_id) and b.aisle is not null and z.aisles is not null
and not exists (select from ledger_move c where c.corrects = m.id and c.entry = 'reversal') order by r.seq, z.name, m.moved_at, m.id limit %(limit)s

-- name: add_graded
-- Advice that was followed as it was given, with what came of it: graded for good.
insert into advice (tenant_id, kind, site_id, about, body, unit, days, predicted, status, made_by, made_at, decided_by, decided_at, done_at, realised, seen,
    graded_at, final)
select %(tenant)s, 'waves', r.site_id, r.about, r.body, 'm', 1, r.predicted, 'done', r.by, r.done_at, r.by, r.done_at, r.done_at, r.realised, r.seen, %(at)s, true
from jsonb_to_recordset(%(rows)s::jsonb) r (site_id int, about text, body jsonb, predicted float8, realised float8, seen jsonb, done_at timestamptz, by text)
on conflict (tenant_id, kind, about) where about <> '' do nothing
