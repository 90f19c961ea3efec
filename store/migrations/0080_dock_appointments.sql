-- Appointments at docks, what people say of them, and what a truck that is kept waiting costs.
create table dock_appointment (
    id              int8 generated always as identity primary key,
    tenant_id       int not null references tenant,
    client_id       text not null check (length(client_id) between 1 and 64),
    site_id         int not null references site,
    zone_id         int references zone,            -- none: any door
    direction       text not null check (direction in ('inbound', 'outbound')),
    shipment_id     int references shipment on delete set null,
    vehicle_id      int references vehicle,         -- none: that of the shipment, or one we do not know
    carrier_id      int references carrier,
    truck           text not null default '',       -- what one we do not know is called, its plate say
    goods           text not null default '',
    temp_class      text check (temp_class in ('ambient', 'chilled', 'frozen')),
    begins_at       timestamptz not null,
    ends_at         timestamptz not null check (ends_at > begins_at),
    pallets         int check (pallets between 0 and 1000),
    note            text not null default '',
    outcome         text check (outcome in ('cancelled', 'no_show')),
    outcome_why     text not null default '',
    told_arrived_at timestamptz,                    -- by people; what was seen goes before it
    told_docked_at  timestamptz,
    told_left_at    timestamptz,
    version         int not null default 1,
    created_at      timestamptz not null default now(),
    created_by      text not null,
    changed_at      timestamptz not null default now(),
    changed_by      text not null,
    unique (tenant_id, client_id)
);
alter table dock_appointment enable row level security;
create index dock_appointment_site on dock_appointment (site_id, begins_at);
create index dock_appointment_tenant on dock_appointment (tenant_id, begins_at, id);
create index dock_appointment_vehicle on dock_appointment (vehicle_id, begins_at) where vehicle_id is not null;
create index dock_appointment_zone on dock_appointment (zone_id, begins_at) where zone_id is not null;
create index dock_appointment_shipment on dock_appointment (shipment_id) where shipment_id is not null;
create index dock_appointment_carrier on dock_appointment (carrier_id) where carrier_id is not null;

-- How long a truck may stay for nothing and what an hour costs then: at a site, of a carrier, or of a carrier at a site.
create table detention_terms (
    id         int generated always as identity primary key,
    tenant_id  int not null references tenant,
    site_id    int references site,
    carrier_id int references carrier,
    free_min   int not null check (free_min between 0 and 10080),
    rate_per_h numeric(12, 2) not null check (rate_per_h >= 0),
    currency   text not null check (currency ~ '^[A-Z]{3}$'),
    step_min   int not null default 15 check (step_min between 1 and 240),
    told_at    timestamptz not null default now(),
    told_by    text not null,
    check (num_nulls(site_id, carrier_id) < 2)
);
alter table detention_terms enable row level security;
create unique index detention_terms_one on detention_terms (tenant_id, coalesce(site_id, 0), coalesce(carrier_id, 0));
create index detention_terms_site on detention_terms (site_id) where site_id is not null;
create index detention_terms_carrier on detention_terms (carrier_id) where carrier_id is not null;
