-- What is known of a device that its messages do not say, from a time on; and what was added to a temperature for it.

create table device_profile (
    device_id  int not null references device,
    tenant_id  int not null references tenant,
    version    int not null,                    -- 1, 2, … of this device
    since      timestamptz not null,            -- readings from this event time on are read with it
    body       jsonb not null,
    created_at timestamptz not null default now(),
    created_by text not null,
    primary key (device_id, version)
);
grant select, insert on device_profile to frostway_api;  -- append-only: a change is a new version
alter table device_profile enable row level security;
create policy tenant_only on device_profile to frostway_api
    using (tenant_id = nullif(current_setting('app.tenant', true), '')::int);

alter table reading_temperature add column correction_c float4;  -- measured = temp_c - correction_c; null: none known
