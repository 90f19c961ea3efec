-- Who is told of alerts when: a tenant's table of routes, and how far telling is of each alert that goes by it.
create table alert_routes (
    tenant_id  int primary key references tenant,
    routes     jsonb not null default '[]' check (jsonb_typeof(routes) = 'array'),
    changed_at timestamptz not null default now(),
    changed_by text not null
);
alter table alert_routes enable row level security;

create table escalation (
    alert_id  int8 primary key references alert on delete cascade,
    tenant_id int not null references tenant,
    begun_at  timestamptz not null,
    back_at   timestamptz,          -- when it came back last
    last      text,                 -- the last of opened, reopened, cleared, retracted
    over_at   timestamptz,          -- when it was over last
    state     jsonb,                -- what was told to whom when; null: not looked at yet
    due_at    timestamptz           -- when to look again; null: when something happens
) with (fillfactor = 70);
create index escalation_due on escalation (due_at) where due_at is not null;
create index escalation_tenant on escalation (tenant_id, due_at);
alter table escalation enable row level security;
