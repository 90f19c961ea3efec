-- name: listen
-- Wakes the hub when a transaction with changes commits.
listen frostway_change

-- name: heads
-- Newest change of every partition.
select * from door_change_heads()

-- name: after
-- Changes behind the given positions, oldest first within each partition; bodies of these tenants only.
select * from door_changes(%(partitions)s::int[], %(seqs)s::int8[], %(limit)s, %(tenants)s::int[])

-- name: missed
-- One tenant's changes between two positions of each partition.
select * from door_missed_changes(%(tenant)s, %(partitions)s::int[], %(seqs)s::int8[], %(heads)s::int8[])

-- name: oldest
-- The oldest change kept of each partition.
select * from door_oldest_changes(%(partitions)s::int[])

-- name: ended_tokens
-- Which of these tokens may not be used any more, or (`good`) have another role by now.
select * from door_ended_tokens(%(ids)s::int[], %(roles)s::text[])

-- name: ended_shares
-- Which of these customers' links are not good any more.
select * from door_ended_shares(%(ids)s::int[])

-- name: emit
-- A change of the API's own, in order of commit: the head's row stays locked until then.
select own_change(%(body)s)

-- name: notify
-- Wakes the hubs of all API processes when the transaction commits.
select pg_notify('frostway_change', '-1')

-- name: one_at_a_time
-- Waits until nobody else changes what has this name on a condition, in any process of the API; until the transaction ends.
select pg_advisory_xact_lock(%(tenant)s::int, hashtext(%(name)s))
