-- Customers' links.

-- name: add_share
-- A customer's link.
insert into share (tenant_id, shipment_id, token_sha256, created_by, expires_at, recipient, language, tz, customer_id)
values (%(tenant)s, %(shipment)s, %(token_sha256)s, %(actor)s, %(expires_at)s, %(recipient)s, %(language)s, %(tz)s, %(customer)s)
returning id

-- name: shares
-- Links of a shipment, newest first.
select s.id, s.created_at, s.created_by, s.expires_at, s.revoked_at, s.last_used_at, s.recipient, s.language, s.tz,
       s.opened_count, s.first_opened_at, s.last_opened_at, s.expires_at <= now() as expired,
       (select c.code from customer c where c.id = s.customer_id) as customer from share s
where s.tenant_id = %(tenant)s and s.shipment_id = %(shipment)s and (%(id)s::int is null or s.id = %(id)s)
order by s.id desc limit %(limit)s

-- name: all_shares
-- Links of all shipments, newest first, of a state and with a word in whom they are for or in their shipment.
select s.id, s.created_at, s.created_by, s.expires_at, s.revoked_at, s.last_used_at, s.recipient, s.language, s.tz,
       s.opened_count, s.first_opened_at, s.last_opened_at, s.expires_at <= now() as expired, sh.name as shipment, sh.reference,
       (select c.code from customer c where c.id = s.customer_id) as customer,
       sh.status
from share s join shipment sh on sh.id = s.shipment_id and sh.tenant_id = s.tenant_id
where s.tenant_id = %(tenant)s and (%(before)s::int8 is null or s.id < %(before)s)
and (%(state)s::text is null or %(state)s = case when s.revoked_at is not null then 'revoked' when s.expires_at <= now() then 'expired'
                                            else 'active' end)
and (%(word)s::text is null or strpos(lower(concat_ws(E'\n', s.recipient, sh.name, sh.reference)), lower(%(word)s)) > 0)
order by s.id desc limit %(limit)s

-- name: revoke_share
-- Takes a link back.
update share set revoked_at = %(now)s
where tenant_id = %(tenant)s and shipment_id = %(shipment)s and id = %(id)s and revoked_at is null returning id

-- name: share_by_token
-- The shipment a link opens, while it is good.
select * from door_share(%(token_sha256)s)

-- name: share_used
-- Remembers, to the minute, that a link is in use.
update share set last_used_at = now()
where id = %(id)s and tenant_id = %(tenant)s and (last_used_at is null or last_used_at < now() - interval '1 minute')

-- name: share_opened
-- A link was opened; by the same sort of client within five seconds, it is the same opening.
with opening as (
    insert into share_opening (tenant_id, share_id, client)
    select %(tenant)s, %(id)s, %(client)s where not exists (
        select from share_opening o where o.tenant_id = %(tenant)s and o.share_id = %(id)s and o.client = %(client)s
        and o.at > now() - interval '5 seconds')
    returning at)
update share s set opened_count = s.opened_count + 1, first_opened_at = coalesce(s.first_opened_at, o.at),
    last_opened_at = o.at, last_used_at = o.at
from opening o where s.id = %(id)s and s.tenant_id = %(tenant)s

-- name: trim_openings
-- Of a link's openings only the newest are kept.
delete from share_opening o where o.tenant_id = %(tenant)s and o.share_id = %(id)s and o.id <= (
    select x.id from share_opening x where x.tenant_id = %(tenant)s and x.share_id = %(id)s
    order by x.id desc offset %(most)s limit 1)

-- name: openings
-- When a link was opened, newest first.
select o.at, o.client from share_opening o
where o.tenant_id = %(tenant)s and o.share_id = %(id)s order by o.id desc limit %(limit)s

-- name: last_stop_zone
-- The time zone of the last site that a shipment goes to.
select si.tz from stop st join site si on si.id = st.site_id and si.tenant_id = st.tenant_id
where st.tenant_id = %(tenant)s and st.shipment_id = %(shipment)s order by st.seq desc limit 1
