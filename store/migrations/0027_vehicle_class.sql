-- What sort of vehicle it is decides what is a stop of it and what a trip (tracker/rules/motion.py). It is what it is for
-- all readings that are stored: a vehicle of another class than before is folded again from its first reading.
alter table vehicle add column class text check (class in ('truck', 'van', 'courier', 'bus'));  -- null: nobody has told

create function vehicle_classed() returns trigger language plpgsql security definer set search_path = pg_catalog, public as $$
begin
    insert into public.reassigned as r (vehicle_id, since) values (new.id, '-infinity')
    on conflict (vehicle_id) do update set since = least(r.since, excluded.since);
    perform pg_notify('frostway_registry', '');
    return null;
end $$;
create trigger vehicle_classed after update of class on vehicle for each row
    when (old.class is distinct from new.class) execute function vehicle_classed();
revoke execute on function vehicle_classed() from public;
