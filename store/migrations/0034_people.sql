-- People: two more roles, links by which a person chooses a password, and what is known of a session.
alter table account
    drop constraint account_role_check,
    add constraint account_role_check
        check (role in ('admin', 'dispatcher', 'coldchain', 'storekeeper', 'planner', 'service', 'viewer')),
    alter column password_hash drop not null, -- invited, and not yet in
    add column email text check (length(email) between 3 and 254),
    add column disabled_at timestamptz,
    add column signed_in_at timestamptz;

alter table access_token
    drop constraint access_token_role_check,
    add constraint access_token_role_check
        check (role in ('admin', 'dispatcher', 'coldchain', 'storekeeper', 'planner', 'service', 'viewer')),
    add column scope text[],              -- of the role's permissions only these; null: all of them
    add column used_at timestamptz,       -- to some minutes
    add column agent text check (length(agent) <= 200),
    add column network text;              -- an address, or 64 bits of IPv6
create index access_token_session on access_token (tenant_id, subject) where kind = 'session' and revoked_at is null;

-- A link by which a person chooses a password, once; only its hash is kept.
create table invitation (
    id           int generated always as identity primary key,
    tenant_id    int not null references tenant,
    account_id   int not null references account on delete cascade,
    token_sha256 bytea not null unique,
    created_at   timestamptz not null default now(),
    created_by   text not null,
    expires_at   timestamptz not null,
    used_at      timestamptz
);
create index invitation_account on invitation (account_id);
