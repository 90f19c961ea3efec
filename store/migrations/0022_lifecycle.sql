-- Things end: retired ones keep their name and their history and are offered no more. A device's end is `revoked_at`.

alter table site    add column retired_at timestamptz, add column home_name text;  -- its first name, once it has another:
alter table vehicle add column retired_at timestamptz, add column home_name text;  -- its partition is reckoned from it
alter table zone    add column retired_at timestamptz;
alter table profile add column retired_at timestamptz;
alter table product add column retired_at timestamptz;
alter table slot    add column retired_at timestamptz;

-- What belongs to a device alone goes with it.
alter table device_profile drop constraint device_profile_device_id_fkey;
alter table device_profile add foreign key (device_id) references device on delete cascade;

create function say_retired(kind text, thing jsonb) returns void language plpgsql immutable set search_path = pg_catalog as $$
begin
    raise exception '% % is retired: restore it first, or name another', kind, coalesce(thing ->> 'sku', thing ->> 'name')
        using errcode = 'restrict_violation';
end $$;

-- What is retired is not changed.
create function refuse_retired() returns trigger language plpgsql set search_path = pg_catalog, public as $$
begin
    if old.retired_at is not null and new.retired_at is not null then
        perform public.say_retired(tg_table_name, to_jsonb(old));
    end if;
    return new;
end $$;

-- What is retired is not given to anything anew. The arguments are the kinds of things that are named.
create function refuse_naming_retired() returns trigger
language plpgsql security definer set search_path = pg_catalog, public as $$
declare
    kind text;
    key text;
    thing jsonb;
begin
    foreach kind in array tg_argv loop
        key := to_jsonb(new) ->> (kind || '_id');
        continue when key is null or (tg_op = 'UPDATE' and key = to_jsonb(old) ->> (kind || '_id'));
        execute format('select to_jsonb(x) from public.%I x where x.id = $1 and x.retired_at is not null', kind)
            into thing using key::int;
        if thing is not null then
            perform public.say_retired(kind, thing);
        end if;
    end loop;
    return new;
end $$;

do $$
declare kind text;
begin
    foreach kind in array array['site', 'zone', 'vehicle', 'profile', 'product', 'slot'] loop
        execute format('create trigger refuse_retired before update on %I for each row execute function refuse_retired()', kind);
    end loop;
end $$;
create trigger refuse_naming_retired before insert or update of vehicle_id, site_id, zone_id, profile_id on device
    for each row execute function refuse_naming_retired('vehicle', 'site', 'zone', 'profile');
create trigger refuse_naming_retired before insert or update of vehicle_id, profile_id on shipment
    for each row execute function refuse_naming_retired('vehicle', 'profile');
create trigger refuse_naming_retired before insert or update of site_id on stop
    for each row execute function refuse_naming_retired('site');
create trigger refuse_naming_retired before insert or update of site_id on zone
    for each row execute function refuse_naming_retired('site');
create trigger refuse_naming_retired before insert or update of product_id on slot
    for each row execute function refuse_naming_retired('product');

-- A site that is retired is visited no more, and one that is restored always was: what that changes is folded again.
create function site_retired() returns trigger language plpgsql security definer set search_path = pg_catalog, public as $$
begin
    if new.retired_at is not null then
        insert into public.reassigned as r (vehicle_id, since)
        select distinct v.vehicle_id, new.retired_at from public.visit v
        where v.site_id = new.id and v.tenant_id = new.tenant_id and v.superseded_at is null and not v.retracted
          and coalesce(v.left_at, 'infinity') > new.retired_at
        on conflict (vehicle_id) do update set since = least(r.since, excluded.since);
    else
        insert into public.reassigned as r (vehicle_id, since)
        select s.vehicle_id, old.retired_at from public.vehicle_state s
        where s.tenant_id = new.tenant_id and s.time >= old.retired_at
        on conflict (vehicle_id) do update set since = least(r.since, excluded.since);
    end if;
    return null;
end $$;
create trigger site_retired after update of retired_at on site for each row
    when (old.retired_at is distinct from new.retired_at) execute function site_retired();

-- A site that is called otherwise: the grades of its lanes, which are text, go with it; all else has its key.
create function site_renamed() returns trigger language plpgsql security definer set search_path = pg_catalog, public as $$
begin
    update public.eta_grade g set lane = array_to_string(array(
        select case when part = old.name then new.name else part end
        from unnest(string_to_array(g.lane, ' > ')) with ordinality as p (part, place) order by place), ' > ')
    where g.tenant_id = new.tenant_id and old.name = any (string_to_array(g.lane, ' > '));
    return null;
end $$;
create trigger site_renamed after update of name on site for each row
    when (old.name is distinct from new.name) execute function site_renamed();
