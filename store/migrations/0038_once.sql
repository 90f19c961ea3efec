-- Requests that are carried out once, however often they are sent: whose, by which key, what was asked, the answer.
-- The answer is sealed with the key, of which only the hash is kept.

create table once (
    id        int8 generated always as identity primary key,
    tenant_id int not null references tenant,
    token_id  int not null references access_token on delete cascade,
    key       bytea not null,
    request   bytea not null,
    begun_at  timestamptz not null default now(),
    status    int,
    answer    bytea,
    unique (token_id, key)
);
create index once_begun on once (tenant_id, begun_at);
