-- What a scanned or typed code is.

-- name: products_of_code
-- Products by GTIN, however many digits it was given in, or by SKU.
select p.sku, p.label from product p
where p.tenant_id = %(tenant)s and p.retired_at is null
and (lower(p.sku) = lower(%(code)s) or (%(gtin)s <> '' and lpad(p.gtin, 14, '0') = %(gtin)s))
order by p.sku limit 20

-- name: lots_of_code
-- Lots by their code, of some products where a product was named too.
select t.code as lot, p.sku, p.label from lot t join product p on p.id = t.product_id
where t.tenant_id = %(tenant)s and (t.code = %(code)s or t.code = %(lot)s and (%(skus)s::text[] is null or p.sku = any(%(skus)s)))

-- name: sites_of_code
-- A site by its name or GLN.
select s.name as site, s.label from site s
where s.tenant_id = %(tenant)s and s.retired_at is null and (s.name = %(code)s or s.gln = %(gln)s and %(part)s = '')

-- name: zones_of_code
-- Zones by site and name, or GLN and name.
select s.name as site, z.name as zone, z.label from zone z join site s on s.id = z.site_id
where s.tenant_id = %(tenant)s and s.retired_at is null and z.retired_at is null
and (s.name || '/' || z.name = %(code)s or s.gln = %(gln)s and z.name = %(part)s)

-- name: bins_of_code
-- Bins by their code, of all sites; by site and code, or GLN and code.
select s.name as site, z.name as zone, b.code as bin from bin b join site s on s.id = b.site_id join zone z on z.id = b.zone_id
where b.tenant_id = %(tenant)s and b.retired_at is null
and (b.code = %(code)s or s.name || '/' || b.code = %(code)s or s.gln = %(gln)s and b.code = %(part)s) order by s.name limit 20

-- name: units_of_code
-- A handling unit by its code, with what the ledger has in it.
select u.code as handling_unit, p.sku, p.label, t.code as lot
from (select h.code from handling_unit h where h.tenant_id = %(tenant)s and h.code = %(code)s
      union select k.unit from ledger_balance k where k.tenant_id = %(tenant)s and k.unit = %(code)s and k.quantity <> 0) u
left join ledger_balance b on b.tenant_id = %(tenant)s and b.unit = u.code and b.quantity <> 0
left join product p on p.id = b.product_id left join lot t on t.id = b.lot_id order by p.sku, t.code limit 50
