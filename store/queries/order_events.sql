-- What happens to orders, told to other systems once. Each has its place in the order of transactions.

-- name: orders_behind
-- Orders that were taken in behind a position, of transactions that nothing can be added to any more.
select written_in::text as written_in, id from customer_order
where (written_in, id) > (%(written_in)s::text::xid8, %(row_id)s::int8)
and written_in < pg_snapshot_xmin(pg_current_snapshot()) order by customer_order.written_in, id limit %(limit)s

-- name: steps_behind
-- Steps of orders behind a position.
select written_in::text as written_in, id from order_step
where (written_in, id) > (%(written_in)s::text::xid8, %(row_id)s::int8)
and written_in < pg_snapshot_xmin(pg_current_snapshot()) order by order_step.written_in, id limit %(limit)s

-- name: proofs_behind
-- Revisions of proofs behind a position; a transaction writes one of each proof.
select written_in::text as written_in, proof_id as id, revision from proof_revision
where (written_in, proof_id) > (%(written_in)s::text::xid8, %(row_id)s::int8)
and written_in < pg_snapshot_xmin(pg_current_snapshot()) order by proof_revision.written_in, proof_id limit %(limit)s

-- name: tell_orders
-- Orders that were taken in, for each webhook and broker that wants them, once.
insert into outgoing (tenant_id, receiver_id, cause, type, subject, at, data)
select o.tenant_id, w.id, 'order/' || o.id, 'order.accepted', 'orders/' || o.name, o.created_at, jsonb_build_object(
    'order', o.name, 'reference', o.reference, 'customer', c.code, 'site', s.name, 'priority', o.priority, 'window_start', rfc3339(o.window_start),
    'window_end', rfc3339(o.window_end), 'lines', (select count(*) from order_line l where l.order_id = o.id))
from customer_order o join customer c on c.id = o.customer_id join site s on s.id = o.site_id
join receiver w on w.tenant_id = o.tenant_id and w.kind <> 'channel' and w.disabled_at is null and o.created_at >= w.created_at
    and w.types && array['*', 'order.*', 'order.accepted']
where o.id = any(%(ids)s::int8[]) order by o.id
on conflict (receiver_id, cause) do nothing

-- name: tell_steps
-- What was done with lines of orders, when it happened, for each webhook and broker that wants it, once.
insert into outgoing (tenant_id, receiver_id, cause, type, subject, at, data)
select t.tenant_id, w.id, 'step/' || t.id || e.again, e.type, 'orders/' || o.name, e.told_at, jsonb_build_object(
    'order', o.name, 'reference', o.reference, 'line', l.seq, 'sku', p.sku, 'step', t.client_id, 'kind', t.kind, 'quantity', t.quantity,
    'base_unit', p.base_unit, 'lot', b.code, 'handling_unit', t.handling_unit, 'reason', t.reason, 'by', t.actor, 'source', t.source,
    'happened_at', rfc3339(t.at), 'withdrawn_by', t.withdrawn_by, 'withdrawn_why', t.withdrawn_why)
from order_step t join order_line l on l.id = t.line_id join customer_order o on o.id = l.order_id join product p on p.id = l.product_id
left join lot b on b.id = t.lot_id
cross join lateral (select case when t.withdrawn_at is null then '' else '/withdrawn' end as again, coalesce(t.withdrawn_at, t.recorded_at) as told_at,
    'order.' || case when t.withdrawn_at is not null then 'withdrawn' else case t.kind
    when 'allocate' then 'allocated' when 'deallocate' then 'deallocated' when 'pick' then 'picked' when 'put_back' then 'put_back'
    when 'pack' then 'packed' when 'unpack' then 'unpacked' when 'load' then 'loaded' when 'unload' then 'unloaded'
    when 'deliver' then 'delivered' when 'refuse' then 'refused' when 'bring_back' then 'brought_back' when 'return' then 'returned'
    when 'close_short' then 'short' when 'reopen' then 'reopened' else 'cancelled' end end as type) e
join receiver w on w.tenant_id = t.tenant_id and w.kind <> 'channel' and w.disabled_at is null and e.told_at >= w.created_at
    and w.types && array['*', 'order.*', e.type]
where t.id = any(%(ids)s::int8[]) order by t.id
on conflict (receiver_id, cause) do nothing

-- name: tell_proofs
-- What came of a stop, and corrections of it, for each webhook and broker that wants it, once.
insert into outgoing (tenant_id, receiver_id, cause, type, subject, at, data)
select r.tenant_id, w.id, 'proof/' || r.proof_id || '/' || r.revision, e.type, 'shipments/' || h.name, r.recorded_at, jsonb_build_object(
    'proof', r.proof_id::text, 'revision', r.revision, 'shipment', h.name, 'stop_name', f.stop_name, 'customer', c.code, 'outcome', r.outcome,
    'reason', r.reason, 'at', rfc3339(r.at), 'receiver', r.body ->> 'receiver', 'by', r.recorded_by, 'flags', r.flags,
    'orders', (select jsonb_agg(distinct o.name) from proof_line n join order_line l on l.id = n.line_id join customer_order o on o.id = l.order_id
               where n.proof_id = r.proof_id and n.revision = r.revision))
from unnest(%(ids)s::int8[], %(revisions)s::int[]) as n (id, revision)
join proof_revision r on r.proof_id = n.id and r.revision = n.revision join proof f on f.id = r.proof_id
join shipment h on h.id = f.shipment_id join customer c on c.id = f.customer_id
cross join lateral (select 'delivery.' || case when r.revision > 1 then 'amended' when r.outcome = 'delivered' then 'completed' else 'exception' end as type) e
join receiver w on w.tenant_id = r.tenant_id and w.kind <> 'channel' and w.disabled_at is null and r.recorded_at >= w.created_at
    and w.types && array['*', 'delivery.*', e.type]
order by r.proof_id, r.revision
on conflict (receiver_id, cause) do nothing
