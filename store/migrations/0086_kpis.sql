-- What a tenant wants of each figure of its work, and from which days on somebody has said that the process is another one.
create table kpi_target (
    tenant_id  int not null references tenant,
    kpi        text not null check (length(kpi) between 1 and 64),
    target     float8,                           -- none: nobody wants anything of it
    changes    date[] not null default '{}' check (cardinality(changes) <= 20),
    version    int not null default 1,
    changed_at timestamptz not null default now(),
    changed_by text not null,
    primary key (tenant_id, kpi)
);
alter table kpi_target enable row level security;

-- Figures are counted by when something was due, left or came.
create index customer_order_due on customer_order (tenant_id, window_end) where window_end is not null;
create index order_step_left on order_step (tenant_id, at) where kind in ('load', 'deliver');
create index visit_left on visit (tenant_id, left_at) where left_at is not null;
create index trip_ended on trip (tenant_id, ended_at) where kind = 'trip';
