-- Suppliers, on what terms they deliver, what is promised of products at sites, and what was ordered from whom. What came of it
-- is told by moves of the ledger that name the purchase order; no total is kept.
create table supplier (
    id         int generated always as identity primary key,
    tenant_id  int not null references tenant,
    code       text not null check (code ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'),
    label      text not null default '',
    contact    text not null default '',
    created_at timestamptz not null default now(),
    retired_at timestamptz,
    unique (tenant_id, code)
);
alter table supplier enable row level security;

create table supplier_terms (
    supplier_id int not null references supplier,
    product_id  int not null references product,
    tenant_id   int not null references tenant,
    lead_days   float8 not null check (lead_days between 0 and 400), -- as promised, from sending to receipt
    pack        numeric not null default 1 check (pack > 0),         -- what is ordered is a multiple of it, in base units
    least       numeric not null default 0 check (least >= 0),       -- the minimum of a line, in base units
    price       numeric check (price >= 0),                          -- of a base unit
    currency    text check (currency ~ '^[A-Z]{3}$'),
    set_at      timestamptz not null default now(),
    set_by      text not null,
    primary key (supplier_id, product_id),
    check ((price is null) = (currency is null))
);
alter table supplier_terms enable row level security;
create index supplier_terms_product on supplier_terms (product_id);
create index supplier_terms_tenant on supplier_terms (tenant_id);

-- What a site promises of a product, and how it is ordered.
create table stock_goal (
    site_id     int not null references site,
    product_id  int not null references product,
    tenant_id   int not null references tenant,
    goal        text not null check (goal in ('cycle', 'fill')), -- nobody waits in a cycle; share that is there at once
    service     float8 not null check (service > 0 and service < 1),
    review_days int not null check (review_days between 1 and 90), -- one looks every so many days
    cover_days  float8 not null check (cover_days between 0 and 365), -- an order lasts for so long beyond the reorder point
    most        numeric check (most > 0),                        -- there is room for so many
    supplier_id int references supplier,                         -- none: the cheapest of those who have it
    set_at      timestamptz not null default now(),
    set_by      text not null,
    primary key (site_id, product_id)
);
alter table stock_goal enable row level security;
create index stock_goal_product on stock_goal (product_id);
create index stock_goal_tenant on stock_goal (tenant_id);
create index stock_goal_supplier on stock_goal (supplier_id) where supplier_id is not null;

create table purchase_order (
    id           int8 generated always as identity primary key,
    tenant_id    int not null references tenant,
    name         text not null check (name ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'), -- as moves name it
    supplier_id  int not null references supplier,
    site_id      int not null references site,
    shipment_id  int references shipment on delete set null, -- which brings it: it is expected when that is
    note         text not null default '',
    sent_at      timestamptz,
    sent_by      text,
    cancelled_at timestamptz,
    closed_at    timestamptz,                     -- the rest is expected no more
    ended_by     text,
    why          text not null default '',        -- it was cancelled or closed
    version      int not null default 1,
    created_at   timestamptz not null default now(),
    created_by   text not null,
    changed_at   timestamptz not null default now(),
    unique (tenant_id, name),
    check ((sent_at is null) = (sent_by is null)),
    check (num_nonnulls(cancelled_at, closed_at) < 2),
    check ((ended_by is null) = (num_nonnulls(cancelled_at, closed_at) = 0))
);
alter table purchase_order enable row level security;
create index purchase_order_supplier on purchase_order (supplier_id, site_id);
create index purchase_order_site on purchase_order (site_id) where cancelled_at is null and closed_at is null;
create index purchase_order_shipment on purchase_order (shipment_id) where shipment_id is not null;

create table purchase_order_line (
    order_id    int8 not null references purchase_order,
    product_id  int not null references product,
    tenant_id   int not null references tenant,
    quantity    numeric not null check (quantity > 0), -- in base units
    price       numeric check (price >= 0),            -- of one, as it was when it was ordered
    currency    text check (currency ~ '^[A-Z]{3}$'),
    expected_on date,                                  -- as the supplier says; none: by its lead times
    primary key (order_id, product_id),
    check ((price is null) = (currency is null))
);
alter table purchase_order_line enable row level security;
create index purchase_order_line_product on purchase_order_line (product_id);
create index purchase_order_line_tenant on purchase_order_line (tenant_id);

-- Proposals that people took, with what was proposed; each rests on the one before it, so that one is taken once. Only added to.
create table proposal_taken (
    id          int8 generated always as identity primary key,
    tenant_id   int not null references tenant,
    site_id     int not null references site,
    product_id  int not null references product,
    after_id    int8 not null,                   -- the one before it, 0: none
    order_id    int8 not null references purchase_order,
    proposed    numeric not null,
    quantity    numeric not null check (quantity > 0),
    reason      text not null default '',        -- why it is not what was proposed
    told        jsonb not null,                  -- the figures as they were
    taken_at    timestamptz not null default now(),
    taken_by    text not null,
    unique (site_id, product_id, after_id),
    check (quantity = proposed or reason <> '')
);
alter table proposal_taken enable row level security;
create index proposal_taken_order on proposal_taken (order_id);
create index proposal_taken_product on proposal_taken (product_id);
create index proposal_taken_tenant on proposal_taken (tenant_id);
