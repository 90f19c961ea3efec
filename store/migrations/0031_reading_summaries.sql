-- Ten minutes of readings in five numbers: what reports over hours and months are answered from (docs/adr/0024).
-- Made from the readings alone, by the operations; nothing is decided by them.

create table reading_summary (
    time            timestamptz not null,   -- when its ten minutes begin, UTC
    device_id       int not null,
    name_id         int not null,           -- of an attribute; 0: the speed of its fixes, m/s
    samples         int not null,
    driving_samples int not null,           -- those at whose time a fix says more than 1 m/s
    total           float8 not null,        -- in order of event time
    driving_total   float8 not null,
    lowest          float8 not null,
    highest         float8 not null,
    primary key (time, device_id, name_id)
);

-- Ten minutes to be summarised again, as something of them came late. No key: who writes readings waits for nobody.
create table summary_due (
    device_id int not null,
    time      timestamptz not null
);
create index summary_due_time on summary_due (time, device_id);

-- What is summarised: [since, until), one span for all devices. Readings before `closing` are marked as due by whoever
-- writes them; when all transactions that may not have known it are over (`closed_by`), `until` may go as far.
create table summary_span (
    one       bool primary key default true check (one),
    since     timestamptz,
    until     timestamptz,
    closing   timestamptz,
    closed_by xid8,
    kept_from timestamptz not null default '-infinity',  -- readings before are dropped, and not summarised
    check ((since is null) = (until is null))
);
insert into summary_span default values;
