-- name: commands
-- Commands of a device, the newest first; the time of one that nobody has closed yet is over all the same.
select c.id, c.name, c.argument, c.made_by, c.made_at, c.expires_at, c.sent_at, c.sent_count, c.answer,
       case when c.state in ('waiting', 'sent') and c.expires_at <= now() then 'expired' else c.state end as state,
       case when c.state in ('waiting', 'sent') and c.expires_at <= now() then c.expires_at else c.ended_at end as ended_at
from command c join device d on d.id = c.device_id
where c.tenant_id = %(tenant)s and d.tenant_id = %(tenant)s and d.name = %(device)s
  and (%(before)s::int8 is null or c.id < %(before)s) and (%(id)s::int8 is null or c.id = %(id)s)
order by c.id desc limit %(limit)s

-- name: command_hearer
-- Whether a device can be told anything.
select d.revoked_at is not null as revoked, d.mqtt_password_hash is not null as has_login
from device d where d.tenant_id = %(tenant)s and d.name = %(device)s

-- name: command_target
-- Whether a device can be told anything, and how many commands it has not answered yet.
select d.id, d.revoked_at is not null as revoked, d.mqtt_password_hash is not null as has_login,
       (select count(*) from command c where c.device_id = d.id and c.state in ('waiting', 'sent')
        and c.expires_at > now())::int as unanswered
from device d where d.tenant_id = %(tenant)s and d.name = %(device)s for no key update of d

-- name: add_command
-- A new one; ingest is told.
with made as (insert into command (tenant_id, device_id, name, argument, made_by, expires_at)
              values (%(tenant)s, %(device_key)s, %(name)s, %(argument)s::jsonb, %(actor)s,
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
    where c.state in ('waiting', 'sent') and c.next_at <= now() and c.expires_at > now() and d.revoked_at is null
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
           where c.id = %(id)s and t.name = %(tenant)s and d.name = %(device)s and d.revoked_at is null for update of c),
     done as (update command set state = %(state)s, answer = %(answer)s, ended_at = %(at)s from c
              where command.id = c.id and c.state in ('sent', 'expired') and c.sent_at is not null
                and %(at)s < c.expires_at returning command.id)
select case when exists (select from done) then 'taken' when c.state in ('answered', 'refused') then 'again'
            when c.sent_at is null then 'unsent' else 'late' end from c

-- name: expire
-- Those that nobody has answered in time.
update command set state = 'expired', ended_at = expires_at where state in ('waiting', 'sent') and expires_at <= now()

-- name: trim
-- Those that ended long ago.
delete from command where ended_at < now() - interval '90 days'
