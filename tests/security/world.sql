-- What is in a tenant beside what every world of the tests has. {mark} says whose it is, {tag} is its canary.
insert into quarantine (received_at, tenant, device, topic, payload, reason)
values (now(), '{name}', '{mark}-gps', 't', 'payload{tag}', 'reason{tag}');
insert into trip (tenant_id, vehicle_id, kind, started_at, start_lat, start_lon, decided_at, rule_version)
select tenant_id, id, 'trip', now(), 1, 1, now(), 1
from vehicle
where name = 'truck-02' and tenant_id = {tenant};
insert into driver (tenant_id, name, label)
values ({tenant}, '{mark}-driver', 'Driver{tag}');
insert into vehicle_driver (tenant_id, vehicle_id, driver_id, valid_from, valid_to, recorded_by)
select {tenant}, v.id, d.id, '-infinity', 'infinity', 'Maker{tag}'
from vehicle v, driver d
where v.tenant_id = {tenant} and d.tenant_id = {tenant} and v.name = 'truck-02';
insert into profile (tenant_id, name, low_c, high_c, for_s, hysteresis_c, max_interval_s)
select {tenant}, '{mark}-profile', 1, 2, 60, 0.5, 300;
insert into profile_version (profile_id, tenant_id, version, valid_from, body, note, made_by)
select id, tenant_id, 1, '-infinity', '{{"low_c": 1, "high_c": 2}}', 'Note{tag}', 'Maker{tag}'
from profile
where tenant_id = {tenant} and name = '{mark}-profile';
insert into shipment (tenant_id, name, reference, customer, status)
values ({tenant}, '{mark}-ship', 'Reference{tag}', 'Customer{tag}', 'planned');
insert into share (tenant_id, shipment_id, token_sha256, created_by, expires_at, recipient)
select {tenant}, id, sha256('{mark}share'), 'Maker{tag}', now() + interval '9 days', 'Recipient{tag}'
from shipment
where tenant_id = {tenant} and name = '{mark}-ship';
insert into share_opening (tenant_id, share_id, client)
select {tenant}, id, 'Client{tag}'
from share
where tenant_id = {tenant};
insert into access_token (tenant_id, kind, subject, role, token_sha256, expires_at, agent)
values ({tenant}, 'session', '{mark}-ann', 'admin', sha256('{mark}session'), now() + interval '9 days', 'Agent{tag}');
insert into receiver (tenant_id, kind, name, url, prefix, types, created_by, last_error)
values ({tenant}, 'broker', '{mark}-broker', 'mqtts://example.org', 'prefix{tag}', '{{*}}', 'Maker{tag}', 'Error{tag}');
insert into outgoing (tenant_id, receiver_id, cause, type, subject, at, data)
select {tenant}, id, '{mark}/0', 'test', 'Subject{tag}', now(), '{{}}'
from receiver
where tenant_id = {tenant} and name = '{mark}-broker';
insert into receiver (tenant_id, name, url, types, secret, created_by, last_error)
values ({tenant}, '{mark}-hook', 'https://example.org/', '{{*}}', sha256('{mark}'), 'Maker{tag}', 'Error{tag}');
insert into outgoing (tenant_id, receiver_id, cause, type, subject, at, data)
select {tenant}, id, '{mark}/1', 'test', 'Subject{tag}', now(), '{{}}'
from receiver
where tenant_id = {tenant} and name = '{mark}-hook';
insert into receiver (tenant_id, kind, name, sealed, shown, types, language, tz, created_by, last_error)
values ({tenant}, 'channel', '{mark}-channel', sha256('{mark}'), 'mailtos://…{tag}', '{{alert.opened}}', 'en', 'UTC', 'Maker{tag}', 'Error{tag}');
insert into outgoing (tenant_id, receiver_id, cause, type, subject, at, data)
select {tenant}, id, '{mark}/2', 'test', 'Subject{tag}', now(), '{{}}'
from receiver
where tenant_id = {tenant} and name = '{mark}-channel';
insert into share_recipient (share_id, tenant_id, channel_id, sealed, shown, milestones)
select s.id, {tenant}, r.id, sha256('{mark}'), 'to…{tag}', '{{planned}}'
from share s, receiver r
where s.tenant_id = {tenant} and r.tenant_id = {tenant} and r.kind = 'channel';
insert into share_told (recipient_id, tenant_id, milestone, said, at)
select id, {tenant}, 'planned', '{{}}', now()
from share_recipient
where tenant_id = {tenant};
insert into lot (tenant_id, code, product_id, reason, declared_by)
select {tenant}, '{mark}-lot', id, 'Reason{tag}', 'Maker{tag}' from product where tenant_id = {tenant} and sku = 'MILK';
insert into goods_movement (tenant_id, client_id, kind, at, units, body, reason, recorded_by)
select {tenant}, '{mark}-move', 'commission', now(), '{{{mark}-unit}}',
       jsonb_build_object('contents', jsonb_build_array(jsonb_build_object('lot', '{mark}-lot', 'quantity', 3)),
                          'place', jsonb_build_object('vehicle', id)), 'Reason{tag}', 'Maker{tag}'
from vehicle where tenant_id = {tenant} and name = 'truck-02';
insert into handling_unit (tenant_id, code, since) values ({tenant}, '{mark}-unit', now());
insert into goods_stay (unit_id, since, tenant_id, vehicle_id)
select u.id, u.since, {tenant}, v.id from handling_unit u, vehicle v
where u.tenant_id = {tenant} and v.tenant_id = {tenant} and v.name = 'truck-02';
insert into goods_part (unit_id, n, tenant_id, lot_id, quantity, way)
select u.id, 0, {tenant}, l.id, 3, jsonb_build_array(jsonb_build_array(u.code, 0, null)) from handling_unit u, lot l
where u.tenant_id = {tenant} and l.tenant_id = {tenant};
insert into goods_budget (unit_id, tenant_id, verdict, body, rule_version, decided_at)
select id, {tenant}, 'indeterminate', jsonb_build_object(
    'reasons', '["no_data"]'::jsonb, 'unit', code, 'lot', 'Lot{tag}', 'of', 1, 'failing', 0, 'profile', null, 'profile_version', null,
    'known_s', 0, 'unknown_s', 0, 'min_c', null, 'max_c', null, 'bands', '[]'::jsonb, 'kinetic', null, 'stays', '[]'::jsonb), 1, now()
from handling_unit where tenant_id = {tenant};
insert into bin (tenant_id, site_id, zone_id, code, label)
select {tenant}, s.id, z.id, '{mark}-bin', 'Bin{tag}' from site s, zone z
where s.tenant_id = {tenant} and s.name = 'store-1' and z.site_id = s.id and z.name = 'chiller';
insert into product_unit (tenant_id, product_id, name, numerator) select {tenant}, id, 'case', 12 from product where tenant_id = {tenant} and sku = 'MILK';
insert into ledger_place (tenant_id, kind) values ({tenant}, 'supplier');
insert into ledger_place (tenant_id, kind, site_id, zone_id, bin_id)
select {tenant}, 'site', site_id, zone_id, id from bin where tenant_id = {tenant};
insert into ledger_move (tenant_id, client_id, kind, moved_at, product_id, lot_id, from_place, to_place, quantity, entered_quantity,
                         entered_unit, actor, source, reason, reference)
select {tenant}, '{mark}-stock', 'receive', now(), p.id, l.id, f.id, t.id, 5, 5, 'piece', 'Maker{tag}', 'person', 'Reason{tag}', 'Reference{tag}'
from product p, lot l, ledger_place f, ledger_place t
where p.tenant_id = {tenant} and p.sku = 'MILK' and l.tenant_id = {tenant} and l.code = '{mark}-lot'
and f.tenant_id = {tenant} and f.kind = 'supplier' and t.tenant_id = {tenant} and t.kind = 'site';
insert into ledger_balance (tenant_id, place_id, product_id, lot_id, quantity, moved_at, changed_at)
select {tenant}, to_place, product_id, lot_id, 5, now(), now() from ledger_move where tenant_id = {tenant};
insert into count_task (tenant_id, place_id, product_id, cause, ledger_quantity, opened_by, assignee, reason)
select {tenant}, to_place, product_id, 'asked', 5, 'Maker{tag}', 'Ann{tag}', 'Reason{tag}' from ledger_move where tenant_id = {tenant};
insert into stock_reservation (tenant_id, client_id, reference, product_id, quantity, reserved_by)
select {tenant}, '{mark}-reserved', 'Reference{tag}', product_id, 1, 'Maker{tag}' from ledger_move where tenant_id = {tenant};
insert into customer (tenant_id, code, label) values ({tenant}, '{mark}-customer', 'Label{tag}');
insert into ship_to (tenant_id, customer_id, code, label, address, access)
select {tenant}, id, '{mark}-ship-to', 'Label{tag}', 'Address{tag}', 'Access{tag}' from customer where tenant_id = {tenant};
insert into customer_order (tenant_id, name, customer_id, ship_to_id, site_id, reference, note, ordered_at, created_by)
select {tenant}, '{mark}-order', t.customer_id, t.id, s.id, 'Reference{tag}', 'Note{tag}', now(), 'Maker{tag}'
from ship_to t join site s on s.tenant_id = {tenant} and s.name = 'store-1' where t.tenant_id = {tenant};
insert into order_line (tenant_id, order_id, seq, product_id, quantity, entered_quantity, entered_unit, stages)
select {tenant}, o.id, 1, p.id, 5, 5, 'piece', '{{"open": "4", "allocated": "1"}}'
from customer_order o join product p on p.tenant_id = {tenant} and p.sku = 'MILK' where o.tenant_id = {tenant};
insert into order_step (tenant_id, line_id, client_id, kind, at, quantity, actor, source, reason, to_place_id)
select {tenant}, l.id, '{mark}-step', 'allocate', now(), 1, 'Maker{tag}', 'rule', 'Reason{tag}', b.place_id
from order_line l join ledger_balance b on b.tenant_id = {tenant} where l.tenant_id = {tenant};
insert into order_allocation (tenant_id, line_id, stage, product_id, place_id, quantity)
select {tenant}, l.id, 'allocated', l.product_id, b.place_id, 1 from order_line l join ledger_balance b on b.tenant_id = {tenant} where l.tenant_id = {tenant};
insert into order_promise (tenant_id, order_id, said_at, window_end, chance, code, reason)
select {tenant}, id, now(), now(), 0.5, 'short', 'Reason{tag}' from customer_order where tenant_id = {tenant};
insert into shipment_order (tenant_id, shipment_id, order_id, stop_id, added_by)
select {tenant}, t.shipment_id, o.id, t.id, 'Adder{tag}' from customer_order o join stop t on t.tenant_id = o.tenant_id where o.tenant_id = {tenant} limit 1;
insert into driver_link (tenant_id, shipment_id, token_sha256, driver, created_by, expires_at)
select {tenant}, id, sha256('{mark}driver'), 'Driver{tag}', 'Maker{tag}', now() + interval '9 days' from shipment where tenant_id = {tenant} and name = '{mark}-ship';
insert into proof (tenant_id, shipment_id, stop_id, stop_name, customer_id, device, boot, seq, asked)
select {tenant}, h.id, null, 'Stop{tag}', c.id, 'Device{tag}', '{mark}', 1, sha256('{mark}') from shipment h join customer c on c.tenant_id = {tenant}
where h.tenant_id = {tenant} and h.name = '{mark}-ship';
insert into proof_revision (proof_id, revision, tenant_id, at, recorded_by, reason, outcome, body)
select id, 1, {tenant}, now(), 'Maker{tag}', 'Reason{tag}', 'delivered', '{{"receiver": "Receiver{tag}"}}' from proof where tenant_id = {tenant};
insert into proof_line (proof_id, revision, n, tenant_id, line_id, accepted, short, damaged, refused, reason)
select p.id, 1, 1, {tenant}, l.id, 1, 0, 0, 0, 'Reason{tag}' from proof p join order_line l on l.tenant_id = {tenant} where p.tenant_id = {tenant};
insert into proof_order (proof_id, order_id, tenant_id)
select p.id, o.id, {tenant} from proof p join customer_order o on o.tenant_id = {tenant} where p.tenant_id = {tenant};
insert into proof_picture (tenant_id, digest, media_type, content, created_by)
values ({tenant}, sha256('{mark}picture'), 'image/png', 'Picture{tag}', 'Maker{tag}');
insert into goods_return (tenant_id, name, order_id, note, created_by)
select {tenant}, '{mark}-return', id, 'Note{tag}', 'Maker{tag}' from customer_order where tenant_id = {tenant};
insert into goods_return_line (tenant_id, return_id, seq, line_id, origin, quantity, reason)
select {tenant}, r.id, 1, l.id, 'delivered', 1, 'Reason{tag}' from goods_return r join order_line l on l.tenant_id = {tenant} where r.tenant_id = {tenant};
insert into stock_hold (tenant_id, unit, reason, held_by) values ({tenant}, '{mark}-held', 'Reason{tag}', 'Maker{tag}');
insert into compartment (tenant_id, vehicle_id, name, temp_class, load_kg)
select {tenant}, v.id, '{mark}-rear', 'chilled', 900 from vehicle v where v.tenant_id = {tenant} order by v.id limit 1;
insert into packaging (tenant_id, code, label, kind, length_mm, width_mm, height_mm, load_kg)
values ({tenant}, '{mark}-box', 'Box{tag}', 'carton', 400, 300, 200, 10);
insert into packing_rule (tenant_id, one, other) values ({tenant}, 'Acid{tag}', 'Food{tag}');
insert into product (tenant_id, sku, label) values ({tenant}, '{mark}-INSTEAD', 'Instead{tag}');
insert into product_substitute (tenant_id, product_id, substitute_id, numerator, denominator)
select {tenant}, p.id, q.id, 2, 1 from product p join product q on q.tenant_id = {tenant} and q.sku = '{mark}-INSTEAD'
where p.tenant_id = {tenant} and p.sku = 'MILK';
insert into remark (tenant_id, kind, about, text, made_by) values ({tenant}, 'order', '{mark}-order', 'Said{tag}', 'Sayer{tag}');
insert into watch (tenant_id, person, kind, about) values ({tenant}, 'Watcher{tag}', 'order', '{mark}-order');
insert into remark_seen (tenant_id, person, upto) values ({tenant}, 'Watcher{tag}', 0);
insert into hand_over (tenant_id, note, facts, made_by)
select {tenant}, 'Note{tag}', jsonb_object_agg(n, '{{"items": [], "more": false}}'::jsonb), 'Maker{tag}'
from unnest(array['alerts', 'orders', 'shipments', 'waves', 'counts']) n;
insert into kept_view (tenant_id, person, page, label, shared) values ({tenant}, 'Keeper{tag}', '/orders', 'Label{tag}', true);
insert into carrier (tenant_id, code, label) values ({tenant}, '{mark}-carrier', 'Carrier{tag}');
insert into carrier_service (tenant_id, carrier_id, code, label, mode, transit_h, transit_h_p90)
select {tenant}, id, '{mark}-service', 'Service{tag}', 'road', 5, 9 from carrier where tenant_id = {tenant};
insert into rate_card (service_id, revision, tenant_id, valid_from, valid_to, body, added_by)
select id, 1, {tenant}, '2020-01-01', '2020-12-31', '{{"note": "{mark}"}}', 'Maker{tag}' from carrier_service where tenant_id = {tenant};
insert into carrier_choice (tenant_id, shipment_id, service_id, reason, asked, options, chosen_by)
select {tenant}, h.id, s.id, 'Reason{tag}', '{{}}', '[]', 'Chooser{tag}' from shipment h join carrier_service s on s.tenant_id = {tenant}
where h.tenant_id = {tenant} limit 1;
insert into supplier (tenant_id, code, label, contact) values ({tenant}, '{mark}-supplier', 'Supplier{tag}', 'Contact{tag}');
insert into supplier_terms (supplier_id, product_id, tenant_id, lead_days, set_by)
select u.id, p.id, {tenant}, 3, 'Setter{tag}' from supplier u join product p on p.tenant_id = u.tenant_id where u.tenant_id = {tenant} order by p.id limit 1;
insert into stock_goal (site_id, product_id, tenant_id, goal, service, review_days, cover_days, set_by)
select s.id, t.product_id, {tenant}, 'cycle', 0.9, 1, 7, 'Setter{tag}' from supplier_terms t join site s on s.tenant_id = t.tenant_id
where t.tenant_id = {tenant} order by s.id limit 1;
insert into purchase_order (tenant_id, name, supplier_id, site_id, note, why, created_by)
select {tenant}, '{mark}-po', u.id, g.site_id, 'Note{tag}', 'Why{tag}', 'Maker{tag}' from supplier u join stock_goal g on g.tenant_id = u.tenant_id
where u.tenant_id = {tenant};
insert into purchase_order_line (order_id, product_id, tenant_id, quantity)
select o.id, g.product_id, {tenant}, 5 from purchase_order o join stock_goal g on g.tenant_id = o.tenant_id where o.tenant_id = {tenant};
insert into proposal_taken (tenant_id, site_id, product_id, after_id, order_id, proposed, quantity, reason, told, taken_by)
select {tenant}, o.site_id, l.product_id, 0, o.id, 5, 4, 'Reason{tag}', '{{}}', 'Taker{tag}' from purchase_order o
join purchase_order_line l on l.order_id = o.id where o.tenant_id = {tenant};
insert into sales_day (tenant_id, site_id, product_id, day, quantity, told_by)
select {tenant}, s.id, p.id, '2026-01-05', 7, 'Seller{tag}' from site s join product p on p.tenant_id = s.tenant_id where s.tenant_id = {tenant}
order by s.id, p.id limit 1;
insert into demand_forecast (tenant_id, site_id, product_id, begins, model, class, history_days, short_days, mean)
select tenant_id, site_id, product_id, day, 'mean', 'none', 2, 0, '{{1, 2}}' from sales_day where tenant_id = {tenant};
insert into forecast_adjustment (tenant_id, site_id, product_id, first_day, last_day, factor, reason, made_by)
select tenant_id, site_id, product_id, '2036-01-05', '2036-01-06', 2, 'Reason{tag}', 'Maker{tag}' from sales_day where tenant_id = {tenant};
insert into forecast_run (tenant_id, asked_by) values ({tenant}, 'Asker{tag}');
insert into wave (tenant_id, name, site_id, why, picking, cart, created_by)
select {tenant}, '{mark}-wave', o.site_id, 'Why{tag}', 'orders', '{{"orders": 5, "lines": 50, "kg": 100}}', 'Maker{tag}' from customer_order o where o.tenant_id = {tenant};
insert into wave_order (wave_id, order_id, tenant_id)
select w.id, o.id, {tenant} from wave w join customer_order o on o.tenant_id = w.tenant_id where w.tenant_id = {tenant};
insert into wave_round (wave_id, seq, tenant_id, picker) select id, 1, {tenant}, 'Picker{tag}' from wave where tenant_id = {tenant};
insert into round_order (wave_id, seq, order_id, tenant_id) select wave_id, 1, order_id, {tenant} from wave_order where tenant_id = {tenant};
insert into advice (tenant_id, kind, site_id, zone_id, body, unit, days, predicted, made_by, reason)
select {tenant}, 'slotting', z.site_id, z.id, '{{"moves": [{{"from": "{mark}-bin", "to": "{mark}-other", "skus": ["Sku{tag}"], "trips": 1}}]}}', 'm', 14, 100,
       'Maker{tag}', 'Reason{tag}' from zone z where z.tenant_id = {tenant} order by z.id limit 1;
insert into adviser (site_id, kind, tenant_id, woken_by) select s.id, 'slotting', {tenant}, 'Waker{tag}' from site s where s.tenant_id = {tenant} order by s.id limit 1;
insert into docking (tenant_id, client_id, zone_id, vehicle_id, shipments, began_at, told_by)
select {tenant}, '{mark}-docking', z.id, v.id, '{{{mark}-load}}', now(), 'Teller{tag}' from zone z join vehicle v on v.tenant_id = z.tenant_id
where z.tenant_id = {tenant} order by z.id, v.id limit 1;
insert into dock_appointment (tenant_id, client_id, site_id, zone_id, direction, shipment_id, truck, goods, begins_at, ends_at, note, created_by, changed_by)
select {tenant}, '{mark}-appointment', z.site_id, z.id, 'inbound', h.id, 'Truck{tag}', 'Goods{tag}', now(), now() + interval '1 hour', 'Note{tag}', 'Booker{tag}', 'Booker{tag}'
from zone z join shipment h on h.tenant_id = z.tenant_id and h.name = 'S-1' where z.tenant_id = {tenant} order by z.id limit 1;
insert into detention_terms (tenant_id, site_id, free_min, rate_per_h, currency, told_by)
select {tenant}, s.id, 60, 40, 'EUR', 'Teller{tag}' from site s where s.tenant_id = {tenant} order by s.id limit 1;
insert into kpi_target (tenant_id, kpi, target, changed_by) values ({tenant}, 'otif', 0.9, 'Wanter{tag}');
insert into load_check (tenant_id, shipment_id, door, decided_at, rule_version)
select {tenant}, h.id, 'Door{tag}', now(), 1 from shipment h where h.tenant_id = {tenant} and h.name = 'S-1';
insert into load_unit (tenant_id, shipment_id, unit, state, chance, other, decided_at)
select {tenant}, h.id, '{mark}-unit', 'loaded', 1, 'Other{tag}', now() from shipment h where h.tenant_id = {tenant} and h.name = 'S-1';
insert into load_mark (tenant_id, shipment_id, client_id, unit, kind, at, reason, told_by)
select {tenant}, h.id, '{mark}-mark', '{mark}-unit', 'left', now(), 'Reason{tag}', 'Teller{tag}' from shipment h where h.tenant_id = {tenant} and h.name = 'S-1';
insert into load_seal (tenant_id, shipment_id, kind, numbers, at, reason, told_by)
select {tenant}, h.id, 'sealed', '{{{mark}-seal}}', now(), 'Reason{tag}', 'Teller{tag}' from shipment h where h.tenant_id = {tenant} and h.name = 'S-1';
insert into despatch_advice (tenant_id, shipment_id, revision, issued_at, body)
select {tenant}, h.id, 1, now(), '{{"note": "Note{tag}"}}' from shipment h where h.tenant_id = {tenant} and h.name = 'S-1';
insert into dispatch_plan (tenant_id, site_id, day, begin_at, end_at, kind, reason, work, routes, summary, made_by)
select {tenant}, s.id, current_date, now(), now(), 'plan', 'Reason{tag}',
       '{{"jobs": [], "trucks": [{{"id": "{mark}-van", "label": "Label{tag}", "lat": 60, "lon": 24, "home_lat": 60, "home_lon": 24, "ready_s": 0, "back_s": 1}}]}}',
       '{{"{mark}-van": []}}', '{{"cost": 0, "late": 0, "km": 0, "kgco2e": 0, "vehicles": 0, "hours": 0, "orders": 0, "left_out": 0, "broken": 0}}',
       'Maker{tag}' from site s where s.tenant_id = {tenant} and s.name = 'store-1';
insert into epcis_capture (tenant_id, created_by, events, taken, known) values ({tenant}, 'Maker{tag}', 1, 1, 0);
insert into epcis_event (tenant_id, capture_id, event_id, event_hash, type, event_at, epcs, body)
select {tenant}, id, 'urn:{mark}:event', 'ni:{mark}', 'ObjectEvent', now(), '{{urn:{mark}:epc}}',
       json_build_object('type', 'ObjectEvent', 'example:note', 'Note{tag}') from epcis_capture where tenant_id = {tenant};
insert into receiver (tenant_id, name, url, types, secret, created_by, last_error)
values ({tenant}, '{mark}-told', 'https://example.org/', '{{epcis}}', sha256('{mark}'), 'Maker{tag}', 'Error{tag}');
insert into epcis_query (tenant_id, name, asked, created_by) values ({tenant}, '{mark}-query', '{{"EQ_action": "ADD"}}', 'Maker{tag}');
insert into epcis_subscription (tenant_id, query_id, receiver_id, created_by)
select {tenant}, q.id, w.id, 'Maker{tag}' from epcis_query q, receiver w
where q.tenant_id = {tenant} and w.tenant_id = {tenant} and w.name = '{mark}-told';
insert into alert (tenant_id, kind, severity, rule_key, site_id, product_id, stock, title, opened_at, alarm_at, decided_at)
select s.tenant_id, 'low_stock', 'warning', 'low_stock', s.id, p.id, jsonb_build_object('sku', p.sku, 'label', 'Label{tag}', 'base_unit', 'piece',
       'quantity', 3), 'Low stock{tag}', now(), now(), now()
from site s join product p on p.tenant_id = s.tenant_id and p.sku = 'MILK' where s.tenant_id = {tenant} and s.name = 'store-1';
