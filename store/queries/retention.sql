-- name: processed
-- How far each partition of the log is processed.
select partition, position from tracker_position

-- name: trim_changes
-- Clients that were away longer get a fresh snapshot.
delete from change where (partition, seq) in (select partition, seq from change where at < %(before)s limit %(limit)s)

-- name: trim_etas
-- Arrival times that are as old as the oldest readings.
delete from eta where id in (select id from eta where at < %(before)s limit %(limit)s)

-- name: trim_quarantine
-- Keeps the newest so many messages of a device, and of all.
delete from quarantine where id in (
    select id from (select id, row_number() over (partition by tenant, device order by id desc) as of_device,
                           row_number() over (order by id desc) as of_all from quarantine) q
    where q.of_device > %(of_device)s or q.of_all > %(of_all)s limit %(limit)s)

-- name: trim_strangers
-- Keeps those heard of last.
delete from stranger where (tenant, speaker, name) in
    (select tenant, speaker, name from stranger order by last_seen desc offset %(most)s limit %(limit)s)

-- name: trim_receipt_pages
-- What boots said that nobody has heard of for long; as long as a reading without a time is known again.
delete from receipt_said where (device_id, boot_id, page) in
    (select device_id, boot_id, page from receipt_said where updated_at < now() - interval '35 days' limit %(limit)s)

-- name: trim_summaries
-- Summaries of readings that are dropped.
delete from reading_summary where ctid in (
    select s.ctid from reading_summary s where s.time < (select coalesce(since, '-infinity') from summary_span) limit %(limit)s)

-- name: trim_outgoing
-- What was told, or given up, long ago.
delete from outgoing where id in (
    select id from outgoing where created_at < now() - interval '30 days' and (done_at is not null or gave_up_at is not null)
    limit %(limit)s)

-- name: trim_recipients
-- Whom links told that have been over for a month, and of what.
delete from share_recipient where id in (
    select r.id from share_recipient r join ended_shares(now() - interval '30 days') e on e.id = r.share_id limit %(limit)s)
