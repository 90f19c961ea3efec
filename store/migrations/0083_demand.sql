-- What is asked for: sales that other systems tell, forecasts of each product at each site, and what people adjust of them.
create table sales_day (
    site_id    int not null references site,
    product_id int not null references product,
    day        date not null,                      -- in the zone of the site
    tenant_id  int not null references tenant,
    quantity   numeric not null check (quantity >= 0), -- in base units of the product
    short      boolean not null default false,     -- stock ran out: more was asked for
    told_at    timestamptz not null default now(),
    told_by    text not null,
    primary key (site_id, product_id, day)
);
alter table sales_day enable row level security;
create index sales_day_tenant on sales_day (tenant_id, day);

-- One for each day on which it was made; the newest holds, the others are graded by what came.
create table demand_forecast (
    site_id      int not null references site,
    product_id   int not null references product,
    begins       date not null,                    -- the first day that is forecast, in the zone of the site
    tenant_id    int not null references tenant,
    made_at      timestamptz not null default now(),
    model        text not null,
    class        text not null check (class in ('smooth', 'erratic', 'intermittent', 'lumpy', 'none')),
    history_days int not null,
    short_days   int not null,                     -- of them stock ran out
    switched_off boolean not null default false,   -- the usual model lost to the naive one each time
    mase         float8,                           -- of the model at past origins, and of the naive one
    naive_mase   float8,
    within_80    float8 check (within_80 between 0 and 1), -- of what came at past origins
    mean         float8[] not null,                -- by day
    p10          float8[],
    p50          float8[],
    p90          float8[],
    primary key (site_id, product_id, begins)
);
alter table demand_forecast enable row level security;
create index demand_forecast_tenant on demand_forecast (tenant_id, begins);

-- Kept beside the forecast, never in it; only added to, but that one may be taken back.
create table forecast_adjustment (
    id           int8 generated always as identity primary key,
    tenant_id    int not null references tenant,
    site_id      int not null references site,
    product_id   int not null references product,
    first_day    date not null,
    last_day     date not null,
    factor       float8 not null check (factor between 0 and 100), -- of what is forecast
    reason       text not null check (reason <> ''),
    made_at      timestamptz not null default now(),
    made_by      text not null,
    withdrawn_at timestamptz,
    withdrawn_by text,
    check (last_day between first_day and first_day + 400),
    check ((withdrawn_at is null) = (withdrawn_by is null))
);
alter table forecast_adjustment enable row level security;
create index forecast_adjustment_of on forecast_adjustment (site_id, product_id, first_day);
create index forecast_adjustment_tenant on forecast_adjustment (tenant_id);

-- When all forecasts of a tenant were made last, and when somebody asked for new ones.
create table forecast_run (
    tenant_id int primary key references tenant,
    ran_at    timestamptz,
    made      int not null default 0,
    asked_at  timestamptz,
    asked_by  text not null default ''
);
alter table forecast_run enable row level security;
