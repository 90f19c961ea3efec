-- name: put
-- Messages kept aside with their bytes; one that is there already is counted with the time at which it came again.
insert into quarantine as q (received_at, tenant, device, topic, payload, reason, detail, more_reasons, digest)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (digest) where redriven_at is null and cardinality(also_received) < 1000
do update set also_received = q.also_received || excluded.received_at, reason = excluded.reason, detail = excluded.detail,
              more_reasons = excluded.more_reasons

-- name: list
-- Messages of a tenant that were set aside, newest first.
select q.id, q.received_at, q.device, q.topic, q.reason, q.more_reasons, q.detail, q.payload, q.redriven_at, q.asked_at, q.attempts,
       q.mended_payload is not null or q.mended_topic is not null as mended, 1 + cardinality(q.also_received) as times,
       coalesce(q.also_received[cardinality(q.also_received)], q.received_at) as last_received_at
from quarantine q
where q.tenant = %(tenant_name)s and (%(after)s::int8 is null or q.id < %(after)s)
  and (%(device)s::text is null or q.device = %(device)s) and (%(reason)s::text is null or %(reason)s = any(q.reason || q.more_reasons))
  and (not %(waiting)s or q.redriven_at is null)
order by q.id desc limit %(limit)s

-- name: summary
-- How many messages of a tenant wait, by reason and device.
select q.reason, q.device, count(*) as messages, sum(1 + cardinality(q.also_received)) as times,
       max(coalesce(q.also_received[cardinality(q.also_received)], q.received_at)) as last_received_at,
       count(q.asked_at) as asked
from quarantine q where q.tenant = %(tenant_name)s and q.redriven_at is null
group by q.reason, q.device order by messages desc, q.reason, q.device limit %(limit)s

-- name: one
-- One message of a tenant that was set aside.
select q.id, q.received_at, q.device, q.topic, q.reason, q.more_reasons, q.detail, q.payload, q.redriven_at, q.asked_at, q.attempts,
       q.mended_payload is not null or q.mended_topic is not null as mended, q.mended_payload, q.mended_topic,
       1 + cardinality(q.also_received) as times,
       coalesce(q.also_received[cardinality(q.also_received)], q.received_at) as last_received_at
from quarantine q where q.tenant = %(tenant_name)s and q.id = %(id)s

-- name: ask
-- One message is to be read again, mended perhaps. One that was read already is not.
update quarantine set asked_at = now(), asked_by = %(actor)s,
    mended_payload = coalesce(%(payload)s::bytea, mended_payload), mended_topic = coalesce(%(topic)s::text, mended_topic)
where tenant = %(tenant_name)s and id = %(id)s and redriven_at is null
returning id

-- name: ask_many
-- Messages are to be read again, the oldest first.
update quarantine set asked_at = now(), asked_by = %(actor)s
where id in (select id from quarantine
             where tenant = %(tenant_name)s and redriven_at is null and asked_at is null
               and (%(device)s::text is null or device = %(device)s) and (%(reason)s::text is null or %(reason)s = any(reason || more_reasons))
             order by id limit %(limit)s)

-- name: to_mend
-- Messages of a tenant that wait, the oldest first, up to one that was seen.
select id, topic, payload, received_at from quarantine
where tenant = %(tenant_name)s and redriven_at is null and id > %(after)s and id <= %(until)s
  and (%(device)s::text is null or device = %(device)s) and (%(reason)s::text is null or %(reason)s = any(reason || more_reasons))
order by id limit %(limit)s

-- name: newest
-- Number of the newest message of all.
select coalesce(max(id), 0) as id from quarantine

-- name: mend
-- What is to be read in place of a message, and that it is to be read now.
update quarantine set mended_payload = %(payload)s, mended_topic = %(topic)s, asked_at = now(), asked_by = %(actor)s
where tenant = %(tenant_name)s and id = %(id)s and redriven_at is null

-- name: ask_for_device
-- What waited for a device to be registered is to be read again: its own messages, and those that spoke of its id.
update quarantine set asked_at = now(), asked_by = 'registration'
where id in (select id from quarantine
             where tenant = %(tenant_name)s and redriven_at is null and asked_at is null and 'unknown_device' = any(reason || more_reasons)
               and (device = %(device)s or (%(foreign_id)s::text is not null and position(%(foreign_id)s in
                    upper(regexp_replace(detail, '[^[:alnum:] ]', '', 'g'))) > 0))
             order by id limit 10000)

-- name: notify
-- Wakes whoever reads messages again.
select pg_notify('frostway_quarantine', '')

-- name: listen
-- Be woken when messages are to be read again.
listen frostway_quarantine

-- name: pending
-- How many messages of a tenant are to be read again.
select count(*) from quarantine where tenant = %(tenant_name)s and asked_at is not null

-- name: asked
-- Messages that are to be read again, the oldest first.
select id, asked_at, received_at, coalesce(mended_topic, topic), coalesce(mended_payload, payload), device, also_received
from quarantine where asked_at is not null order by id limit 100

-- name: redriven
-- A message was read again, once for each asking: nothing is touched when somebody else was first, or it came again.
update quarantine set asked_at = null, attempts = attempts + 1, redriven_at = %(redriven_at)s,
    reason = coalesce(%(reason)s, reason), detail = coalesce(%(detail)s, detail),
    more_reasons = coalesce(%(more_reasons)s::text[], more_reasons)
where id = %(id)s and asked_at = %(asked_at)s and cardinality(also_received) = %(again)s
returning id

-- name: put_strangers
-- Devices nobody has registered have spoken.
insert into stranger as s (tenant, speaker, name, topic, first_seen, last_seen, messages)
values (%s, %s, %s, %s, %s, %s, %s)
on conflict (tenant, speaker, name) do update set topic = excluded.topic, messages = s.messages + excluded.messages,
    last_seen = greatest(s.last_seen, excluded.last_seen)

-- name: strangers
-- Devices that speak and nobody has registered, of a tenant; those of no tenant when there is only one.
select s.speaker, s.name, s.topic, s.first_seen, s.last_seen, s.messages from stranger s
where (s.tenant = %(tenant_name)s or (s.tenant = '' and (select is_only_tenant())))
  and not exists (select from device d join tenant t on t.id = d.tenant_id
                  where t.name = %(tenant_name)s
                    and case when s.speaker = '' and s.tenant <> '' then d.name else d.external_id end = s.name)
order by s.last_seen desc, s.name limit %(limit)s
