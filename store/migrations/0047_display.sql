-- How people want to see the pages. Null: as their tenant says, and where that says nothing, °C, km/h, and zone and language
-- of the browser; 'browser' is that of the browser whatever the tenant says.
create table tenant_display (
    tenant_id   int primary key references tenant,
    temperature text check (temperature in ('celsius', 'fahrenheit')),
    distance    text check (distance in ('metric', 'imperial')),
    tz          text check (length(tz) between 1 and 64),
    language    text check (language in ('browser', 'en', 'de')),
    changed_at  timestamptz not null default now(),
    changed_by  text not null
);

create table person_display (
    tenant_id   int not null references tenant,
    person      text not null,
    temperature text check (temperature in ('celsius', 'fahrenheit')),
    distance    text check (distance in ('metric', 'imperial')),
    tz          text check (length(tz) between 1 and 64),
    language    text check (language in ('browser', 'en', 'de')),
    changed_at  timestamptz not null default now(),
    primary key (tenant_id, person),
    foreign key (tenant_id, person) references account (tenant_id, name) on update cascade on delete cascade
);
