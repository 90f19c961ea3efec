-- name: lightly
-- This transaction need not be on disk when it ends.
set local synchronous_commit to off

-- name: make
-- Nodes that nobody has heard of yet, in one order for everybody.
insert into sparkplug_node (tenant, edge, body)
select u.tenant, u.edge, %s::jsonb from unnest(%s::text[], %s::text[]) as u (tenant, edge) order by 1, 2
on conflict do nothing

-- name: hold
-- What is known of nodes; nobody else hears them until we have ended.
select n.tenant, n.edge, n.body from sparkplug_node n
join unnest(%s::text[], %s::text[]) as u (tenant, edge) on n.tenant = u.tenant and n.edge = u.edge
order by n.tenant, n.edge for update of n

-- name: put
-- What is known of a node now.
update sparkplug_node set body = %s::jsonb, updated_at = now() where tenant = %s and edge = %s

-- name: keep
-- What a birth defines; the same again is the same.
insert into sparkplug_birth (tenant, edge, device, digest, defines) values (%s, %s, %s, %s, %s::jsonb)
on conflict (tenant, edge, device, digest) do update set made_at = now()
returning id

-- name: names
-- What a birth has defined.
select defines from sparkplug_birth where id = %s

-- name: trim
-- Births that were not heard for long and that no node knows any more.
delete from sparkplug_birth b where b.made_at < now() - interval '30 days'
and not exists (select from sparkplug_node n where n.tenant = b.tenant and n.edge = b.edge
                and n.body @> jsonb_build_array(jsonb_build_array(b.id)))

-- name: ask
-- What waited for a birth of these nodes is to be read again.
update quarantine q set asked_at = now(), asked_by = 'birth'
from unnest(%s::text[], %s::text[]) as u (tenant, edge)
where q.tenant = u.tenant and q.device = u.edge and q.reason = 'no_birth' and q.redriven_at is null and q.asked_at is null

-- name: ask_unanswered
-- Nobody has answered: what has waited for a birth for more than a minute is looked at again, a few times.
update quarantine set asked_at = now(), asked_by = 'birth'
where reason = 'no_birth' and redriven_at is null and asked_at is null and attempts < 8
  and received_at between now() - interval '1 day' and now() - interval '61 seconds'
