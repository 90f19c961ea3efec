-- One message is one row in quarantine, however often it comes: what comes again is counted with its times.

alter table quarantine
    add column digest        bytea,                              -- of tenant, device, topic and payload; null: older rows
    add column also_received timestamptz[] not null default '{}'; -- when it came again, at most 1 000 times a row

create unique index quarantine_same on quarantine (digest)
    where redriven_at is null and cardinality(also_received) < 1000;
