-- Advice with what it promises, and what came of it. `predicted` and `realised` are what is saved in `days`, less what following it costs.
create table advice (
    id          int8 generated always as identity primary key,
    tenant_id   int not null references tenant,
    kind        text not null check (kind in ('slotting', 'waves', 'dispatch')),
    site_id     int not null references site,
    zone_id     int references zone,
    about       text not null default '',          -- a wave, a plan; empty: the advice is of itself
    body        jsonb not null,                    -- what is to be done, and what it rests on
    unit        text not null check (unit in ('m', 'km')),
    days        float8 not null check (days > 0),
    predicted   float8 not null,
    cost        float8 not null default 0,         -- of following it, once; in `predicted` already
    status      text not null default 'open' check (status in ('open', 'accepted', 'done', 'declined', 'superseded')),
    version     int not null default 1,
    made_at     timestamptz not null default now(),
    made_by     text not null,
    decided_at  timestamptz,
    decided_by  text,
    reason      text not null default '' check (length(reason) <= 500),
    done_at     timestamptz,                       -- from then on it is looked what came of it
    realised    float8,
    seen        jsonb not null default '{}',       -- what was looked at: lists, days
    graded_at   timestamptz,                       -- when it was looked at last
    final       bool not null default false,       -- as many days are over as were promised
    check ((status = 'done') = (done_at is not null)),
    check (final <= (status = 'done' and realised is not null))
);
alter table advice enable row level security;
create index advice_list on advice (tenant_id, id desc);
create index advice_site on advice (site_id, kind, status);
create index advice_zone on advice (zone_id) where zone_id is not null;
create unique index advice_about on advice (tenant_id, kind, about) where about <> '';

-- Since when an adviser that was silent may speak again; its grades before that count no more.
create table adviser (
    site_id   int not null references site,
    kind      text not null check (kind in ('slotting', 'waves', 'dispatch')),
    tenant_id int not null references tenant,
    woken_at  timestamptz not null default now(),
    woken_by  text not null,
    primary key (site_id, kind)
);
alter table adviser enable row level security;
create index adviser_tenant on adviser (tenant_id);
