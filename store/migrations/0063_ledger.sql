-- The stock ledger: what should be where, and which moves say so. `stock_level` and `stock_move` are the tracker's, from what
-- sensors saw; nothing of them is written here.
alter table product
    add column base_unit  text not null default 'piece' check (base_unit ~ '^[a-z][a-z0-9_-]{0,31}$'), -- what the ledger counts in
    add column unit_value numeric check (unit_value >= 0);                                             -- of one base unit

create table bin (
    id         int generated always as identity primary key,
    tenant_id  int not null references tenant,
    site_id    int not null references site,
    zone_id    int not null references zone,
    code       text not null check (code ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'),
    label      text not null default '',
    created_at timestamptz not null default now(),
    retired_at timestamptz,
    unique (site_id, code)
);
alter table bin enable row level security;
create index bin_zone on bin (zone_id);
create index bin_tenant on bin (tenant_id);

-- One of a unit is numerator / denominator base units, exactly.
create table product_unit (
    product_id  int not null references product on delete cascade,
    name        text not null check (name ~ '^[a-z][a-z0-9_-]{0,31}$'),
    tenant_id   int not null references tenant,
    numerator   numeric not null check (numerator > 0),
    denominator numeric not null default 1 check (denominator > 0),
    primary key (product_id, name)
);
alter table product_unit enable row level security;
create index product_unit_tenant on product_unit (tenant_id);

-- Where goods can be. Of each place one row: moves and balances name it by its key.
create table ledger_place (
    id         int generated always as identity primary key,
    tenant_id  int not null references tenant,
    kind       text not null check (kind in ('site', 'vehicle', 'supplier', 'customer', 'waste', 'adjustment')),
    site_id    int references site,
    zone_id    int references zone,
    bin_id     int references bin,
    vehicle_id int references vehicle,
    unique nulls not distinct (tenant_id, kind, site_id, zone_id, bin_id, vehicle_id),
    check ((kind = 'site') = (site_id is not null)),
    check ((kind = 'vehicle') = (vehicle_id is not null)),
    check (zone_id is null or site_id is not null),
    check (bin_id is null or zone_id is not null)
);
alter table ledger_place enable row level security;
create index ledger_place_site on ledger_place (site_id, zone_id) where site_id is not null;
create index ledger_place_bin on ledger_place (bin_id) where bin_id is not null;
create index ledger_place_vehicle on ledger_place (vehicle_id) where vehicle_id is not null;

-- A quantity leaves one place and comes to another; only added to. Both places of a count are one: it is an observation.
create table ledger_move (
    id               int8 generated always as identity primary key,
    tenant_id        int not null references tenant,
    client_id        text not null,               -- by which whoever tells it knows it: told again it changes nothing
    kind             text not null check (kind in ('receive', 'put_away', 'move', 'pick', 'pack', 'unpack', 'load', 'unload',
                                                   'deliver', 'return', 'adjust', 'count', 'waste')),
    entry            text not null default 'move' check (entry in ('move', 'reversal', 'replacement')),
    corrects         int8 references ledger_move, -- the move that this one takes back, or stands in the place of
    moved_at         timestamptz not null,        -- when it happened
    recorded_at      timestamptz not null default clock_timestamp(),
    product_id       int not null references product,
    lot_id           int references lot,
    from_place       int not null references ledger_place,
    to_place         int not null references ledger_place,
    from_unit        text not null default '',    -- code of the handling unit it was in, and of that in which it is then
    to_unit          text not null default '',
    quantity         numeric not null check (quantity >= 0),         -- in base units of the product
    entered_quantity numeric not null check (entered_quantity >= 0), -- as somebody said it
    entered_unit     text not null,
    actor            text not null,
    source           text not null check (source in ('person', 'program', 'sensor', 'order', 'epcis', 'import')),
    reason           text not null default '',
    reference        text not null default '',    -- an order, a shipment
    evidence         jsonb,                       -- what it rests on: the count, what sensors saw
    unique (tenant_id, client_id),
    check (quantity > 0 or kind = 'count'),
    check ((entry = 'move') = (corrects is null)),
    check (kind <> 'count' or (from_place = to_place and from_unit = to_unit)),
    check (kind = 'count' or from_place <> to_place or from_unit <> to_unit)
);
alter table ledger_move enable row level security;
create unique index ledger_move_once on ledger_move (corrects, entry) where corrects is not null;
create index ledger_move_at on ledger_move (tenant_id, moved_at desc, id desc);
create index ledger_move_product on ledger_move (product_id, moved_at desc, id desc);
create index ledger_move_to on ledger_move (to_place, product_id, moved_at desc, id desc);
create index ledger_move_from on ledger_move (from_place, product_id, moved_at desc, id desc);
create index ledger_move_to_unit on ledger_move (tenant_id, to_unit) where to_unit <> '';
create index ledger_move_from_unit on ledger_move (tenant_id, from_unit) where from_unit <> '';
create index ledger_move_reference on ledger_move (tenant_id, reference) where reference <> '';

-- What all moves come to, in places of our own: kept with each move in one transaction, and may be reckoned anew.
create table ledger_balance (
    place_id    int not null references ledger_place,
    product_id  int not null references product,
    lot_id      int references lot,
    unit        text not null default '',
    tenant_id   int not null references tenant,
    quantity    numeric not null default 0,
    moved_at    timestamptz not null,             -- when the last of its moves happened
    changed_at  timestamptz not null,             -- when it was another number last, as we know it
    counted_at  timestamptz,                      -- when somebody counted last; a change is no count
    counted     numeric,
    unique nulls not distinct (place_id, product_id, lot_id, unit)
) with (fillfactor = 50);
alter table ledger_balance enable row level security;
create index ledger_balance_product on ledger_balance (product_id, place_id);
create index ledger_balance_tenant on ledger_balance (tenant_id, place_id, product_id);

-- Where the ledger and what was seen are two things: somebody is to count.
create table count_task (
    id                int8 generated always as identity primary key,
    tenant_id         int not null references tenant,
    place_id          int not null references ledger_place,
    product_id        int not null references product,
    state             text not null default 'open' check (state in ('open', 'assigned', 'counted', 'settled', 'dismissed')),
    cause             text not null check (cause in ('difference', 'negative', 'asked')),
    ledger_quantity   numeric not null,           -- as it was when it was looked at last
    evidence_quantity numeric,
    confidence        float8 check (confidence between 0 and 1),
    evidence_at       timestamptz,
    value             numeric not null default 0, -- of the difference
    doubt             float8 not null default 1 check (doubt between 0 and 1), -- that the ledger is right
    opened_at         timestamptz not null default now(),
    opened_by         text not null,
    assignee          text,
    counted_at        timestamptz,                -- when it was counted, not when we heard of it
    counted_by        text,
    counts            jsonb,                      -- line by line
    ended_at          timestamptz,
    ended_by          text,
    reason            text not null default '',
    check ((state in ('counted', 'settled')) <= (num_nulls(counted_at, counted_by, counts) = 0)),
    check ((state in ('settled', 'dismissed')) = (ended_at is not null))
);
alter table count_task enable row level security;
create unique index count_task_open on count_task (place_id, product_id) where state in ('open', 'assigned', 'counted');
create index count_task_rank on count_task (tenant_id, (value * doubt::numeric) desc, id);
create index count_task_product on count_task (product_id);

-- Goods that are promised to an order.
create table stock_reservation (
    id          int8 generated always as identity primary key,
    tenant_id   int not null references tenant,
    client_id   text not null,
    reference   text not null,
    product_id  int not null references product,
    lot_id      int references lot,               -- none: any
    site_id     int references site,              -- none: of any
    quantity    numeric not null check (quantity > 0),
    needed_at   timestamptz,                      -- none: now
    expires_at  timestamptz,
    reserved_at timestamptz not null default now(),
    reserved_by text not null,
    released_at timestamptz,
    released_by text,
    unique (tenant_id, client_id),
    check (num_nulls(released_at, released_by) in (0, 2))
);
alter table stock_reservation enable row level security;
create index stock_reservation_product on stock_reservation (product_id) where released_at is null;
