-- Doors of docks and who stood at them; what is on a truck, by its portals and by people; seals; what receivers were told.
alter table zone add column dock text check (dock in ('door', 'staging')); -- none: it is neither

-- A vehicle stands at a door. Told by people, who may tell it late and mend it.
create table docking (
    id            int8 generated always as identity primary key,
    tenant_id     int not null references tenant,
    client_id     text not null,                -- by which whoever tells it knows it
    zone_id       int not null references zone,
    vehicle_id    int not null references vehicle,
    shipments     text[] not null default '{}', -- what is loaded; none said: all that the vehicle is to carry from there
    began_at      timestamptz not null,
    ended_at      timestamptz,                  -- none: until the vehicle has left the site
    version       int not null default 1,
    told_at       timestamptz not null default now(),
    told_by       text not null,
    withdrawn_at  timestamptz,
    withdrawn_by  text,
    withdrawn_why text,
    unique (tenant_id, client_id),
    check (began_at < ended_at),
    check (num_nulls(withdrawn_at, withdrawn_by, withdrawn_why) in (0, 3))
);
alter table docking enable row level security;
create index docking_zone on docking (zone_id, began_at desc) where withdrawn_at is null;
create index docking_vehicle on docking (vehicle_id, began_at desc) where withdrawn_at is null;

-- The check of a shipment's load as it stands, and from how much it was made: where there is more, it is made again.
create table load_check (
    shipment_id int primary key references shipment on delete cascade,
    tenant_id   int not null references tenant,
    revision    int not null default 1,         -- counts what was said anew
    site_id     int references site on delete set null,
    door        text not null default '',
    docked_at   timestamptz,
    departed_at timestamptz,                    -- none: it stands there still
    made_from   jsonb not null default '{}',
    decided_at  timestamptz not null,
    rule_version int not null
);
alter table load_check enable row level security;
create index load_check_tenant on load_check (tenant_id);

-- What the check says of a unit: facts, of which what was said before is kept.
create table load_unit (
    shipment_id   int not null references shipment on delete cascade,
    unit          text not null,
    revision      int not null default 1,
    tenant_id     int not null references tenant,
    state         text not null check (state in ('expected', 'loaded', 'doubtful', 'foreign', 'wrong_truck', 'left_behind')),
    chance        float8 not null check (chance between 0 and 1), -- that it is on the truck
    drop_seq      int not null default 0,       -- the stop where it leaves; 0: nobody has said
    other         text not null default '',     -- another shipment: whose it is, or on whose truck it seems to be
    loaded_at     timestamptz,
    by_scan       bool not null default false,
    blocked_by    text[] not null default '{}', -- units of later drops before it
    decided_at    timestamptz not null,
    retracted     bool not null default false,  -- nothing is said of it any more
    superseded_at timestamptz,
    primary key (shipment_id, unit, revision)
);
alter table load_unit enable row level security;
create unique index load_unit_now on load_unit (shipment_id, unit) where superseded_at is null;
create index load_unit_tenant on load_unit (tenant_id);
create index load_unit_unit on load_unit (tenant_id, unit) where superseded_at is null and not retracted;

-- What people say of units: scanned by hand as it was loaded, or left with a reason.
create table load_mark (
    id           int8 generated always as identity primary key,
    tenant_id    int not null references tenant,
    shipment_id  int not null references shipment on delete cascade,
    client_id    text not null,
    unit         text not null,
    kind         text not null check (kind in ('scan', 'portal', 'left')),
    at           timestamptz not null,
    reason       text not null default '',
    chance       float8,                        -- how sure the portal was then
    told_at      timestamptz not null default now(),
    told_by      text not null,
    withdrawn_at timestamptz,
    withdrawn_by text,
    unique (tenant_id, client_id),
    check (kind <> 'left' or reason <> ''),
    check (num_nulls(withdrawn_at, withdrawn_by) in (0, 2))
);
alter table load_mark enable row level security;
create unique index load_mark_now on load_mark (shipment_id, unit) where withdrawn_at is null;

-- Seals put on, and looked at where it arrives.
create table load_seal (
    id           int8 generated always as identity primary key,
    tenant_id    int not null references tenant,
    shipment_id  int not null references shipment on delete cascade,
    kind         text not null check (kind in ('sealed', 'checked')),
    numbers      text[] not null check (cardinality(numbers) between 1 and 20),
    at           timestamptz not null,
    temperatures jsonb not null default '[]',   -- of each probe: what it said then, and whether that was right
    reason       text not null default '',      -- why in spite of them
    told_at      timestamptz not null default now(),
    told_by      text not null
);
alter table load_seal enable row level security;
create index load_seal_shipment on load_seal (shipment_id, id desc);
create index load_seal_tenant on load_seal (tenant_id);

-- What whoever receives a shipment is told that it carries: the newest revision replaces those before it.
create table despatch_advice (
    shipment_id int not null references shipment on delete cascade,
    revision    int not null,
    tenant_id   int not null references tenant,
    issued_at   timestamptz not null,
    body        jsonb not null,
    primary key (shipment_id, revision)
);
alter table despatch_advice enable row level security;
create index despatch_advice_tenant on despatch_advice (tenant_id);

-- Alerts of loads are about a shipment at a site: what does not belong on it, or is missing.
alter table alert add column shipment_id int, add column load jsonb;
alter table alert drop constraint alert_kind_check, drop constraint alert_about;
alter table alert add constraint alert_kind_check check (kind in (
    'temperature', 'silence', 'late_risk', 'sensor_fault', 'breach_risk', 'exposure', 'low_stock', 'stock_out', 'expiry', 'wrong_load'));
alter table alert add constraint alert_about check (case
    when kind in ('low_stock', 'stock_out', 'expiry') then device_id is null and num_nulls(site_id, product_id, stock) = 0
        and num_nulls(shipment_id, load) = 2
    when kind = 'wrong_load' then num_nulls(site_id, shipment_id, load) = 0 and num_nulls(device_id, product_id, stock) = 3
    else device_id is not null and num_nulls(site_id, product_id, stock, shipment_id, load) = 5 end);
create unique index alert_one_of_load on alert (shipment_id) where kind = 'wrong_load' and cleared_at is null;
create index alert_of_load on alert (shipment_id, id desc) where kind = 'wrong_load';
drop function if exists keep_stock_alerts(jsonb); -- keep_alerts keeps both sorts
