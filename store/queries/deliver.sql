-- name: due
-- Webhooks with something to be told now, a share of it each, claimed: nobody else tells it until the claim runs out.
with due as (
    select o.id from webhook w cross join lateral (
        select q.id from outgoing q
        where q.webhook_id = w.id and q.done_at is null and q.gave_up_at is null and q.next_at <= %(now)s
        and (q.claimed_until is null or q.claimed_until <= %(now)s)
        order by q.id limit %(share)s for update skip locked) o
    where w.disabled_at is null and (w.paused_until is null or w.paused_until <= %(now)s)
    order by w.paused_until nulls first, o.id limit %(limit)s
), mine as (
    update outgoing o set claimed_until = %(now)s::timestamptz + %(claim)s::interval from due where o.id = due.id
    returning o.*
)
select m.id, m.webhook_id, m.tenant_id, t.name as tenant, m.cause, m.type, m.subject, m.at, m.data, m.attempts,
       w.url, w.secret, case when w.former_until > %(now)s then w.former_secret end as former_secret
from mine m join webhook w on w.id = m.webhook_id join tenant t on t.id = m.tenant_id
order by m.webhook_id, m.id

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
-- How often a webhook has failed in a row.
select failures from webhook where id = %(id)s for update

-- name: reached
-- A webhook took something: it is well.
update webhook set failures = 0, paused_until = null, succeeded_at = %(now)s, last_error = null where id = %(id)s

-- name: failed
-- A webhook failed; it may be left alone for some time, or for good.
update webhook set failures = failures + 1, failed_at = %(now)s, last_error = %(error)s, paused_until = %(paused_until)s,
    disabled_at = case when %(disable)s then coalesce(disabled_at, %(now)s) else disabled_at end,
    disabled_why = case when %(disable)s then %(error)s else disabled_why end
where id = %(id)s

-- name: unclaim
-- What was claimed and is not tried after all.
update outgoing set claimed_until = null where id = any(%(ids)s::int8[])

-- name: give_up_surplus
-- The oldest of what waits beyond so many for a webhook.
update outgoing set gave_up_at = %(now)s, last_error = 'too many wait for this webhook', claimed_until = null
where id in (
    select o.id from webhook w cross join lateral (
        select q.id from outgoing q where q.webhook_id = w.id and q.done_at is null and q.gave_up_at is null
        order by q.id desc offset %(most)s) o)

-- name: waiting
-- How much waits, and how many webhooks fail.
select (select count(*) from (select from outgoing where done_at is null and gave_up_at is null limit 100000) o),
       (select count(*) from webhook where failures > 0 and disabled_at is null)

-- name: webhooks
-- Webhooks of a tenant by name, never their secrets, with how much waits for each.
select w.id as key, w.name as id, w.url, w.types, w.created_at, w.created_by, w.disabled_at, w.disabled_why, w.failures,
       w.paused_until, w.succeeded_at, w.failed_at, w.last_error, w.former_until,
       (select count(*) from (select from outgoing o where o.webhook_id = w.id and o.done_at is null
                              and o.gave_up_at is null limit 1000) q)::int as waiting
from webhook w
where w.tenant_id = %(tenant)s and w.name > %(after)s and (%(name)s::text is null or w.name = %(name)s)
order by w.name limit %(limit)s

-- name: add_webhook
-- A new one; no row: the name is taken.
insert into webhook (tenant_id, name, url, types, secret, created_by)
values (%(tenant)s, %(name)s, %(url)s, %(types)s, %(secret)s, %(actor)s)
on conflict (tenant_id, name) do nothing returning id

-- name: change_webhook
-- Another address, other events, off or on again: then nothing holds it back.
update webhook set url = %(url)s, types = %(types)s, failures = 0, paused_until = null,
    disabled_at = case when %(disabled)s then coalesce(disabled_at, now()) end,
    disabled_why = case when %(disabled)s then coalesce(disabled_why, %(why)s) end
where tenant_id = %(tenant)s and name = %(name)s returning id

-- name: rotate_webhook
-- Another secret; the former one signs too for some time.
select id from own_rotate_webhook(%(tenant)s, %(name)s, %(secret)s, %(until)s)

-- name: remove_webhook
-- It is gone, with all that waits for it.
delete from webhook where tenant_id = %(tenant)s and name = %(name)s returning id

-- name: try_webhook
-- Something to be told now, to see whether it arrives.
insert into outgoing (tenant_id, webhook_id, cause, type, subject, at, data)
select w.tenant_id, w.id, %(cause)s, 'test', 'webhooks/' || w.name, %(now)s, jsonb_build_object('webhook', w.name, 'by', %(actor)s::text)
from webhook w where w.tenant_id = %(tenant)s and w.name = %(name)s returning id

-- name: deliveries
-- What a webhook was told or is to be told, the newest first.
select o.id as key, o.cause, o.type, o.subject, o.at, o.created_at, o.attempts, o.next_at, o.done_at, o.gave_up_at,
       o.last_status, o.last_error, o.data
from outgoing o join webhook w on w.id = o.webhook_id and w.tenant_id = o.tenant_id
where o.tenant_id = %(tenant)s and w.name = %(name)s and (%(before)s::int8 is null or o.id < %(before)s)
and (%(id)s::int8 is null or o.id = %(id)s)
and (%(state)s::text is null or %(state)s = case when o.done_at is not null then 'done'
                                                 when o.gave_up_at is not null then 'gave up' else 'waiting' end)
order by o.id desc limit %(limit)s

-- name: attempts
-- The attempts of some deliveries.
select outgoing_id, at, status, error, took_ms, answer from outgoing_attempt
where tenant_id = %(tenant)s and outgoing_id = any(%(ids)s::int8[]) order by id

-- name: redeliver
-- Once more from the beginning, under the same number: a receiver that has it knows it.
update outgoing o set attempts = 0, next_at = now(), claimed_until = null, done_at = null, gave_up_at = null
from webhook w where w.id = o.webhook_id and w.tenant_id = o.tenant_id
and o.tenant_id = %(tenant)s and w.name = %(name)s and o.id = %(id)s returning o.id
