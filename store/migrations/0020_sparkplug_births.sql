-- What the births of Sparkplug edge nodes have said, for all who read messages: workers, the spool, quarantine.

create table sparkplug_node (
    tenant     text not null,
    edge       text not null,
    body       jsonb not null,   -- births and deaths, and how far its messages are known without a hole
    updated_at timestamptz not null default now(),
    primary key (tenant, edge)
);

create table sparkplug_birth (
    id      int8 generated always as identity primary key,
    tenant  text not null,
    edge    text not null,
    device  text not null,
    digest  bytea not null,
    defines jsonb not null,      -- [name, alias, datatype, unit] of each metric
    made_at timestamptz not null default now(),
    unique (tenant, edge, device, digest)
);
