-- Milestones of shipments: whom customers' links tell, what is known, what they were told.

-- name: watched
-- Links that tell somebody, of shipments that go on or ended within three days, with what is known now and was told.
select r.id, r.share_id, r.tenant_id, r.channel_id, r.milestones, r.told_count, r.checked_at,
       coalesce(r.language, g.language, w.language) as language, coalesce(r.tz, g.tz, si.tz, w.tz) as tz, sh.id as shipment_id, sh.name as shipment, coalesce(sh.reference, sh.name) as reference,
       sh.status, sh.started_at, sh.delivered_at, st.label as place, st.window_start, st.window_end, st.arrived_at, e.p10, e.p50, e.p90,
       exists (select from assignment a join excursion x on x.device_id = a.device_id and x.tenant_id = a.tenant_id
               where a.vehicle_id = sh.vehicle_id and a.tenant_id = sh.tenant_id and x.superseded_at is null and not x.retracted
               and x.alarm_at is not null and a.valid_to > sh.started_at
               and a.valid_from <= coalesce(sh.delivered_at, sh.cancelled_at, %(now)s)
               and x.started_at <= least(coalesce(sh.delivered_at, sh.cancelled_at, %(now)s), a.valid_to)
               and coalesce(x.ended_at, 'infinity') >= greatest(sh.started_at, a.valid_from)) as excursion,
       coalesce((select jsonb_object_agg(t.milestone, t.said || jsonb_build_object('told_at', rfc3339(t.at)))
                 from share_told t where t.recipient_id = r.id), '{}') as told
from share_recipient r join good_shares(null) g on g.id = r.share_id
join receiver w on w.id = r.channel_id and w.disabled_at is null
join shipment sh on sh.id = g.shipment_id
left join lateral (select x.* from stop x where x.shipment_id = sh.id order by x.seq desc limit 1) st on true
left join site si on si.id = st.site_id
left join lateral (select x.p10, x.p50, x.p90 from eta x where x.stop_id = st.id and st.arrived_at is null
                   order by x.at desc, x.id desc limit 1) e on true
where r.muted_at is null and r.id > %(after)s and r.told_count < %(most)s
and coalesce(coalesce(sh.delivered_at, sh.cancelled_at) > %(now)s::timestamptz - interval '3 days', true)
order by r.id limit %(limit)s

-- name: tell_milestones
-- A message for a link's recipient; no row: it is there already.
insert into outgoing (tenant_id, receiver_id, share_id, recipient_id, cause, type, subject, at, data)
values (%(tenant)s, %(channel)s, %(share)s, %(recipient)s, %(cause)s, 'milestone', %(subject)s, %(now)s, %(data)s)
on conflict (receiver_id, cause) do nothing returning id

-- name: told
-- What was told of a milestone.
insert into share_told (recipient_id, tenant_id, milestone, said, at) values (%(recipient)s, %(tenant)s, %(milestone)s, %(said)s, %(now)s)
on conflict (recipient_id, milestone) do update set said = excluded.said, at = excluded.at

-- name: count_told
-- One message more.
update share_recipient set told_count = told_count + 1 where id = %(recipient)s

-- name: checked
-- The temperatures of a shipment were looked at.
update share_recipient set checked_at = %(now)s where id = %(recipient)s

-- name: recipient_now
-- Whom a message goes to, if its link is still good and its recipient still wants it.
select r.sealed from share_recipient r join good_shares(%(share)s) g on g.id = r.share_id
where r.id = %(recipient)s and r.muted_at is null

-- name: forget_recipient
-- A browser whose subscription is over.
delete from share_recipient where id = %(recipient)s

-- name: add_recipient
-- Whom a link tells.
insert into share_recipient (share_id, tenant_id, channel_id, sealed, shown, milestones)
values (%(share)s, %(tenant)s, %(channel)s, %(sealed)s, %(shown)s, %(milestones)s)

-- name: customer_channels
-- Channels for customers that are not switched off, by name.
select w.id as key, w.name as id, w.shown, w.language from receiver w
where w.tenant_id = %(tenant)s and w.kind = 'channel' and w.for_customers and w.disabled_at is null and w.shown not like 'webpush://%%'
and (%(name)s::text is null or w.name = %(name)s) order by w.name

-- name: browsers_channel
-- By which browsers of customers are told: made by the first that asks.
select w.id as key, w.disabled_at from receiver w
where w.tenant_id = %(tenant)s and w.kind = 'channel' and w.for_customers and w.shown like 'webpush://%%' order by w.id limit 1

-- name: add_browser
-- A browser that a link tells, as it reads now; no row: there are so many already.
insert into share_recipient (share_id, tenant_id, channel_id, browser_sha256, sealed, shown, milestones, language, tz)
select %(share)s, %(tenant)s, %(channel)s, %(browser_sha256)s, %(sealed)s, %(shown)s, %(milestones)s, %(language)s, %(tz)s
where (select count(*) from share_recipient r where r.tenant_id = %(tenant)s and r.share_id = %(share)s
       and r.browser_sha256 is not null and r.browser_sha256 <> %(browser_sha256)s) < %(most)s
on conflict (share_id, browser_sha256) where browser_sha256 is not null
do update set sealed = %(sealed)s, language = %(language)s, tz = %(tz)s, muted_at = null
returning id

-- name: browser
-- Whether a link tells a browser.
select r.id from share_recipient r
where r.tenant_id = %(tenant)s and r.share_id = %(share)s and r.browser_sha256 = %(browser_sha256)s and r.muted_at is null

-- name: remove_browser
-- It tells it no more.
delete from share_recipient
where tenant_id = %(tenant)s and share_id = %(share)s and browser_sha256 = %(browser_sha256)s returning id

-- name: recipients
-- Whom links tell, and how far that has come.
select r.share_id, r.browser_sha256 is not null as is_browser, w.name as channel, r.shown, r.milestones, r.muted_at, r.told_count, o.done_at as told_at, f.last_error
from share_recipient r left join receiver w on w.id = r.channel_id and w.tenant_id = r.tenant_id
left join lateral (select x.done_at from outgoing x where x.tenant_id = r.tenant_id and x.recipient_id = r.id and x.done_at is not null
                   order by x.id desc limit 1) o on true
left join lateral (select x.last_error from outgoing x where x.tenant_id = r.tenant_id and x.recipient_id = r.id
                   order by x.id desc limit 1) f on true
where r.tenant_id = %(tenant)s and r.share_id = any(%(shares)s::int[])

-- name: mute
-- A recipient wants no more, or wants them again.
update share_recipient set muted_at = case when %(muted)s then coalesce(muted_at, now()) end
where tenant_id = %(tenant)s and share_id = %(share)s returning shown
