-- What doors and cooling units of a vehicle or site have said, as forecasts of breaches take it.
create table breach_context (
    kind      text not null,
    home_id   int not null,
    tenant_id int not null,
    said      jsonb not null,
    primary key (kind, home_id)
) with (fillfactor = 50);
alter table breach_context enable row level security;
