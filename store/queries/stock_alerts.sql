-- Alerts of stock: what changed levels, what was told of them, and telling it.

-- name: stocked
-- Tenants that have stock, or an open alert of it.
select distinct tenant_id from ledger_balance
union select distinct tenant_id from stock_level
union select distinct tenant_id from alert where product_id is not null and cleared_at is null order by 1

-- name: last_alerts
-- Of each product at a site and kind the last alert, open or over since lately.
select distinct on (a.site_id, a.product_id, a.kind) a.id, a.site_id, a.product_id, a.kind, a.severity, a.title, a.stock, a.opened_at,
       a.cleared_at, a.withdrawn_at is not null as withdrawn
from alert a where a.tenant_id = %(tenant)s and a.product_id is not null and (a.cleared_at is null or a.cleared_at > %(since)s)
order by a.site_id, a.product_id, a.kind, a.id desc

-- name: count_tasks
-- Products at sites that somebody is to count.
select l.site_id, k.product_id, min(k.id) as task from count_task k join ledger_place l on l.id = k.place_id
where k.tenant_id = %(tenant)s and k.state in ('open', 'assigned', 'counted') and l.site_id is not null group by 1, 2

-- name: changes
-- What changed levels of products at sites, by the ledger or as sensors saw it, and what of it left for good, in its order.
select a.site, a.product, c.at, c.delta, c.gone, c.lot
from jsonb_to_recordset(%(rows)s::jsonb) a (site int, product int, by_sensors bool) cross join lateral (
    select * from (
        select extract(epoch from m.moved_at)::float8 as at, sum(m.sign * m.quantity)::float8 as delta, coalesce(t.code, '') as lot,
               sum(case when m.kind in ('deliver', 'load') and (m.entry = 'reversal') = (m.sign > 0) then -m.sign * m.quantity else 0 end)::float8 as gone
        from ledger_place l cross join lateral (
            select i.moved_at, i.quantity, i.kind, i.entry, i.lot_id, 1 as sign from ledger_move i
            where i.to_place = l.id and i.product_id = a.product and i.moved_at > %(since)s and i.moved_at <= %(now)s and i.kind <> 'count'
            union all
            select o.moved_at, o.quantity, o.kind, o.entry, o.lot_id, -1 from ledger_move o
            where o.from_place = l.id and o.product_id = a.product and o.moved_at > %(since)s and o.moved_at <= %(now)s and o.kind <> 'count') m
        left join lot t on t.id = m.lot_id
        where not a.by_sensors and l.tenant_id = %(tenant)s and l.site_id = a.site and l.kind = 'site'
        group by m.moved_at, t.code having sum(m.sign * m.quantity) <> 0
        union all
        select extract(epoch from v.at)::float8, sum(v.delta), '', sum(greatest(-v.delta, 0)) from stock_move v
        where a.by_sensors and v.tenant_id = %(tenant)s and v.site_id = a.site and v.product_id = a.product
        and v.at > %(since)s and v.at <= %(now)s and v.superseded_at is null group by v.at) f
    order by f.at desc, f.lot limit %(most)s) c
order by a.site, a.product, c.at, c.lot

-- name: keep
-- Alerts as they are to be; which of them are so now.
select k.place, k.id from keep_alerts(%(rows)s::jsonb) k order by k.place

-- name: report
-- What happened to alerts, with what is known then.
insert into alert_event (alert_id, at, what, actor, detail)
select n.id, n.at, n.what, 'stock', n.detail from jsonb_to_recordset(%(rows)s::jsonb) n (id int8, at timestamptz, what text, detail jsonb, place int)
order by n.place

-- name: told
-- Alerts of stock as pages have them.
select a.id, a.kind, a.severity, null as device, null as probe, null as vehicle, s.name as site, a.stock, a.load, a.title, a.limit_c,
       a.extreme_c, a.last_c, a.expected_p10, a.expected_p50, a.expected_p90, a.expected_at, a.expected_from_c, a.expected_for_s,
       a.opened_at, a.alarm_at, a.decided_at, a.cleared_at, a.revision, a.acknowledged_at, a.acknowledged_by, a.note, a.resolved_at,
       a.resolved_by, a.assignee, a.disposition, a.disposition_state, a.disposition_reason, a.disposed_at, a.disposed_by, a.signed_at,
       a.signed_by, a.comments, a.muted_until, a.muted_by, a.mute_reason
from alert a join site s on s.id = a.site_id
where a.tenant_id = %(tenant)s and a.id = any(%(ids)s::int8[]) and a.resolved_at is null order by a.id
