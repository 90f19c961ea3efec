-- name: listen
-- Wakes the hub when a transaction with changes commits.
listen frostway_change

-- name: heads
-- Newest change of every partition.
select partition, seq from change_head union all
select partition, change_seq from tracker_position where partition < 65536 order by 1

-- name: after
-- Changes behind the given positions, oldest first within each partition.
select c.partition, c.seq, c.tenant_id, c.at, c.body
from unnest(%(partitions)s::int[], %(seqs)s::int8[]) as w (partition, seq)
cross join lateral (
    select n.partition, n.seq, n.tenant_id, n.at, n.body from change n
    where n.partition = w.partition and n.seq > w.seq order by n.seq limit %(limit)s) c
order by c.partition, c.seq

-- name: missed
-- One tenant's changes between two positions of each partition.
select c.partition, c.seq, c.tenant_id, c.at, c.body
from unnest(%(partitions)s::int[], %(seqs)s::int8[], %(heads)s::int8[]) as w (partition, seq, head)
join change c on c.partition = w.partition and c.seq > w.seq and c.seq <= w.head
where c.tenant_id = %(tenant)s order by c.partition, c.seq

-- name: oldest
-- The oldest change kept of each partition.
select w.partition, (select min(c.seq) from change c where c.partition = w.partition) as seq
from unnest(%(partitions)s::int[]) as w (partition)

-- name: good_tokens
-- Which of these tokens may still be used.
select id from access_token where id = any(%(ids)s::int[]) and revoked_at is null
and (expires_at is null or expires_at > now())

-- name: emit
-- A change of the API's own, in order of commit: the head's row stays locked until then.
with head as (update change_head set seq = seq + 1 where partition = -1 returning seq)
insert into change (partition, seq, tenant_id, at, body)
select -1, head.seq, %(tenant)s, clock_timestamp(), %(body)s from head

-- name: notify
-- Wakes the hubs of all API processes when the transaction commits.
select pg_notify('frostway_change', '-1')
