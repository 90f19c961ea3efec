-- name: due
-- Receivers with something to be told now, a share of it each (of channels more: many are one message), claimed until the claim runs out.
with due as (
    select o.id from receiver w cross join lateral (
        select q.id from outgoing q
        where q.receiver_id = w.id and q.done_at is null and q.gave_up_at is null and q.next_at <= %(now)s
        and (q.claimed_until is null or q.claimed_until <= %(now)s)
        order by q.id limit case w.kind when 'channel' then %(limit)s else %(share)s end for update skip locked) o
    where w.disabled_at is null and (w.paused_until is null or w.paused_until <= %(now)s)
    order by w.paused_until nulls first, o.id limit %(limit)s
), mine as (
    update outgoing o set claimed_until = %(now)s::timestamptz + %(claim)s::interval from due where o.id = due.id
    returning o.*
)
select m.id, m.receiver_id, m.tenant_id, t.name as tenant, m.cause, m.type, m.subject, m.at, m.data, m.attempts, m.share_id, m.recipient_id,
       w.kind, w.name, w.sealed, w.language, w.tz, w.pages, w.url, w.prefix, w.retained, w.secret, case when w.former_until > %(now)s then w.former_secret end as former_secret
from mine m join receiver w on w.id = m.receiver_id join tenant t on t.id = m.tenant_id
order by m.receiver_id, m.id

-- name: attempted
-- An attempt, and what comes of it.
with tried as (
    insert into outgoing_attempt (tenant_id, outgoing_id, at, status, error, took_ms, answer)
    select o.tenant_id, o.id, %(now)s, %(status)s, %(error)s, %(took_ms)s, %(answer)s from outgoing o where o.id = %(id)s
)
update outgoing set attempts = attempts + 1, claimed_until = null, last_status = %(status)s, last_error = %(error)s,
    next_at = coalesce(%(next_at)s, next_at),
    done_at = case when %(outcome)s = 'done' then %(now)s::timestamptz end,
    gave_up_at = case when %(outcome)s = 'gave up' then %(now)s::timestamptz end
where id = %(id)s

-- name: failures
-- How often a receiver has failed in a row.
select failures from receiver where id = %(id)s for update

-- name: reached
-- A receiver took something: it is well.
update receiver set failures = 0, paused_until = null, succeeded_at = %(now)s, last_error = null where id = %(id)s

-- name: failed
-- A receiver failed; it may be left alone for some time, or for good.
update receiver set failures = failures + 1, failed_at = %(now)s, last_error = %(error)s, paused_until = %(paused_until)s,
    disabled_at = case when %(disable)s then coalesce(disabled_at, %(now)s) else disabled_at end,
    disabled_why = case when %(disable)s then %(error)s else disabled_why end
where id = %(id)s

-- name: unclaim
-- What was claimed and is not tried after all.
update outgoing set claimed_until = null where id = any(%(ids)s::int8[])

-- name: give_up_surplus
-- The oldest of what waits beyond so many for a receiver.
update outgoing set gave_up_at = %(now)s, last_error = 'too many wait here', claimed_until = null
where id in (
    select o.id from receiver w cross join lateral (
        select q.id from outgoing q where q.receiver_id = w.id and q.done_at is null and q.gave_up_at is null
        order by q.id desc offset %(most)s) o)

-- name: waiting
-- How much waits, and how many receivers fail.
select (select count(*) from (select from outgoing where done_at is null and gave_up_at is null limit 100000) o),
       (select count(*) from receiver where failures > 0 and disabled_at is null)

-- name: webhooks
-- Webhooks of a tenant by name, never their secrets, with how much waits for each, since when, and what was given up.
select w.id as key, w.name as id, w.url, w.types, w.created_at, w.created_by, w.disabled_at, w.disabled_why, w.failures,
       w.paused_until, w.succeeded_at, w.failed_at, w.last_error, w.former_until,
       (select count(*) from (select from outgoing o where o.receiver_id = w.id and o.done_at is null
                              and o.gave_up_at is null limit 1000) q)::int as waiting,
       (select o.created_at from outgoing o where o.receiver_id = w.id and o.done_at is null and o.gave_up_at is null
        order by o.id limit 1) as waiting_since,
       (select count(*) from (select from outgoing o where o.receiver_id = w.id and o.gave_up_at is not null limit 1000) q)::int
       as given_up
from receiver w
where w.tenant_id = %(tenant)s and w.kind = 'webhook' and w.name > %(after)s and (%(name)s::text is null or w.name = %(name)s)
order by w.name limit %(limit)s

-- name: add_webhook
-- A new one; no row: the name is taken.
insert into receiver (tenant_id, name, url, types, secret, created_by)
values (%(tenant)s, %(name)s, %(url)s, %(types)s, %(secret)s, %(actor)s)
on conflict (tenant_id, kind, name) do nothing returning id

-- name: change_webhook
-- Another address, other events, off or on again: then nothing holds it back.
update receiver set url = %(url)s, types = %(types)s, failures = 0, paused_until = null,
    disabled_at = case when %(disabled)s then coalesce(disabled_at, now()) end,
    disabled_why = case when %(disabled)s then coalesce(disabled_why, %(why)s) end
where tenant_id = %(tenant)s and kind = 'webhook' and name = %(name)s returning id

-- name: rotate_webhook
-- Another secret; the former one signs too for some time.
select id from own_rotate_webhook(%(tenant)s, %(name)s, %(secret)s, %(until)s)

-- name: remove_receiver
-- It is gone, with all that waits for it.
delete from receiver where tenant_id = %(tenant)s and kind = %(kind)s and name = %(name)s returning id

-- name: try_receiver
-- Something to be told now, to see whether it arrives; who was left alone for a while is asked at once.
with asked as (
    update receiver w set paused_until = null where w.tenant_id = %(tenant)s and w.kind = %(kind)s and w.name = %(name)s
    returning w.tenant_id, w.id, w.kind, w.name)
insert into outgoing (tenant_id, receiver_id, cause, type, subject, at, data)
select w.tenant_id, w.id, %(cause)s, 'test', w.kind || 's/' || w.name, %(now)s,
       jsonb_strip_nulls(jsonb_build_object(w.kind, w.name, 'by', %(actor)s::text, 'to', %(to)s::text))
from asked w returning id

-- name: deliveries
-- What a receiver was told or is to be told, the newest first.
select o.id as key, o.cause, o.type, o.subject, o.at, o.created_at, o.attempts, o.next_at, o.done_at, o.gave_up_at,
       o.last_status, o.last_error, o.data
from outgoing o join receiver w on w.id = o.receiver_id and w.tenant_id = o.tenant_id
where o.tenant_id = %(tenant)s and w.kind = %(kind)s and w.name = %(name)s and (%(before)s::int8 is null or o.id < %(before)s)
and (%(id)s::int8 is null or o.id = %(id)s)
and (%(state)s::text is null or %(state)s = case when o.done_at is not null then 'done'
                                                 when o.gave_up_at is not null then 'gave up' else 'waiting' end)
order by o.id desc limit %(limit)s

-- name: attempts
-- The attempts of some deliveries.
select outgoing_id, at, status, error, took_ms, answer from outgoing_attempt
where tenant_id = %(tenant)s and outgoing_id = any(%(ids)s::int8[]) order by id

-- name: redeliver
-- Once more from the beginning, under the same number: a receiver that has it knows it. Who was left alone is asked at once.
with asked as (
    update receiver w set paused_until = null where w.tenant_id = %(tenant)s and w.kind = %(kind)s and w.name = %(name)s
    returning w.tenant_id, w.id)
update outgoing o set attempts = 0, next_at = now(), claimed_until = null, done_at = null, gave_up_at = null
from asked w where w.id = o.receiver_id and w.tenant_id = o.tenant_id and o.id = %(id)s returning o.id

-- name: redeliver_all
-- All that was given up once more, in its order.
with asked as (
    update receiver w set paused_until = null where w.tenant_id = %(tenant)s and w.kind = %(kind)s and w.name = %(name)s
    returning w.tenant_id, w.id)
update outgoing o set attempts = 0, next_at = now(), claimed_until = null, gave_up_at = null
from asked w where w.id = o.receiver_id and w.tenant_id = o.tenant_id and o.gave_up_at is not null returning o.id

-- name: channels
-- Channels of a tenant by name, of their addresses only what may be shown, with how much waits for each, since when, and what was given up.
select w.id as key, w.name as id, w.shown, w.types, w.language, w.tz, w.for_customers, w.created_at, w.created_by, w.disabled_at,
       w.disabled_why, w.failures, w.paused_until, w.succeeded_at, w.failed_at, w.last_error,
       (select count(*) from (select from outgoing o where o.receiver_id = w.id and o.done_at is null
                              and o.gave_up_at is null limit 1000) q)::int as waiting,
       (select o.created_at from outgoing o where o.receiver_id = w.id and o.done_at is null and o.gave_up_at is null
        order by o.id limit 1) as waiting_since,
       (select count(*) from (select from outgoing o where o.receiver_id = w.id and o.gave_up_at is not null limit 1000) q)::int
       as given_up
from receiver w
where w.tenant_id = %(tenant)s and w.kind = 'channel' and w.name > %(after)s and (%(name)s::text is null or w.name = %(name)s)
order by w.name limit %(limit)s

-- name: add_channel
-- A new one; no row: the name is taken.
insert into receiver (tenant_id, kind, name, sealed, shown, types, language, tz, for_customers, pages, created_by)
values (%(tenant)s, 'channel', %(name)s, %(sealed)s, %(shown)s, %(types)s, %(language)s, %(tz)s, %(for_customers)s, %(pages)s, %(actor)s)
on conflict (tenant_id, kind, name) do nothing returning id

-- name: change_channel
-- Other alerts, another language, off or on again: then nothing holds it back.
update receiver set types = %(types)s, language = %(language)s, tz = %(tz)s, pages = %(pages)s, failures = 0, paused_until = null,
    disabled_at = case when %(disabled)s then coalesce(disabled_at, now()) end,
    disabled_why = case when %(disabled)s then coalesce(disabled_why, %(why)s) end
where tenant_id = %(tenant)s and kind = 'channel' and name = %(name)s returning id

-- name: seal_channel
-- Another address.
update receiver set sealed = %(sealed)s, shown = %(shown)s
where tenant_id = %(tenant)s and kind = 'channel' and name = %(name)s returning id

-- name: is_last_word
-- Whether nothing newer waits or was told of an alert or shipment, or of a vehicle.
select not exists (
    select from outgoing o where o.receiver_id = %(receiver)s and o.id > %(id)s and o.type <> 'test'
    and case when %(vehicle)s::text is null then o.subject = %(subject)s else o.data->>'vehicle' = %(vehicle)s end)

-- name: brokers
-- Brokers of a tenant by name, never their logins, with how much waits for each, since when, and what was given up.
select w.id as key, w.name as id, w.url, w.prefix, w.types, w.retained, w.signs_in, w.created_at, w.created_by, w.disabled_at,
       w.disabled_why, w.failures, w.paused_until, w.succeeded_at, w.failed_at, w.last_error,
       (select count(*) from (select from outgoing o where o.receiver_id = w.id and o.done_at is null
                              and o.gave_up_at is null limit 1000) q)::int as waiting,
       (select o.created_at from outgoing o where o.receiver_id = w.id and o.done_at is null and o.gave_up_at is null
        order by o.id limit 1) as waiting_since,
       (select count(*) from (select from outgoing o where o.receiver_id = w.id and o.gave_up_at is not null limit 1000) q)::int
       as given_up,
       coalesce(h.wanted, false) as home_assistant, coalesce(h.discovery, 'homeassistant') as discovery_prefix,
       (select count(*) from home_thing t where t.receiver_id = w.id)::int as announced, h.succeeded_at as announced_at,
       h.last_error as announce_error
from receiver w left join home h on h.receiver_id = w.id
where w.tenant_id = %(tenant)s and w.kind = 'broker' and w.name > %(after)s and (%(name)s::text is null or w.name = %(name)s)
order by w.name limit %(limit)s

-- name: add_broker
-- A new one; no row: the name is taken.
insert into receiver (tenant_id, kind, name, url, prefix, types, retained, sealed, signs_in, pages, created_by)
values (%(tenant)s, 'broker', %(name)s, %(url)s, %(prefix)s, %(types)s, %(retained)s, %(sealed)s, %(signs_in)s, %(pages)s, %(actor)s)
on conflict (tenant_id, kind, name) do nothing returning id

-- name: change_broker
-- Another address, other events, off or on again: then nothing holds it back.
update receiver set url = %(url)s, prefix = %(prefix)s, types = %(types)s, retained = %(retained)s, pages = %(pages)s, failures = 0, paused_until = null,
    disabled_at = case when %(disabled)s then coalesce(disabled_at, now()) end,
    disabled_why = case when %(disabled)s then coalesce(disabled_why, %(why)s) end
where tenant_id = %(tenant)s and kind = 'broker' and name = %(name)s returning id

-- name: seal_broker
-- Another login, or none.
update receiver set sealed = %(sealed)s, signs_in = %(signs_in)s
where tenant_id = %(tenant)s and kind = 'broker' and name = %(name)s returning id
