-- What goes on in the zones and bins of sites.

-- name: activity
-- By zone and bin: what is there by the ledger (of what it does not know, by sensors), what moved since, what is in doubt.
with wanted as materialized (
    select s.id, s.name from site s
    where s.tenant_id = %(tenant)s and (s.name = %(site)s or (%(site)s::text is null and s.retired_at is null))
), place as (
    select s.id as site_id, z.id as zone_id, null::int as bin_id, s.name as site, z.name as zone, z.label as zone_label, null::text as bin
    from wanted s join zone z on z.site_id = s.id where z.retired_at is null
    union all
    select s.id, z.id, b.id, s.name, z.name, z.label, b.code
    from wanted s join bin b on b.site_id = s.id join zone z on z.id = b.zone_id where b.retired_at is null and z.retired_at is null
    union all
    select s.id, null, null, s.name, null, null, null from wanted s
), spot as materialized (
    select l.id, l.site_id, l.zone_id, l.bin_id from ledger_place l join wanted s on s.id = l.site_id where l.tenant_id = %(tenant)s and l.kind = 'site'
), there as (
    select o.site_id, o.zone_id, o.bin_id, b.product_id, sum(b.quantity) as quantity, bool_or(b.quantity < 0) as negative
    from spot o join ledger_balance b on b.place_id = o.id where b.quantity <> 0 group by 1, 2, 3, 4
    union all
    -- what sensors see in a zone of which the ledger knows nothing
    select e.site_id, e.zone_id, null, e.product_id, e.quantity::numeric, false from stock_level e join wanted s on s.id = e.site_id
    where e.tenant_id = %(tenant)s and e.quantity > 0
    and not exists (select from spot o join ledger_balance b on b.place_id = o.id where o.zone_id = e.zone_id and b.product_id = e.product_id)
), held as (
    select t.site_id, t.zone_id, t.bin_id, count(*) as products, sum(t.quantity) filter (where p.base_unit = 'piece') as pieces
    from there t join product p on p.id = t.product_id group by 1, 2, 3
), doubted as (
    select site_id, zone_id, bin_id, count(distinct product_id) as products from (
        select site_id, zone_id, bin_id, product_id from there where negative
        union all
        select o.site_id, o.zone_id, o.bin_id, k.product_id
        from spot o join count_task k on k.place_id = o.id and k.state in ('open', 'assigned', 'counted')
    ) d group by 1, 2, 3
), moved as (
    -- each move once at a place, those that were taken back not at all
    select site_id, zone_id, bin_id, count(*) as moves, max(moved_at) as at from (
        select distinct o.site_id, o.zone_id, o.bin_id, m.id, m.moved_at from ledger_move m join spot o on o.id in (m.from_place, m.to_place)
        where m.tenant_id = %(tenant)s and m.moved_at > %(since)s and m.moved_at <= %(now)s and m.kind <> 'count' and m.entry <> 'reversal'
        and not exists (select from ledger_move r where r.corrects = m.id and r.entry = 'reversal')) d
    group by 1, 2, 3
), seen as (
    -- a slot of a shelf and a bin of one name are one place
    select v.site_id, v.zone_id, b.id as bin_id, count(*) as changes, max(v.at) as at
    from stock_move v join wanted s on s.id = v.site_id left join label t on t.id = v.slot_id and t.kind = 'slot'
    left join bin b on b.site_id = v.site_id and b.zone_id = v.zone_id and b.code = t.text and b.retired_at is null
    where v.tenant_id = %(tenant)s and v.at > %(since)s and v.at <= %(now)s and v.superseded_at is null and v.delta <> 0 group by 1, 2, 3
)
select p.site, p.zone, p.zone_label, p.bin, coalesce(h.products, 0) as products, coalesce(h.pieces, 0) as pieces, coalesce(m.moves, 0) as moves,
       coalesce(v.changes, 0) as seen, greatest(m.at, v.at) as moved_at, coalesce(d.products, 0) as in_doubt
from place p
left join held h on h.site_id = p.site_id and coalesce(h.zone_id, 0) = coalesce(p.zone_id, 0) and coalesce(h.bin_id, 0) = coalesce(p.bin_id, 0)
left join moved m on m.site_id = p.site_id and coalesce(m.zone_id, 0) = coalesce(p.zone_id, 0) and coalesce(m.bin_id, 0) = coalesce(p.bin_id, 0)
left join seen v on v.site_id = p.site_id and coalesce(v.zone_id, 0) = coalesce(p.zone_id, 0) and coalesce(v.bin_id, 0) = coalesce(p.bin_id, 0)
left join doubted d on d.site_id = p.site_id and coalesce(d.zone_id, 0) = coalesce(p.zone_id, 0) and coalesce(d.bin_id, 0) = coalesce(p.bin_id, 0)
where (p.zone_id is not null or h.products > 0 or m.moves > 0)
and (%(first)s or (p.site, coalesce(p.zone, ''), coalesce(p.bin, '')) > (%(a)s, %(b)s, %(c)s))
order by p.site, coalesce(p.zone, ''), coalesce(p.bin, '') limit %(limit)s
