-- Which orders a shipment carries and at which of its stops each leaves it; what goods take up and how cold they are kept.
create table shipment_order (
    shipment_id int not null references shipment on delete cascade,
    order_id    int8 not null references customer_order,
    tenant_id   int not null references tenant,
    stop_id     int references stop on delete set null, -- none: it has been taken out of the shipment's plan
    added_at    timestamptz not null default now(),
    added_by    text not null,
    primary key (shipment_id, order_id)
);
alter table shipment_order enable row level security;
create index shipment_order_order on shipment_order (order_id);
create index shipment_order_stop on shipment_order (stop_id) where stop_id is not null;
create index shipment_order_tenant on shipment_order (tenant_id);

-- Of a base unit. What is not known is not counted, and said.
alter table product
    add column gross_mass_kg float8 check (gross_mass_kg > 0 and gross_mass_kg <= 1e5),
    add column length_mm     int check (length_mm between 1 and 100000),
    add column width_mm      int check (width_mm between 1 and 100000),
    add column height_mm     int check (height_mm between 1 and 100000),
    add column temp_class    text check (temp_class in ('ambient', 'chilled', 'frozen')), -- none: it lies anywhere
    add column apart         text not null default '' check (length(apart) <= 40), -- a word that rules of packing name: food, acid
    add check (num_nulls(length_mm, width_mm, height_mm) in (0, 3));
alter table zone add column temp_class text check (temp_class in ('ambient', 'chilled', 'frozen')); -- none: nobody said

-- Parts of a vehicle that are kept at a temperature of their own; without them it is one, of its own capacities.
create table compartment (
    vehicle_id  int not null references vehicle on delete cascade,
    name        text not null check (name ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    tenant_id   int not null references tenant,
    temp_class  text not null check (temp_class in ('ambient', 'chilled', 'frozen')),
    load_kg     float8 check (load_kg > 0 and load_kg <= 1e6),
    volume_m3   float8 check (volume_m3 > 0 and volume_m3 <= 1e4),
    pallets     int check (pallets between 1 and 1000),
    primary key (vehicle_id, name)
);
alter table compartment enable row level security;
create index compartment_tenant on compartment (tenant_id);
alter table vehicle add column pallet_capacity int check (pallet_capacity between 1 and 1000);
