-- name: receipts
-- Marks of boots.
select r.device_id, r.boot_id, r.contiguous, r.spans, r.trusted, r.anew_us, r.past
from unnest(%s::int4[], %s::int4[]) as w (device_id, boot_id) join receipt r using (device_id, boot_id)

-- name: new_receipts
-- Marks of boots nobody has seen yet, so that there is a row to lock.
insert into receipt (device_id, boot_id, contiguous) select device_id, boot_id, -1
from unnest(%s::int4[], %s::int4[]) as w (device_id, boot_id) order by 1, 2 on conflict do nothing

-- name: lock_receipts
-- Marks of boots, in one order for everybody, kept from others until the transaction ends.
select r.device_id, r.boot_id, r.contiguous, r.spans, r.trusted, r.anew_us, r.past from receipt r
join unnest(%s::int4[], %s::int4[]) as w (device_id, boot_id) using (device_id, boot_id)
order by r.device_id, r.boot_id for update of r

-- name: put_receipts
-- Stores marks; gives the text of the boots for the receipts.
with given as (select * from unnest(%s::int4[], %s::int4[], %s::int8[], %s::text[], %s::int8[], %s::int8[], %s::int8[])
               as g (device_id, boot_id, contiguous, spans, trusted, anew_us, past)),
     put as (insert into receipt as r (device_id, boot_id, contiguous, spans, trusted, anew_us, past)
             select device_id, boot_id, contiguous, spans::int8[], trusted, anew_us, past from given
             on conflict (device_id, boot_id) do update
             set contiguous = excluded.contiguous, spans = excluded.spans, trusted = excluded.trusted,
                 anew_us = excluded.anew_us, past = excluded.past, updated_at = now())
select distinct l.id, l.text from given join label l on l.id = given.boot_id

-- name: receipt_pages
-- What numbers of boots said, in pages.
select p.device_id, p.boot_id, p.page, p.said
from unnest(%s::int4[], %s::int4[], %s::int8[]) as w (device_id, boot_id, page)
join receipt_said p using (device_id, boot_id, page)

-- name: put_receipt_pages
-- Stores what numbers of boots said.
insert into receipt_said as p (device_id, boot_id, page, said)
select * from unnest(%s::int4[], %s::int4[], %s::int8[], %s::bytea[]) order by 1, 2, 3
on conflict (device_id, boot_id, page) do update set said = excluded.said, updated_at = now()

-- name: drop_receipt_pages
-- Pages far behind a boot's newest.
delete from receipt_said p using unnest(%s::int4[], %s::int4[], %s::int8[]) as w (device_id, boot_id, page)
where p.device_id = w.device_id and p.boot_id = w.boot_id and p.page = w.page

-- name: deliveries
-- What a session's messages must be known again by, oldest first.
select packet_ids, digests from delivery where client = %s order by received_us

-- name: put_delivery
-- Messages that must be known again when the broker brings them once more.
insert into delivery (client, received_us, packet_ids, digests) values (%s, %s, %s::int4[], %s::int8[])
on conflict do nothing

-- name: trim_deliveries
-- Those that the broker has heard of long since, or that were of an earlier session.
delete from delivery where client = %s and received_us <= %s

-- name: audit_refusal
-- Whom the broker refused, in the trail of the tenant that is named; of the first one when there is none of that name.
insert into audit (tenant_id, actor, action, subject, detail)
select t.id, %(actor)s, %(action)s, %(subject)s, %(detail)s::jsonb from tenant t
where t.name in (%(tenant)s, %(first_tenant)s) order by t.name <> %(tenant)s limit 1
