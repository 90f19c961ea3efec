-- Messages with neither a clock nor a number that are safe: the broker may bring them again within its session.
create table delivery (
    client      text not null,     -- whose session
    received_us int8 not null,     -- the moment of their group
    packet_ids  int4[] not null,
    digests     int8[] not null,
    primary key (client, received_us)
);
revoke all on delivery from frostway_api;
