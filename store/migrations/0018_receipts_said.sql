-- What each number of a boot said, so that a number that is used again for another reading is noticed.
alter table receipt
    add column trusted int8 not null default -1, -- numbers up to this are believed, whatever they said: older than this table
    add column anew_us int8 not null default 0,  -- since when the boot's numbers are counted anew; 0: they never were
    add column past    int8 not null default -1; -- up to which number everything had come before that
update receipt set trusted = greatest(contiguous, coalesce((select max(s) from unnest(spans) s), -1));

create table receipt_said (
    device_id  int not null,
    boot_id    int not null,
    page       int8 not null,  -- number / 64
    said       bytea not null, -- 64 x 32 bits, little-endian: of what each number said; 0: nothing is known
    updated_at timestamptz not null default now(),
    primary key (device_id, boot_id, page)
) with (fillfactor = 50);
revoke all on receipt_said from frostway_api;
