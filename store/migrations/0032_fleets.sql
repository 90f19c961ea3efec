-- What vehicles are. What is true only for a time, whose fleet's it was and who drove it, is kept by interval of event time;
-- `vehicle.fleet` is the fleet of the newest one, as `device` keeps its newest place.

create function good_tags(tags text[]) returns bool language sql immutable set search_path = pg_catalog as $$
    select cardinality(tags) <= 20 and count(distinct t) = cardinality(tags)
           and coalesce(bool_and(length(t) between 1 and 40 and t !~ '[[:cntrl:]]'), true)
    from unnest(tags) as t
$$;

alter table vehicle
    add column fleet text check (length(fleet) between 1 and 100),
    add column model text check (length(model) between 1 and 100),
    add column load_capacity_kg float8 check (load_capacity_kg > 0 and load_capacity_kg <= 1e6),
    add column volume_capacity_m3 float8 check (volume_capacity_m3 > 0 and volume_capacity_m3 <= 1e4),
    add column fuel_type text
        check (fuel_type in ('diesel', 'petrol', 'electric', 'hybrid', 'lng', 'cng', 'hvo', 'hydrogen', 'other')),
    add column nominal_fuel_lph float8 check (nominal_fuel_lph > 0 and nominal_fuel_lph <= 1e3),  -- as its maker says
    add column tags text[] not null default '{}' check (good_tags(tags));
create index vehicle_fleet_name on vehicle (tenant_id, fleet) where fleet is not null;
create index vehicle_model on vehicle (tenant_id, model) where model is not null;
create index vehicle_fuel_type on vehicle (tenant_id, fuel_type) where fuel_type is not null;
create index vehicle_tags on vehicle using gin (tags);

create table driver (
    id         int generated always as identity primary key,
    tenant_id  int not null references tenant,
    name       text not null check (name ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    label      text not null check (length(label) between 1 and 200),
    created_at timestamptz not null default now(),
    retired_at timestamptz,
    unique (tenant_id, name)
);
create trigger refuse_retired before update on driver for each row execute function refuse_retired();

create table vehicle_driver (
    id          int8 generated always as identity primary key,
    tenant_id   int not null references tenant,
    vehicle_id  int not null references vehicle on delete cascade,
    driver_id   int not null references driver,
    valid_from  timestamptz not null,                       -- -infinity: since ever
    valid_to    timestamptz not null default 'infinity',    -- not of it any more
    recorded_at timestamptz not null default now(),
    recorded_by text not null,
    check (valid_from < valid_to),
    exclude using gist (int4range(vehicle_id, vehicle_id, '[]') with &&, tstzrange(valid_from, valid_to) with &&)
);
create index vehicle_driver_then on vehicle_driver (vehicle_id, valid_from);
create index vehicle_driver_of on vehicle_driver (driver_id, valid_from);
create index vehicle_driver_tenant on vehicle_driver (tenant_id);

create table vehicle_fleet (
    id          int8 generated always as identity primary key,
    tenant_id   int not null references tenant,
    vehicle_id  int not null references vehicle on delete cascade,
    fleet       text not null check (length(fleet) between 1 and 100),
    valid_from  timestamptz not null,
    valid_to    timestamptz not null default 'infinity',
    recorded_at timestamptz not null default now(),
    recorded_by text not null,
    check (valid_from < valid_to),
    exclude using gist (int4range(vehicle_id, vehicle_id, '[]') with &&, tstzrange(valid_from, valid_to) with &&)
);
create index vehicle_fleet_then on vehicle_fleet (vehicle_id, valid_from);
create index vehicle_fleet_of on vehicle_fleet (tenant_id, fleet, valid_from);

-- A time of a vehicle is made free in one of the two tables: what is behind goes on after it, what is before ends at it.
create function clear_time(of_table regclass, of_vehicle int, since timestamptz, until timestamptz) returns void
language plpgsql set search_path = pg_catalog, public as $$
begin
    execute format($f$
        with gone as (
            delete from %1$s where vehicle_id = $1 and valid_from < $3 and valid_to > $2
            returning *
        ), kept as (
            select g.*, p.since, p.until from gone g
            cross join lateral (values (g.valid_from, least(g.valid_to, $2)), (greatest(g.valid_from, $3), g.valid_to)) as p (since, until)
            where p.since < p.until
        )
        insert into %1$s (tenant_id, vehicle_id, %2$I, valid_from, valid_to, recorded_at, recorded_by)
        select tenant_id, vehicle_id, %2$I, since, until, recorded_at, recorded_by from kept
        $f$, of_table, case of_table when 'public.vehicle_driver'::regclass then 'driver_id' else 'fleet' end)
        using of_vehicle, since, until;
end $$;

-- The tenant of a vehicle, which stays as it is until the transaction ends; the one who asks must be of it.
create function lock_vehicle(of_vehicle int) returns int
language plpgsql security definer set search_path = pg_catalog, public as $$
declare of_tenant int;
begin
    select tenant_id into strict of_tenant from public.vehicle where id = of_vehicle for no key update;
    if of_tenant <> coalesce(nullif(current_setting('app.tenant', true), '')::int, of_tenant) then
        raise exception 'vehicle: not of this tenant' using errcode = 'insufficient_privilege';
    end if;
    return of_tenant;
end $$;

-- Somebody drove a vehicle from a time to a time, whatever was known before; nobody when no driver is given.
create function hand_over(of_vehicle int, to_driver int, since timestamptz, until timestamptz, by_whom text) returns void
language plpgsql security definer set search_path = pg_catalog, public as $$
declare
    of_tenant int := public.lock_vehicle(of_vehicle);
    d public.driver;
begin
    if since >= until then
        raise exception 'driver: it begins at or after its end' using errcode = 'check_violation';
    end if;
    if to_driver is not null then
        select * into d from public.driver x where x.id = to_driver and x.tenant_id = of_tenant for share;
        if d.id is null then
            raise exception 'driver: not of this tenant' using errcode = 'insufficient_privilege';
        elsif d.retired_at is not null and until > d.retired_at then
            perform public.say_retired('driver', to_jsonb(d));
        end if;
    end if;
    perform public.clear_time('public.vehicle_driver', of_vehicle, since, until);
    if to_driver is not null then
        insert into public.vehicle_driver (tenant_id, vehicle_id, driver_id, valid_from, valid_to, recorded_by)
        values (of_tenant, of_vehicle, to_driver, since, until, by_whom);
    end if;
end $$;

-- A vehicle was of a fleet from a time to a time, whatever was known before; of none when none is given.
create function enlist(of_vehicle int, to_fleet text, since timestamptz, until timestamptz, by_whom text) returns void
language plpgsql security definer set search_path = pg_catalog, public as $$
declare
    of_tenant int := public.lock_vehicle(of_vehicle);
    last text;
begin
    if since >= until then
        raise exception 'fleet: it begins at or after its end' using errcode = 'check_violation';
    end if;
    perform public.clear_time('public.vehicle_fleet', of_vehicle, since, until);
    if to_fleet is not null then
        insert into public.vehicle_fleet (tenant_id, vehicle_id, fleet, valid_from, valid_to, recorded_by)
        values (of_tenant, of_vehicle, to_fleet, since, until, by_whom);
    end if;
    select f.fleet into last from public.vehicle_fleet f where f.vehicle_id = of_vehicle and f.valid_to = 'infinity';
    update public.vehicle v set fleet = last where v.id = of_vehicle and v.fleet is distinct from last;
end $$;

-- A vehicle that is told another fleet is of it from now on; its first one it has always been of.
create function vehicle_enlisted() returns trigger language plpgsql security definer set search_path = pg_catalog, public as $$
declare
    by_whom text := coalesce(nullif(current_setting('app.actor', true), ''), 'registry');
    known text;
begin
    select f.fleet into known from public.vehicle_fleet f where f.vehicle_id = new.id and f.valid_to = 'infinity';
    if known is not distinct from new.fleet then
        return null;
    end if;
    perform public.enlist(new.id, new.fleet, case when exists (select from public.vehicle_fleet f where f.vehicle_id = new.id)
                                             then now() else '-infinity' end, 'infinity', by_whom);
    return null;
end $$;
create trigger vehicle_enlisted after insert or update of fleet on vehicle for each row execute function vehicle_enlisted();

-- When vehicles were what is asked for: their fleet and driver of that time, all else as it is now. Null: whatever it is.
create function vehicle_spans(of_tenant int, fleets text[], models text[], drivers text[], fuel_types text[], all_tags text[])
returns table (vehicle_id int, valid_from timestamptz, valid_to timestamptz) language sql stable as $$
    select v.id, greatest(coalesce(f.valid_from, '-infinity'), coalesce(d.valid_from, '-infinity')),
           least(coalesce(f.valid_to, 'infinity'), coalesce(d.valid_to, 'infinity'))
    from vehicle v
    left join vehicle_fleet f on f.vehicle_id = v.id and f.tenant_id = v.tenant_id and f.fleet = any(fleets)
    left join (select a.vehicle_id, a.tenant_id, a.valid_from, a.valid_to
               from vehicle_driver a join driver w on w.id = a.driver_id and w.tenant_id = a.tenant_id
               where w.name = any(drivers)) d on d.vehicle_id = v.id and d.tenant_id = v.tenant_id
    where v.tenant_id = of_tenant and (fleets is null or f.vehicle_id is not null) and (drivers is null or d.vehicle_id is not null)
    and (models is null or v.model = any(models)) and (fuel_types is null or v.fuel_type = any(fuel_types))
    and (all_tags is null or v.tags @> all_tags)
    and coalesce(f.valid_from, '-infinity') < coalesce(d.valid_to, 'infinity')
    and coalesce(d.valid_from, '-infinity') < coalesce(f.valid_to, 'infinity')
$$;

revoke execute on function clear_time(regclass, int, timestamptz, timestamptz), lock_vehicle(int), vehicle_enlisted(),
    hand_over(int, int, timestamptz, timestamptz, text), enlist(int, text, timestamptz, timestamptz, text) from public;
grant execute on function hand_over(int, int, timestamptz, timestamptz, text), enlist(int, text, timestamptz, timestamptz, text)
    to frostway_api;
