-- Where tags are, by a filter over zones: docs/presence.md. What it carries of a tag stands in its row; rows from before are
-- folded again from the reads that are stored.
alter table tag_state drop column reads, drop column rssi_dbm, add column carry bytea not null default '';
-- A late read folds its tag again, from wherever it was read.
create index reading_tag_tag on reading_tag (tag_id, time);

-- The quantity of the last move: a level that is told may be half a piece away from it.
alter table stock_level add column moved float8;

-- When the readers of a zone were listening: spans in which each epoch heard a tag, or the reader said that it is well.
create table zone_awake (
    zone_id   int not null,
    began_at  timestamptz not null,
    ended_at  timestamptz not null,  -- the beginning of the last epoch
    tenant_id int not null,
    primary key (zone_id, began_at)
) with (fillfactor = 50);
create index zone_awake_tenant on zone_awake (tenant_id);
alter table zone_awake enable row level security;

-- Antennas that stand elsewhere than their reader. A reader whose antennas stand in two zones is a portal between them.
create table antenna (
    device_id int not null references device on delete cascade,
    antenna   int2 not null check (antenna >= 0),
    tenant_id int not null references tenant,
    zone_id   int not null references zone on delete cascade,
    primary key (device_id, antenna)
);
create index antenna_zone on antenna (zone_id);
create index antenna_tenant on antenna (tenant_id);
alter table antenna enable row level security;

-- How readers hear their own zone's tags and those of others, learned every night; a fold uses what was known then.
create table zone_hearing (
    zone_id     int not null references zone on delete cascade,
    since       timestamptz not null,
    tenant_id   int not null references tenant,
    inside_dbm  float4 not null,
    outside_dbm float4 not null,
    sd_db       float4 not null check (sd_db > 0),
    leak        float4 not null check (leak > 0 and leak < 1),
    reads       int8 not null,  -- that it was learned from
    primary key (zone_id, since)
);
create index zone_hearing_tenant on zone_hearing (tenant_id);
alter table zone_hearing enable row level security;
