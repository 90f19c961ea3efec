-- What dashboards of others may read (Grafana, Metabase, a spreadsheet): views of one tenant, by a login of that tenant which
-- may read these and nothing else. Made anew whenever this file or the schema has changed; described in docs/kpis.md.
do $$ begin
    if not exists (select from pg_roles where rolname = 'frostway_report') then create role frostway_report nologin; end if;
exception when duplicate_object or unique_violation then null;
end $$;
do $$ begin execute format('grant connect on database %I to frostway_report', current_database()); end $$;
drop schema if exists report cascade;
create schema report;
comment on schema report is 'views for dashboards, version 1; each login sees its own tenant';

-- Whose login it is: frostway_report_<key of the tenant>. A login cannot become another one.
create function report.tenant() returns int language sql stable set search_path = pg_catalog
    as $$ select substring(session_user::text from '^frostway_report_([0-9]{1,9})$')::int $$;

create view report.orders with (security_barrier) as
select o.name as "order", c.code as customer, t.code as ship_to, s.name as site, o.status, o.priority, o.ordered_at, o.window_start, o.window_end,
       (select max(x.at) from public.order_step x join public.order_line l on l.id = x.line_id
        where l.order_id = o.id and x.kind = 'deliver' and x.withdrawn_at is null) as delivered_at, o.created_at, o.changed_at
from public.customer_order o join public.customer c on c.id = o.customer_id join public.site s on s.id = o.site_id
left join public.ship_to t on t.id = o.ship_to_id where o.tenant_id = report.tenant();
comment on view report.orders is 'a row an order, as it stands';

create view report.order_lines with (security_barrier) as
select o.name as "order", l.seq as line, p.sku as product, l.quantity, l.status, l.stages
from public.order_line l join public.customer_order o on o.id = l.order_id join public.product p on p.id = l.product_id
where l.tenant_id = report.tenant();
comment on view report.order_lines is 'a row a line of an order; stages: units by stage; quantities in base units';

create view report.order_steps with (security_barrier) as
select o.name as "order", l.seq as line, p.sku as product, x.kind, x.quantity, x.at, x.recorded_at, x.withdrawn_at, x.source, x.reason, x.handling_unit
from public.order_step x join public.order_line l on l.id = x.line_id join public.customer_order o on o.id = l.order_id
join public.product p on p.id = l.product_id where x.tenant_id = report.tenant();
comment on view report.order_steps is 'a row a step somebody told of a line; recorded_at: when we heard of it';

create view report.deliveries with (security_barrier) as
select r.proof_id as proof, h.name as shipment, d.stop_name as stop, c.code as customer, o.name as "order", l.seq as line, p.sku as product, r.outcome,
       i.accepted, i.short, i.damaged, i.refused, i.reason, r.at, r.recorded_at, r.revision
from public.proof d join public.proof_revision r on r.proof_id = d.id and r.revision = d.revision join public.shipment h on h.id = d.shipment_id
join public.customer c on c.id = d.customer_id left join public.proof_line i on i.proof_id = r.proof_id and i.revision = r.revision
left join public.order_line l on l.id = i.line_id left join public.customer_order o on o.id = l.order_id left join public.product p on p.id = l.product_id
where d.tenant_id = report.tenant();
comment on view report.deliveries is 'a row a line of a proof of delivery, as it was corrected last';

create view report.shipments with (security_barrier) as
select h.name as shipment, h.reference, v.name as vehicle, h.status, h.planned_at, h.started_at, h.delivered_at, h.cancelled_at
from public.shipment h left join public.vehicle v on v.id = h.vehicle_id where h.tenant_id = report.tenant();
comment on view report.shipments is 'a row a shipment';

create view report.stock_levels with (security_barrier) as
select s.name as site, z.name as zone, b.code as bin, p.sku as product, l.code as lot, a.unit as handling_unit, a.quantity, p.base_unit,
       a.quantity * p.unit_value as value, l.best_before, a.moved_at, a.counted_at
from public.ledger_balance a join public.ledger_place y on y.id = a.place_id join public.product p on p.id = a.product_id
join public.site s on s.id = y.site_id left join public.zone z on z.id = y.zone_id left join public.bin b on b.id = y.bin_id
left join public.lot l on l.id = a.lot_id where a.tenant_id = report.tenant() and a.quantity <> 0;
comment on view report.stock_levels is 'a row a product, lot and unit at a place, by the ledger';

create view report.stock_moves with (security_barrier) as
select m.id as move, m.kind, m.entry, m.corrects, p.sku as product, m.quantity, f.kind as from_kind, fs.name as from_site, t.kind as to_kind,
       ts.name as to_site, m.moved_at, m.recorded_at, m.reason, m.reference
from public.ledger_move m join public.product p on p.id = m.product_id join public.ledger_place f on f.id = m.from_place
join public.ledger_place t on t.id = m.to_place left join public.site fs on fs.id = f.site_id left join public.site ts on ts.id = t.site_id
where m.tenant_id = report.tenant();
comment on view report.stock_moves is 'a row a move of the ledger; a reversal takes back the move it corrects';

create view report.alerts with (security_barrier) as
select a.id as alert, a.kind, a.severity, a.title, coalesce(s.name, ds.name) as site, v.name as vehicle, d.name as device, p.sku as product, a.opened_at,
       a.alarm_at, a.decided_at, a.cleared_at, a.acknowledged_at, a.resolved_at, a.withdrawn_at, a.disposition
from public.alert a left join public.device d on d.id = a.device_id left join public.vehicle v on v.id = d.vehicle_id
left join public.site ds on ds.id = d.site_id left join public.site s on s.id = a.site_id left join public.product p on p.id = a.product_id
where a.tenant_id = report.tenant();
comment on view report.alerts is 'a row an alert; withdrawn_at: late readings say that it never was';

create view report.kpi_facts with (security_barrier) as
/*kpi_facts*/;
comment on view report.kpi_facts is 'a row a fact that a figure counts, of the last 400 days, as known now; ask for one kpi';

create view report.kpi_weeks with (security_barrier) as
select f.kpi, f.week, f.site, sum(f.good) as good, sum(f.total) as total, count(*) as facts, sum(f.good) / nullif(sum(f.total), 0) as ratio,
       percentile_cont(0.5) within group (order by f.good) as median
from report.kpi_facts f group by f.kpi, f.week, f.site;
comment on view report.kpi_weeks is 'a row a figure, week and site: ratio of sums, or the median where the figure is the middle one';

grant usage on schema report to frostway_report;
grant select on all tables in schema report to frostway_report;
revoke execute on all functions in schema report from public;
grant execute on all functions in schema report to frostway_report;
