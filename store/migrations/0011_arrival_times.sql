-- Arrival times that learn: what is kept of predictions, how good they were, what was learned, how far shipments have come.

alter table eta drop column speed_mps;
alter table eta
    add column late_probability float4,                  -- of missing the window's end; null: there is none
    add column planned bool not null default false;      -- known by more than way: the ranges are of their own
create index eta_at on eta using brin (at);

alter table stop add column learned_at timestamptz;      -- when its arrival taught what it could: once, however it is amended

-- How good the predictions of an arrival were, by the predicted time to go; bucket -1: all of them. One arrival, one row of each.
create table eta_grade (
    stop_id       int not null,
    bucket        int2 not null,
    hours_out     text not null,
    tenant_id     int not null,
    vehicle_id    int not null,
    lane          text not null,
    arrived_at    timestamptz not null,
    predictions   int not null,
    error_min     float8 not null,              -- mean absolute error
    error_share   float8,                       -- of the time that was to go
    within_15     float8 not null,
    within_30     float8 not null,
    covered       float8 not null,
    width_min     float8 not null,
    jitter_min    float8,
    decided_at    timestamptz not null,
    rule_version  int not null,
    primary key (stop_id, bucket)
);
create index eta_grade_time on eta_grade (tenant_id, arrived_at);

-- What a tenant's arrivals have taught: lessons in order, and a snapshot of what followed from those up to `saved_seq`.
create table eta_knowledge (
    tenant_id  int primary key,
    seq        int8 not null default 0,
    saved_seq  int8 not null default 0,
    body       bytea not null default ''
);
alter table eta_knowledge alter column body set storage external;
create table eta_lesson (
    tenant_id  int not null,
    seq        int8 not null,
    body       bytea not null,
    primary key (tenant_id, seq)
);

-- How far a shipment under way has come, and what was last said of its stops.
create table journey (
    shipment_id int primary key,
    carry       bytea not null
) with (fillfactor = 50);

-- The road line a routing service gave for a shipment whose plan had this mark, with driving times.
create table route (
    shipment_id int primary key,
    mark        int8 not null,
    body        bytea not null
);

alter table alert drop constraint alert_kind_check;
alter table alert add constraint alert_kind_check check (kind in ('temperature', 'silence', 'late_risk'));

grant select on eta_grade to frostway_api;
alter table eta_grade enable row level security;
create policy tenant_only on eta_grade to frostway_api
    using (tenant_id = nullif(current_setting('app.tenant', true), '')::int);
