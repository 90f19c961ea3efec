-- name: lock
-- One migration at a time; the lock goes with its connection, so a killed start blocks nobody.
select pg_advisory_lock(hashtextextended('frostway.migrate', 0))

-- name: unlock
-- Frees the migration lock.
select pg_advisory_unlock(hashtextextended('frostway.migrate', 0))

-- name: has_version_table
-- Whether this database has ever been ours.
select to_regclass('schema_version') is not null

-- name: create_version_table
-- One row per migration, written in the migration's own transaction.
create table if not exists schema_version (
    version int primary key, name text not null, applied_at timestamptz not null default now())

-- name: version
-- The newest migration applied.
select max(version) from schema_version

-- name: little_memory
-- For the rest of the transaction: a sort goes to disk.
select set_config('work_mem', '64kB', true)

-- name: can_store
-- Fails when nothing can be stored: sorts 4 MB on the disk of the tables (after little_memory) and has a number to commit.
select pg_current_xact_id() is not null and max(length(p)) > 0 as stored
from (select repeat('x', 65536) as p from generate_series(1, 64) g order by g desc offset 0) s

-- name: has_summaries
-- Whether this schema has summaries of readings already.
select to_regclass('public.reading_summary') is not null

-- name: roles_mark
-- Which rights have been given.
select obj_description('schema_version'::regclass)

-- name: door_version
-- The newest migration applied, for who may see no table.
select door_schema_version() as version

-- name: record_version
-- A migration is done.
insert into schema_version (version, name) values (%s, %s)

-- name: timescale
-- Licence (set only in a database that has the extension), whether the library is preloaded, the version in this database.
select current_setting('timescaledb.license', true),
       exists (select from pg_settings where name = 'shared_preload_libraries' and setting ~ 'timescaledb')
       and exists (select from pg_available_extensions where name = 'timescaledb'),
       (select extversion from pg_extension where extname = 'timescaledb')

-- name: create_extension
-- TimescaleDB in this database.
create extension if not exists timescaledb

-- name: create_hypertable
-- A hypertable of weekly chunks with our one index only.
select create_hypertable(%s::regclass, by_range('time', interval '7 days'), create_default_indexes => false)

-- name: is_hypertable
-- Whether the reading tables are hypertables here.
select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
               where n.nspname = 'public' and c.relname = 'reading_position' and c.relkind = 'r')

-- name: lock_indexing
-- One process builds indexes at a time; it waits for nobody, as a builder would then wait for it.
select pg_try_advisory_lock(hashtextextended('frostway.indexing', 0))

-- name: without_time_index
-- Partitions and chunks that have no index by time, or one that was interrupted or is none of their parent's; newest first.
select n.nspname, c.relname, x.name, coalesce(x.valid, false), p.relkind = 'p'
from pg_inherits i join pg_class p on p.oid = i.inhparent join pg_class c on c.oid = i.inhrelid
join pg_namespace n on n.oid = c.relnamespace
left join lateral (
    select k.relname as name, y.indisvalid as valid, exists (select from pg_inherits where inhrelid = k.oid) as attached
    from pg_index y join pg_class k on k.oid = y.indexrelid join pg_am a on a.oid = k.relam
    join pg_attribute t on t.attrelid = c.oid and t.attname = 'time' and y.indkey[0] = t.attnum and y.indnatts = 1
    where y.indrelid = c.oid and a.amname = 'brin' order by attached desc, valid desc limit 1) x on true
where i.inhparent = to_regclass(%(table)s) and c.relkind = 'r'
and not (coalesce(x.valid, false) and (x.attached or p.relkind = 'r'))
order by c.oid desc

-- name: build_time_index
-- Nobody waits meanwhile; interrupted it leaves an index that is not valid.
create index concurrently {index} on {partition}
    using brin (time timestamptz_minmax_multi_ops) with (autosummarize = on)

-- name: attach_time_index
-- A native partition's index is its parent's from now on.
alter index {parent} attach partition {index}

-- name: drop_index
-- What an interrupted building has left.
drop index concurrently {index}

-- name: partitions
-- Native partitions of a reading table.
select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = %s::regclass

-- name: drop_chunks
-- Own retention on every edition of TimescaleDB.
select drop_reading_chunks(%s, %s::timestamptz)

-- name: make_partition
-- A native partition of a reading table.
select make_partition(%s, %s::timestamptz, %s::timestamptz)

-- name: drop_partition
-- A native partition goes.
select drop_partition(%s, %s)

-- name: column_types
-- Names and types of a table's columns, in order.
select a.attname, format_type(a.atttypid, null) from pg_attribute a
where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum

-- name: empty
-- Nothing in this database any more: a backup is brought in next.
drop schema if exists procrastinate cascade; drop schema if exists report cascade; drop schema public cascade; create schema public; grant usage on schema public to public

-- name: first_tenant
-- The tenant that every database has.
insert into tenant (name) select %(name)s where not exists (select from tenant where name = %(name)s)

-- name: number_reports_anew
-- Rows of transactions that this server has not come to: the database was brought in from another one.
do $$
declare followed text;
begin
    foreach followed in array array['alert_event', 'case_event', 'stop_call', 'visit', 'trip', 'excursion', 'deviation', 'breach_forecast'] loop
        if exists (select from pg_attribute where attrelid = to_regclass(followed) and attname = 'written_in') then
            execute format('update %I set written_in = pg_current_xact_id()
                            where written_in >= pg_snapshot_xmax(pg_current_snapshot())', followed);
        end if;
    end loop;
end $$;

-- name: drop_report
-- Views for others stand on tables that may change now; they are made anew behind it.
drop schema if exists report cascade

-- name: has_role
-- Whether there is a login of this name.
select true from pg_roles where rolname = %(role)s

-- name: add_report_login
-- A login that may read the views of its tenant, ten at a time and a minute each, and nothing else.
create role {0} login in role frostway_report connection limit 10;
alter role {0} set statement_timeout = '60s'; alter role {0} set default_transaction_read_only = on

-- name: put_report_login
-- Its password.
alter role {} with login password {}

-- name: drop_report_login
-- The login is no more.
drop role {}
