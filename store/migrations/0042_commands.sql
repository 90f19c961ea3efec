-- Words to devices: what is to be done, until when, and what the device said to it.
create table command (
    id          int8 generated always as identity primary key,
    tenant_id   int not null references tenant,
    device_id   int not null references device,
    name        text not null check (length(name) between 1 and 32),
    argument    jsonb not null check (length(argument::text) <= 8192),
    made_by     text not null,
    made_at     timestamptz not null default now(),
    expires_at  timestamptz not null,
    state       text not null default 'waiting'
                check (state in ('waiting', 'sent', 'answered', 'refused', 'expired', 'cancelled')),
    next_at     timestamptz not null default now(),
    sent_at     timestamptz,
    sent_count  int not null default 0,
    ended_at    timestamptz,
    answer      text check (length(answer) <= 500)
) with (fillfactor = 70);
create index command_of_device on command (device_id, id);
create index command_open on command (next_at) where state in ('waiting', 'sent');
create index command_ended on command (ended_at) where ended_at is not null;
