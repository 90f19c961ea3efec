-- Events of EPCIS 2.0: those that others told us, and our own facts in their words.
alter table site add column gln text check (gln ~ '^[0-9]{13}$'); -- by which partners name it
create unique index site_gln on site (tenant_id, gln) where gln is not null;

-- By these, followers read both in the order of commit.
alter table ledger_move add column written_in xid8 not null default pg_current_xact_id();
create index ledger_move_written on ledger_move (written_in, id);
alter table goods_movement add column written_in xid8 not null default pg_current_xact_id();
create index goods_movement_written on goods_movement (written_in, id);

create table epcis_capture (
    id          int8 generated always as identity primary key,
    tenant_id   int not null references tenant,
    created_at  timestamptz not null default clock_timestamp(),
    created_by  text not null,
    events      int not null check (events >= 0), -- in the document
    taken       int not null check (taken >= 0),
    known       int not null check (known >= 0),  -- told before: nothing is done with them again
    faults      jsonb not null default '[]',      -- of those that were not taken
    check (taken + known <= events)
);
alter table epcis_capture enable row level security;
create index epcis_capture_tenant on epcis_capture (tenant_id, id desc);

-- Only added to. An event that was declared wrong stays, and is followed by itself with its declaration.
create table epcis_event (
    id             int8 generated always as identity primary key,
    tenant_id      int not null references tenant,
    capture_id     int8 references epcis_capture, -- none: a fact of our own
    event_id       text not null,
    event_hash     text not null,
    type           text not null,
    event_at       timestamptz not null,
    recorded_at    timestamptz not null default clock_timestamp(),
    action         text,
    biz_step       text,
    disposition    text,
    read_point     text,
    biz_location   text,
    parent         text,
    transformation text,
    epcs           text[] not null default '{}',  -- of objects and children; all keys as canonical Digital Links
    inputs         text[] not null default '{}',
    outputs        text[] not null default '{}',
    kinds          text[] not null default '{}',  -- classes of all of them
    classes        text[] not null default '{}',  -- of quantities
    transactions   text[] not null default '{}',
    declared_at    timestamptz,                   -- when it was declared wrong
    reason         text,
    body           json not null,                 -- as it was told
    fact           text,                          -- which of our own facts it tells
    effect         text not null default ''       -- what it did to our stock, or why it did nothing
);
alter table epcis_event enable row level security;
create unique index epcis_event_once on epcis_event (tenant_id, event_id, (declared_at is not null));
create index epcis_event_at on epcis_event (tenant_id, event_at desc, id desc);
create index epcis_event_recorded on epcis_event (tenant_id, recorded_at desc, id desc);
create index epcis_event_capture on epcis_event (capture_id) where capture_id is not null;
create index epcis_event_fact on epcis_event (fact, tenant_id) where fact is not null;
create index epcis_event_epcs on epcis_event using gin (epcs);
create index epcis_event_parent on epcis_event (tenant_id, parent) where parent is not null;

-- By this, movements that were taken back are followed too.
alter table goods_movement add column voided_in xid8;
create index goods_movement_voided on goods_movement (voided_in, id) where voided_in is not null;
