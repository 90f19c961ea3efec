-- The history of each alert's case, and how far the followers of the operations have read.

-- The transaction that has written a report. Numbers of rows are drawn before the commit and may become visible in any
-- order; whatever a transaction below the oldest one still going has written is there, and nothing is added to it.
alter table alert_event add column written_in xid8 not null default pg_current_xact_id();
create index alert_event_written on alert_event (written_in, id);

-- What has happened to an alert, in its order: its life as the tracker decided it, and what people did about it.
create table case_event (
    id        int8 generated always as identity primary key,
    tenant_id int not null,
    alert_id  int8 not null references alert,
    version   int not null,                   -- of the case: 1, 2, … without holes
    at        timestamptz not null,           -- when it was decided, or done
    what      text not null check (what in ('opened', 'changed', 'cleared', 'reopened', 'retracted',
                                            'acknowledged', 'resolved')),
    actor     text not null,
    note      text,
    cause     int8 not null unique references alert_event,
    -- of a temperature's alert: its excursion as it was known then
    excursion_id       int8,
    excursion_revision int,
    unique (alert_id, version)
);

-- A follower has read all that was written by transactions before this one, and of this one up to this row.
create table follower_position (
    name       text primary key,
    written_in xid8 not null default '0',
    row_id     int8 not null default 0,
    moved_at   timestamptz not null default now()
) with (fillfactor = 50);
