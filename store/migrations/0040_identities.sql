-- People who sign in with an OpenID provider: who they are there. `by_claim`: the account was made of what the provider
-- says, and has the role that it says; else the person was invited here.
create table account_identity (
    id         int generated always as identity primary key,
    tenant_id  int not null references tenant,
    account_id int not null references account on delete cascade,
    issuer     text not null check (length(issuer) <= 500),
    subject    text not null check (length(subject) between 1 and 255),
    by_claim   bool not null default false,
    created_at timestamptz not null default now(),
    used_at    timestamptz,
    unique (tenant_id, issuer, subject),
    unique (account_id, issuer)
);
