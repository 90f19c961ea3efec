-- A fence that is made, moved or removed is so for all readings that are stored: whoever was ever there is folded again.
-- One that is retired or restored is so from that moment of the readings' time on.

-- Where vehicles have ever been: cells of a grid (tracker/rules/cells.py), and when each vehicle came into each first.
create table vehicle_cell (
    tenant_id  int not null,
    cell       int not null,                 -- -1: nobody kept where the vehicle was; it may have been anywhere
    vehicle_id int not null,
    since      timestamptz not null,
    primary key (tenant_id, cell, vehicle_id)
);
insert into vehicle_cell (tenant_id, cell, vehicle_id, since)
select tenant_id, -1, vehicle_id, '1970-01-01T00:00:00.000001Z' from vehicle_state;

-- Fences that have changed, each as it was and as it is, for each partition: its tracker finds the vehicles it owns that
-- were there, once it has read the registry anew.
create table refenced (
    id        int8 generated always as identity primary key,
    partition int not null,
    tenant_id int not null,
    site_id   int not null,
    lat       float8 not null,
    lon       float8 not null,
    radius_m  float8 not null,
    polygon   jsonb,
    corridor  jsonb,
    since     timestamptz not null           -- readings of before are not concerned
);
create index refenced_partition on refenced (partition, id);

create function site_fenced() returns trigger language plpgsql security definer set search_path = pg_catalog, public as $$
declare
    fence public.site;
    side text;
    from_when timestamptz := '1970-01-01T00:00:00.000001Z';
begin
    if tg_argv[0] = 'until when' then from_when := least(old.retired_at, new.retired_at); end if;
    foreach side in array array['as it was', 'as it is'] loop
        continue when side = 'as it was' and tg_op = 'INSERT' or side = 'as it is' and tg_op = 'DELETE';
        if side = 'as it was' then fence := old; else fence := new; end if;
        insert into public.refenced (partition, tenant_id, site_id, lat, lon, radius_m, polygon, corridor, since)
        select p.partition, fence.tenant_id, fence.id, fence.lat, fence.lon, fence.radius_m, fence.polygon, fence.corridor,
               from_when
        from public.tracker_position p where p.partition < 65536;
    end loop;
    perform pg_notify('frostway_registry', '');
    return null;
end $$;
create trigger site_made after insert on site for each row execute function site_fenced();
create trigger site_removed after delete on site for each row execute function site_fenced();
create trigger site_moved after update on site for each row
    when ((old.lat, old.lon, old.radius_m, old.polygon, old.corridor, old.dwell_s)
          is distinct from (new.lat, new.lon, new.radius_m, new.polygon, new.corridor, new.dwell_s))
    execute function site_fenced();
drop trigger site_retired on site;
drop function site_retired();
create trigger site_retired after update on site for each row
    when (old.retired_at is distinct from new.retired_at) execute function site_fenced('until when');
revoke execute on function site_fenced() from public;
