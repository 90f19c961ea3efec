-- Products that may be sent in the place of others.

-- name: substituted
-- A product by SKU.
select p.id from product p where p.tenant_id = %(tenant)s and p.sku = %(sku)s

-- name: substitutes
-- What may be sent in the place of a product, without retired ones.
select q.sku, q.label, q.base_unit, s.numerator, s.denominator from product_substitute s join product p on p.id = s.product_id
join product q on q.id = s.substitute_id
where s.tenant_id = %(tenant)s and p.sku = %(sku)s and q.retired_at is null order by q.sku

-- name: drop_substitutes
-- Nothing may be sent in the place of a product.
delete from product_substitute where tenant_id = %(tenant)s and product_id = %(product)s

-- name: put_substitutes
-- What may be sent in the place of a product; those that there are.
with added as (
    insert into product_substitute (tenant_id, product_id, substitute_id, numerator, denominator)
    select %(tenant)s, %(product)s, q.id, r.numerator, r.denominator
    from jsonb_to_recordset(%(rows)s::jsonb) r (sku text, numerator numeric, denominator numeric)
    join product q on q.tenant_id = %(tenant)s and q.sku = r.sku and q.retired_at is null
    returning tenant_id, substitute_id)
select q.sku from added a join product q on q.id = a.substitute_id where a.tenant_id = %(tenant)s

-- name: substitute_of
-- How many base units of a product stand for a base unit of another one; nothing where it may not.
select q.id, q.base_unit, s.numerator, s.denominator from product_substitute s join product q on q.id = s.substitute_id
where s.tenant_id = %(tenant)s and s.product_id = %(product)s and q.sku = %(sku)s and q.retired_at is null

-- name: substitution_known
-- A step by the id that whoever told it gave it.
select t.line_id, t.kind, t.quantity, t.reason, t.withdrawn_at from order_step t where t.tenant_id = %(tenant)s and t.client_id = %(id)s
