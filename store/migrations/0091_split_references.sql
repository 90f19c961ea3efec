-- An order that was split from another one has the customer's reference too: of one reference one order is told, the others are parts of it.
drop index customer_order_reference;
create unique index customer_order_reference on customer_order (customer_id, reference) where reference <> '' and split_from is null;
with recursive whole (id, reference) as (
    select id, reference from customer_order where split_from is null and reference <> ''
    union all select o.id, w.reference from customer_order o join whole w on w.id = o.split_from
)
update customer_order o set reference = w.reference from whole w where o.id = w.id and o.split_from is not null;
