-- What other systems are told: where to, what waits to be told, and each attempt.

alter table case_event add column written_in xid8 not null default pg_current_xact_id();
create index case_event_written on case_event (written_in, id);
alter table stop_call add column written_in xid8 not null default pg_current_xact_id();
create index stop_call_written on stop_call (written_in, id);

-- Where a tenant wants events sent to. `paused_until`: it failed, and is left alone until then.
create table webhook (
    id            int generated always as identity primary key,
    tenant_id     int not null references tenant,
    name          text not null,
    url           text not null check (length(url) between 8 and 2000),
    types         text[] not null,
    secret        bytea not null check (length(secret) between 24 and 64),
    former_secret bytea,
    former_until  timestamptz,
    created_at    timestamptz not null default now(),
    created_by    text not null,
    disabled_at   timestamptz,
    disabled_why  text,
    failures      int not null default 0,
    paused_until  timestamptz,
    succeeded_at  timestamptz,
    failed_at     timestamptz,
    last_error    text,
    unique (tenant_id, name)
);

-- What waits to be told, and what was: one row for an event and a webhook, however often it is caused.
create table outgoing (
    id            int8 generated always as identity primary key,
    tenant_id     int not null,
    webhook_id    int not null references webhook on delete cascade,
    cause         text not null,
    type          text not null,
    subject       text not null,
    at            timestamptz not null,
    data          jsonb not null,
    created_at    timestamptz not null default now(),
    attempts      int not null default 0,
    next_at       timestamptz not null default now(),
    claimed_until timestamptz,
    done_at       timestamptz,
    gave_up_at    timestamptz,
    last_status   int,
    last_error    text,
    unique (webhook_id, cause)
) with (fillfactor = 70);
create index outgoing_waiting on outgoing (webhook_id, id) where done_at is null and gave_up_at is null;
create index outgoing_created on outgoing (created_at);

create table outgoing_attempt (
    id          int8 generated always as identity primary key,
    tenant_id   int not null,
    outgoing_id int8 not null references outgoing on delete cascade,
    at          timestamptz not null,
    status      int,
    error       text,
    took_ms     int not null,
    answer      text
);
create index outgoing_attempt_outgoing on outgoing_attempt (outgoing_id, id);

-- An instant as other systems are told it: RFC 3339, UTC.
create function rfc3339(at timestamptz) returns text language sql immutable parallel safe
    return to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
