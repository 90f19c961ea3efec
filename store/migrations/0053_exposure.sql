-- What goods were exposed to, by shipment and probe, against the bands of their profile: derived from readings, newest word.
create table exposure (
    shipment_id     int not null references shipment on delete cascade,
    device_id       int not null,
    probe_id        int not null,
    tenant_id       int not null references tenant,
    verdict         text not null,            -- pass, fail, indeterminate
    body            jsonb not null default '{}',
    profile_id      int not null references profile,
    profile_version int not null,
    rule_version    int not null,
    revision        int not null default 1,   -- counts the verdicts
    decided_at      timestamptz not null,
    primary key (shipment_id, device_id, probe_id)
);
alter table exposure enable row level security;
create index exposure_tenant on exposure (tenant_id);
create index exposure_profile on exposure (profile_id);
