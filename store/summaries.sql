-- Functions over the readings of ten minutes; made anew with the rights (store/roles.sql). Plain SQL, which a query that
-- uses them sees through.
--
-- summarised_speed(since, until), summarised_values(name, since, until)   from the readings; of all names without one
-- ..._of(device, …)                                                       the same of one device
-- speed_summaries(since, until), value_summaries(name, since, until)      what is summarised, and the readings for the rest
-- own_speed_windows(fleets, …), own_value_windows(name, fleets, …)        of the vehicles of the transaction's tenant
-- own_last_values(name, fleets, …)                                        the last value of each of them, from the readings

do $$
declare
    form record;
begin
    for form in select * from (values ('', '', ''), ('_of', 'device int, ', 'r.device_id = device and ')) f (suffix, given, wanted) loop
        execute format('drop function if exists summarised_speed%s(%stimestamptz, timestamptz)', form.suffix,
                       replace(form.given, 'device ', ''));
        execute format($f$
            create function summarised_speed%s(%ssince timestamptz, until timestamptz)
            returns setof public.reading_summary
            language sql stable parallel safe rows 10000 as $b$
                select date_bin('10 minutes', r.time, 'epoch'), r.device_id, 0, count(*)::int,
                       (count(*) filter (where r.speed_mps > 1))::int,
                       sum(r.speed_mps::float8 order by r.time, r.boot_id, r.seq),
                       coalesce(sum(r.speed_mps::float8 order by r.time, r.boot_id, r.seq) filter (where r.speed_mps > 1), 0),
                       min(r.speed_mps)::float8, max(r.speed_mps)::float8
                from public.reading_position r
                where %sr.time >= since and r.time < until and r.speed_mps is not null
                group by r.device_id, date_bin('10 minutes', r.time, 'epoch')
            $b$ $f$, form.suffix, form.given, form.wanted);
        execute format('drop function if exists summarised_values%s(%stext, timestamptz, timestamptz)', form.suffix,
                       replace(form.given, 'device ', ''));
        execute format($f$
            create function summarised_values%s(%sname text, since timestamptz, until timestamptz)
            returns setof public.reading_summary
            language sql stable parallel safe rows 10000 as $b$
                select date_bin('10 minutes', a.time, 'epoch'), a.device_id, a.name_id, count(*)::int,
                       count(d.device_id)::int, sum(a.value order by a.time, a.boot_id, a.seq),
                       coalesce(sum(a.value order by a.time, a.boot_id, a.seq) filter (where d.device_id is not null), 0),
                       min(a.value), max(a.value)
                from (select * from public.reading_attribute r
                      where %sr.time >= since and r.time < until and r.value is not null
                      and (name is null or r.name_id in (select l.id from public.label l where l.kind = 'attr' and l.text = name))) a
                left join (select distinct r.device_id, r.time from public.reading_position r
                           where %sr.time >= since and r.time < until and r.speed_mps > 1) d
                on d.device_id = a.device_id and d.time = a.time
                group by a.device_id, a.name_id, date_bin('10 minutes', a.time, 'epoch')
            $b$ $f$, form.suffix, form.given, form.wanted, form.wanted);
    end loop;
end $$;

-- A span in parts: what is summarised of it, and what is to be read, before and behind that. Ten minutes cut by an end of it are read.
create or replace function summary_parts(since timestamptz, until timestamptz)
returns table (from_time timestamptz, to_time timestamptz, summarised bool)
language sql stable parallel safe rows 3 as $$
    select p.from_time, p.to_time, p.summarised from (
        select case when w.a < w.z then w.a else $2 end as a, case when w.a < w.z then w.z else $2 end as z from (
            select greatest(s.since, date_bin('10 minutes', $1 + interval '10 minutes' - interval '1 microsecond', 'epoch')) as a,
                   least(s.until, date_bin('10 minutes', $2, 'epoch')) as z
            from public.summary_span s where s.since is not null
            union all select $2, $2 from public.summary_span s where s.since is null) w) c
    cross join lateral (values ($1, c.a, false), (c.a, c.z, true), (c.z, $2, false)) p (from_time, to_time, summarised)
    where p.from_time < p.to_time
$$;

do $$
declare
    form record;
begin
    for form in select * from (values
        ('speed', '', 'timestamptz, timestamptz', '', 's.name_id = 0'),
        ('value', 'name text, ', 'text, timestamptz, timestamptz', 'name, ',
         's.name_id in (select l.id from public.label l where l.kind = ''attr'' and l.text = name)')
    ) f (kind, given, types, passed, wanted) loop
        execute format('drop function if exists %s_summaries(%s)', form.kind, form.types);
        execute format($f$
            create function %1$s_summaries(%2$ssince timestamptz, until timestamptz)
            returns setof public.reading_summary
            language sql stable parallel safe rows 10000 as $b$
                select s.* from public.summary_parts(since, until) p
                join public.reading_summary s on s.time >= p.from_time and s.time < p.to_time
                where p.summarised and %4$s
                and not exists (select from public.summary_due d where d.time = s.time and d.device_id = s.device_id)
                union all
                select f.* from public.summary_parts(since, until) p
                cross join lateral public.summarised_%5$s(%3$sp.from_time, p.to_time) f where not p.summarised
                union all
                select f.* from public.summary_parts(since, until) p
                join (select distinct d.time, d.device_id from public.summary_due d) d on d.time >= p.from_time and d.time < p.to_time
                cross join lateral public.summarised_%5$s_of(d.device_id, %3$sd.time, d.time + interval '10 minutes') f
                where p.summarised
            $b$ $f$, form.kind, form.given, form.passed, form.wanted, case form.kind when 'value' then 'values' else 'speed' end);
    end loop;
end $$;

-- own_speed_windows(fleets, models, drivers, fuel_types, tags, since, until), own_value_windows(name, …): ten minutes of the
-- vehicles of the transaction's tenant, of one of these fleets, …, with all of these tags; NULL: of all. Whose device, fleet and
-- driver it was is asked of their beginning. Their plan is kept, and not compiled: each of its many parts does little.
set local check_function_bodies = off; -- current_tenant() is made with the rights
do $$
declare
    form record;
begin
    for form in select * from (values ('speed', '', '', ''), ('value', 'name text, ', 'text, ', 'name, ')) f (kind, given, types, passed) loop
        execute format('drop function if exists own_%s_windows(%stext, text, text, text, timestamptz, timestamptz)', form.kind, form.types);
        execute format('drop function if exists own_%s_windows(%stext[], text[], text[], text[], text[], timestamptz, timestamptz)',
                       form.kind, form.types);
        execute format($f$
            create function own_%1$s_windows(%2$sfleets text[], models text[], drivers text[], fuel_types text[],
                                             all_tags text[], since timestamptz, until timestamptz)
            returns table (vehicle text, fleet text, model text, load_capacity_kg float8, nominal_fuel_lph float8, "time" timestamptz,
                           samples bigint, driving_samples bigint, total float8, driving_total float8)
            language plpgsql stable security definer rows 10000
            set search_path = pg_catalog set plan_cache_mode = force_generic_plan set jit = off as $b$
            #variable_conflict use_column
            begin
                return query
                select v.name, f.fleet, v.model, v.load_capacity_kg, v.nominal_fuel_lph, s.time,
                       sum(s.samples), sum(s.driving_samples), sum(s.total), sum(s.driving_total)
                from public.%1$s_summaries(%3$ssince, until) s
                join public.assignment a on a.device_id = s.device_id and s.time >= a.valid_from and s.time < a.valid_to
                join public.vehicle v on v.id = a.vehicle_id and v.tenant_id = public.current_tenant()
                left join public.vehicle_fleet f on f.vehicle_id = v.id and s.time >= f.valid_from and s.time < f.valid_to
                where coalesce((fleets is null or f.fleet = any(fleets)) and (models is null or v.model = any(models))
                               and (fuel_types is null or v.fuel_type = any(fuel_types))
                               and (all_tags is null or v.tags @> all_tags), false)
                and (drivers is null or exists (
                    select from public.vehicle_driver d join public.driver w on w.id = d.driver_id
                    where d.vehicle_id = v.id and s.time >= d.valid_from and s.time < d.valid_to and w.name = any(drivers)))
                group by v.id, f.fleet, s.time;
            end $b$ $f$, form.kind, form.given, form.passed);
    end loop;
end $$;

-- own_last_values(name, fleets, models, drivers, fuel_types, tags, since, until): of each such vehicle the newest number that its
-- devices told in the span while they were with it, and it was of such a fleet and driver; of one time, the last in event order.
-- What is looked for is put together first, by joins of whole tables; then one row by index for each. One plan serves all callers:
-- in a `coalesce` the filters are thought to let through half of all, by themselves one vehicle, for which no table is hashed. And
-- of a device few values are expected in the span: they would be sorted to find the newest, were sorting not put off. That makes
-- the plan look dear, and worth compiling, where it is not.
do $do$
declare
    sought text := $q$
        return query
        with sought as materialized (
            select v.id, v.name, v.model, v.load_capacity_kg, a.device_id, l.id as name_id, p.page, p.slot,
                   greatest($7, a.valid_from, g.valid_from, d.valid_from) as since,
                   least($8, a.valid_to, g.valid_to, d.valid_to) as until
            from public.vehicle v
            join public.assignment a on a.vehicle_id = v.id
            join public.label l on l.kind = 'attr' and l.scope = a.device_id and l.text = $1
            left join public.value_place p on p.device_id = a.device_id and p.name_id = l.id and p.page > 0
            left join public.vehicle_fleet g on $2 is not null and g.vehicle_id = v.id and g.fleet = any($2)
            left join (public.vehicle_driver d join public.driver w on w.id = d.driver_id and w.name = any($4))
                on $4 is not null and d.vehicle_id = v.id
            where v.tenant_id = public.current_tenant()
            and coalesce(($2 is null or g.vehicle_id is not null) and ($3 is null or v.model = any($3))
                         and ($4 is null or d.vehicle_id is not null) and ($5 is null or v.fuel_type = any($5))
                         and ($6 is null or v.tags @> $6), false))
        select n.name, f.fleet, n.model, n.load_capacity_kg, n.time, n.value
        from (select distinct on (s.id) s.id, s.name, s.model, s.load_capacity_kg, r.time, r.value
              from sought s cross join lateral (
                  select r.time, r.boot_id, r.seq, x.value from %s
                  and r.device_id = s.device_id and r.time >= s.since and r.time < s.until
                  and r.time >= $7 and r.time < $8 -- by which TimescaleDB leaves out chunks, once and not for each
                  order by r.time desc fetch first row with ties) r
              order by s.id, r.time desc, r.boot_id desc, r.seq desc) n
        left join public.vehicle_fleet f on f.vehicle_id = n.id and n.time >= f.valid_from and n.time < f.valid_to
        $q$;
begin
    drop function if exists own_last_values(text, text[], text[], text[], text[], text[], timestamptz, timestamptz);
    execute format($f$
        create function own_last_values(name text, fleets text[], models text[], drivers text[], fuel_types text[], all_tags text[],
                                        since timestamptz, until timestamptz)
        returns table (vehicle text, fleet text, model text, load_capacity_kg float8, "time" timestamptz, value float8)
        language plpgsql stable security definer
        set search_path = pg_catalog set plan_cache_mode = force_generic_plan set enable_sort = off set jit = off
        set timescaledb.enable_runtime_exclusion = off as $b$
        #variable_conflict use_column
        begin
            if exists (select from public.value_move) then %s; else %s; end if;
        end $b$ $f$,
        format(sought, 'public.reading_attribute r cross join lateral (select r.value) x where r.name_id = s.name_id and r.value is not null'),
        format(sought, 'public.reading_value_set r cross join lateral (select case when r.page < 0 then r.v0 else
            case s.slot when 0 then r.v0 when 1 then r.v1 when 2 then r.v2 when 3 then r.v3
                        when 4 then r.v4 when 5 then r.v5 when 6 then r.v6 when 7 then r.v7 end end) x (value)
            where (r.page = s.page or r.page = ~s.name_id) and x.value is not null'));
end $do$;
set local check_function_bodies = on;
