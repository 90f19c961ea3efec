-- What was said of an order's window when it was taken in: graded when it has come.
create table order_promise (
    order_id   int8 primary key references customer_order,
    tenant_id  int not null references tenant,
    said_at    timestamptz not null,
    window_end timestamptz not null,
    earliest   timestamptz,              -- null: nobody could say, or nothing known brings the goods
    p90        timestamptz,
    chance     float8 check (chance between 0 and 1),
    code       text not null,            -- what limited it
    reason     text not null default ''  -- why it was promised anyway
);
alter table order_promise enable row level security;
create index order_promise_tenant on order_promise (tenant_id, said_at desc);
