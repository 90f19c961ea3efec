-- The first schema: registry, readings, the log, facts, state, changes.

-- ---------------------------------------------------------------- registry
create table tenant (
    id          int generated always as identity primary key,
    name        text not null unique check (name ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    created_at  timestamptz not null default now()
);

create table site (
    id          int generated always as identity primary key,
    tenant_id   int not null references tenant,
    name        text not null check (name ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    label       text not null,
    kind        text not null check (kind in ('dc', 'store', 'customer', 'depot')),
    lat         float8 not null check (lat between -90 and 90),
    lon         float8 not null check (lon between -180 and 180),
    radius_m    float8 not null default 150 check (radius_m between 10 and 100000),
    polygon     jsonb,
    tz          text not null default 'UTC',
    created_at  timestamptz not null default now(),
    unique (tenant_id, name)
);

create table zone (
    id          int generated always as identity primary key,
    tenant_id   int not null references tenant,
    site_id     int not null references site,
    name        text not null check (name ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    label       text not null,
    unique (site_id, name)
);

create table vehicle (
    id          int generated always as identity primary key,
    tenant_id   int not null references tenant,
    name        text not null check (name ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    label       text not null,
    created_at  timestamptz not null default now(),
    unique (tenant_id, name)
);

-- A temperature profile: limits, the time in the condition before the alarm, and what is unknown.
create table profile (
    id             int generated always as identity primary key,
    tenant_id      int not null references tenant,
    name           text not null check (name ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    low_c          float8,
    high_c         float8,
    for_s          float8 not null default 600 check (for_s >= 0),
    hysteresis_c   float8 not null default 0.3 check (hysteresis_c >= 0),
    max_interval_s float8 not null default 900 check (max_interval_s > 0),
    version        int not null default 1,
    unique (tenant_id, name),
    check (low_c is null or high_c is null or low_c < high_c)
);

create table device (
    id                 int generated always as identity primary key,
    tenant_id          int not null references tenant,
    name               text not null check (name ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    kind               text not null check (kind in
                           ('tracker', 'reefer', 'thermometer', 'rfid', 'shelf', 'door', 'gateway', 'phone')),
    vehicle_id         int references vehicle,
    site_id            int references site,
    zone_id            int references zone,
    profile_id         int references profile,
    mqtt_password_hash text,
    revoked_at         timestamptz,
    created_at         timestamptz not null default now(),
    unique (tenant_id, name),
    check (vehicle_id is null or site_id is null),
    check (zone_id is null or site_id is not null)
);

create table product (
    id            int generated always as identity primary key,
    tenant_id     int not null references tenant,
    sku           text not null check (length(sku) between 1 and 64),
    label         text not null,
    gtin          text,
    unit_mass_kg  float8 check (unit_mass_kg > 0),
    low_c         float8,
    high_c        float8,
    reorder_point float8,
    unique (tenant_id, sku)
);
create unique index product_gtin on product (tenant_id, gtin) where gtin is not null;

-- What lies in a shelf's slot; the slot is a label of the shelf device.
create table slot (
    id         int generated always as identity primary key,
    tenant_id  int not null references tenant,
    device_id  int not null references device,
    name       text not null,
    product_id int not null references product,
    unique (device_id, name)
);

create table shipment (
    id           int generated always as identity primary key,
    tenant_id    int not null references tenant,
    name         text not null check (name ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$'),
    reference    text not null default '',
    customer     text,
    status       text not null default 'planned' check (status in ('planned', 'in_transit', 'delivered')),
    vehicle_id   int references vehicle,
    profile_id   int references profile,
    planned_line jsonb,
    planned_at   timestamptz not null default now(),
    started_at   timestamptz,
    delivered_at timestamptz,
    unique (tenant_id, name)
);
create index shipment_vehicle on shipment (vehicle_id) where status <> 'delivered';

create table stop (
    id           int generated always as identity primary key,
    tenant_id    int not null references tenant,
    shipment_id  int not null references shipment,
    seq          int not null,
    name         text not null,
    label        text not null,
    site_id      int references site,
    lat          float8 not null check (lat between -90 and 90),
    lon          float8 not null check (lon between -180 and 180),
    radius_m     float8 not null default 150,
    window_start timestamptz,
    window_end   timestamptz,
    arrived_at   timestamptz,
    departed_at  timestamptz,
    unique (shipment_id, seq)
);

-- A customer's link: only the hash of its token is kept.
create table share (
    id           int generated always as identity primary key,
    tenant_id    int not null references tenant,
    shipment_id  int not null references shipment,
    token_sha256 bytea not null unique,
    created_at   timestamptz not null default now(),
    created_by   text not null,
    expires_at   timestamptz not null,
    revoked_at   timestamptz,
    last_used_at timestamptz
);

create table account (
    id            int generated always as identity primary key,
    tenant_id     int not null references tenant,
    name          text not null,
    role          text not null check (role in ('admin', 'dispatcher', 'coldchain', 'storekeeper', 'viewer')),
    password_hash text not null,
    created_at    timestamptz not null default now(),
    unique (tenant_id, name)
);

-- Bearer tokens and browser sessions: only hashes are kept.
create table access_token (
    id           int generated always as identity primary key,
    tenant_id    int not null references tenant,
    kind         text not null check (kind in ('bearer', 'session')),
    subject      text not null,
    role         text not null check (role in ('admin', 'dispatcher', 'coldchain', 'storekeeper', 'viewer')),
    token_sha256 bytea not null unique,
    created_at   timestamptz not null default now(),
    expires_at   timestamptz,
    revoked_at   timestamptz
);

-- Text of the devices (boot ids, probes, slots, doors, EPCs) as integer keys: frames and COPY are fixed-width.
create table label (
    id    int generated always as identity primary key,
    kind  text not null check (kind in ('boot', 'probe', 'slot', 'door', 'reefer', 'epc')),
    scope int not null,            -- the device's id; the tenant's for EPCs
    text  text not null check (length(text) between 1 and 128),
    unique (kind, scope, text)
);

-- ---------------------------------------------------------------- readings (no foreign keys: see docs/adr)
create table reading_position (
    time timestamptz not null, received_at timestamptz not null, device_id int not null, boot_id int not null,
    seq int8 not null, flags int not null,
    lat float8 not null, lon float8 not null, speed_mps float4, heading_deg float4, accuracy_m float4,
    altitude_m float4, odometer_m float8, ignition bool
) /*partitioned*/;
create index reading_position_key on reading_position (device_id, time);

create table reading_temperature (
    time timestamptz not null, received_at timestamptz not null, device_id int not null, boot_id int not null,
    seq int8 not null, flags int not null,
    probe_id int not null, temp_c float8 not null, humidity_pct float4
) /*partitioned*/;
create index reading_temperature_key on reading_temperature (device_id, time);

create table reading_tag (
    time timestamptz not null, received_at timestamptz not null, device_id int not null, boot_id int not null,
    seq int8 not null, flags int not null,
    tag_id int not null, antenna int2 not null, rssi_dbm float4
) /*partitioned*/;
create index reading_tag_key on reading_tag (device_id, time);

create table reading_shelf (
    time timestamptz not null, received_at timestamptz not null, device_id int not null, boot_id int not null,
    seq int8 not null, flags int not null,
    slot_id int not null, mass_kg float8, item_count float8
) /*partitioned*/;
create index reading_shelf_key on reading_shelf (device_id, time);

create table reading_door (
    time timestamptz not null, received_at timestamptz not null, device_id int not null, boot_id int not null,
    seq int8 not null, flags int not null,
    door_id int not null, open bool not null
) /*partitioned*/;
create index reading_door_key on reading_door (device_id, time);

create table reading_status (
    time timestamptz not null, received_at timestamptz not null, device_id int not null, boot_id int not null,
    seq int8 not null, flags int not null,
    battery_ratio float4, rssi_dbm float4, reefer_id int, setpoint_c float4, defrost bool
) /*partitioned*/;
create index reading_status_key on reading_status (device_id, time);

-- ---------------------------------------------------------------- the log
create table log_head (
    partition int primary key,
    position  int8 not null default 0
);
create table log_frame (
    partition   int not null,
    position    int8 not null,
    appended_at timestamptz not null default now(),
    body        bytea not null,
    primary key (partition, position)
);
alter table log_frame alter column body set storage external;  -- columns of numbers: compressing them costs more than it saves
alter table log_frame set (autovacuum_vacuum_scale_factor = 0.02, toast.autovacuum_vacuum_scale_factor = 0.02);

create table quarantine (
    id          int8 generated always as identity primary key,
    received_at timestamptz not null,
    tenant      text,
    device      text,
    topic       text not null,
    payload     bytea not null,
    reason      text not null,
    detail      text not null default '',
    redriven_at timestamptz
);
create index quarantine_tenant on quarantine (tenant, id);

-- Receipts: the highest contiguous sequence of a boot that is durable, and the spans above it.
create table receipt (
    device_id  int not null,
    boot_id    int not null,
    contiguous int8 not null,
    spans      int8[] not null default '{}',
    updated_at timestamptz not null default now(),
    primary key (device_id, boot_id)
) with (fillfactor = 50);

-- ---------------------------------------------------------------- the tracker's position and state
create table tracker_position (
    partition  int primary key,
    position   int8 not null default 0,
    change_seq int8 not null default 0
) with (fillfactor = 20);

create table vehicle_state (
    vehicle_id    int primary key,
    tenant_id     int not null,
    time          timestamptz not null,
    received_at   timestamptz not null,
    device_id     int not null,
    lat           float8 not null,
    lon           float8 not null,
    speed_mps     float4,
    heading_deg   float4,
    accuracy_m    float4,
    flags         int not null,
    status        text not null,
    status_since  timestamptz not null,
    battery_ratio float4,
    carry         bytea not null
) with (fillfactor = 50);

create table series_state (
    probe_id     int primary key,
    tenant_id    int not null,
    device_id    int not null,
    time         timestamptz not null,
    received_at  timestamptz not null,
    temp_c       float8 not null,
    humidity_pct float4,
    state        text not null,
    carry        bytea not null
) with (fillfactor = 50);

create table tag_state (
    tag_id      int primary key,
    tenant_id   int not null,
    time        timestamptz not null,
    device_id   int not null,
    site_id     int not null,
    zone_id     int,
    product_id  int,
    antenna     int2 not null,
    rssi_dbm    float4,
    reads       int not null              -- reads in a row at this place
) with (fillfactor = 50);
create index tag_state_place on tag_state (site_id, zone_id, product_id);

create table slot_state (
    slot_id    int primary key,
    tenant_id  int not null,
    device_id  int not null,
    time       timestamptz not null,
    mass_kg    float8,
    item_count float8,
    quantity   float8 not null,
    carry      bytea not null
) with (fillfactor = 50);

create table device_state (
    device_id     int primary key,
    tenant_id     int not null,
    last_time     timestamptz not null,
    last_received timestamptz not null,
    battery_ratio float4
) with (fillfactor = 50);

-- Entities whose past got a late reading: to be folded again from this time.
create table dirty (
    kind      text not null check (kind in ('vehicle', 'series')),
    entity_id int not null,
    partition int not null,
    since     timestamptz not null,
    primary key (kind, entity_id)
);

-- ---------------------------------------------------------------- facts: append-only, bitemporal
create table visit (
    id            int8 generated by default as identity,
    revision      int not null default 1,
    tenant_id     int not null,
    vehicle_id    int not null,
    site_id       int not null,
    entered_at    timestamptz not null,
    left_at       timestamptz,
    decided_at    timestamptz not null,
    rule_version  int not null,
    retracted     bool not null default false,
    superseded_at timestamptz,
    primary key (id, revision)
);
create index visit_vehicle on visit (vehicle_id, entered_at) where superseded_at is null and not retracted;
create unique index visit_one_open on visit (vehicle_id, site_id)
    where superseded_at is null and not retracted and left_at is null;

create table excursion (
    id            int8 generated by default as identity,
    revision      int not null default 1,
    tenant_id     int not null,
    probe_id      int not null,
    device_id     int not null,
    kind          text not null check (kind in ('above', 'below')),
    limit_c       float8 not null,
    started_at    timestamptz not null,
    ended_at      timestamptz,
    alarm_at      timestamptz,
    extreme_c     float8 not null,
    samples       int not null,
    decided_at    timestamptz not null,
    rule_version  int not null,
    retracted     bool not null default false,
    superseded_at timestamptz,
    primary key (id, revision)
);
create index excursion_probe on excursion (probe_id, started_at) where superseded_at is null and not retracted;
create index excursion_device on excursion (device_id, started_at) where superseded_at is null and not retracted;
create unique index excursion_one_open on excursion (probe_id, kind)
    where superseded_at is null and not retracted and ended_at is null;

create table eta (
    id            int8 generated always as identity primary key,
    tenant_id     int not null,
    stop_id       int not null,
    at            timestamptz not null,          -- event time of the position it was computed from
    p10           timestamptz not null,
    p50           timestamptz not null,
    p90           timestamptz not null,
    remaining_m   float8 not null,
    speed_mps     float8 not null,
    decided_at    timestamptz not null,
    rule_version  int not null
);
create index eta_stop on eta (stop_id, at desc);

create table stock_level (
    tenant_id        int not null,
    site_id          int not null,
    zone_id          int not null,
    product_id       int not null,
    source           text not null check (source in ('tag', 'weight', 'count')),
    quantity         float8 not null,
    confidence       float8 not null check (confidence between 0 and 1),
    last_evidence_at timestamptz not null,
    primary key (site_id, zone_id, product_id)
) with (fillfactor = 50);

create table stock_move (
    id           int8 generated always as identity primary key,
    tenant_id    int not null,
    site_id      int not null,
    zone_id      int not null,
    product_id   int not null,
    at           timestamptz not null,
    quantity     float8 not null,               -- after the move
    delta        float8 not null,
    source       text not null,
    decided_at   timestamptz not null
);
create index stock_move_place on stock_move (site_id, zone_id, product_id, at desc);

-- One alert per fact that asks for a person; its workflow is kept beside it in alert_event.
create table alert (
    id              int8 generated by default as identity primary key,
    tenant_id       int not null,
    kind            text not null check (kind in ('temperature', 'silence')),
    severity        text not null check (severity in ('warning', 'critical')),
    fact_id         int8,
    rule_key        text not null,
    device_id       int not null,
    probe_id        int,
    title           text not null,
    limit_c         float8,
    extreme_c       float8,
    last_c          float8,
    opened_at       timestamptz not null,
    alarm_at        timestamptz not null,
    decided_at      timestamptz not null,
    cleared_at      timestamptz,
    revision        int not null default 1,
    acknowledged_at timestamptz,
    acknowledged_by text,
    note            text,
    resolved_at     timestamptz,
    resolved_by     text
);
create unique index alert_one_open on alert (device_id, coalesce(probe_id, 0), rule_key)
    where cleared_at is null and resolved_at is null;
create unique index alert_fact on alert (kind, fact_id) where fact_id is not null;
create index alert_tenant on alert (tenant_id, opened_at desc);

create table alert_event (
    id       int8 generated always as identity primary key,
    alert_id int8 not null references alert,
    at       timestamptz not null,
    what     text not null,
    actor    text not null,
    detail   jsonb not null default '{}'
);
create index alert_event_alert on alert_event (alert_id, id);

-- ---------------------------------------------------------------- changes: what the websockets push
-- One row per transaction and tenant; partition -1 is the API's own stream. The body is {"topic": [change, …]} as JSON text.
create table change (
    partition int not null,
    seq       int8 not null,
    tenant_id int not null,
    at        timestamptz not null default clock_timestamp(),
    body      bytea not null,
    primary key (partition, seq)
);
create index change_at on change (at);
create table change_head (
    partition int primary key,
    seq       int8 not null default 0
);
insert into change_head (partition) values (-1);

-- Every mutation by a person or a token.
create table audit (
    id        int8 generated always as identity primary key,
    tenant_id int not null,
    at        timestamptz not null default now(),
    actor     text not null,
    action    text not null,
    subject   text not null,
    detail    jsonb not null default '{}'
);

-- ---------------------------------------------------------------- the API's role: rows of one tenant only
do $$ begin
    create role frostway_api nologin;
exception when duplicate_object or unique_violation then null;
end $$;
grant select, insert, update on all tables in schema public to frostway_api;
grant usage on all sequences in schema public to frostway_api;
grant delete on shipment, stop, site, zone, vehicle, device, product, slot to frostway_api;
revoke all on tenant, access_token, account, receipt, log_head, log_frame, tracker_position, schema_version
    from frostway_api;
grant select on tenant to frostway_api;

do $$
declare t text;
begin
    foreach t in array array['site', 'zone', 'vehicle', 'profile', 'device', 'product', 'slot', 'shipment', 'stop', 'share',
                             'vehicle_state', 'series_state', 'tag_state', 'slot_state', 'device_state', 'visit', 'excursion',
                             'eta', 'stock_level', 'stock_move', 'alert', 'audit', 'change'] loop
        execute format('alter table %I enable row level security', t);
        execute format(
            'create policy tenant_only on %I to frostway_api using (tenant_id = nullif(current_setting(''app.tenant'', true), '''')::int)', t);
    end loop;
end $$;
