-- What goods of orders are packed into, and what may not stand together in one.
create table packaging (
    id           int generated always as identity primary key,
    tenant_id    int not null references tenant,
    code         text not null check (code ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'),
    label        text not null default '',
    kind         text not null check (kind in ('carton', 'tote', 'pallet')),
    length_mm    int not null check (length_mm between 1 and 100000), -- inside; of a pallet how far goods may reach
    width_mm     int not null check (width_mm between 1 and 100000),
    height_mm    int not null check (height_mm between 1 and 100000),
    load_kg      float8 not null check (load_kg > 0 and load_kg <= 1e5),
    tare_kg      float8 not null default 0 check (tare_kg >= 0 and tare_kg <= 1e4),
    fill_max     float8 not null default 1 check (fill_max > 0 and fill_max <= 1), -- share of it that may be goods
    temp_classes text[] not null default '{}' check (temp_classes <@ array['ambient', 'chilled', 'frozen']), -- none: all
    unique (tenant_id, code)
);
alter table packaging enable row level security;

-- Words of products (`apart`) that may not stand together; the same word twice: not two pieces of it.
create table packing_rule (
    tenant_id int not null references tenant,
    one       text not null check (length(one) between 1 and 40),
    other     text not null check (length(other) between 1 and 40 and other >= one),
    primary key (tenant_id, one, other)
);
alter table packing_rule enable row level security;
