-- Orders of units that another order had, and for which of its lines theirs stand.
alter table customer_order add column split_from int8 references customer_order;
create index customer_order_split_from on customer_order (split_from) where split_from is not null;
alter table order_line add column stands_for int8 references order_line;
