-- The simulated fleet beside a tenant's own: whether people want it, and whether it is there.

create table demo (
    tenant_id  int primary key references tenant,
    world      text not null,
    names      text[] not null, -- of what was registered for it: site/dc-1, device/gps-01
    wanted     bool not null,
    running    bool not null default false,
    seen_at    timestamptz not null default now(), -- by who can start and end it
    problem    text,
    changed_at timestamptz not null default now(),
    changed_by text not null
);
