-- What labels are printed of: by the codes that were asked for, or all that fit.

-- name: products
-- Products by SKU.
select p.sku as code, p.label, p.gtin from product p
where p.tenant_id = %(tenant)s and p.retired_at is null and (%(ids)s::text[] is null or p.sku = any(%(ids)s))
and (%(search)s::text is null or p.sku ilike '%%' || %(search)s || '%%' or p.label ilike '%%' || %(search)s || '%%' or p.gtin ilike '%%' || %(search)s || '%%')
and (%(site)s::text is null or exists (
    select from ledger_balance b join ledger_place l on l.id = b.place_id join site s on s.id = l.site_id left join zone z on z.id = l.zone_id
    where b.tenant_id = %(tenant)s and b.product_id = p.id and b.quantity <> 0 and s.name = %(site)s and (%(zone)s::text is null or z.name = %(zone)s)))
order by p.sku limit %(limit)s

-- name: lots
-- Lots by code, with what their product is.
select t.code, p.sku, p.label, p.gtin, t.best_before, t.made_at from lot t join product p on p.id = t.product_id
where t.tenant_id = %(tenant)s and (%(ids)s::text[] is null or t.code = any(%(ids)s))
and (%(search)s::text is null or t.code ilike '%%' || %(search)s || '%%' or p.sku ilike '%%' || %(search)s || '%%' or p.label ilike '%%' || %(search)s || '%%')
and (%(site)s::text is null or exists (
    select from ledger_balance b join ledger_place l on l.id = b.place_id join site s on s.id = l.site_id left join zone z on z.id = l.zone_id
    where b.tenant_id = %(tenant)s and b.lot_id = t.id and b.quantity <> 0 and s.name = %(site)s and (%(zone)s::text is null or z.name = %(zone)s)))
order by t.code limit %(limit)s

-- name: sites
-- Sites by name.
select s.name as code, s.name as site, s.label, s.gln from site s
where s.tenant_id = %(tenant)s and s.retired_at is null and (%(ids)s::text[] is null or s.name = any(%(ids)s))
and (%(search)s::text is null or s.name ilike '%%' || %(search)s || '%%' or s.label ilike '%%' || %(search)s || '%%')
and (%(site)s::text is null or s.name = %(site)s) and %(zone)s::text is null
order by s.name limit %(limit)s

-- name: zones
-- Zones by site and name.
select s.name as site, s.label as site_label, s.gln, z.name as zone, z.label from zone z join site s on s.id = z.site_id
where s.tenant_id = %(tenant)s and s.retired_at is null and z.retired_at is null
and (%(ids)s::text[] is null or s.name || '/' || z.name = any(%(ids)s))
and (%(search)s::text is null or z.name ilike '%%' || %(search)s || '%%' or z.label ilike '%%' || %(search)s || '%%')
and (%(site)s::text is null or s.name = %(site)s) and (%(zone)s::text is null or z.name = %(zone)s)
order by s.name, z.name limit %(limit)s

-- name: bins
-- Bins by site and code.
select s.name as site, s.label as site_label, s.gln, z.name as zone, b.code as bin, b.label
from bin b join site s on s.id = b.site_id join zone z on z.id = b.zone_id
where b.tenant_id = %(tenant)s and b.retired_at is null and (%(ids)s::text[] is null or s.name || '/' || b.code = any(%(ids)s))
and (%(search)s::text is null or b.code ilike '%%' || %(search)s || '%%' or b.label ilike '%%' || %(search)s || '%%')
and (%(site)s::text is null or s.name = %(site)s) and (%(zone)s::text is null or z.name = %(zone)s)
order by s.name, b.code limit %(limit)s

-- name: handling_units
-- Handling units by code, the open ones unless one is named, with what they hold; at a site, those whose goods the ledger has there. One
-- that only the ledger knows, as when goods of an order were packed, is there when it is named.
select u.code, coalesce((
    select jsonb_agg(jsonb_build_object('lot', c.code, 'sku', c.sku, 'label', c.label, 'gtin', c.gtin, 'best_before', c.best_before,
                                        'quantity', c.quantity) order by c.code) from (
        select l.code, o.sku, o.label, o.gtin, l.best_before, sum(g.quantity) as quantity
        from goods_part g join lot l on l.id = g.lot_id join product o on o.id = l.product_id
        where g.unit_id = u.id group by l.code, o.sku, o.label, o.gtin, l.best_before) c), (
    select jsonb_agg(jsonb_build_object('lot', c.code, 'sku', c.sku, 'label', c.label, 'gtin', c.gtin, 'best_before', c.best_before,
                                        'quantity', c.quantity) order by c.code) from (
        select l.code, o.sku, o.label, o.gtin, l.best_before, sum(b.quantity) as quantity
        from ledger_balance b join lot l on l.id = b.lot_id join product o on o.id = l.product_id
        where b.tenant_id = %(tenant)s and b.unit = u.code and b.quantity > 0 and u.id is null
        group by l.code, o.sku, o.label, o.gtin, l.best_before) c)) as contents
from (select h.id, h.tenant_id, h.code, h.closed_at from handling_unit h where h.tenant_id = %(tenant)s
      union all select null, k.tenant_id, k.unit, null from ledger_balance k
      where k.tenant_id = %(tenant)s and k.unit = any(%(ids)s::text[]) and k.unit <> '' and k.quantity <> 0
      and not exists (select from handling_unit h where h.tenant_id = k.tenant_id and h.code = k.unit) group by k.tenant_id, k.unit) u
where u.tenant_id = %(tenant)s and (u.closed_at is null or %(ids)s::text[] is not null) and (%(ids)s::text[] is null or u.code = any(%(ids)s))
and (%(search)s::text is null or u.code ilike '%%' || %(search)s || '%%' or exists (
    select from goods_part g join lot l on l.id = g.lot_id join product o on o.id = l.product_id
    where g.unit_id = u.id and (l.code ilike '%%' || %(search)s || '%%' or o.sku ilike '%%' || %(search)s || '%%')))
and (%(site)s::text is null or exists (
    select from ledger_balance b join ledger_place l on l.id = b.place_id join site s on s.id = l.site_id left join zone z on z.id = l.zone_id
    where b.tenant_id = %(tenant)s and b.unit = u.code and b.quantity <> 0 and s.name = %(site)s and (%(zone)s::text is null or z.name = %(zone)s)))
order by u.code limit %(limit)s
