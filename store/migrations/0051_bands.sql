-- Excursions are stays in the bands of a profile; those that are there are of its one band above or below.
alter table excursion
    add column band             text not null default '',
    add column severity         text not null default 'critical' check (severity in ('info', 'warning', 'critical')),
    add column profile_version  int not null default 0,  -- 0: nobody kept it
    add column suppressed       text check (suppressed in ('door', 'defrost', 'precondition')),  -- what held its alarm back
    add column suppressed_until timestamptz;  -- null with it: it still does, or did to the end
update excursion set band = kind;

-- One open excursion of a probe in each band.
drop index excursion_one_open;
create unique index excursion_one_open on excursion (probe_id, kind, band)
    where superseded_at is null and not retracted and ended_at is null;

-- Alerts of sensors that cannot be believed.
alter table alert drop constraint alert_kind_check;
alter table alert add constraint alert_kind_check check (kind in ('temperature', 'silence', 'late_risk', 'sensor_fault'));
