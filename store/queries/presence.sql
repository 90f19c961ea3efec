-- name: tag_states
-- What is known of tags.
select tag_id, time, device_id, coalesce(product_id, 0), antenna, carry from tag_state order by tag_id

-- name: put_tag_states
-- The same, as it is now.
insert into tag_state (tag_id, tenant_id, time, device_id, site_id, zone_id, product_id, antenna, carry)
select t, n, w, d, s, nullif(z, 0), nullif(p, 0), a, c
from unnest(%s::int4[], %s::int4[], %s::timestamptz[], %s::int4[], %s::int4[], %s::int4[], %s::int4[], %s::int2[], %s::bytea[])
     as u (t, n, w, d, s, z, p, a, c)
on conflict (tag_id) do update set time = excluded.time, device_id = excluded.device_id, site_id = excluded.site_id,
    zone_id = excluded.zone_id, product_id = excluded.product_id, antenna = excluded.antenna, carry = excluded.carry

-- name: put_tag_products
-- Products of tags that were not known when they were read first.
update tag_state s set product_id = u.product from unnest(%s::int4[], %s::int4[]) as u (tag, product) where s.tag_id = u.tag

-- name: zones_awake
-- When the readers of zones were listening; microseconds.
select zone_id, (extract(epoch from began_at) * 1000000)::int8, (extract(epoch from ended_at) * 1000000)::int8 from zone_awake

-- name: drop_zones_awake
-- Spans that have become part of others.
delete from zone_awake a using unnest(%s::int4[], %s::timestamptz[]) as u (zone, began) where a.zone_id = u.zone and a.began_at = u.began

-- name: put_zones_awake
-- Spans as they are now.
insert into zone_awake (zone_id, began_at, ended_at, tenant_id) select * from unnest(%s::int4[], %s::timestamptz[], %s::timestamptz[], %s::int4[])
on conflict (zone_id, began_at) do update set ended_at = excluded.ended_at

-- name: antennas
-- Antennas that stand elsewhere than their reader.
select device_id, antenna, zone_id from antenna

-- name: zone_hearings
-- How readers hear, by zone and since when.
select zone_id, (extract(epoch from since) * 1000000)::int8, inside_dbm, outside_dbm, sd_db, leak from zone_hearing order by since, zone_id

-- name: put_zone_hearings
-- What was learned of zones, from a time on.
insert into zone_hearing (zone_id, since, tenant_id, inside_dbm, outside_dbm, sd_db, leak, reads)
select u.zone, %(since)s, s.tenant_id, u.inside, u.outside, u.sd, u.leak, u.epochs
from unnest(%(zones)s::int4[], %(inside)s::float4[], %(outside)s::float4[], %(sd)s::float4[], %(leak)s::float4[], %(epochs)s::int8[])
     as u (zone, inside, outside, sd, leak, epochs)
join zone z on z.id = u.zone join site s on s.id = z.site_id
on conflict do nothing

-- name: last_learned
-- Until when reads have taught how readers hear.
select max(since) from zone_hearing

-- name: heard_of_certain
-- The strongest read by reader, antenna and half a minute, of tags in a span.
select tag_id, device_id, antenna::int, (extract(epoch from time) / 30)::int8, max(time), max(coalesce(rssi_dbm, '-Infinity'))
from reading_tag where tag_id = any(%(tags)s::int4[]) and time >= %(since)s and time < %(until)s and flags = 0
group by 1, 2, 3, 4

-- name: history_rfid
-- The first reads of a tag after a time, by whatever readers, for folding again, column by column.
select array_agg(time), array_agg(device_id), array_agg(flags), array_agg(antenna::int), array_agg(coalesce(rssi_dbm, 'NaN'))
from (select * from reading_tag where tag_id = %(tag)s and time > %(since)s
      order by time, device_id, antenna, seq, received_at limit %(most)s) r
