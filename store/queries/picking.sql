-- What sensors say of picks: weighings of the shelf at the place, reads of tags there and elsewhere.

-- name: pick_places
-- Of places that are picked from: the zone, the mass of a base unit, and how many other products the ledger has there.
select r.n, s.id as site, z.id as zone, b.code as bin, p.id as product, p.base_unit, p.unit_mass_kg,
       coalesce((select count(distinct w.product_id) from ledger_place l join ledger_balance w on w.tenant_id = l.tenant_id and w.place_id = l.id
                 where l.tenant_id = %(tenant)s and l.bin_id = b.id and w.quantity > 0 and w.product_id <> p.id), 0) as others
from jsonb_to_recordset(%(rows)s::jsonb) r (n int, site text, zone text, bin text, sku text)
join site s on s.tenant_id = %(tenant)s and s.name = r.site join product p on p.tenant_id = %(tenant)s and p.sku = r.sku
left join bin b on b.site_id = s.id and b.code = r.bin
left join zone z on z.site_id = s.id and (z.id = b.zone_id or (b.id is null and z.name = r.zone))
order by r.n

-- name: pick_weighings
-- What slots weighed or counted shortly before picks and since; a slot is the bin of its name, else all of the product in the zone.
select r.n, o.name as slot, d.name as device, o.product_id = r.product as fits, v.time, v.mass_kg, v.item_count
from jsonb_to_recordset(%(rows)s::jsonb) r (n int, zone int, bin text, product int, since timestamptz, until timestamptz)
join device d on d.tenant_id = %(tenant)s and d.kind = 'shelf' and d.zone_id = r.zone and d.revoked_at is null
join slot o on o.tenant_id = %(tenant)s and o.device_id = d.id and o.retired_at is null
    and (o.name = r.bin or (r.bin is null and o.product_id = r.product))
left join label l on l.kind = 'slot' and l.scope = d.id and l.text = o.name
left join lateral (
    select w.time, w.mass_kg, w.item_count from own_shelf(d.id, r.since - %(before_s)s * interval '1 second', r.until) w
    where w.slot_id = l.id and w.flags & %(wrong)s = 0 order by w.time desc limit %(most)s) v on true
order by r.n, d.id, o.name, v.time

-- name: pick_reads
-- In which epochs readers of the site, and those that are carried about, heard tags of the product, or in the zone any other.
select distinct r.n, v.epoch, case when t.product_id = r.product then l.text end as epc, coalesce(a.zone_id, d.zone_id, 0) = r.zone as here,
       coalesce(z.name, d.name) as zone
from jsonb_to_recordset(%(rows)s::jsonb) r (n int, site int, zone int, product int, since timestamptz, until timestamptz)
join device d on d.tenant_id = %(tenant)s and d.kind = 'rfid' and coalesce(d.site_id, r.site) = r.site and d.revoked_at is null
cross join lateral (
    select distinct w.tag_id, w.antenna, floor(extract(epoch from w.time) / %(epoch_s)s)::int8 as epoch
    from own_tag(d.id, r.since - %(before_s)s * interval '1 second', r.until, null, %(most)s) w where w.flags & %(wrong)s = 0) v
left join antenna a on a.tenant_id = %(tenant)s and a.device_id = d.id and a.antenna = v.antenna
left join zone z on z.id = coalesce(a.zone_id, d.zone_id)
left join tag_state t on t.tenant_id = %(tenant)s and t.tag_id = v.tag_id left join label l on l.id = v.tag_id
where exists (select from tag_state x where x.tenant_id = %(tenant)s and x.site_id = r.site and x.product_id = r.product)
and (t.product_id = r.product or coalesce(a.zone_id, d.zone_id, 0) = r.zone)
order by r.n, v.epoch

-- name: pick_contradicted
-- What a shelf or tags say against a pick: somebody is to count there, once.
insert into count_task (tenant_id, place_id, product_id, cause, ledger_quantity, value, doubt, opened_by)
select %(tenant)s, l.id, p.id, 'difference', coalesce(w.quantity, 0), abs(%(off)s::numeric) * coalesce(p.unit_value, 1), %(doubt)s, %(by)s
from order_step t join ledger_place l on l.id = t.place_id join order_line o on o.id = t.line_id join product p on p.id = o.product_id
left join lateral (select sum(b.quantity) as quantity from ledger_balance b where b.tenant_id = t.tenant_id and b.place_id = l.id
    and b.product_id = p.id) w on true
where t.tenant_id = %(tenant)s and t.client_id = %(id)s
on conflict (place_id, product_id) where state in ('open', 'assigned', 'counted') do nothing returning id

-- name: picks_sensed
-- Picks of an order with what was known of them, the newest first; until the next pick there began.
select t.id as key, t.client_id as id, l.seq, p.sku, t.at, t.quantity, t.actor, t.evidence, s.name as site, z.name as zone, b.code as bin,
       (select min((e.evidence ->> 'since')::timestamptz) from order_step e where e.tenant_id = t.tenant_id and e.place_id = t.place_id
        and e.evidence is not null and e.kind = 'pick' and e.at > t.at) as next_at
from order_step t join order_line l on l.id = t.line_id join product p on p.id = l.product_id join ledger_place f on f.id = t.place_id
left join site s on s.id = f.site_id left join zone z on z.id = f.zone_id left join bin b on b.id = f.bin_id
where t.tenant_id = %(tenant)s and l.order_id = %(order)s and t.kind = 'pick' and t.evidence is not null and t.withdrawn_at is null
and (%(after)s::int8 is null or t.id < %(after)s) order by t.id desc limit %(limit)s

-- name: line_products
-- Products of an order's lines, with their units.
select l.seq, p.sku, p.base_unit,
       (select coalesce(jsonb_object_agg(u.name, jsonb_build_array(u.numerator::text, u.denominator::text)), '{}')
        from product_unit u where u.product_id = p.id and u.tenant_id = p.tenant_id) as units
from customer_order o join order_line l on l.order_id = o.id join product p on p.id = l.product_id
where o.tenant_id = %(tenant)s and o.name = %(name)s order by l.seq
