-- name: default
-- How the pages look to whoever has chosen nothing; no row: nobody has said.
select temperature, distance, tz, language from tenant_display where tenant_id = %(tenant)s

-- name: own
-- What one person has chosen; no row: nothing.
select temperature, distance, tz, language from person_display where tenant_id = %(tenant)s and person = %(person)s

-- name: put_default
-- The tenant's default, in place of the one before.
insert into tenant_display as d (tenant_id, temperature, distance, tz, language, changed_by)
values (%(tenant)s, %(temperature)s, %(distance)s, %(tz)s, %(language)s, %(actor)s)
on conflict (tenant_id) do update set temperature = excluded.temperature, distance = excluded.distance, tz = excluded.tz,
    language = excluded.language, changed_by = excluded.changed_by, changed_at = now()

-- name: put_own
-- What one person has chosen, in place of what it was.
insert into person_display as d (tenant_id, person, temperature, distance, tz, language)
values (%(tenant)s, %(person)s, %(temperature)s, %(distance)s, %(tz)s, %(language)s)
on conflict (tenant_id, person) do update set temperature = excluded.temperature, distance = excluded.distance,
    tz = excluded.tz, language = excluded.language, changed_at = now()
