-- name: put
-- What entities carried at a moment of theirs.
insert into checkpoint (kind, entity_id, at, carry)
select * from unnest(%s::text[], %s::int4[], %s::timestamptz[], %s::bytea[])
on conflict (kind, entity_id, at) do update set carry = excluded.carry

-- name: before
-- The newest checkpoints of an entity before a time, newest first.
select at, carry from checkpoint where kind = %s and entity_id = %s and at < %s order by at desc limit 8

-- name: newest
-- When each entity has its newest checkpoint.
select entity_id, max(at) from checkpoint where kind = %s group by entity_id

-- name: forget_since
-- Checkpoints that a late reading has made wrong.
delete from checkpoint where kind = %s and entity_id = %s and at >= %s

-- name: trim
-- Checkpoints from before the horizon of their entity, which is counted from its newest when that is older than now;
-- but for the last one before the horizon, from which everything behind it can be folded again.
delete from checkpoint c using (
    select kind, entity_id, least(max(at), %s) - %s::interval as horizon from checkpoint group by kind, entity_id) e
where e.kind = c.kind and e.entity_id = c.entity_id and c.at < e.horizon and exists (
    select 1 from checkpoint n
    where n.kind = c.kind and n.entity_id = c.entity_id and n.at > c.at and n.at <= e.horizon)
