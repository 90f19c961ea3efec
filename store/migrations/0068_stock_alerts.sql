-- Alerts of stock are about a product at a site; no device has said them. What was figured of it stands beside.
alter table alert
    alter column device_id drop not null,
    add column site_id int,
    add column product_id int,
    add column stock jsonb;
alter table alert drop constraint alert_kind_check;
alter table alert add constraint alert_kind_check check (kind in (
    'temperature', 'silence', 'late_risk', 'sensor_fault', 'breach_risk', 'exposure', 'low_stock', 'stock_out', 'expiry'));
alter table alert add constraint alert_about check (case when kind in ('low_stock', 'stock_out', 'expiry')
    then device_id is null and num_nulls(site_id, product_id, stock) = 0
    else device_id is not null and num_nulls(site_id, product_id, stock) = 3 end);
create unique index alert_one_of_stock on alert (site_id, product_id, kind) where device_id is null and cleared_at is null;
create index alert_of_stock on alert (site_id, product_id, kind, id desc) where device_id is null;

-- How long before the end of a lot what will be left of it is told; none: as long as the programs are set to.
alter table product add column expiry_days float8 check (expiry_days > 0);
