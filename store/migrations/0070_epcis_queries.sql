-- Questions about events of EPCIS by name, and who is told what they find, as it comes or by the clock.
create table epcis_query (
    id         int generated always as identity primary key,
    tenant_id  int not null references tenant,
    name       text not null check (length(name) between 1 and 64),
    asked      jsonb not null, -- parameters as they were given
    created_at timestamptz not null default now(),
    created_by text not null,
    unique (tenant_id, name)
);
alter table epcis_query enable row level security;

-- Told by the webhook that is made for it. What it was told of: all events up to (written_in, row_id), in the order of commit.
create table epcis_subscription (
    id              int generated always as identity primary key,
    tenant_id       int not null references tenant,
    query_id        int not null references epcis_query on delete cascade,
    receiver_id     int not null unique references receiver on delete cascade,
    schedule        jsonb,                -- none: as events come
    report_if_empty bool not null default false,
    since           timestamptz not null default now(), -- events that were recorded from then on
    written_in      xid8 not null default pg_snapshot_xmin(pg_current_snapshot()),
    row_id          int8 not null default 0,
    looked_at       timestamptz not null default now(), -- of a schedule
    created_at      timestamptz not null default now(),
    created_by      text not null
);
create index epcis_subscription_tenant on epcis_subscription (tenant_id);
create index epcis_subscription_query on epcis_subscription (query_id);
alter table epcis_subscription enable row level security;

alter table epcis_event add column written_in xid8 not null default pg_current_xact_id();
create index epcis_event_written on epcis_event (written_in, id);
