-- How long stock lasts.

-- name: outlook
-- Of products at sites: what is there by the ledger and by sensors, by lot, what left it in equal spans, what got lost.
with page as materialized (
    select distinct l.site_id, b.product_id, s.name as site, p.sku
    from ledger_balance b join ledger_place l on l.id = b.place_id join site s on s.id = l.site_id join product p on p.id = b.product_id
    where b.tenant_id = %(tenant)s and l.kind = 'site' and s.retired_at is null and p.retired_at is null
    and (%(site)s::text is null or s.name = %(site)s) and (%(sku)s::text is null or p.sku = %(sku)s)
    union
    select e.site_id, e.product_id, s.name, p.sku
    from stock_level e join site s on s.id = e.site_id join product p on p.id = e.product_id
    where e.tenant_id = %(tenant)s and s.retired_at is null and p.retired_at is null
    and (%(site)s::text is null or s.name = %(site)s) and (%(sku)s::text is null or p.sku = %(sku)s)
), chosen as materialized (
    select * from page where (site, sku) > (%(a)s, %(b)s) order by site, sku limit %(limit)s
), place as (
    select c.site_id, c.product_id, l.id as place_id from chosen c join ledger_place l on l.site_id = c.site_id and l.kind = 'site'
), gone as materialized (
    -- what left the site for good; one taken back counts the other way
    select k.site_id, k.product_id, m.moved_at as at, m.quantity::float8 as quantity, true as told
    from place k join ledger_move m on m.from_place = k.place_id and m.product_id = k.product_id and m.moved_at > %(since)s and m.moved_at <= %(now)s
    where m.tenant_id = %(tenant)s and m.kind in ('deliver', 'load') and m.entry <> 'reversal'
    union all
    select k.site_id, k.product_id, m.moved_at, -m.quantity::float8, true
    from place k join ledger_move m on m.to_place = k.place_id and m.product_id = k.product_id and m.moved_at > %(since)s and m.moved_at <= %(now)s
    where m.tenant_id = %(tenant)s and m.kind in ('deliver', 'load') and m.entry = 'reversal'
    union all
    -- where nobody tells moves, what sensors saw leave
    select c.site_id, c.product_id, v.at, -v.delta, false
    from chosen c join stock_move v on v.tenant_id = %(tenant)s and v.site_id = c.site_id and v.product_id = c.product_id
    where v.at > %(since)s and v.at <= %(now)s and v.delta < 0 and v.superseded_at is null
), basis as (
    select site_id, product_id, bool_or(told) as told from gone group by 1, 2
), begun as (
    -- since when anything is known of it
    select c.site_id, c.product_id, greatest(%(since)s::timestamptz, least(
        (select min(f.at) from place k cross join lateral (
            select min(m.moved_at) as at from ledger_move m where m.to_place = k.place_id and m.product_id = k.product_id) f
         where k.site_id = c.site_id and k.product_id = c.product_id),
        (select min(v.at) from stock_move v where v.tenant_id = %(tenant)s and v.site_id = c.site_id and v.product_id = c.product_id))) as since
    from chosen c
), span as (
    select site_id, product_id, since, greatest(extract(epoch from %(now)s::timestamptz - since) / %(spans)s, %(span_min_s)s)::float8 as span_s from begun
), sums as (
    select g.site_id, g.product_id, floor(extract(epoch from %(now)s::timestamptz - g.at) / n.span_s) as bin, sum(g.quantity) as quantity
    from gone g join span n using (site_id, product_id) join basis b using (site_id, product_id)
    where g.told = b.told and g.at >= n.since group by 1, 2, 3
), total as materialized (
    select site_id, product_id, sum(quantity) as total, sum(quantity ^ 2) as squares from sums group by 1, 2
), lost as materialized (
    -- lost less found again, without what was thrown away on purpose
    select coalesce(f.site_id, w.site_id) as site_id, m.product_id,
           sum(case when w.kind = 'adjustment' then m.quantity else -m.quantity end) as lost
    from (select distinct product_id from chosen) c join ledger_move m on m.product_id = c.product_id
    join ledger_place f on f.id = m.from_place join ledger_place w on w.id = m.to_place
    where m.tenant_id = %(tenant)s and m.kind = 'adjust' and m.moved_at > %(lost_since)s and m.moved_at <= %(now)s group by 1, 2
)
select c.site, c.sku, c.site_id, c.product_id, p.label, p.base_unit, p.reorder_point, p.expiry_days, p.unit_value::float8, n.span_s, n.since,
       floor(extract(epoch from %(now)s::timestamptz - n.since) / n.span_s)::int as spans, b.told,
       coalesce(u.total, 0) as total, coalesce(u.squares, 0) as squares, h.lots, h.on_hand, e.seen, e.confidence, e.seen_at,
       x.lost::float8 as lost
from chosen c join product p on p.id = c.product_id left join span n using (site_id, product_id) left join basis b using (site_id, product_id)
left join total u using (site_id, product_id) left join lost x using (site_id, product_id)
left join lateral (
    select sum(d.quantity)::float8 as on_hand, jsonb_agg(jsonb_build_object('lot', d.lot, 'quantity', d.quantity, 'best_before', d.best_before)) as lots
    from (select t.code as lot, t.best_before, sum(k.quantity) as quantity from ledger_balance k
          join place w on w.place_id = k.place_id and w.site_id = c.site_id and w.product_id = c.product_id
          left join lot t on t.id = k.lot_id where k.product_id = c.product_id group by 1, 2) d) h on true
left join lateral (
    select sum(l.quantity) as seen, min(l.confidence) as confidence, min(l.last_evidence_at) as seen_at from stock_level l
    where l.tenant_id = %(tenant)s and l.site_id = c.site_id and l.product_id = c.product_id) e on true
order by c.site, c.sku
