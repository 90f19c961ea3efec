-- What is forwarded to other places, and how far each forwarder is.
create table forwarder (
    name         text primary key check (name ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    tenant_id    int not null references tenant,
    target       text not null,                 -- where to, without a secret
    what         text[] not null,
    created_at   timestamptz not null default now(),
    version      int8 not null default 0,       -- of its place: who moves it names the one it moves
    moved_at     timestamptz not null default now(),
    positions    jsonb not null,                -- partition of the log -> the last frame that was forwarded
    facts        jsonb not null,                -- kind of fact -> transaction and number of the last word
    facts_since  timestamptz not null,
    fill         jsonb,                         -- what is being read from the tables: since, until, stream, at
    files        jsonb not null default '[]',   -- files of this place; complete, and perhaps not renamed yet
    trimmed      jsonb not null default '{}',   -- partition -> the last frame that was dropped before it was forwarded
    lost_from    timestamptz,                   -- when the first and the last reading of dropped frames were received
    lost_until   timestamptz,
    caught_up_at timestamptz not null default now(),  -- when nothing was left to be forwarded
    last_error   text
) with (fillfactor = 50);
alter table forwarder enable row level security;

-- Words on facts in the order of the transactions that wrote them.
alter table visit add column written_in xid8 not null default pg_current_xact_id();
alter table trip add column written_in xid8 not null default pg_current_xact_id();
alter table excursion add column written_in xid8 not null default pg_current_xact_id();
alter table deviation add column written_in xid8 not null default pg_current_xact_id();
create index visit_written on visit (tenant_id, written_in, id);
create index trip_written on trip (tenant_id, written_in, id);
create index excursion_written on excursion (tenant_id, written_in, id);
create index deviation_written on deviation (tenant_id, written_in, id);
create index stop_call_words on stop_call (tenant_id, written_in, id);
create index case_event_words on case_event (tenant_id, written_in, id);
