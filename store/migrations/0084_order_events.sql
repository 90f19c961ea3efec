-- Orders, what is done with them and proofs are followed in the order of the transactions that wrote them.
alter table customer_order add column written_in xid8 not null default pg_current_xact_id();
create index customer_order_written on customer_order (written_in, id);
alter table order_step add column written_in xid8 not null default pg_current_xact_id();
create index order_step_written on order_step (written_in, id);
alter table proof_revision add column written_in xid8 not null default pg_current_xact_id();
create index proof_revision_written on proof_revision (written_in, proof_id);
