-- What people say to one another about orders, shipments, waves and counts, who follows what, shifts handed over, kept views.
create table remark (
    id           int8 generated always as identity primary key,
    tenant_id    int not null references tenant,
    kind         text not null check (kind in ('order', 'shipment', 'wave', 'count_task')),
    about        text not null check (length(about) between 1 and 64),
    text         text not null check (length(text) between 1 and 2000),
    mentions     text[] not null default '{}',
    made_at      timestamptz not null default now(),
    made_by      text not null,
    withdrawn_at timestamptz
);
alter table remark enable row level security;
create index remark_about on remark (tenant_id, kind, about, id);
create index remark_mentions on remark using gin (mentions);

create table watch (
    tenant_id int not null references tenant,
    person    text not null,
    kind      text not null check (kind in ('order', 'shipment', 'wave', 'count_task')),
    about     text not null check (length(about) between 1 and 64),
    since     timestamptz not null default now(),
    primary key (tenant_id, person, kind, about)
);
alter table watch enable row level security;
create index watch_about on watch (tenant_id, kind, about);

-- Up to which remark somebody has read what is for them.
create table remark_seen (
    tenant_id int not null references tenant,
    person    text not null,
    upto      int8 not null,
    primary key (tenant_id, person)
);
alter table remark_seen enable row level security;

create table hand_over (
    id        int8 generated always as identity primary key,
    tenant_id int not null references tenant,
    site_id   int references site,                -- none: all of it
    note      text not null check (length(note) between 1 and 4000),
    facts     jsonb not null,                     -- what was open then
    made_at   timestamptz not null default now(),
    made_by   text not null
);
alter table hand_over enable row level security;
create index hand_over_tenant on hand_over (tenant_id, id);
create index hand_over_site on hand_over (site_id) where site_id is not null;

create table kept_view (
    id        int8 generated always as identity primary key,
    tenant_id int not null references tenant,
    person    text not null,
    page      text not null check (page ~ '^/[a-z/-]{0,60}$'),
    label     text not null check (length(label) between 1 and 100),
    query     text not null default '' check (length(query) <= 2000),
    shared    bool not null default false,
    unique (tenant_id, person, page, label)
);
alter table kept_view enable row level security;
create index kept_view_page on kept_view (tenant_id, page);
