-- name: lock_places
-- One writer at a time gives places to these devices' names, in the order of the devices; until the transaction ends.
select pg_advisory_xact_lock(hashtextextended('frostway.places', d)) from unnest(%s::int4[]) as d

-- name: places
-- The places that these names have.
select w.device_id, p.page, p.slot, w.name_id
from unnest(%s::int4[], %s::int4[]) as w (device_id, name_id)
join value_place p on p.name_id = w.name_id and (p.page < 0 or p.device_id = w.device_id)

-- name: pages
-- How many slots of each page of these devices are taken.
select device_id, page, max(slot) + 1 from value_place where device_id = any(%s::int4[]) and page > 0 group by 1, 2

-- name: new_page
-- The next page.
select nextval('value_page')::int

-- name: give_places
-- New names are given their places.
insert into value_place (device_id, page, slot, name_id) select * from unnest(%s::int4[], %s::int4[], %s::int2[], %s::int4[])
on conflict (page, slot) do nothing

-- name: lock_moving
-- One process moves values at a time; it waits for nobody.
select pg_try_advisory_lock(hashtextextended('frostway.moving', 0))

-- name: unlock_moving
-- The next one may.
select pg_advisory_unlock(hashtextextended('frostway.moving', 0))

-- name: to_move
-- Partitions and chunks of before, newest first, and how many pages of the disk they have.
select m.schema_name, m.partition_name, pg_relation_size(c.oid) / current_setting('block_size')::int
from value_move m join pg_namespace n on n.nspname = m.schema_name
left join pg_class c on c.relname = m.partition_name and c.relnamespace = n.oid order by c.oid desc

-- name: without_place
-- Values of some pages of a partition whose names have no place for them, column by column.
select array_agg(r.device_id), array_agg(r.time), array_agg(r.boot_id), array_agg(r.seq), array_agg(r.flags),
       array_agg(r.received_at), array_agg(r.name_id), array_agg(coalesce(r.value, 'NaN')), array_agg(coalesce(r.note_id, 0))
from (select * from {partition} r where r.ctid >= %(since)s::tid and r.ctid < %(until)s::tid
      and not exists (select from value_place p where p.name_id = r.name_id
                      and case when r.value is not null and r.note_id is null then p.page > 0 and p.device_id = r.device_id
                               else p.page < 0 end)
      order by r.device_id, r.time, r.seq, r.received_at, r.boot_id, r.flags) r

-- name: move
-- Values of some pages of a partition go into sets; of one name's second in a message there is one row more. One without a
-- place would be an error.
with gone as (delete from {partition} r where r.ctid >= %(since)s::tid and r.ctid < %(until)s::tid returning r.*),
placed as (
    select g.*, p.page, p.slot,
           row_number() over (partition by g.device_id, g.time, g.seq, g.received_at, g.boot_id, g.flags, g.name_id, p.page) as turn
    from gone g left join value_place p on p.name_id = g.name_id
    and case when g.value is not null and g.note_id is null then p.page > 0 and p.device_id = g.device_id else p.page < 0 end)
insert into reading_value_set (time, received_at, device_id, boot_id, seq, flags, page, v0, v1, v2, v3, v4, v5, v6, v7, note_id)
select time, received_at, device_id, boot_id, seq, flags, page,
       max(value) filter (where slot = 0), max(value) filter (where slot = 1), max(value) filter (where slot = 2),
       max(value) filter (where slot = 3), max(value) filter (where slot = 4), max(value) filter (where slot = 5),
       max(value) filter (where slot = 6), max(value) filter (where slot = 7), max(note_id)
from placed group by device_id, time, seq, received_at, boot_id, flags, page, turn order by device_id, time

-- name: tidy
-- What was moved leaves room.
vacuum {partition}

-- name: smaller_indexes
-- So do its indexes; it waits for whoever has a view of before, and nobody waits for it.
reindex table concurrently {partition}

-- name: moved
-- A partition is done, or is there no more.
delete from value_move where schema_name = %s and partition_name = %s

-- name: all_moved
-- Nobody looks any more where values were before.
select make_value_view(true)
where not exists (select from value_move) and pg_get_viewdef('reading_attribute'::regclass) ~ '\mreading_value\M'
