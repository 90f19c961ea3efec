-- What a temperature profile said and when: bands and all. A change is a new version; what was decided by another stays.
create table profile_version (
    profile_id int not null references profile on delete cascade,
    tenant_id  int not null references tenant,
    version    int not null check (version > 0),
    valid_from timestamptz not null,            -- by the time of the event; '-infinity': the first one
    body       jsonb not null,                  -- domain/cold_chain/parsing.py
    note       text not null default '',
    made_by    text not null,
    made_at    timestamptz not null default now(),
    primary key (profile_id, version)
);
alter table profile_version enable row level security;
create index profile_version_tenant on profile_version (tenant_id, profile_id, valid_from);

-- Those that are there: one band above, one below.
insert into profile_version (profile_id, tenant_id, version, valid_from, body, made_by)
select p.id, p.tenant_id, p.version, '-infinity', jsonb_build_object(
    'low_c', p.low_c, 'high_c', p.high_c, 'mkt', null, 'max_interval_s', p.max_interval_s, 'accuracy_c', 0,
    'accuracy_class', '', 'gap_charge', 'warmer_side', 'aggregation', 'each', 'coverage', 0.9, 'schedule', null,
    'suppress', jsonb_build_object('door_open', false, 'defrost_s', null, 'precondition_s', 0, 'counts', true),
    'tz', 'UTC', 'source', '', 'edition', '',
    'bands', (
        select coalesce(jsonb_agg(jsonb_build_object(
            'name', b.name, 'op', b.op, 'limit_c', b.limit_c, 'for_s', p.for_s, 'mode', 'consecutive', 'reset', 'never',
            'reset_at', '00:00', 'window_s', null, 'severity', 'critical', 'clear_c', p.hysteresis_c, 'phases', '[]'::jsonb)
            order by b.name), '[]')
        from (values ('above', '>', p.high_c), ('below', '<', p.low_c)) b (name, op, limit_c)
        where b.limit_c is not null)), 'frostway'
from profile p;

-- The version of each profile of a tenant that is in force. The numbers that `profile` itself has are those of the version
-- that was in force when the newest one was made.
create function profiles_now(of_tenant int)
returns table (profile_id int, version int, valid_from timestamptz, body jsonb, low_c float8, high_c float8, max_interval_s float8)
language sql stable as $$
    select distinct on (v.profile_id) v.profile_id, v.version, v.valid_from, v.body, (v.body ->> 'low_c')::float8,
           (v.body ->> 'high_c')::float8, (v.body ->> 'max_interval_s')::float8
    from profile_version v where v.tenant_id = of_tenant and v.valid_from <= now()
    order by v.profile_id, v.valid_from desc, v.version desc
$$;

-- What goods are to be held to, when nobody says it of the shipment.
alter table product add column profile_id int references profile;
create trigger refuse_naming_retired before insert or update of profile_id on product
    for each row execute function refuse_naming_retired('profile');
