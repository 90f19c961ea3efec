-- Goods that were exposed to more than their profile allows, by what no single band of a probe tells.
alter table alert drop constraint alert_kind_check;
alter table alert add constraint alert_kind_check
    check (kind in ('temperature', 'silence', 'late_risk', 'sensor_fault', 'breach_risk', 'exposure'));
create index alert_exposure on alert (rule_key) where kind = 'exposure' and withdrawn_at is null;
