-- Devices that do not speak our format: their foreign ids, who speaks for them, and what has no column elsewhere.

alter table device
    add column external_id text check (length(external_id) between 1 and 128),  -- EUI, Bluetooth address, IMEI
    add column gateway_id  int references device;                               -- the only one that may speak for it
create unique index device_external on device (tenant_id, external_id) where external_id is not null;
alter table device drop constraint device_kind_check;
alter table device add constraint device_kind_check check (kind in
    ('tracker', 'reefer', 'thermometer', 'rfid', 'shelf', 'door', 'gateway', 'phone', 'connector'));

create table reading_attribute (
    time timestamptz not null, received_at timestamptz not null, device_id int not null, boot_id int not null,
    seq int8 not null, flags int not null,
    name_id int not null, value float8, note_id int
) /*partitioned*/;
create index reading_attribute_key on reading_attribute (device_id, time);
grant select on reading_attribute to frostway_api;

alter table label drop constraint label_kind_check;
alter table label add constraint label_kind_check
    check (kind in ('boot', 'probe', 'slot', 'door', 'reefer', 'epc', 'attr', 'note'));
