-- A second chance: messages set aside can be mended and read again, and devices nobody has registered are remembered.

alter table quarantine
    add column mended_payload bytea,       -- read instead of the payload; the original bytes stay
    add column mended_topic   text,
    add column asked_at       timestamptz, -- somebody wants it read again
    add column asked_by       text,
    add column attempts       int not null default 0;
create index quarantine_asked on quarantine (id) where asked_at is not null;

create table stranger (
    tenant     text not null default '',   -- '': the door does not know whose it may be
    speaker    text not null default '',   -- the gateway that spoke of it; '': it spoke itself
    name       text not null,              -- its own name; its foreign id when a gateway or a door spoke of it
    topic      text not null,
    first_seen timestamptz not null,
    last_seen  timestamptz not null,
    messages   int8 not null default 0,
    primary key (tenant, speaker, name)
);
grant select on stranger to frostway_api;
