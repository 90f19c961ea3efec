-- What came of each stop: proofs of delivery as revisions, their pictures, links for drivers; what customers send back, and goods
-- that nobody may sell before somebody has decided.
create table driver_link (
    id           int generated always as identity primary key,
    tenant_id    int not null references tenant,
    shipment_id  int not null references shipment on delete cascade,
    token_sha256 bytea not null unique,           -- only the hash of its token is kept
    driver       text not null check (length(driver) between 1 and 100),
    created_at   timestamptz not null default now(),
    created_by   text not null,
    expires_at   timestamptz not null,
    revoked_at   timestamptz,
    last_used_at timestamptz
);
alter table driver_link enable row level security;
create index driver_link_shipment on driver_link (shipment_id, id);
create index driver_link_tenant on driver_link (tenant_id);

-- One word of who was at a stop, known by the device that made it; what it says stands in its revisions.
create table proof (
    id          int8 generated always as identity primary key,
    tenant_id   int not null references tenant,
    shipment_id int not null references shipment,
    stop_id     int references stop on delete set null,
    stop_name   text not null,                    -- as it was called then
    customer_id int not null references customer,
    device      text not null,
    boot        text not null,
    seq         int8 not null check (seq >= 0),
    asked       bytea not null,                   -- SHA-256 of what was told: again the same, or another thing
    revision    int not null default 1,
    unique (tenant_id, device, boot, seq)
);
alter table proof enable row level security;
create index proof_shipment on proof (shipment_id, id);
create index proof_stop on proof (stop_id) where stop_id is not null;
create index proof_customer on proof (customer_id);
create index proof_tenant on proof (tenant_id, id);

create table proof_revision (
    proof_id    int8 not null references proof,
    revision    int not null check (revision > 0),
    tenant_id   int not null references tenant,
    at          timestamptz not null,             -- by the clock of the device
    recorded_at timestamptz not null default clock_timestamp(),
    recorded_by text not null,
    reason      text not null default '',         -- of a correction
    outcome     text not null check (outcome in ('delivered', 'partly', 'refused', 'nobody_there', 'closed')),
    flags       text[] not null default '{}',
    distance_m  float8,                           -- from the stop, by the device's position
    body        jsonb not null,                   -- who signed, pictures, position, what was written down
    primary key (proof_id, revision)
);
alter table proof_revision enable row level security;
create index proof_revision_tenant on proof_revision (tenant_id);

create table proof_line (
    proof_id      int8 not null references proof,
    revision      int not null,
    n             int not null,
    tenant_id     int not null references tenant,
    line_id       int8 not null references order_line,
    handling_unit text not null default '',
    lot           text not null default '',
    accepted      numeric not null check (accepted >= 0), -- all in base units
    short         numeric not null check (short >= 0),
    damaged       numeric not null check (damaged >= 0),
    refused       numeric not null check (refused >= 0),
    reason        text not null default '',
    primary key (proof_id, revision, n)
);
alter table proof_line enable row level security;
create index proof_line_line on proof_line (line_id);
create index proof_line_tenant on proof_line (tenant_id);

create table proof_order (
    proof_id  int8 not null references proof,
    order_id  int8 not null references customer_order,
    tenant_id int not null references tenant,
    primary key (proof_id, order_id)
);
alter table proof_order enable row level security;
create index proof_order_order on proof_order (order_id);
create index proof_order_tenant on proof_order (tenant_id);

-- Signatures and photographs, each kept once; a proof may name one that comes later.
create table proof_picture (
    tenant_id  int not null references tenant,
    digest     bytea not null check (length(digest) = 32), -- SHA-256 of what is in it
    media_type text not null check (media_type in ('image/png', 'image/jpeg')),
    content    bytea not null check (length(content) between 1 and 1048576),
    created_at timestamptz not null default now(),
    created_by text not null,
    primary key (tenant_id, digest)
);
alter table proof_picture enable row level security;

alter table share add column customer_id int references customer; -- none: of the whole shipment
alter table ship_to add column contact text not null default '';  -- whom a driver asks for there

-- What a customer sends back.
create table goods_return (
    id         int8 generated always as identity primary key,
    tenant_id  int not null references tenant,
    name       text not null check (name ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'),
    order_id   int8 not null references customer_order,
    note       text not null default '',
    version    int not null default 1,
    created_at timestamptz not null default now(),
    created_by text not null,
    unique (tenant_id, name)
);
alter table goods_return enable row level security;
create index goods_return_order on goods_return (order_id);

create table goods_return_line (
    id           int8 generated always as identity primary key,
    tenant_id    int not null references tenant,
    return_id    int8 not null references goods_return,
    seq          int not null check (seq > 0),
    line_id      int8 not null references order_line,
    origin       text not null check (origin in ('delivered', 'returning')), -- the customer had them; or never took them
    quantity     numeric not null check (quantity > 0),
    condition    text not null default 'unknown' check (condition in ('unopened', 'opened', 'damaged', 'unknown')),
    reason       text not null,
    state        text not null default 'announced' check (state in ('announced', 'received', 'decided', 'cancelled')),
    custody      text check (custody in ('unbroken', 'indeterminate', 'not_needed')), -- of the cold chain while we had them not
    received     numeric check (received > 0),
    received_at  timestamptz,
    received_by  text,
    place_id     int references ledger_place,
    lot_id       int references lot,
    unit         text not null default '',        -- the unit under which they lie on hold
    decision     text check (decision in ('restock', 'rework', 'destroy')),
    decided_at   timestamptz,
    decided_by   text,
    decided_why  text,
    unique (return_id, seq),
    check ((state in ('received', 'decided')) = (received is not null))
);
alter table goods_return_line enable row level security;
create index goods_return_line_line on goods_return_line (line_id);
create index goods_return_line_tenant on goods_return_line (tenant_id, state);

-- Goods in a unit that are there and not to be sold, wherever it is carried, until somebody has decided.
create table stock_hold (
    id           int8 generated always as identity primary key,
    tenant_id    int not null references tenant,
    unit         text not null check (unit <> ''),
    reason       text not null,
    held_at      timestamptz not null default now(),
    held_by      text not null,
    released_at  timestamptz,
    released_by  text,
    released_why text,
    check (num_nulls(released_at, released_by, released_why) in (0, 3))
);
alter table stock_hold enable row level security;
create unique index stock_hold_unit on stock_hold (tenant_id, unit) where released_at is null;
