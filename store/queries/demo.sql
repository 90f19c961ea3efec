-- name: put
-- There is somebody who can start and end the simulated fleet; what people want of it stays, unless `anew`.
insert into demo as d (tenant_id, world, names, wanted, changed_by) values (%(tenant)s, %(world)s, %(names)s, %(wanted)s, 'up')
on conflict (tenant_id) do update set seen_at = now(), world = excluded.world, names = excluded.names,
    wanted = case when d.world = excluded.world then d.wanted else excluded.wanted end
returning d.wanted, d.running, d.world

-- name: seen
-- They are still there; what people want.
update demo set seen_at = now() where tenant_id = %(tenant)s returning wanted

-- name: running
-- It was started, or ended; or why that cannot be.
update demo set running = %(running)s, problem = %(problem)s where tenant_id = %(tenant)s

-- name: read
-- What people want and what is, for the pages; `possible`: somebody is there to do it.
select d.world, d.wanted, d.running, d.problem, d.seen_at > now() - interval '15 seconds' as possible, d.changed_at, d.changed_by
from demo d where d.tenant_id = %(tenant)s

-- name: want
-- People want it, or no longer.
update demo set wanted = %(wanted)s, changed_at = now(), changed_by = %(actor)s where tenant_id = %(tenant)s returning world

-- name: open_shipments
-- Shipments of the simulated tours that are not over.
select s.id, s.name from shipment s where s.tenant_id = %(tenant)s and s.status in ('planned', 'in_transit')
and (s.name = any(%(names)s::text[]) or regexp_replace(s.name, '-\d+$', '') = any(%(names)s::text[]))

-- name: cancel_shipments
-- They are called off.
update shipment set status = 'cancelled', cancelled_at = now() where tenant_id = %(tenant)s and id = any(%(ids)s::int[])

-- name: open_alerts
-- Alerts of devices, and of products at sites, that nobody has resolved.
select a.id from alert a left join device d on d.id = a.device_id and d.tenant_id = a.tenant_id
left join site s on s.id = a.site_id and s.tenant_id = a.tenant_id left join product p on p.id = a.product_id and p.tenant_id = a.tenant_id
where a.tenant_id = %(tenant)s and a.resolved_at is null
and (d.name = any(%(devices)s::text[]) or s.name = any(%(sites)s::text[]) and p.sku = any(%(products)s::text[])) order by a.id

-- name: first_steps
-- What of one's own has done each step, in their order; what is simulated does not count.
with simulated as (select unnest(d.names) as name from demo d where d.tenant_id = %(tenant)s),
own_device as (
    select d.id, d.name, d.vehicle_id from device d where d.tenant_id = %(tenant)s and d.revoked_at is null
    and 'device/' || d.name not in (select name from simulated))
select * from (values
    (1, 'device', (select min(o.name) from own_device o)),
    (2, 'position', (select min(v.name) from own_device o join vehicle v on v.id = o.vehicle_id and v.tenant_id = %(tenant)s
                     join vehicle_state s on s.vehicle_id = v.id and s.tenant_id = %(tenant)s where s.lat is not null)),
    (3, 'site', (select min(s.name) from site s where s.tenant_id = %(tenant)s and s.retired_at is null
                 and 'site/' || s.name not in (select name from simulated))),
    (4, 'link', (select min(sh.name) from share l join shipment sh on sh.id = l.shipment_id and sh.tenant_id = l.tenant_id
                 where l.tenant_id = %(tenant)s)),
    (5, 'webhook', (select min(w.name) from receiver w where w.tenant_id = %(tenant)s and w.kind = 'webhook' and w.succeeded_at is not null))
) as step (place, step, what) order by place

-- name: in_use
-- Whether anything that goes on stands on a site, product, profile or driver.
select exists (
    select from device d left join site s on s.id = d.site_id left join profile p on p.id = d.profile_id
    where d.tenant_id = %(tenant)s and d.revoked_at is null
    and (%(kind)s = 'site' and s.name = %(name)s or %(kind)s = 'profile' and p.name = %(name)s)
) or exists (
    select from shipment sh left join profile p on p.id = sh.profile_id
    where sh.tenant_id = %(tenant)s and sh.status in ('planned', 'in_transit')
    and (%(kind)s = 'profile' and p.name = %(name)s or %(kind)s = 'site' and exists (
        select from stop t join site s on s.id = t.site_id where t.shipment_id = sh.id and s.name = %(name)s))
) or exists (
    select from slot o join device d on d.id = o.device_id join product p on p.id = o.product_id
    where d.tenant_id = %(tenant)s and d.revoked_at is null and %(kind)s = 'product' and p.sku = %(name)s
) or exists (
    select from vehicle_driver w join driver r on r.id = w.driver_id join vehicle v on v.id = w.vehicle_id
    where w.tenant_id = %(tenant)s and v.retired_at is null and %(kind)s = 'driver' and r.name = %(name)s and w.valid_to > now()
) as used

-- name: is_simulated
-- Whether anything of what the pages show is simulated; asked before it is known who asks.
select door_is_simulated() as simulated
