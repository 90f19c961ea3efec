-- A device that speaks for itself by a foreign id (an IMEI) is found by that id alone: two tenants cannot both have it.

-- Functions of the owner's: the API's role sees its own tenant only.
create function foreign_id_taken(wanted text, by_tenant int) returns bool
language plpgsql security definer set search_path = pg_catalog, public as $$
begin
    perform pg_advisory_xact_lock(hashtextextended('foreign id ' || wanted, 0)); -- two registrations at once
    return exists (select from public.device d
                   where d.external_id = wanted and d.gateway_id is null and d.revoked_at is null
                     and d.tenant_id <> by_tenant);
end $$;

-- The holder is told once a day that somebody else tried; who it was, is nobody's business.
create function tell_foreign_id_holder(wanted text, by_tenant int) returns void
language sql security definer set search_path = pg_catalog, public as $$
    insert into public.audit (tenant_id, actor, action, subject, detail)
    select d.tenant_id, 'frostway', 'device.foreign_id_wanted', d.name, jsonb_build_object('foreign_id', wanted)
    from public.device d
    where d.external_id = wanted and d.gateway_id is null and d.revoked_at is null and d.tenant_id <> by_tenant
      and not exists (select from public.audit a
                      where a.tenant_id = d.tenant_id and a.action = 'device.foreign_id_wanted' and a.subject = d.name
                        and a.at > now() - interval '1 day')
$$;

revoke execute on function foreign_id_taken(text, int), tell_foreign_id_holder(text, int) from public;
grant execute on function foreign_id_taken(text, int), tell_foreign_id_holder(text, int) to frostway_api;
