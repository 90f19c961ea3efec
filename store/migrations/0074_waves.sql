-- Orders that are given goods and picked together, and in which rounds of a cart. How far a wave is, is read from its orders.
create table wave (
    id          int8 generated always as identity primary key,
    tenant_id   int not null references tenant,
    name        text not null check (name ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'),
    site_id     int not null references site,
    status      text not null default 'planned' check (status in ('planned', 'releasing', 'released', 'cancelled')),
    why         text not null default '',      -- what its orders have in common
    picking     text not null check (picking in ('orders', 'zones')),
    cart        jsonb not null,                -- {"orders": 12, "lines": 100, "kg": 300}
    version     int not null default 1,
    created_at  timestamptz not null default now(),
    created_by  text not null,
    released_at timestamptz,
    released_by text,
    walk_m      float8,                        -- of all its rounds, where zones have a layout
    as_came_m   float8,                        -- what rounds of the orders as they came would be
    unique (tenant_id, name)
);
alter table wave enable row level security;
create index wave_releasing on wave (id) where status = 'releasing';
create index wave_site on wave (site_id);

create table wave_order (
    wave_id   int8 not null references wave,
    order_id  int8 not null references customer_order,
    tenant_id int not null references tenant,
    given_at  timestamptz,                     -- when it was given goods; null: not yet
    dropped   bool not null default false,     -- it is in this wave no more
    primary key (wave_id, order_id)
);
alter table wave_order enable row level security;
create unique index wave_order_one on wave_order (order_id) where not dropped;
create index wave_order_tenant on wave_order (tenant_id);

-- A round of a cart; whoever has taken it is the only one who picks it.
create table wave_round (
    wave_id   int8 not null references wave,
    seq       int not null check (seq > 0),
    tenant_id int not null references tenant,
    zone_id   int references zone,             -- none: whole orders
    walk_m    float8,
    picker    text,
    taken_at  timestamptz,
    primary key (wave_id, seq)
);
alter table wave_round enable row level security;
create index wave_round_tenant on wave_round (tenant_id);
create index wave_round_zone on wave_round (zone_id) where zone_id is not null;

create table round_order (
    wave_id   int8 not null,
    seq       int not null,
    order_id  int8 not null references customer_order,
    tenant_id int not null references tenant,
    primary key (wave_id, seq, order_id),
    foreign key (wave_id, seq) references wave_round on delete cascade
);
alter table round_order enable row level security;
create index round_order_order on round_order (order_id);
create index round_order_tenant on round_order (tenant_id);
