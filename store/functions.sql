-- What the API may do with tables that are not its own, function by function: applied after roles.sql; repeatable.
--
-- own_*    for the tenant of the transaction, by its role frostway_api
-- door_*   before it is known who asks, and the change stream, by its login frostway_web
-- The rest belongs to the broker and to the programs that keep partitions.

-- ---------------------------------------------------------------- readings of one tenant
-- own_position(device, since, until[, after, most]): of a device of the transaction's tenant, in event order; with `most` a
-- page of at least so many, which ends between two times and begins after `after`. own_last_position(device, most): its newest.
do $$
declare t text;
begin
    foreach t in array array['position', 'temperature', 'tag', 'shelf', 'door', 'status', 'attribute'] loop
        execute format($f$
            create or replace function own_%1$s(device int, since timestamptz, until timestamptz,
                                                after timestamptz default null, most bigint default null)
            returns setof reading_%1$s language sql stable security definer set search_path = pg_catalog rows 5000 as $b$
                select r.* from public.reading_%1$s r
                where r.device_id = $1 and r.time >= $2 and r.time < $3 and ($4 is null or r.time > $4)
                and exists (select from public.device d where d.id = $1 and d.tenant_id = public.current_tenant())
                order by r.time fetch first (coalesce($5, 9223372036854775807)) rows with ties
            $b$ $f$, t);
        execute format($f$
            create or replace function own_last_%1$s(device int, most bigint)
            returns setof reading_%1$s language sql stable security definer set search_path = pg_catalog rows 20 as $b$
                select r.* from public.reading_%1$s r
                where r.device_id = $1 and exists (select from public.device d where d.id = $1 and d.tenant_id = public.current_tenant())
                order by r.time desc limit $2
            $b$ $f$, t);
    end loop;
end $$;

-- Where a vehicle of the transaction's tenant was, in event order, `most` positions at most: microseconds, degrees, m/s and
-- flags as `store.arrays.column_stack` reads them. Packed here, since many rows leave a function slowly one by one.
create or replace function own_way(of_tenant int, vehicle int, since timestamptz, until timestamptz, most bigint)
returns table (fours lseg[], twos point[])
language sql stable security definer set search_path = pg_catalog set work_mem = '32MB' as $$
    select array_agg(lseg(point(round(date_part('epoch', w.time) * 1e6), w.lat), point(w.lon, w.speed_mps))),
           array_agg(point(w.heading_deg, w.flags))
    from (
        select r.time, r.lat, r.lon, case when r.flags & 32768 = 0 then coalesce(r.speed_mps, 'NaN') else 'NaN' end as speed_mps,
               coalesce(r.heading_deg, 'NaN') as heading_deg, r.flags
        from public.assignment a
        cross join lateral (
            select p.* from public.reading_position p
            where p.device_id = a.device_id and p.time >= greatest(a.valid_from, $3) and p.time < least(a.valid_to, $4)) r
        where a.vehicle_id = $2 and a.tenant_id = $1 and a.tenant_id = public.current_tenant()
        order by r.time, r.seq, r.received_at limit $5) w
$$;

-- How many readings a device has of a span of time; no more than `most` are counted.
create or replace function own_reading_count(device int, since timestamptz, until timestamptz, most bigint) returns bigint
language sql stable security definer set search_path = pg_catalog as $$
    select count(*) from (
        select from public.reading_position r where r.device_id = $1 and r.time >= $2 and r.time < $3 union all
        select from public.reading_temperature r where r.device_id = $1 and r.time >= $2 and r.time < $3 union all
        select from public.reading_tag r where r.device_id = $1 and r.time >= $2 and r.time < $3 union all
        select from public.reading_shelf r where r.device_id = $1 and r.time >= $2 and r.time < $3 union all
        select from public.reading_door r where r.device_id = $1 and r.time >= $2 and r.time < $3 union all
        select from public.reading_status r where r.device_id = $1 and r.time >= $2 and r.time < $3 union all
        select from public.reading_attribute r where r.device_id = $1 and r.time >= $2 and r.time < $3
        limit most) found
    where exists (select from public.device d where d.id = $1 and d.tenant_id = public.current_tenant())
$$;

-- How many weighings and counts a shelf has of the slot it calls by a label.
create or replace function own_slot_count(label int, most bigint) returns bigint
language sql stable security definer set search_path = pg_catalog as $$
    select count(*) from (
        select from public.label l join public.device d on d.id = l.scope and d.tenant_id = public.current_tenant()
        join public.reading_shelf r on r.device_id = d.id and r.slot_id = l.id
        where l.id = $1 and l.kind = 'slot' limit most) found
$$;

-- A change of the API's own, in order of commit: the head's row stays locked until then.
create or replace function own_change(body bytea) returns void language sql security definer set search_path = pg_catalog as $$
    with head as (update public.change_head set seq = seq + 1 where partition = -1 returning seq)
    insert into public.change (partition, seq, tenant_id, at, body)
    select -1, head.seq, public.current_tenant(), clock_timestamp(), $1 from head
$$;

-- Alerts of stock and loads as the operations decide them: those that are there are changed, new ones made; of devices' none.
create or replace function keep_alerts(told jsonb) returns table (place int, id int8)
language sql security definer set search_path = pg_catalog as $$
    with n as (select * from jsonb_to_recordset(told) as n (
        place int, id int8, tenant int, kind text, site int, product int, shipment int, severity text, title text, stock jsonb, load jsonb,
        opened_at timestamptz, alarm_at timestamptz, decided_at timestamptz, cleared_at timestamptz, withdrawn_at timestamptz, revised bool)
    ), changed as (
        update public.alert a set severity = n.severity, title = n.title, stock = n.stock, load = n.load, opened_at = n.opened_at,
            cleared_at = n.cleared_at, withdrawn_at = n.withdrawn_at, revision = a.revision + n.revised::int
        from n where a.id = n.id and a.tenant_id = n.tenant and a.device_id is null and a.kind = n.kind and ((a.site_id, a.product_id) = (n.site, n.product) or a.shipment_id = n.shipment)
        returning n.place, a.id
    ), made as (
        insert into public.alert (tenant_id, kind, severity, rule_key, site_id, product_id, shipment_id, title, stock, load, opened_at, alarm_at, decided_at)
        select tenant, kind, severity, kind, site, product, shipment, title, stock, load, opened_at, alarm_at, decided_at from n where id is null order by place
        on conflict do nothing returning alert.id, alert.site_id, alert.product_id, alert.shipment_id, alert.kind)
    select c.place, c.id from changed c union all select n.place, m.id from made m join n on n.id is null and n.kind = m.kind and ((n.site, n.product) = (m.site_id, m.product_id) or n.shipment = m.shipment_id)
$$;

-- Bearer tokens of the transaction's tenant, never their hashes; a new one, and the end of those of a name.
drop function if exists own_tokens(int);
create or replace function own_tokens(of_tenant int)
returns table (id int, name text, role text, scope text[], created_at timestamptz, expires_at timestamptz,
               revoked_at timestamptz, used_at timestamptz)
language sql stable security definer set search_path = pg_catalog as $$
    select a.id, regexp_replace(a.subject, '^token:', ''), a.role, a.scope, a.created_at, a.expires_at, a.revoked_at, a.used_at
    from public.access_token a
    where a.tenant_id = of_tenant and a.tenant_id = public.current_tenant() and a.kind = 'bearer'
$$;
create or replace function own_add_token(of_tenant int, called text, its_role text, its_scope text[], digest bytea, until timestamptz)
returns table (id int) language sql security definer set search_path = pg_catalog as $$
    select pg_advisory_xact_lock(hashtextextended('token:' || called, of_tenant));
    insert into public.access_token (tenant_id, kind, subject, role, scope, token_sha256, expires_at)
    select of_tenant, 'bearer', 'token:' || called, its_role, its_scope, digest, until
    where of_tenant = public.current_tenant() and not exists (
        select from public.access_token a where a.tenant_id = of_tenant and a.kind = 'bearer' and a.subject = 'token:' || called
        and a.revoked_at is null and (a.expires_at is null or a.expires_at > now()))
    returning access_token.id
$$;
create or replace function own_revoke_token(of_tenant int, called text) returns table (id int)
language sql security definer set search_path = pg_catalog as $$
    update public.access_token a set revoked_at = now()
    where a.tenant_id = of_tenant and a.tenant_id = public.current_tenant() and a.kind = 'bearer'
    and regexp_replace(a.subject, '^token:', '') = called and a.revoked_at is null
    returning a.id
$$;

-- People of the transaction's tenant; who changes them does so one after the other, so that one admin always is left.
drop function if exists own_accounts(int);
create or replace function own_accounts(of_tenant int)
returns table (name text, role text, email text, created_at timestamptz, signed_in_at timestamptz, disabled_at timestamptz,
               has_password bool, has_identity bool, invited_until timestamptz)
language sql stable security definer set search_path = pg_catalog as $$
    select a.name, a.role, a.email, a.created_at, a.signed_in_at, a.disabled_at, a.password_hash is not null,
           exists (select from public.account_identity n where n.account_id = a.id),
           (select max(i.expires_at) from public.invitation i
            where i.account_id = a.id and i.used_at is null and i.expires_at > now())
    from public.account a where a.tenant_id = of_tenant and a.tenant_id = public.current_tenant()
$$;
create or replace function own_add_account(of_tenant int, called text, its_role text, its_email text) returns table (id int)
language sql security definer set search_path = pg_catalog as $$
    insert into public.account (tenant_id, name, role, email)
    select of_tenant, called, its_role, its_email where of_tenant = public.current_tenant()
    on conflict (tenant_id, name) do nothing returning account.id
$$;
create or replace function own_change_account(of_tenant int, called text, its_role text, its_email text, is_disabled bool)
returns text language plpgsql security definer set search_path = pg_catalog as $$
begin
    if of_tenant is distinct from public.current_tenant() then return 'none'; end if;
    perform from public.account a where a.tenant_id = of_tenant order by a.id for update;
    if not exists (select from public.account a where a.tenant_id = of_tenant and a.name = called) then return 'none'; end if;
    if (its_role <> 'admin' or is_disabled) and not exists (
        select from public.account a where a.tenant_id = of_tenant and a.name <> called and a.role = 'admin'
        and a.disabled_at is null
        and (a.password_hash is not null or exists (select from public.account_identity n where n.account_id = a.id)))
       and exists (select from public.account a where a.tenant_id = of_tenant and a.name = called and a.role = 'admin'
                   and a.disabled_at is null) then
        return 'last admin';
    end if;
    update public.account a set role = its_role, email = its_email,
        disabled_at = case when is_disabled then coalesce(a.disabled_at, now()) end
    where a.tenant_id = of_tenant and a.name = called;
    update public.access_token t set role = its_role, revoked_at = case when is_disabled then now() end
    where t.tenant_id = of_tenant and t.subject = called and t.kind = 'session' and t.revoked_at is null;
    return 'done';
end $$;
create or replace function own_remove_account(of_tenant int, called text) returns text
language plpgsql security definer set search_path = pg_catalog as $$
declare answer text;
begin
    answer := (select public.own_change_account(of_tenant, called, 'viewer', a.email, true)
               from public.account a where a.tenant_id = of_tenant and a.name = called);
    if answer = 'done' then delete from public.account a where a.tenant_id = of_tenant and a.name = called; end if;
    return coalesce(answer, 'none');
end $$;
-- A link for a person; those of before open nothing more.
create or replace function own_invite(of_tenant int, called text, digest bytea, by_whom text, until timestamptz)
returns table (id int) language sql security definer set search_path = pg_catalog as $$
    delete from public.invitation i using public.account a
    where a.id = i.account_id and a.tenant_id = of_tenant and a.tenant_id = public.current_tenant() and a.name = called
    and i.used_at is null;
    insert into public.invitation (tenant_id, account_id, token_sha256, created_by, expires_at)
    select of_tenant, a.id, digest, by_whom, until from public.account a
    where a.tenant_id = of_tenant and a.tenant_id = public.current_tenant() and a.name = called and a.disabled_at is null
    returning invitation.id
$$;
-- Another secret of a webhook; the former one, which nobody may read, signs too for some time.
create or replace function own_rotate_webhook(of_tenant int, called text, fresh bytea, until timestamptz) returns table (id int)
language sql security definer set search_path = pg_catalog as $$
    update public.receiver w set former_secret = w.secret, former_until = until, secret = fresh
    where w.tenant_id = of_tenant and w.tenant_id = public.current_tenant() and w.kind = 'webhook' and w.name = called
    returning w.id
$$;
-- Where a person is signed in, and the end of it: of one session, or of all but one.
create or replace function own_sessions(of_tenant int, called text)
returns table (id int, created_at timestamptz, expires_at timestamptz, used_at timestamptz, agent text, network text)
language sql stable security definer set search_path = pg_catalog as $$
    select t.id, t.created_at, t.expires_at, t.used_at, t.agent, t.network from public.access_token t
    where t.tenant_id = of_tenant and t.tenant_id = public.current_tenant() and t.kind = 'session' and t.subject = called
    and t.revoked_at is null and t.expires_at > now()
$$;
create or replace function own_end_sessions(of_tenant int, called text, only_this int, but_this int) returns table (id int)
language sql security definer set search_path = pg_catalog as $$
    update public.access_token t set revoked_at = now()
    where t.tenant_id = of_tenant and t.tenant_id = public.current_tenant() and t.kind = 'session' and t.subject = called
    and t.revoked_at is null and (only_this is null or t.id = only_this) and (but_this is null or t.id <> but_this)
    returning t.id
$$;

-- ---------------------------------------------------------------- before it is known who asks
drop function if exists door_caller(bytea);
create or replace function door_caller(digest bytea)
returns table (id int, tenant_id int, tenant text, subject text, role text, kind text, scope text[], used_at timestamptz)
language sql stable security definer set search_path = pg_catalog as $$
    select a.id, a.tenant_id, t.name, a.subject, a.role, a.kind, a.scope, a.used_at
    from public.access_token a join public.tenant t on t.id = a.tenant_id
    where a.token_sha256 = digest and a.revoked_at is null and (a.expires_at is null or a.expires_at > now())
$$;
create or replace function door_seen(token int) returns void language sql security definer set search_path = pg_catalog as $$
    update public.access_token set used_at = now()
    where id = token and (used_at is null or used_at < now() - interval '1 minute')
$$;
create or replace function door_tenant(wanted text) returns table (id int)
language sql stable security definer set search_path = pg_catalog as $$ select t.id from public.tenant t where t.name = wanted $$;
create or replace function door_account(of_tenant text, called text)
returns table (tenant_id int, name text, role text, password_hash text)
language sql stable security definer set search_path = pg_catalog as $$
    select a.tenant_id, a.name, a.role, a.password_hash from public.account a join public.tenant t on t.id = a.tenant_id
    where t.name = of_tenant and a.name = called and a.disabled_at is null and a.password_hash is not null
$$;
create or replace function door_rehash(of_tenant int, called text, old text, new text) returns void
language sql security definer set search_path = pg_catalog as $$
    update public.account set password_hash = new where tenant_id = of_tenant and name = called and password_hash = old
$$;
create or replace function door_invitation(digest bytea)
returns table (tenant_id int, tenant text, name text, role text, is_new bool, expires_at timestamptz)
language sql stable security definer set search_path = pg_catalog as $$
    select a.tenant_id, t.name, a.name, a.role, a.password_hash is null, i.expires_at
    from public.invitation i join public.account a on a.id = i.account_id join public.tenant t on t.id = a.tenant_id
    where i.token_sha256 = digest and i.used_at is null and i.expires_at > now() and a.disabled_at is null
$$;
create or replace function door_accept(digest bytea, hashed text) returns table (tenant_id int, name text)
language sql security definer set search_path = pg_catalog as $$
    with used as (
        update public.invitation i set used_at = now() from public.account a
        where i.token_sha256 = digest and i.used_at is null and i.expires_at > now()
        and a.id = i.account_id and a.disabled_at is null
        returning i.account_id
    ), changed as (
        update public.account a set password_hash = hashed from used where a.id = used.account_id
        returning a.tenant_id, a.name
    ), ended as (
        update public.access_token t set revoked_at = now() from changed c
        where t.tenant_id = c.tenant_id and t.subject = c.name and t.kind = 'session' and t.revoked_at is null
        returning t.id
    )
    select c.tenant_id, c.name from changed c
$$;
drop function if exists door_add_session(int, text, bytea, timestamptz);
create or replace function door_add_session(of_tenant int, called text, digest bytea, until timestamptz, browser text, place text)
returns void
language sql security definer set search_path = pg_catalog as $$
    delete from public.access_token where tenant_id = of_tenant and subject = called and kind = 'session'
    and coalesce(revoked_at, expires_at) < now() - interval '1 day';
    update public.account set signed_in_at = now() where tenant_id = of_tenant and name = called;
    insert into public.access_token (tenant_id, kind, subject, role, token_sha256, expires_at, used_at, agent, network)
    select a.tenant_id, 'session', a.name, a.role, digest, until, now(), left(browser, 200), place from public.account a
    where a.tenant_id = of_tenant and a.name = called and a.disabled_at is null
$$;
-- Who it is that a provider vouches for: `known`; `linked` now, to the one account that has this address, which the provider
-- has verified; `made` now, when it gives a role. Else why nobody: `none`, `shut out`, `taken` (an account has the name or
-- address, and is not, or not for sure, theirs).
create or replace function door_identify(of_tenant text, by_issuer text, by_subject text, address text, called text, its_role text)
returns table (outcome text, tenant_id int, name text) language plpgsql security definer set search_path = pg_catalog as $$
declare
    t int; who public.account; known public.account_identity; many bigint; found text := 'known';
begin
    t := (select x.id from public.tenant x where x.name = of_tenant);
    if t is null then return query select 'none', null::int, null::text; return; end if;
    perform pg_advisory_xact_lock(hashtextextended('identify', t));
    select * into known from public.account_identity n where n.tenant_id = t and n.issuer = by_issuer and n.subject = by_subject;
    if known.id is null then
        select count(*) into many from public.account a
        where a.tenant_id = t and (lower(a.email) = lower(address) or lower(a.name) = lower(address));
        if many > 1 then return query select 'taken', t, null::text; return; end if;
        select * into who from public.account a
        where a.tenant_id = t and (lower(a.email) = lower(address) or lower(a.name) = lower(address));
        found := 'linked';
        if who.id is null then
            if its_role is null then return query select 'none', t, null::text; return; end if;
            if exists (select from public.account a where a.tenant_id = t and lower(a.name) = lower(called)) then
                return query select 'taken', t, null::text; return;
            end if;
            insert into public.account (tenant_id, name, role, email) values (t, called, its_role, address) returning * into who;
            found := 'made';
        elsif who.disabled_at is not null then
            return query select 'shut out', t, who.name; return;
        elsif exists (select from public.account_identity n where n.account_id = who.id and n.issuer = by_issuer) then
            return query select 'taken', t, who.name; return;
        end if;
        insert into public.account_identity (tenant_id, account_id, issuer, subject, by_claim)
        values (t, who.id, by_issuer, by_subject, found = 'made');
    else
        select * into who from public.account a where a.id = known.account_id;
        if who.disabled_at is not null then return query select 'shut out', t, who.name; return; end if;
        if known.by_claim and its_role is null then return query select 'none', t, who.name; return; end if;
        if known.by_claim and its_role <> who.role then
            update public.account a set role = its_role where a.id = who.id;
            update public.access_token k set role = its_role
            where k.tenant_id = t and k.subject = who.name and k.kind = 'session' and k.revoked_at is null;
            found := 'changed';
        end if;
    end if;
    update public.account_identity n set used_at = now()
    where n.tenant_id = t and n.issuer = by_issuer and n.subject = by_subject;
    return query select found, t, who.name;
end $$;
create or replace function door_end_session(token int) returns void
language sql security definer set search_path = pg_catalog as $$
    update public.access_token set revoked_at = now() where id = token and kind = 'session' and revoked_at is null
$$;
create or replace function door_change_password(of_tenant int, called text, hashed text, but_session int) returns void
language sql security definer set search_path = pg_catalog as $$
    update public.account set password_hash = hashed where tenant_id = of_tenant and name = called;
    update public.access_token set revoked_at = now()
    where tenant_id = of_tenant and subject = called and kind = 'session' and revoked_at is null and id <> but_session
$$;
drop function if exists door_good_tokens(int[]);
create or replace function door_ended_tokens(ids int[], roles text[]) returns table (id int, good boolean)
language sql stable security definer set search_path = pg_catalog as $$
    select w.id, a.id is not null from unnest(ids, roles) as w (id, role)
    left join public.access_token a
        on a.id = w.id and a.revoked_at is null and (a.expires_at is null or a.expires_at > now())
    where a.role is distinct from w.role
$$;
drop function if exists door_share(bytea);
create or replace function door_share(digest bytea) returns table (
    id int, tenant_id int, shipment_id int, language text, tz text, last_used_at timestamptz, customer_id int)
language sql stable security definer set search_path = pg_catalog as $$
    select s.id, s.tenant_id, s.shipment_id, s.language, s.tz, s.last_used_at, s.customer_id from public.share s
    where s.token_sha256 = digest and s.revoked_at is null and s.expires_at > now()
$$;
create or replace function door_driver_link(digest bytea) returns table (id int, tenant_id int, shipment_id int, driver text)
language sql stable security definer set search_path = pg_catalog as $$ select s.id, s.tenant_id, s.shipment_id, s.driver from public.driver_link s where s.token_sha256 = digest and s.revoked_at is null and s.expires_at > now() $$;
-- Customers' links that are good, one or all, without what they are known by: operations tell their recipients.
create or replace function good_shares(only_this int)
returns table (id int, shipment_id int, language text, tz text)
language sql stable security definer set search_path = pg_catalog as $$
    select s.id, s.shipment_id, s.language, s.tz from public.share s
    where s.revoked_at is null and s.expires_at > now() and (only_this is null or s.id = only_this)
$$;
-- Those that have been over since before a time: what is known of their recipients is forgotten.
create or replace function ended_shares(before timestamptz) returns table (id int)
language sql stable security definer set search_path = pg_catalog as $$
    select s.id from public.share s where least(s.expires_at, coalesce(s.revoked_at, 'infinity')) < before
$$;
create or replace function door_ended_shares(ids int[]) returns table (id int)
language sql stable security definer set search_path = pg_catalog as $$
    select w.id from unnest(ids) as w (id)
    where not exists (select from public.share s where s.id = w.id and s.revoked_at is null and s.expires_at > now())
$$;
create or replace function door_is_simulated() returns bool
language sql stable security definer set search_path = pg_catalog as $$ select exists (select from public.demo d where d.running) $$;
create or replace function door_schema_version() returns int
language sql stable security definer set search_path = pg_catalog as $$ select max(v.version) from public.schema_version v $$;

-- A request that is to be carried out once: begun now, or `open`, `done`, `other` (the key was used for something else), `many`.
create or replace function door_begin_once(digest bytea, its_key bytea, asked bytea, most bigint)
returns table (found text, id int8, status int, answer bytea) language plpgsql security definer set search_path = pg_catalog as $$
declare caller record; one public.once;
begin
    select a.id, a.tenant_id into caller from public.access_token a
    where a.token_sha256 = digest and a.revoked_at is null and (a.expires_at is null or a.expires_at > now());
    if caller is null then return; end if;
    delete from public.once o where o.tenant_id = caller.tenant_id and o.begun_at < now() - interval '1 day';
    insert into public.once (tenant_id, token_id, key, request)
    select caller.tenant_id, caller.id, its_key, asked
    where (select count(*) from public.once o where o.tenant_id = caller.tenant_id) < most
    on conflict do nothing returning * into one;
    if one.id is not null then return query select 'begun', one.id, null::int, null::bytea; return; end if;
    select * into one from public.once o where o.token_id = caller.id and o.key = its_key;
    return query select case when one.id is null then 'many' when one.request <> asked then 'other'
                             when one.status is null then 'open' else 'done' end, one.id, one.status, one.answer;
end $$;
create or replace function door_end_once(one int8, its_status int, sealed bytea) returns void
language sql security definer set search_path = pg_catalog as $$
    update public.once set status = its_status, answer = sealed where id = one
$$;
create or replace function door_forget_once(one int8) returns void language sql security definer set search_path = pg_catalog as $$
    delete from public.once where id = one and status is null
$$;

-- The change stream: positions of all, bodies of the tenants that are named.
create or replace function door_change_heads() returns table ("partition" int, seq int8)
language sql stable security definer set search_path = pg_catalog as $$
    select h.partition, h.seq from public.change_head h union all
    select p.partition, p.change_seq from public.tracker_position p where p.partition < 65536 order by 1
$$;
create or replace function door_changes(partitions int[], seqs int8[], most bigint, tenants int[])
returns table ("partition" int, seq int8, tenant_id int, at timestamptz, body bytea)
language sql stable security definer set search_path = pg_catalog as $$
    select c.partition, c.seq, c.tenant_id, c.at, case when c.tenant_id = any(tenants) then c.body end
    from unnest(partitions, seqs) as w (partition, seq)
    cross join lateral (
        select n.* from public.change n
        where n.partition = w.partition and n.seq > w.seq order by n.seq limit most) c
    order by c.partition, c.seq
$$;
create or replace function door_missed_changes(of_tenant int, partitions int[], seqs int8[], heads int8[])
returns table ("partition" int, seq int8, tenant_id int, at timestamptz, body bytea)
language sql stable security definer set search_path = pg_catalog as $$
    select c.partition, c.seq, c.tenant_id, c.at, c.body
    from unnest(partitions, seqs, heads) as w (partition, seq, head)
    join public.change c on c.partition = w.partition and c.seq > w.seq and c.seq <= w.head
    where c.tenant_id = of_tenant order by c.partition, c.seq
$$;
create or replace function door_oldest_changes(partitions int[]) returns table ("partition" int, seq int8)
language sql stable security definer set search_path = pg_catalog as $$
    select w.partition, (select min(c.seq) from public.change c where c.partition = w.partition)
    from unnest(partitions) as w (partition)
$$;

-- ---------------------------------------------------------------- the broker's users
create or replace function broker_logins() returns table (name text, password_hash text, kind text)
language sql stable security definer set search_path = pg_catalog as $$
    select t.name || '/' || d.name, d.mqtt_password_hash, d.kind from public.device d join public.tenant t on t.id = d.tenant_id
    where d.mqtt_password_hash is not null and d.revoked_at is null order by 1
$$;

-- ---------------------------------------------------------------- partitions belong to the owner
create or replace function make_partition(parent text, since timestamptz, until timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog as $$
begin
    if not exists (select from pg_class where oid = format('public.%I', parent)::regclass and relkind = 'p')
       or parent not like 'reading\_%' or until - since <> interval '7 days' then
        raise exception 'no partition of % can be made', parent;
    end if;
    execute format('create table if not exists public.%I partition of public.%I for values from (%L) to (%L)',
                   parent || '_' || to_char(since at time zone 'UTC', 'YYYYMMDD'), parent, since, until);
end $$;
create or replace function drop_partition(parent text, child text) returns void
language plpgsql security definer set search_path = pg_catalog as $$
begin
    if parent not like 'reading\_%' or not exists (
        select from pg_inherits where inhparent = format('public.%I', parent)::regclass
        and inhrelid = format('public.%I', child)::regclass) then
        raise exception '% is no partition of %', child, parent;
    end if;
    execute format('drop table public.%I', child);
end $$;
create or replace function drop_reading_chunks(parent text, before timestamptz) returns bigint
language plpgsql security definer set search_path = pg_catalog, public as $$
declare dropped bigint;
begin
    if parent not like 'reading\_%' then raise exception '% holds no readings', parent; end if;
    select count(*) into dropped from drop_chunks(format('public.%I', parent)::regclass, older_than => before);
    return dropped;
end $$;

-- ---------------------------------------------------------------- who may call what
do $$
declare f record;
begin
    for f in
        select p.oid::regprocedure as name from pg_proc p
        where p.pronamespace = 'public'::regnamespace and p.prosecdef
        and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
    loop
        execute format('revoke execute on function %s from public', f.name);
    end loop;
    for f in
        select p.oid::regprocedure as name, p.proname as word from pg_proc p
        where p.pronamespace = 'public'::regnamespace
        and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
        and (p.proname ~ '^(own|door)_' or p.proname in ('current_tenant', 'current_tenant_name', 'is_only_tenant', 'broker_logins', 'good_shares', 'ended_shares', 'keep_alerts',
             'make_partition', 'drop_partition', 'drop_reading_chunks'))
    loop
        execute format('revoke execute on function %s from public, frostway_tracker', f.name);
        if f.word ~ '^own_' or f.word in ('current_tenant', 'current_tenant_name', 'is_only_tenant') then
            execute format('grant execute on function %s to frostway_api', f.name);
        elsif f.word ~ '^door_' then
            execute format('grant execute on function %s to frostway_web', f.name);
        elsif f.word = 'broker_logins' then
            execute format('grant execute on function %s to frostway_web, frostway_broker', f.name);
        elsif f.word = 'make_partition' then
            execute format('grant execute on function %s to frostway_tracker', f.name);
        else
            execute format('grant execute on function %s to frostway_operations', f.name);
        end if;
        if f.word in ('own_temperature', 'current_tenant') then -- they tell the temperature of goods from the same query
            execute format('grant execute on function %s to frostway_tracker, frostway_operations', f.name);
        end if;
        if f.word = 'own_change' then -- pages are told of decisions that do not stand any more
            execute format('grant execute on function %s to frostway_operations', f.name);
        end if;
    end loop;
end $$;

comment on table schema_version is 'roles /*digest*/';
