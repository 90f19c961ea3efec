-- Goods: lots, handling units, and what was done with them. Movements are facts of people and programs, only added; what
-- they come to (units, their stays and parts) is derived from all of them that are not voided, and may be derived anew.
create table lot (
    id          int generated always as identity primary key,
    tenant_id   int not null references tenant,
    code        text not null check (code ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'),
    product_id  int not null references product,
    profile_id  int references profile,       -- none: the product's
    quantity    numeric check (quantity > 0), -- none: nobody said how many there are
    made_at     timestamptz,
    best_before timestamptz,
    used_before jsonb not null default '{}',  -- seconds by band, before we saw it
    kinetic     jsonb,                        -- seconds at a storage temperature
    reason      text,                         -- what was used before is declared with one
    declared_by text not null,
    declared_at timestamptz not null default now(),
    unique (tenant_id, code),
    check (made_at < best_before),
    check (used_before = '{}' or reason is not null)
);
alter table lot enable row level security;

create table goods_movement (
    id          int8 generated always as identity primary key,
    tenant_id   int not null references tenant,
    client_id   text not null,                -- by which whoever tells it knows it: told again it changes nothing
    kind        text not null check (kind in ('commission', 'place', 'pack', 'unpack', 'split', 'merge', 'close')),
    at          timestamptz not null,
    units       text[] not null check (cardinality(units) > 0), -- codes; the first is the one it is about
    body        jsonb not null default '{}',  -- contents, place
    reason      text not null default '',
    recorded_at timestamptz not null default now(),
    recorded_by text not null,
    voided_at   timestamptz,
    voided_by   text,
    void_reason text,
    unique (tenant_id, client_id),
    check (num_nulls(voided_at, voided_by, void_reason) in (0, 3))
);
alter table goods_movement enable row level security;
create index goods_movement_units on goods_movement using gin (units);
create index goods_movement_at on goods_movement (tenant_id, at, id);

create table handling_unit (
    id          int generated always as identity primary key,
    tenant_id   int not null references tenant,
    code        text not null,
    since       timestamptz not null,
    closed_at   timestamptz,
    merged_into text,
    parent_id   int references handling_unit on delete set null,
    stale       bool not null default true,   -- its budget is to be looked at
    unique (tenant_id, code)
);
alter table handling_unit enable row level security;
create index handling_unit_parent on handling_unit (parent_id) where parent_id is not null;
create index handling_unit_stale on handling_unit (id) where stale;

create table goods_stay (
    unit_id     int not null references handling_unit on delete cascade,
    since       timestamptz not null,
    until       timestamptz not null default 'infinity',
    tenant_id   int not null references tenant,
    vehicle_id  int references vehicle on delete set null,
    shipment_id int references shipment on delete set null, -- on the vehicle that carries it
    device_id   int references device on delete set null,   -- beside it: a compartment
    probe       text,
    site_id     int references site on delete set null,
    zone_id     int references zone on delete set null,
    parent      text,                                       -- packed in it
    primary key (unit_id, since),
    check (since < until),
    check (num_nonnulls(vehicle_id, shipment_id, device_id, site_id) <= 1)
);
alter table goods_stay enable row level security;
create index goods_stay_tenant on goods_stay (tenant_id);
create index goods_stay_vehicle on goods_stay (vehicle_id) where vehicle_id is not null;
create index goods_stay_shipment on goods_stay (shipment_id) where shipment_id is not null;
create index goods_stay_device on goods_stay (device_id) where device_id is not null;
create index goods_stay_site on goods_stay (site_id) where site_id is not null;

-- So much of a lot that has been together all the way: [[unit, since, until or null], ...] in microseconds.
create table goods_part (
    unit_id   int not null references handling_unit on delete cascade,
    n         int not null,
    tenant_id int not null references tenant,
    lot_id    int not null references lot,
    quantity  numeric not null,
    way       jsonb not null,
    primary key (unit_id, n)
);
alter table goods_part enable row level security;
create index goods_part_lot on goods_part (lot_id);
create index goods_part_tenant on goods_part (tenant_id);

-- What a unit's parts have used of their budgets: derived from readings, newest word; of several the worst.
create table goods_budget (
    unit_id      int primary key references handling_unit on delete cascade,
    tenant_id    int not null references tenant,
    verdict      text not null check (verdict in ('pass', 'fail', 'indeterminate')),
    share        float8,                       -- left of the budget that is nearest its end; none: nobody can say
    body         jsonb not null default '{}',
    rule_version int not null,
    revision     int not null default 1,       -- counts the verdicts
    decided_at   timestamptz not null
);
alter table goods_budget enable row level security;
create index goods_budget_tenant on goods_budget (tenant_id, share);
