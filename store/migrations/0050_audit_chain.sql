-- The audit trail as a chain, tenant by tenant: an entry that is changed, put in, taken out or moved later is found.
-- Links are made behind the entries, in the order in which their transactions ended: nobody waits for another's.
alter table audit add column written_in xid8 not null default pg_current_xact_id();
create index audit_written on audit (written_in, id);
create index audit_tenant on audit (tenant_id, id);

create table audit_link (
    tenant_id int   not null,
    n         int8  not null,           -- 1, 2, … without holes
    audit_id  int8  not null unique,    -- no reference: an entry that is gone is to be found, not to be forbidden
    sha256    bytea not null,
    primary key (tenant_id, n)
);
