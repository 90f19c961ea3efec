-- What a fold carried at a moment, so that a late reading folds again from there and not from the beginning.
create table checkpoint (
    kind      text not null check (kind in ('vehicle', 'series')),
    entity_id int not null,
    at        timestamptz not null,   -- event time of the newest reading in it
    carry     bytea not null,
    primary key (kind, entity_id, at)
);
-- The carries of older versions are text; their vehicles and probes are folded again from what is stored.
