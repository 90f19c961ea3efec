-- What people say to one another, whom they follow, shifts handed over, kept views.

-- name: there
-- Whether what a remark is about is there.
select case %(kind)s
    when 'order' then exists (select from customer_order where tenant_id = %(tenant)s and name = %(about)s)
    when 'shipment' then exists (select from shipment where tenant_id = %(tenant)s and name = %(about)s)
    when 'wave' then exists (select from wave where tenant_id = %(tenant)s and name = %(about)s)
    else exists (select from count_task where tenant_id = %(tenant)s and id::text = %(about)s) end as there

-- name: add_remark
-- Somebody says something.
insert into remark (tenant_id, kind, about, text, mentions, made_by)
values (%(tenant)s, %(kind)s, %(about)s, %(text)s, %(mentions)s, %(by)s) returning id, kind, about, text, mentions, made_at, made_by, withdrawn_at

-- name: remarks
-- What was said of a thing, the newest first; what was taken back without its words.
select r.id, r.kind, r.about, case when r.withdrawn_at is null then r.text else '' end as text, r.mentions, r.made_at, r.made_by, r.withdrawn_at
from remark r where r.tenant_id = %(tenant)s and r.kind = %(kind)s and r.about = %(about)s and (%(before)s::int8 is null or r.id < %(before)s)
order by r.id desc limit %(limit)s

-- name: withdraw_remark
-- Whoever said it takes it back.
update remark set withdrawn_at = now() where tenant_id = %(tenant)s and id = %(id)s and made_by = %(by)s and withdrawn_at is null returning id

-- name: remarks_for
-- What others said to somebody or of what they follow, the newest first, with whether it was read.
select r.id, r.kind, r.about, r.text, r.mentions, r.made_at, r.made_by, r.withdrawn_at, r.id <= coalesce(s.upto, 0) as seen
from remark r left join remark_seen s on s.tenant_id = r.tenant_id and s.person = %(person)s
where r.tenant_id = %(tenant)s and r.withdrawn_at is null and r.made_by <> %(person)s and (%(before)s::int8 is null or r.id < %(before)s)
and (%(person)s = any(r.mentions) or exists (
    select from watch w where w.tenant_id = r.tenant_id and w.person = %(person)s and w.kind = r.kind and w.about = r.about and w.since <= r.made_at))
order by r.id desc limit %(limit)s

-- name: set_seen
-- Somebody has read it up to here; never back.
insert into remark_seen (tenant_id, person, upto) values (%(tenant)s, %(person)s, %(upto)s)
on conflict (tenant_id, person) do update set upto = greatest(remark_seen.upto, excluded.upto)

-- name: watch
-- Somebody follows a thing.
insert into watch (tenant_id, person, kind, about) values (%(tenant)s, %(person)s, %(kind)s, %(about)s) on conflict do nothing

-- name: unwatch
-- Nobody need tell them any more.
delete from watch where tenant_id = %(tenant)s and person = %(person)s and kind = %(kind)s and about = %(about)s

-- name: watched
-- Whether somebody follows a thing.
select exists (select from watch where tenant_id = %(tenant)s and person = %(person)s and kind = %(kind)s and about = %(about)s) as watched

-- name: open_alerts
-- Alerts that are neither over nor resolved, critical ones and old ones first.
select a.id::text as id, a.severity as status, a.title as what, a.opened_at as at from alert a
where a.tenant_id = %(tenant)s and a.resolved_at is null and a.cleared_at is null order by a.severity = 'critical' desc, a.opened_at limit %(limit)s

-- name: open_orders
-- Orders with something left to do, those that are due first.
select o.name as id, o.status, c.label as what, o.window_end as at from customer_order o join customer c on c.id = o.customer_id
left join site s on s.id = o.site_id
where o.tenant_id = %(tenant)s and o.status in ('open', 'allocated', 'picked', 'packed', 'loaded', 'returning')
and (%(site)s::text is null or s.name = %(site)s) order by coalesce(o.window_end, 'infinity'), o.id limit %(limit)s

-- name: open_shipments
-- Shipments that are planned or under way, those that are due first.
select h.name as id, h.status, coalesce(v.label, '') as what, (select max(s.window_end) from stop s where s.shipment_id = h.id) as at
from shipment h left join vehicle v on v.id = h.vehicle_id
where h.tenant_id = %(tenant)s and h.status in ('planned', 'in_transit') order by 4 nulls last, h.id limit %(limit)s

-- name: open_waves
-- Waves that are planned or have picks left.
select w.name as id, w.status, w.why as what, w.created_at as at from wave w join site s on s.id = w.site_id
where w.tenant_id = %(tenant)s and (%(site)s::text is null or s.name = %(site)s) and (w.status in ('planned', 'releasing') or w.status = 'released'
and exists (select from wave_order e join order_line l on l.order_id = e.order_id where e.wave_id = w.id and not e.dropped and l.stages ? 'allocated'))
order by w.id limit %(limit)s

-- name: open_counts
-- Counts that somebody is to make, what is worth most first.
select k.id::text as id, k.state as status, p.label as what, k.opened_at as at from count_task k join product p on p.id = k.product_id
join ledger_place l on l.id = k.place_id left join site s on s.id = l.site_id
where k.tenant_id = %(tenant)s and k.state in ('open', 'assigned', 'counted') and (%(site)s::text is null or s.name = %(site)s)
order by k.value * k.doubt::numeric desc, k.id limit %(limit)s

-- name: add_hand_over
-- A shift is handed over; nothing where there is no such site.
insert into hand_over (tenant_id, site_id, note, facts, made_by)
select %(tenant)s, s.id, %(note)s, %(facts)s, %(by)s from (select 1) one left join site s on s.tenant_id = %(tenant)s and s.name = %(site)s
where %(site)s::text is null or s.id is not null returning id

-- name: hand_overs
-- Shifts that were handed over, the newest first.
select h.id, s.name as site, h.note, h.facts, h.made_at, h.made_by from hand_over h left join site s on s.id = h.site_id
where h.tenant_id = %(tenant)s and (%(site)s::text is null or s.name = %(site)s) and (%(before)s::int8 is null or h.id < %(before)s)
order by h.id desc limit %(limit)s

-- name: put_view
-- A view of a page, kept by somebody for themselves or all.
insert into kept_view (tenant_id, person, page, label, query, shared) values (%(tenant)s, %(person)s, %(page)s, %(label)s, %(query)s, %(shared)s)
on conflict (tenant_id, person, page, label) do update set query = excluded.query, shared = excluded.shared returning id

-- name: views
-- Views of a page: one's own, and those that others share.
select v.id, v.person, v.page, v.label, v.query, v.shared from kept_view v
where v.tenant_id = %(tenant)s and v.page = %(page)s and (v.person = %(person)s or v.shared) order by v.person <> %(person)s, v.label limit 200

-- name: view_count
-- How many views somebody keeps.
select count(*) as count from kept_view v where v.tenant_id = %(tenant)s and v.person = %(person)s

-- name: drop_view
-- One's own view is kept no more.
delete from kept_view where tenant_id = %(tenant)s and id = %(id)s and person = %(person)s returning id
