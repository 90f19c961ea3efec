-- Whose reading it was: where a device was, from when to when, in event time. `device` keeps the place of the newest one.

create table assignment (
    id          int8 generated always as identity primary key,
    tenant_id   int not null references tenant,
    device_id   int not null references device on delete cascade,
    vehicle_id  int references vehicle,
    site_id     int references site,
    zone_id     int references zone,
    valid_from  timestamptz not null,                       -- -infinity: since ever
    valid_to    timestamptz not null default 'infinity',    -- not of it any more
    recorded_at timestamptz not null default now(),
    recorded_by text not null,
    unique (device_id, valid_from),
    check (valid_from < valid_to),
    check (num_nonnulls(vehicle_id, site_id) = 1),
    check (zone_id is null or site_id is not null)
);
create index assignment_vehicle on assignment (vehicle_id) where vehicle_id is not null;
create index assignment_tenant on assignment (tenant_id, device_id);

insert into assignment (tenant_id, device_id, vehicle_id, site_id, zone_id, valid_from, recorded_by)
select tenant_id, id, vehicle_id, site_id, zone_id, '-infinity', 'migration' from device
where num_nonnulls(vehicle_id, site_id) = 1;

-- Vehicles that have other readings than before from a time on: to be folded again by whoever owns them.
create table reassigned (
    vehicle_id int primary key references vehicle on delete cascade,
    since      timestamptz not null
);

-- A device was somewhere from a time to a time, whatever was known before; nowhere when no place is given.
create function reassign(of_device int, to_vehicle int, to_site int, to_zone int, since timestamptz, until timestamptz,
                         by_whom text) returns void
language plpgsql security definer set search_path = pg_catalog, public as $$
declare
    of_tenant int;
    last record;
begin
    if since >= until then
        raise exception 'assignment: it begins at or after its end' using errcode = 'check_violation';
    end if;
    select tenant_id into strict of_tenant from public.device where id = of_device for update;
    if of_tenant <> coalesce(nullif(current_setting('app.tenant', true), '')::int, of_tenant)
       or exists (select from public.vehicle v where v.id = to_vehicle and v.tenant_id <> of_tenant)
       or exists (select from public.site s where s.id = to_site and s.tenant_id <> of_tenant)
       or exists (select from public.zone z where z.id = to_zone and z.site_id is distinct from to_site) then
        raise exception 'assignment: not of this tenant' using errcode = 'insufficient_privilege';
    end if;
    -- Vehicles that lose readings.
    insert into public.reassigned as r (vehicle_id, since)
    select a.vehicle_id, min(greatest(a.valid_from, reassign.since)) from public.assignment a
    where a.device_id = of_device and a.valid_from < until and a.valid_to > reassign.since and a.vehicle_id is not null
      and (a.vehicle_id is distinct from to_vehicle)
    group by a.vehicle_id
    on conflict (vehicle_id) do update set since = least(r.since, excluded.since);
    -- What is behind the new one goes on after it; what is before ends; what is within goes.
    insert into public.assignment (tenant_id, device_id, vehicle_id, site_id, zone_id, valid_from, valid_to, recorded_at,
                                   recorded_by)
    select tenant_id, device_id, vehicle_id, site_id, zone_id, until, valid_to, recorded_at, recorded_by
    from public.assignment a where a.device_id = of_device and a.valid_from < reassign.since and a.valid_to > until;
    delete from public.assignment a
    where a.device_id = of_device and a.valid_from >= reassign.since and a.valid_to <= until;
    update public.assignment a set valid_to = reassign.since
    where a.device_id = of_device and a.valid_from < reassign.since and a.valid_to > reassign.since;
    update public.assignment a set valid_from = until
    where a.device_id = of_device and a.valid_from < until and a.valid_to > until;
    if num_nonnulls(to_vehicle, to_site) = 1 then
        insert into public.assignment (tenant_id, device_id, vehicle_id, site_id, zone_id, valid_from, valid_to, recorded_by)
        values (of_tenant, of_device, to_vehicle, to_site, to_zone, reassign.since, until, by_whom);
        if to_vehicle is not null then
            insert into public.reassigned as r (vehicle_id, since) values (to_vehicle, reassign.since)
            on conflict (vehicle_id) do update set since = least(r.since, excluded.since);
        end if;
    end if;
    -- Where it is now is where it was put last.
    select vehicle_id, site_id, zone_id into last from public.assignment a
    where a.device_id = of_device and a.valid_to = 'infinity';
    update public.device d set vehicle_id = last.vehicle_id, site_id = last.site_id, zone_id = last.zone_id
    where d.id = of_device
      and (d.vehicle_id, d.site_id, d.zone_id) is distinct from (last.vehicle_id, last.site_id, last.zone_id);
    perform pg_notify('frostway_registry', '');
end $$;

-- A device that is given another place is there from now on; its first place it has always had.
create function device_placed() returns trigger language plpgsql security definer set search_path = pg_catalog, public as $$
declare
    by_whom text := coalesce(nullif(current_setting('app.actor', true), ''), 'registry');
begin
    if not exists (select from public.assignment a where a.device_id = new.id) then
        if num_nonnulls(new.vehicle_id, new.site_id) = 1 then
            insert into public.assignment (tenant_id, device_id, vehicle_id, site_id, zone_id, valid_from, recorded_by)
            values (new.tenant_id, new.id, new.vehicle_id, new.site_id, new.zone_id, '-infinity', by_whom);
        end if;
    elsif not exists (select from public.assignment a where a.device_id = new.id and a.valid_to = 'infinity'
                      and (a.vehicle_id, a.site_id, a.zone_id) is not distinct from (new.vehicle_id, new.site_id, new.zone_id))
          and (num_nonnulls(new.vehicle_id, new.site_id) = 1
               or exists (select from public.assignment a where a.device_id = new.id and a.valid_to = 'infinity')) then
        perform public.reassign(new.id, new.vehicle_id, new.site_id, new.zone_id, now(), 'infinity', by_whom);
    end if;
    return null;
end $$;
create trigger device_placed after insert or update of vehicle_id, site_id, zone_id on device
    for each row execute function device_placed();

grant select on assignment to frostway_api;
revoke execute on function reassign(int, int, int, int, timestamptz, timestamptz, text) from public;
grant execute on function reassign(int, int, int, int, timestamptz, timestamptz, text) to frostway_api;
alter table assignment enable row level security;
create policy tenant_only on assignment to frostway_api
    using (tenant_id = nullif(current_setting('app.tenant', true), '')::int);
