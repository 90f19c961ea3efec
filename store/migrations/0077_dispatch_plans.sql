-- Plans of dispatch: what was to be brought by which vehicles (`work`), and the routes proposed; shipments come of those accepted.
create table dispatch_plan (
    id          int8 generated always as identity primary key,
    tenant_id   int not null references tenant,
    site_id     int not null references site,
    day         date not null,                     -- at the site
    begin_at    timestamptz not null,              -- between these vehicles drive
    end_at      timestamptz not null,
    kind        text not null check (kind in ('plan', 'replan')),
    status      text not null default 'proposed' check (status in ('proposed', 'accepted', 'discarded')),
    version     int not null default 1,
    reason      text not null default '' check (length(reason) <= 500),
    work        jsonb not null,
    routes      jsonb not null,                    -- orders of each vehicle, in their order
    left_out    jsonb not null default '[]',       -- orders that no vehicle takes, and why
    excluded    jsonb not null default '[]',       -- orders that cannot be planned, and why
    notes       jsonb not null default '[]',       -- what is not known and not counted
    before      jsonb not null default '{}',       -- vehicle and arrival of orders as they were, when it is planned again
    kept        jsonb not null default '{}',       -- stops of shipments that stay as they are
    summary     jsonb not null default '{}',
    made_by     text not null,
    made_at     timestamptz not null default now(),
    changed_at  timestamptz not null default now(),
    decided_by  text,
    decided_at  timestamptz,
    check ((status = 'proposed') = (decided_at is null))
);
alter table dispatch_plan enable row level security;
create index dispatch_plan_list on dispatch_plan (tenant_id, id desc);
create index dispatch_plan_site on dispatch_plan (site_id);
