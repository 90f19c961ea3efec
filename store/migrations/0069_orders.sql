-- Customers, where they are delivered to, and what they order. What was done with a line stands in `order_step`; the stages of
-- its units are folded from that, and kept with the line in the same transaction.
create table customer (
    id            int generated always as identity primary key,
    tenant_id     int not null references tenant,
    code          text not null check (code ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'),
    label         text not null default '',
    min_life_days float8 not null default 0 check (min_life_days between 0 and 3650), -- goods must last so long when they arrive
    created_at    timestamptz not null default now(),
    retired_at    timestamptz,
    unique (tenant_id, code)
);
alter table customer enable row level security;

create table ship_to (
    id          int generated always as identity primary key,
    tenant_id   int not null references tenant,
    customer_id int not null references customer,
    code        text not null check (code ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'),
    label       text not null default '',
    address     text not null default '',
    lat         float8 check (lat between -90 and 90),
    lon         float8 check (lon between -180 and 180),
    tz          text not null default 'UTC',
    opening     jsonb not null default '[]',      -- [{"days": [1..7], "from": "08:00", "to": "16:00"}], in its zone
    service_s   float8 not null default 600 check (service_s between 0 and 86400),
    access      text not null default '',         -- for who drives there
    created_at  timestamptz not null default now(),
    retired_at  timestamptz,
    unique (customer_id, code),
    check ((lat is null) = (lon is null))
);
alter table ship_to enable row level security;
create index ship_to_tenant on ship_to (tenant_id);

create table customer_order (
    id           int8 generated always as identity primary key,
    tenant_id    int not null references tenant,
    name         text not null check (name ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'),
    customer_id  int not null references customer,
    ship_to_id   int references ship_to,
    site_id      int not null references site,    -- where it ships from
    reference    text not null default '',        -- the customer's own
    priority     int not null default 0 check (priority between -100 and 100),
    window_start timestamptz,
    window_end   timestamptz,
    note         text not null default '',
    status       text not null default 'open',
    version      int not null default 1,
    ordered_at   timestamptz not null,
    created_at   timestamptz not null default now(),
    created_by   text not null,
    changed_at   timestamptz not null default now(),
    unique (tenant_id, name),
    check (window_start <= window_end)
);
alter table customer_order enable row level security;
create unique index customer_order_reference on customer_order (customer_id, reference) where reference <> '';
create index customer_order_board on customer_order (tenant_id, status, priority desc, window_end, id);
create index customer_order_site on customer_order (site_id);
create index customer_order_ship_to on customer_order (ship_to_id);

create table order_line (
    id               int8 generated always as identity primary key,
    tenant_id        int not null references tenant,
    order_id         int8 not null references customer_order,
    seq              int not null check (seq > 0),
    product_id       int not null references product,
    quantity         numeric not null check (quantity > 0), -- in base units
    entered_quantity numeric not null check (entered_quantity > 0),
    entered_unit     text not null,
    status           text not null default 'open',
    stages           jsonb not null,              -- units by stage, without empty ones; together `quantity`
    waiting          jsonb not null default '{}', -- units of steps that rest on what nobody has told yet
    unique (order_id, seq)
);
alter table order_line enable row level security;
create index order_line_tenant on order_line (tenant_id, status);
create index order_line_product on order_line (product_id);

-- What somebody told of a line; only added to, but that one may be taken back with a reason.
create table order_step (
    id            int8 generated always as identity primary key,
    tenant_id     int not null references tenant,
    line_id       int8 not null references order_line,
    client_id     text not null,
    kind          text not null,
    at            timestamptz not null,
    recorded_at   timestamptz not null default clock_timestamp(),
    quantity      numeric not null check (quantity > 0),
    actor         text not null,
    source        text not null check (source in ('person', 'program', 'sensor', 'rule')),
    reason        text not null default '',
    lot_id        int references lot,
    place_id      int references ledger_place,    -- where the goods were
    to_place_id   int references ledger_place,    -- where they are then
    handling_unit text not null default '',
    withdrawn_at  timestamptz,
    withdrawn_by  text,
    withdrawn_why text,
    unique (tenant_id, client_id),
    check (num_nulls(withdrawn_at, withdrawn_by, withdrawn_why) in (0, 3))
);
alter table order_step enable row level security;
create index order_step_line on order_step (line_id, at);

-- Which goods on hand are a line's, by place, lot and handling unit: those allocated, picked and packed. No total is kept.
create table order_allocation (
    line_id    int8 not null references order_line,
    tenant_id  int not null references tenant,
    stage      text not null check (stage in ('allocated', 'picked', 'packed')),
    product_id int not null references product,
    place_id   int not null references ledger_place,
    lot_id     int references lot,
    unit       text not null default '',
    quantity   numeric not null check (quantity > 0),
    unique nulls not distinct (line_id, stage, place_id, lot_id, unit)
);
alter table order_allocation enable row level security;
create index order_allocation_product on order_allocation (product_id, place_id);
create index order_allocation_tenant on order_allocation (tenant_id);
