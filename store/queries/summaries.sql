-- name: mark
-- Ten minutes of devices to be summarised again.
insert into summary_due (device_id, time) select * from unnest(%s::int4[], %s::timestamptz[])

-- name: span
-- How far everything is summarised, for who holds it alone; whether all that may not have known of `closing` is over.
select case when isfinite(since) then since end, until, closing, closed_by is not null,
       case when isfinite(kept_from) then kept_from end,
       coalesce(pg_snapshot_xmin(pg_current_snapshot()) > closed_by, false),
       closed_by >= pg_snapshot_xmax(pg_current_snapshot()),
       date_bin('10 minutes', coalesce(%(now)s::timestamptz, now()) - interval '15 minutes', 'epoch')
from summary_span for update skip locked

-- name: publish
-- From here on whoever writes what is older marks it.
update summary_span set closing = %(closing)s, closed_by = null

-- name: close
-- Who has not known it began before this transaction.
update summary_span set closed_by = pg_current_xact_id()

-- name: begin
-- Summaries go on from here, forwards and backwards.
update summary_span set since = closing, until = closing

-- name: reach
-- Summarised as far as this.
update summary_span set until = %(until)s

-- name: reach_back
-- And from here on; -infinity: there are no readings before.
update summary_span set since = coalesce(%(since)s::timestamptz, '-infinity')

-- name: summarise
-- A slice of all devices.
insert into reading_summary (time, device_id, name_id, samples, driving_samples, total, driving_total, lowest, highest)
select * from summarised_speed(%(since)s, %(until)s) union all
select * from summarised_values(null, %(since)s, %(until)s)

-- name: any_between
-- Whether there are readings in a span.
select exists (select from reading_position where time >= coalesce(%(since)s::timestamptz, '-infinity') and time < %(until)s)
       or exists (select from reading_attribute where time >= coalesce(%(since)s::timestamptz, '-infinity') and time < %(until)s)

-- name: claim
-- Marks of so many ten minutes, newest first, and their number; one that comes meanwhile stays.
with wanted as (select distinct time, device_id from summary_due order by time desc, device_id desc limit %(most)s),
     claimed as (delete from summary_due d using wanted w where d.time = w.time and d.device_id = w.device_id)
select device_id, time from wanted

-- name: forget
-- What was said of ten minutes.
delete from reading_summary s using unnest(%(device)s::int4[], %(time)s::timestamptz[]) as d (device_id, time), summary_span p
where s.time = d.time and s.device_id = d.device_id and d.time >= p.since and d.time < p.until

-- name: summarise_again
-- The same from the readings there are; what is not summarised yet will be in its turn.
insert into reading_summary (time, device_id, name_id, samples, driving_samples, total, driving_total, lowest, highest)
select f.* from unnest(%(device)s::int4[], %(time)s::timestamptz[]) as d (device_id, time)
join summary_span p on d.time >= p.since and d.time < p.until
cross join lateral (
    select * from summarised_speed_of(d.device_id, d.time, d.time + interval '10 minutes') union all
    select * from summarised_values_of(d.device_id, null, d.time, d.time + interval '10 minutes')) f

-- name: keep_from
-- Readings before are dropped next: nothing of them counts as summarised.
update summary_span set kept_from = greatest(kept_from, w.at),
       since = case when since is not null then least(greatest(since, w.at), until) end
from (select date_bin('10 minutes', %(before)s::timestamptz, 'epoch') + interval '10 minutes' as at) w
where kept_from < w.at

-- name: progress
-- Seconds since the last moment that is summarised, ten minutes to be summarised again, and the first moment (0: of all).
select coalesce(extract(epoch from now() - until), 0)::float8,
       (select count(*) from (select from summary_due limit 10000) d),
       case when isfinite(since) then extract(epoch from since) else 0 end::float8
from summary_span
