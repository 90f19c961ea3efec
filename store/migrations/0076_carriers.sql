-- Who carries goods for others: services, rate cards by revision, and which one a shipment was given to and why.
create table carrier (
    id         int generated always as identity primary key,
    tenant_id  int not null references tenant,
    code       text not null check (code ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'),
    label      text not null default '',
    created_at timestamptz not null default now(),
    retired_at timestamptz,
    unique (tenant_id, code)
);
alter table carrier enable row level security;

create table carrier_service (
    id              int generated always as identity primary key,
    tenant_id       int not null references tenant,
    carrier_id      int not null references carrier,
    code            text not null check (code ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'),
    label           text not null default '',
    mode            text not null check (mode in ('road', 'rail', 'sea', 'air', 'inland_waterway')),
    temp_classes    text[] not null default '{}' check (temp_classes <@ array['ambient', 'chilled', 'frozen']),
    cut_off         time,                  -- of the day it leaves, in the zone of the site; none: at any time
    transit_h       float8 not null check (transit_h > 0 and transit_h <= 2400),     -- as the carrier says, half of them
    transit_h_p90   float8 not null check (transit_h_p90 >= transit_h and transit_h_p90 <= 2400),
    co2e_g_per_tkm  float8 check (co2e_g_per_tkm >= 0 and co2e_g_per_tkm <= 1e5),
    co2e_grade      text not null default 'default' check (co2e_grade in ('primary', 'modelled', 'default')),
    created_at      timestamptz not null default now(),
    retired_at      timestamptz,
    unique (carrier_id, code)
);
alter table carrier_service enable row level security;
create index carrier_service_tenant on carrier_service (tenant_id);

-- Only added to: an old quote names its revision and reckons anew.
create table rate_card (
    service_id int not null references carrier_service,
    revision   int not null check (revision > 0),
    tenant_id  int not null references tenant,
    valid_from date not null,
    valid_to   date not null check (valid_to >= valid_from),
    body       jsonb not null,
    added_at   timestamptz not null default now(),
    added_by   text not null,
    primary key (service_id, revision)
);
alter table rate_card enable row level security;
create index rate_card_tenant on rate_card (tenant_id);

-- Who carries a shipment: the newest choice holds; what there was to choose between is kept with it.
create table carrier_choice (
    id          int8 generated always as identity primary key,
    tenant_id   int not null references tenant,
    shipment_id int not null references shipment on delete cascade,
    service_id  int references carrier_service,  -- none: our own vehicle
    reason      text not null default '',
    asked       jsonb not null,
    options     jsonb not null,
    chosen_at   timestamptz not null default now(),
    chosen_by   text not null
);
alter table carrier_choice enable row level security;
create index carrier_choice_shipment on carrier_choice (shipment_id, id);
create index carrier_choice_service on carrier_choice (service_id) where service_id is not null;
create index carrier_choice_tenant on carrier_choice (tenant_id);
