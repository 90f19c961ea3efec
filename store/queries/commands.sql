-- name: commands
-- Commands of a device, the newest first; the time of one that nobody has closed yet is over all the same.
select c.id, c.name, c.via, c.argument, c.made_by, c.made_at, c.expires_at, c.sent_at, c.sent_count, c.answer, c.failure,
       case when c.state in ('waiting', 'sent') and c.expires_at <= now() then 'expired' else c.state end as state,
       case when c.state in ('waiting', 'sent') and c.expires_at <= now() then c.expires_at else c.ended_at end as ended_at
from command c join device d on d.id = c.device_id
where c.tenant_id = %(tenant)s and d.tenant_id = %(tenant)s and d.name = %(device)s
  and (%(before)s::int8 is null or c.id < %(before)s) and (%(id)s::int8 is null or c.id = %(id)s)
order by c.id desc limit %(limit)s

-- name: command_hearer
-- By which ways a device could be told something, and what it was heard to speak.
select d.kind, d.revoked_at is not null as revoked, d.mqtt_password_hash is not null as has_login,
       d.http_token_sha256 is not null as has_token,
       d.gateway_id is null and coalesce(d.external_id ~ '^[0-9]{15}$', false) as has_imei, v.format, v.at_door
from device d left join device_voice v on v.device_id = d.id and v.tenant_id = d.tenant_id
where d.tenant_id = %(tenant)s and d.name = %(device)s

-- name: command_target
-- The device that is to be told something, held until it is, and how many commands it has not answered yet.
select d.id, (select count(*) from command c where c.device_id = d.id and c.state in ('waiting', 'sent')
              and c.expires_at > now())::int as unanswered
from device d where d.tenant_id = %(tenant)s and d.name = %(device)s for no key update of d

-- name: add_command
-- A new one; ingest is told.
with made as (insert into command (tenant_id, device_id, name, via, argument, made_by, expires_at)
              values (%(tenant)s, %(device_key)s, %(name)s, %(via)s, %(argument)s::jsonb, %(actor)s,
                      now() + make_interval(secs => %(expires_in_s)s)) returning id)
select id, pg_notify('frostway_command', '') from made

-- name: cancel_command
-- It is taken back, if it has not been sent.
update command c set state = 'cancelled', ended_at = now() from device d
where c.tenant_id = %(tenant)s and d.id = c.device_id and d.tenant_id = %(tenant)s and d.name = %(device)s
  and c.id = %(id)s and c.state = 'waiting' and c.expires_at > now() returning c.id

-- name: listen
-- New commands are heard of.
listen frostway_command

-- name: due
-- What is to be sent now to devices that were heard lately, which counts as sent; no two workers take the same.
with due as (
    select c.id, t.name as tenant, d.name as device
    from command c join device d on d.id = c.device_id join tenant t on t.id = c.tenant_id
    join device_state s on s.device_id = c.device_id
    where c.via = 'native' and c.state in ('waiting', 'sent') and c.next_at <= now() and c.expires_at > now()
      and d.revoked_at is null
      and s.last_received > now() - make_interval(secs => %(heard_s)s)
    order by c.id limit %(most)s for update of c skip locked)
update command c set state = 'sent', sent_at = coalesce(c.sent_at, now()), sent_count = c.sent_count + 1,
       next_at = now() + make_interval(secs => least(%(again_s)s * 2 ^ least(c.sent_count, 10), %(again_max_s)s))
from due where c.id = due.id
returning c.id, due.tenant, due.device, c.name, c.argument, floor(extract(epoch from c.expires_at) * 1000)::int8

-- name: answer
-- What a device said to a command of its own, and what that was worth; no row: it has no such command.
with c as (select c.id, c.state, c.sent_at, c.expires_at
           from command c join device d on d.id = c.device_id join tenant t on t.id = d.tenant_id
           where c.id = %(id)s and c.via = 'native' and t.name = %(tenant)s and d.name = %(device)s and d.revoked_at is null for update of c),
     done as (update command set state = %(state)s, answer = %(answer)s, ended_at = %(at)s from c
              where command.id = c.id and c.state in ('sent', 'expired') and c.sent_at is not null
                and %(at)s < c.expires_at returning command.id)
select case when exists (select from done) then 'taken' when c.state in ('answered', 'refused') then 'again'
            when c.sent_at is null then 'unsent' else 'late' end from c

-- name: due_on_lines
-- The next command of each device whose connection is free, by its IMEI; it counts as sent, and is ours for a while.
with due as (
    select distinct on (d.external_id) c.id, d.external_id
    from command c join device d on d.id = c.device_id
    where c.via = 'teltonika' and c.state = 'waiting' and c.expires_at > now() and d.revoked_at is null
      and d.gateway_id is null and d.external_id = any(%(free)s::text[])
      and not exists (select from device o where o.external_id = d.external_id and o.gateway_id is null
                      and o.revoked_at is null and o.id < d.id)
    order by d.external_id, c.id)
update command c set state = 'sent', sent_at = now(), sent_count = 1, next_at = now() + make_interval(secs => %(lease_s)s)
from due where c.id = due.id and c.state = 'waiting'
returning c.id, due.external_id, c.name, c.argument

-- name: keep
-- Those that are on a connection of ours stay ours for another while.
update command set next_at = now() + make_interval(secs => %(lease_s)s) where id = any(%(ids)s::int8[]) and state = 'sent'

-- name: put_back
-- One that was never written waits again.
update command set state = 'waiting', sent_at = null, sent_count = 0 where id = %(id)s and state = 'sent'

-- name: answer_on_line
-- What a device said over the connection on which it was told, or why it will not.
update command set state = %(state)s, answer = %(answer)s, failure = %(failure)s, ended_at = %(at)s
where id = %(id)s and %(at)s < expires_at and (state = 'sent' or %(state)s = 'answered' and state in ('failed', 'expired'))
returning id

-- name: abandon
-- Those that were on a connection of an ingest that has ended.
update command set state = 'failed', failure = 'ended', ended_at = now()
where via = 'teltonika' and state = 'sent' and next_at < now() and expires_at > now()

-- name: expire
-- Those that nobody has answered in time.
update command set state = 'expired', ended_at = expires_at where state in ('waiting', 'sent') and expires_at <= now()

-- name: trim
-- Those that ended long ago.
delete from command where ended_at < now() - interval '90 days'

-- name: put_voices
-- In which formats devices were heard just now.
insert into device_voice as v (device_id, tenant_id, format, at_door, heard_at)
select d.id, d.tenant_id, u.format, %(at_door)s, now()
from unnest(%(devices)s::int[], %(formats)s::text[]) as u (device_id, format) join device d on d.id = u.device_id order by d.id
on conflict (device_id) do update set format = excluded.format, at_door = excluded.at_door, heard_at = excluded.heard_at

-- name: waiting_for_phones
-- Devices of which a command to an OwnTracks app is open.
select distinct device_id from command where via = 'owntracks' and state in ('waiting', 'sent') and expires_at > now()

-- name: due_for_phones
-- What is to be published now to apps that speak by MQTT; it counts as sent. What has no answer waits until one was heard.
with due as (
    select c.id, t.name as tenant, d.name as device
    from command c join device d on d.id = c.device_id join tenant t on t.id = c.tenant_id
    left join device_voice v on v.device_id = d.id left join device_state s on s.device_id = d.id
    where c.via = 'owntracks' and c.state in ('waiting', 'sent') and c.next_at <= now() and c.expires_at > now()
      and d.revoked_at is null and d.mqtt_password_hash is not null
      and not coalesce(v.at_door, d.http_token_sha256 is not null)
      and (c.name = any(%(answered)s::text[]) or s.last_received > now() - make_interval(secs => %(heard_s)s))
    order by c.id limit %(most)s for update of c skip locked)
update command c set state = 'sent', sent_at = coalesce(c.sent_at, now()), sent_count = c.sent_count + 1,
       next_at = now() + make_interval(secs => least(%(again_s)s * 2 ^ least(c.sent_count, 10), %(again_max_s)s))
from due where c.id = due.id returning c.id, due.tenant, due.device, c.name, c.argument

-- name: claim_for_phones
-- What is to stand in the answers to devices that have just called at the door; it counts as sent.
with due as (
    select c.id from command c join device d on d.id = c.device_id
    where c.via = 'owntracks' and c.state in ('waiting', 'sent') and c.next_at <= now() and c.expires_at > now()
      and d.revoked_at is null and c.device_id = any(%(devices)s::int[])
    order by c.id limit %(most)s for update of c skip locked)
update command c set state = 'sent', sent_at = coalesce(c.sent_at, now()), sent_count = c.sent_count + 1,
       next_at = now() + make_interval(secs => least(%(again_s)s * 2 ^ least(c.sent_count, 10), %(again_max_s)s))
from due where c.id = due.id returning c.id, c.device_id, c.name, c.argument

-- name: told
-- These were handed over; those that have no answer are done.
update command set state = 'told', ended_at = now()
where id = any(%(ids)s::int8[]) and state = 'sent' and not name = any(%(answered)s::text[])

-- name: answer_of_phone
-- What an app sent when it was asked, to what it was asked.
update command set state = 'answered', answer = %(answer)s, ended_at = %(at)s
where device_id = %(device)s and via = 'owntracks' and name = %(name)s and state = 'sent' and %(at)s < expires_at
