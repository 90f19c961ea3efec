-- Which products may be sent in the place of another one, and how many: `numerator` of it for `denominator` of that one.
create table product_substitute (
    product_id    int not null references product,
    substitute_id int not null references product check (substitute_id <> product_id),
    tenant_id     int not null references tenant,
    numerator     numeric not null check (numerator > 0),
    denominator   numeric not null check (denominator > 0),
    primary key (product_id, substitute_id)
);
alter table product_substitute enable row level security;
create index product_substitute_tenant on product_substitute (tenant_id);
create index product_substitute_other on product_substitute (substitute_id);
