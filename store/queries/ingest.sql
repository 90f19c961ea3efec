-- name: receipts
-- Marks of boots.
select r.device_id, r.boot_id, r.contiguous, r.spans
from unnest(%s::int4[], %s::int4[]) as w (device_id, boot_id) join receipt r using (device_id, boot_id)

-- name: put_receipts
-- Stores marks; gives the text of the boots for the receipts.
with given as (select * from unnest(%s::int4[], %s::int4[], %s::int8[], %s::text[])
               as g (device_id, boot_id, contiguous, spans)),
     put as (insert into receipt as r (device_id, boot_id, contiguous, spans)
             select device_id, boot_id, contiguous, spans::int8[] from given
             on conflict (device_id, boot_id) do update
             set contiguous = greatest(r.contiguous, excluded.contiguous), spans = excluded.spans, updated_at = now())
select distinct l.id, l.text from given join label l on l.id = given.boot_id
