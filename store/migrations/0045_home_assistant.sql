-- Home Assistant: on a broker stand, retained, what vehicles and devices there are and how each is now.
create table home (
    receiver_id  int primary key references receiver on delete cascade,
    tenant_id    int not null references tenant,
    discovery    text not null check (length(discovery) between 1 and 100),  -- what its topics of discovery begin with
    wanted       bool not null default true,    -- false: what stands there is to be taken away
    due_at       timestamptz not null default now(),
    claimed_until timestamptz,
    after_kind   text not null default '',      -- how far a round that was too long has come
    after_id     int not null default 0,
    url          text,                          -- where it was told; another address has heard nothing
    failures     int not null default 0,
    succeeded_at timestamptz,
    last_error   text
) with (fillfactor = 70);
create index home_due on home (due_at);

-- What was told of each, so that only what has changed is told again.
create table home_thing (
    receiver_id  int not null references home on delete cascade,
    tenant_id    int not null references tenant,
    kind         text not null check (kind in ('device', 'vehicle')),
    thing_id     int not null,
    config_topic text not null,
    state_topic  text not null,
    parts        jsonb not null,                -- its entities and their platforms
    config       bytea not null,                -- digests
    config_at    timestamptz not null,
    state        bytea,
    state_at     timestamptz,
    primary key (receiver_id, kind, thing_id)
) with (fillfactor = 50);
