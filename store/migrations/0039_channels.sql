-- Channels beside webhooks: people are told too, by mail, SMS, chat. What both have is one table, one queue, one log.
alter table webhook rename to receiver;
alter table receiver
    drop constraint webhook_tenant_id_name_key,
    add column kind text not null default 'webhook' check (kind in ('webhook', 'channel')),
    alter column url drop not null,
    alter column secret drop not null,
    -- of a channel: its address, which holds passwords, sealed, and what of it may be shown; whom it tells, and how;
    -- `pages` is the address under which its maker knows our pages
    add column sealed bytea,
    add column shown text check (length(shown) between 3 and 300),
    add column language text check (language ~ '^[a-z]{2}$'),
    add column tz text check (length(tz) between 1 and 64),
    add column for_customers bool not null default false,
    add column pages text check (length(pages) between 8 and 300),
    add check (case kind when 'webhook' then url is not null and secret is not null
               else sealed is not null and shown is not null and language is not null and tz is not null end),
    add unique (tenant_id, kind, name);
alter table outgoing rename column webhook_id to receiver_id;
alter table outgoing rename constraint outgoing_webhook_id_cause_key to outgoing_receiver_id_cause_key;

-- Whom a customer's link tells of its milestones, by which channel. The address and the link itself are sealed.
create table share_recipient (
    share_id   int primary key references share on delete cascade,
    tenant_id  int not null references tenant,
    channel_id int references receiver on delete set null,
    sealed     bytea not null,
    shown      text not null check (length(shown) between 3 and 300),
    milestones text[] not null,
    muted_at   timestamptz,
    told_count int not null default 0,
    checked_at timestamptz
);
create index share_recipient_channel on share_recipient (channel_id);

-- What it was told last of each milestone.
create table share_told (
    share_id  int not null references share on delete cascade,
    tenant_id int not null references tenant,
    milestone text not null,
    said      jsonb not null,
    at        timestamptz not null,
    primary key (share_id, milestone)
);

alter table outgoing add column share_id int references share on delete cascade;
create index outgoing_share on outgoing (share_id, id) where share_id is not null;
