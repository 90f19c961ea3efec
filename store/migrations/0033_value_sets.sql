-- Values of a device that come together stand in one row. Where a name's value stands, its page and slot, is given when
-- the name is first seen and is for ever. What was stored before, a row to each value, is moved (store/moving.py).

alter table reading_attribute rename to reading_value;
alter index reading_attribute_key rename to reading_value_key;
alter index reading_attribute_unclocked rename to reading_value_unclocked;
alter index reading_attribute_time rename to reading_value_time;
do $$
declare child text;
begin
    for child in select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
                 where i.inhparent = 'reading_value'::regclass and c.relname like 'reading\_attribute\_%' loop
        execute format('alter table %I rename to %I', child, replace(child, 'reading_attribute_', 'reading_value_'));
    end loop;
end $$;
drop function if exists own_attribute(int, timestamptz, timestamptz, timestamptz, bigint); -- roles.sql makes it of the view

create table reading_value_set (
    time timestamptz not null, received_at timestamptz not null, device_id int not null, boot_id int not null,
    seq int8 not null, flags int not null, page int not null,
    v0 float8, v1 float8, v2 float8, v3 float8, v4 float8, v5 float8, v6 float8, v7 float8, note_id int
) /*partitioned*/;
create index reading_value_set_key on reading_value_set (device_id, time);
create index reading_value_set_unclocked on reading_value_set (device_id, boot_id, seq) where flags & 32 <> 0;
create index reading_value_set_time on reading_value_set using brin (time timestamptz_minmax_multi_ops) with (autosummarize = on);

-- A name has a slot on one of its device's pages, which begin at 1, when it ever was a number, and a page of its own,
-- ~name_id, when it ever was a text or not known, which is a row of its own.
create sequence value_page as int;
create table value_place (
    page int not null, slot int2 not null check (slot between 0 and 7), device_id int not null, name_id int not null,
    primary key (page, slot)
);
create unique index value_place_number on value_place (device_id, name_id) where page > 0;
create index value_place_name on value_place (name_id);
insert into value_place (page, slot, device_id, name_id) select ~id, 0, scope, id from label where kind = 'attr';

-- Partitions and chunks of before whose values are still to be moved into sets.
create table value_move (schema_name text not null, partition_name text not null, primary key (schema_name, partition_name));
insert into value_move
select n.nspname, c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_namespace n on n.oid = c.relnamespace
where i.inhparent = 'reading_value'::regclass and c.relkind = 'r';

-- A row to each value, wherever it stands; when all are moved, without a look at where they were.
create function make_value_view(all_moved bool) returns void language plpgsql set search_path = public as $make$
declare
    number text := 'case p.slot when 0 then s.v0 when 1 then s.v1 when 2 then s.v2 when 3 then s.v3'
                   ' when 4 then s.v4 when 5 then s.v5 when 6 then s.v6 when 7 then s.v7 end';
begin
    execute format($view$
        create or replace view reading_attribute as
        select s.time, s.received_at, s.device_id, s.boot_id, s.seq, s.flags, p.name_id, %2$s as value, s.note_id
        from %1$s s join value_place p on p.page = s.page
        where s.page < 0 or %2$s is not null
    $view$, case when all_moved then 'reading_value_set' else '(
        select * from reading_value_set
        union all
        select time, received_at, device_id, boot_id, seq, flags, ~name_id, value, null, null, null, null, null, null, null, note_id
        from reading_value)' end, number);
end $make$;
select make_value_view(not exists (select from value_move));
