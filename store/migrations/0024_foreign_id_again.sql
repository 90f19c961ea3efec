-- A device that comes back, however it is done, speaks by its foreign id again: not when another tenant's has it now.
create function refuse_taken_foreign_id() returns trigger
language plpgsql security definer set search_path = pg_catalog, public as $$
begin
    if public.foreign_id_taken(new.external_id, new.tenant_id) then
        raise exception 'foreign id %: a device of another tenant has it by now; give % another one first, or name its gateway',
            new.external_id, new.name using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger refuse_taken_foreign_id before update of revoked_at on device for each row
    when (old.revoked_at is not null and new.revoked_at is null and new.external_id is not null and new.gateway_id is null)
    execute function refuse_taken_foreign_id();
