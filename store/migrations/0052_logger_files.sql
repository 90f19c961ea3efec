-- Files of temperature loggers: what was read out at the end of a way. Ingest takes in those that wait, each once.
alter table device
    drop constraint device_kind_check,
    add constraint device_kind_check check (kind in
        ('tracker', 'reefer', 'thermometer', 'rfid', 'shelf', 'door', 'gateway', 'phone', 'connector', 'logger'));

create table logger_file (
    id          int8 generated always as identity primary key,
    tenant_id   int not null references tenant,
    digest      bytea not null check (octet_length(digest) = 32),  -- SHA-256 of the file
    name        text not null check (length(name) between 1 and 200),
    content     bytea not null check (octet_length(content) <= 8388608),  -- the file, deflated
    size_bytes  int not null,
    answers     jsonb not null,                  -- what was confirmed of how it is written
    detection   jsonb not null,
    reported    jsonb,                           -- what the device says itself
    device_id   int not null references device on delete cascade,
    shipment_id int references shipment on delete set null,
    since       timestamptz not null,            -- of its readings
    until       timestamptz not null,
    readings    int not null,
    min_c       float8 not null,
    max_c       float8 not null,
    notes       text[] not null default '{}',
    created_at  timestamptz not null default now(),
    created_by  text not null,
    taken_at    timestamptz,                     -- its readings are in the log
    taken       int,                             -- so many of them
    problem     text,                            -- why the others are not
    unique (tenant_id, digest)
);
create index logger_file_waiting on logger_file (id) where taken_at is null;
create index logger_file_shipment on logger_file (shipment_id) where shipment_id is not null;
create index logger_file_device on logger_file (device_id);
alter table logger_file enable row level security;
