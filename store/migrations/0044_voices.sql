-- Commands by the format that a device speaks: over a Teltonika device's connection, as OwnTracks messages.
alter table command
    add column via text not null default 'native' check (via in ('native', 'teltonika', 'owntracks')),
    -- what ended it without an answer: the connection was lost, the device was silent, ingest ended
    add column failure text check (failure in ('lost', 'silent', 'ended')),
    drop constraint command_state_check,
    add constraint command_state_check check (state in ('waiting', 'sent', 'answered', 'told', 'refused', 'failed',
                                                        'expired', 'cancelled')),
    add constraint command_failed_check check ((state = 'failed') = (failure is not null)),
    drop constraint command_device_id_fkey,
    add constraint command_device_id_fkey foreign key (device_id) references device on delete cascade;

-- In which foreign format a device was heard last, and whether that was at a door or by MQTT.
create table device_voice (
    device_id int primary key references device on delete cascade,
    tenant_id int not null references tenant,
    format    text not null check (length(format) between 1 and 40),
    at_door   bool not null,
    heard_at  timestamptz not null
) with (fillfactor = 70);
