-- name: append
-- One frame per partition, and a call that wakes the trackers; heads are locked in order of partition: no deadlocks.
with given as (select * from unnest(%s::int4[], %s::bytea[]) as g (partition, body)),
     ordered as (select partition, body from given order by partition),
     head as (insert into log_head as h (partition, position) select partition, 1 from ordered
              on conflict (partition) do update set position = h.position + 1 returning h.partition, h.position),
     put as (insert into log_frame (partition, position, body)
             select head.partition, head.position, given.body from head join given using (partition)
             returning partition, position)
select put.partition, put.position from put cross join (select pg_notify(%s, %s)) as call

-- name: read
-- Frames behind the given positions, oldest first, about so many bytes.
with want as (select * from unnest(%s::int4[], %s::int8[]) as w (partition, position)),
     found as (
        select f.partition, f.position, f.body,
               sum(octet_length(f.body)) over (partition by f.partition order by f.position) - octet_length(f.body) as before
        from want cross join lateral (
            select l.partition, l.position, l.body from log_frame l
            where l.partition = want.partition and l.position > want.position order by l.position limit 256) f)
select partition, position, body from found where before < %s order by partition, position

-- name: heads
-- Newest position of each partition.
select partition, position from log_head

-- name: trim
-- Drops frames that are processed and old.
delete from log_frame f using unnest(%s::int4[], %s::int8[]) as u (partition, position)
where f.partition = u.partition and f.position <= u.position and f.appended_at < %s
