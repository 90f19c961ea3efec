-- Carriers, their services and rate cards, what their shipments were like, and which one a shipment was given to.

-- name: carriers
-- Carriers by code, without retired ones; or one.
select c.id as key, c.code as id, c.label, c.retired_at,
       (select count(*) from carrier_service s where s.carrier_id = c.id and s.tenant_id = c.tenant_id and s.retired_at is null) as services
from carrier c where c.tenant_id = %(tenant)s and c.code > %(after)s and (%(id)s::text is null or c.code = %(id)s)
and (%(id)s::text is not null or c.retired_at is null) order by c.code limit %(limit)s

-- name: put_carrier
-- A carrier, made, changed, or taken up again.
insert into carrier (tenant_id, code, label) values (%(tenant)s, %(id)s, %(label)s)
on conflict (tenant_id, code) do update set label = excluded.label, retired_at = null returning id

-- name: retire_carrier
-- Offered no more; what it carried stays.
update carrier set retired_at = now() where tenant_id = %(tenant)s and code = %(id)s and retired_at is null returning id

-- name: services
-- Services of a carrier, or of all, with the revision of the newest rate card.
select s.id as key, c.code as carrier, c.label as carrier_label, s.code as id, s.label, s.mode, s.temp_classes, to_char(s.cut_off, 'HH24:MI') as cut_off,
       s.transit_h, s.transit_h_p90, s.co2e_g_per_tkm, s.co2e_grade, s.retired_at,
       (select max(r.revision) from rate_card r where r.service_id = s.id and r.tenant_id = s.tenant_id) as rate_card
from carrier_service s join carrier c on c.id = s.carrier_id
where s.tenant_id = %(tenant)s and (%(carrier)s::text is null or c.code = %(carrier)s) and (%(id)s::text is null or s.code = %(id)s)
and (%(id)s::text is not null or (s.retired_at is null and c.retired_at is null)) order by c.code, s.code limit 500

-- name: put_service
-- A service of a carrier, made, changed, or taken up again.
insert into carrier_service (tenant_id, carrier_id, code, label, mode, temp_classes, cut_off, transit_h, transit_h_p90, co2e_g_per_tkm, co2e_grade)
select %(tenant)s, c.id, %(id)s, %(label)s, %(mode)s, %(temp_classes)s, %(cut_off)s::time, %(transit_h)s, %(transit_h_p90)s, %(co2e_g_per_tkm)s,
       %(co2e_grade)s
from carrier c where c.tenant_id = %(tenant)s and c.code = %(carrier)s and c.retired_at is null
on conflict (carrier_id, code) do update set label = excluded.label, mode = excluded.mode, temp_classes = excluded.temp_classes,
    cut_off = excluded.cut_off, transit_h = excluded.transit_h, transit_h_p90 = excluded.transit_h_p90, co2e_g_per_tkm = excluded.co2e_g_per_tkm,
    co2e_grade = excluded.co2e_grade, retired_at = null returning id

-- name: retire_service
-- Offered no more.
update carrier_service s set retired_at = now() from carrier c
where c.id = s.carrier_id and s.tenant_id = %(tenant)s and c.code = %(carrier)s and s.code = %(id)s and s.retired_at is null returning s.id

-- name: add_card
-- A new revision of a service's rate card; two who add at once get one after the other.
with service as (
    select s.id from carrier_service s join carrier c on c.id = s.carrier_id
    where s.tenant_id = %(tenant)s and c.code = %(carrier)s and s.code = %(id)s for update of s)
insert into rate_card (service_id, revision, tenant_id, valid_from, valid_to, body, added_by)
select s.id, 1 + coalesce((select max(r.revision) from rate_card r where r.service_id = s.id), 0), %(tenant)s, %(valid_from)s, %(valid_to)s, %(body)s,
       %(by)s
from service s returning revision

-- name: cards
-- Revisions of a service's rate card, the newest first.
select r.revision, r.valid_from, r.valid_to, r.body, r.added_at, r.added_by
from rate_card r join carrier_service s on s.id = r.service_id join carrier c on c.id = s.carrier_id
where r.tenant_id = %(tenant)s and c.code = %(carrier)s and s.code = %(id)s and (%(before)s::int is null or r.revision < %(before)s)
order by r.revision desc limit %(limit)s

-- name: cards_of_day
-- Of each service the newest card that is valid on a day.
select distinct on (r.service_id) r.service_id, r.revision, r.valid_from, r.valid_to, r.body from rate_card r
where r.tenant_id = %(tenant)s and r.valid_from <= %(day)s and r.valid_to >= %(day)s order by r.service_id, r.revision desc

-- name: lane_of
-- The site where a shipment begins, where it ends, and when it is to be there.
select h.id as key, h.name as id, h.status, a.site as origin, a.tz, a.lat as from_lat, a.lon as from_lon, z.label as destination, z.lat as to_lat,
       z.lon as to_lon, z.window_end
from shipment h
cross join lateral (select i.name as site, coalesce(i.tz, 'UTC') as tz, s.lat, s.lon from stop s left join site i on i.id = s.site_id
                    where s.shipment_id = h.id order by s.seq limit 1) a
cross join lateral (select coalesce(i.name, s.label) as label, s.lat, s.lon, s.window_end from stop s left join site i on i.id = s.site_id
                    where s.shipment_id = h.id order by s.seq desc limit 1) z
where h.tenant_id = %(tenant)s and h.name = %(id)s

-- name: transits
-- Delivered shipments of carriers: hours under way, whether in time, by service and lane; the newest first.
select x.service_id, h.started_at, h.delivered_at, a.site as origin, z.label as destination,
       (z.window_end is null or h.delivered_at <= z.window_end) as on_time,
       extract(epoch from h.delivered_at - h.started_at)::float8 / 3600 as transit_h,
       coalesce((select bool_or(t.verdict = 'fail') from goods_stay g join goods_budget t on t.unit_id = g.unit_id
                 where g.shipment_id = h.id), false) as cold_chain_failed
from shipment h
join lateral (select c.service_id from carrier_choice c where c.shipment_id = h.id and c.tenant_id = h.tenant_id order by c.id desc limit 1) x
    on x.service_id is not null
cross join lateral (select coalesce(i.name, s.label) as site from stop s left join site i on i.id = s.site_id
                    where s.shipment_id = h.id order by s.seq limit 1) a
cross join lateral (select coalesce(i.name, s.label) as label, s.window_end from stop s left join site i on i.id = s.site_id
                    where s.shipment_id = h.id order by s.seq desc limit 1) z
where h.tenant_id = %(tenant)s and h.status = 'delivered' and h.delivered_at > %(since)s and h.started_at is not null
order by h.delivered_at desc limit 20000

-- name: add_choice
-- Who carries a shipment from now on, with what there was to choose between.
insert into carrier_choice (tenant_id, shipment_id, service_id, reason, asked, options, chosen_by)
select %(tenant)s, h.id, %(service)s, %(reason)s, %(asked)s, %(options)s, %(by)s from shipment h
where h.tenant_id = %(tenant)s and h.name = %(shipment)s returning id

-- name: choices
-- Choices of who carries a shipment, the newest first.
select x.id as key, c.code as carrier, s.code as service, x.reason, x.asked, x.options, x.chosen_at, x.chosen_by
from carrier_choice x join shipment h on h.id = x.shipment_id left join carrier_service s on s.id = x.service_id left join carrier c on c.id = s.carrier_id
where x.tenant_id = %(tenant)s and h.name = %(shipment)s order by x.id desc limit 50
