-- Who may do what: applied after the migrations whenever this file or the schema has changed; repeatable.
--
-- frostway_api      one tenant, for the length of a transaction: row-level security, and own_* functions (functions.sql)
-- frostway_web      login of the API: may become frostway_api, and call door_* functions; no table at all
-- frostway_ingest, frostway_tracker, frostway_operations, frostway_broker   logins of those programs
-- The owner migrates, and is whom `frostway device add` and its like connect as.
--
-- A new table stands in the list below, or tests/integration/test_roles_catalogue.py fails; until then ingest and tracker
-- may read and write it and the API may not.

-- ---------------------------------------------------------------- roles
do $$
declare r text;
begin
    foreach r in array array['frostway_api nologin', 'frostway_web login noinherit', 'frostway_ingest login',
                             'frostway_tracker login', 'frostway_operations login', 'frostway_broker login'] loop
        begin
            if not exists (select from pg_roles where rolname = split_part(r, ' ', 1)) then
                execute 'create role ' || r;
            end if;
        exception when duplicate_object or unique_violation then null;
        end;
    end loop;
    if not pg_has_role('frostway_web', 'frostway_api', 'member') then
        grant frostway_api to frostway_web;
    end if;
    execute format('revoke temporary, create on database %I from public', current_database());
    execute format('grant connect on database %I to frostway_web, frostway_ingest, frostway_tracker, frostway_operations,
                   frostway_broker', current_database());
end $$;
revoke create on schema public from public;
grant usage on schema public to frostway_api, frostway_web, frostway_ingest, frostway_tracker, frostway_operations, frostway_broker;

-- ---------------------------------------------------------------- tables
create temporary table class (name text primary key, tenancy text, api text, ingest text, tracker text) on commit drop;
insert into class values
    -- name                 whose a row is    api                               ingest                    tracker
    ('tenant',              'id',             'select',                         'select',                 'select'),
    ('site',                'tenant_id',      'select, insert, update, delete', 'select',                 'select'),
    ('zone',                'tenant_id',      'select, insert, update, delete', 'select',                 'select'),
    ('vehicle',             'tenant_id',      'select, insert, update, delete', 'select',                 'select'),
    ('profile',             'tenant_id',      'select, insert, update, delete', 'select',                 'select'),
    ('profile_version',     'tenant_id',      'select, insert',                 '',                       'select'),
    ('device',              'tenant_id',      'select, insert, update, delete', 'select',                 'select'),
    ('product',             'tenant_id',      'select, insert, update, delete', '',                       'select'),
    ('slot',                'tenant_id',      'select, insert, update, delete', '',                       'select'),
    ('shipment',            'tenant_id',      'select, insert, update, delete', '',                       'select, update'),
    ('stop',                'tenant_id',      'select, insert, update, delete', '',                       'select, update'),
    ('share',               'tenant_id',      'select, insert, update',         '',                       ''),
    ('share_opening',       'tenant_id',      'select, insert, delete',         '',                       ''),
    ('share_recipient',     'tenant_id',      'select (id, share_id, tenant_id, channel_id, browser_sha256, shown, milestones, muted_at, told_count, checked_at), '
                                              'insert, update (muted_at, sealed, language, tz), delete', '', ''),
    ('share_told',          'tenant_id',      'select',                         '',                       ''),
    ('account',             'tenant_id',      '',                               '',                       ''),
    ('access_token',        'tenant_id',      '',                               '',                       ''),
    ('invitation',          'tenant_id',      '',                               '',                       ''),
    ('account_identity',    'tenant_id',      '',                               '',                       ''),
    ('device_profile',      'tenant_id',      'select, insert',                 'select',                 'select'),
    ('label',               'label',          'select',                         'select, insert',         'select, insert'),
    ('log_head',            '',               '',                               'select, insert, update', 'select'),
    ('log_frame',           '',               '',                               'select, insert',         'select'),
    ('quarantine',          'tenant',         'select, update',                 'select, insert, update, delete', ''),
    ('stranger',            'tenant',         'select',                         'select, insert, update, delete', ''),
    ('assignment',          'tenant_id',      'select',                         'select',                 'select'),
    ('driver',              'tenant_id',      'select, insert, update, delete', '',                       'select'),
    ('vehicle_driver',      'tenant_id',      'select',                         '',                       'select'),
    ('vehicle_fleet',       'tenant_id',      'select',                         '',                       'select'),
    ('reassigned',          '',               '',                               '',                       'select, delete'),
    ('refenced',            'tenant_id',      '',                               '',                       'select, delete'),
    ('vehicle_cell',        'tenant_id',      '',                               '',                       'select, insert, update, delete'),
    ('sparkplug_node',      '',               '',                               'select, insert, update, delete', ''),
    ('sparkplug_birth',     '',               '',                               'select, insert, update, delete', ''),
    ('delivery',            '',               '',                               'select, insert, update, delete', ''),
    ('receipt_said',        '',               '',                               'select, insert, update, delete', ''),
    ('command',             'tenant_id',      'select, insert, update (state, ended_at)', 'select, update, delete', ''),
    ('device_voice',        'tenant_id',      'select',                         'select, insert, update', ''),
    ('logger_file',         'tenant_id',      'select, insert',                 'select, update (taken_at, taken, problem)', ''),
    ('receipt',             '',               '',                               'select, insert, update, delete', ''),
    ('tracker_position',    '',               '',                               'select',                 'select, insert, update'),
    ('vehicle_state',       'tenant_id',      'select',                         '',                       'select, insert, update, delete'),
    ('series_state',        'tenant_id',      'select',                         '',                       'select, insert, update, delete'),
    ('breach_state',        'tenant_id',      '',                               '',                       'select, insert, update, delete'),
    ('breach_context',      'tenant_id',      '',                               '',                       'select, insert, update, delete'),
    ('breach_forecast',     'tenant_id',      'select',                         '',                       'select, insert, update'),
    ('tag_state',           'tenant_id',      'select',                         '',                       'select, insert, update, delete'),
    ('zone_awake',          'tenant_id',      '',                               '',                       'select, insert, update, delete'),
    ('antenna',             'tenant_id',      'select, insert, update, delete', '',                       'select'),
    ('zone_hearing',        'tenant_id',      '',                               '',                       'select, insert'),
    ('slot_state',          'tenant_id',      'select',                         '',                       'select, insert, update, delete'),
    ('device_state',        'tenant_id',      'select',                         'select',                 'select, insert, update, delete'),
    ('dirty',               '',               '',                               '',                       'select, insert, update, delete'),
    ('checkpoint',          '',               '',                               '',                       'select, insert, update, delete'),
    ('visit',               'tenant_id',      'select',                         '',                       'select, insert, update'),
    ('excursion',           'tenant_id',      'select',                         '',                       'select, insert, update'),
    ('exposure',            'tenant_id',      'select',                         '',                       'select, insert, update, delete'),
    ('lot',                 'tenant_id',      'select, insert, update',         '',                       'select'),
    ('bin',                 'tenant_id',      'select, insert, update, delete', '',                       'select'),
    ('product_unit',        'tenant_id',      'select, insert, update, delete', '',                       ''),
    ('ledger_place',        'tenant_id',      'select, insert',                 '',                       'select'),
    ('ledger_move',         'tenant_id',      'select, insert',                 '',                       ''),
    ('ledger_balance',      'tenant_id',      'select, insert, update',         '',                       'select'),
    ('count_task',          'tenant_id',      'select, insert, update',         '',                       ''),
    ('stock_reservation',   'tenant_id',      'select, insert, update',         '',                       ''),
    ('customer',            'tenant_id',      'select, insert, update',         '',                       ''),
    ('ship_to',             'tenant_id',      'select, insert, update',         '',                       ''),
    ('customer_order',      'tenant_id',      'select, insert, update',         '',                       ''),
    ('order_line',          'tenant_id',      'select, insert, update',         '',                       ''),
    ('order_step',          'tenant_id',      'select, insert, update (withdrawn_at, withdrawn_by, withdrawn_why, written_in)', '',                       ''),
    ('order_allocation',    'tenant_id',      'select, insert, update, delete', '',                       ''),
    ('shipment_order',      'tenant_id',      'select, insert, update, delete', '',                       ''),
    ('driver_link',         'tenant_id',      'select, insert, update (revoked_at, last_used_at)','',                       ''),
    ('proof',               'tenant_id',      'select, insert, update (revision)','',                       ''),
    ('proof_revision',      'tenant_id',      'select, insert',                 '',                       ''),
    ('proof_line',          'tenant_id',      'select, insert',                 '',                       ''),
    ('proof_order',         'tenant_id',      'select, insert, delete',         '',                       ''),
    ('proof_picture',       'tenant_id',      'select, insert',                 '',                       ''),
    ('goods_return',        'tenant_id',      'select, insert, update',         '',                       ''),
    ('goods_return_line',   'tenant_id',      'select, insert, update',         '',                       ''),
    ('stock_hold',          'tenant_id',      'select, insert, update',         '',                       ''),
    ('remark',              'tenant_id',      'select, insert, update (withdrawn_at)', '',                ''),
    ('watch',               'tenant_id',      'select, insert, delete',         '',                       ''),
    ('remark_seen',         'tenant_id',      'select, insert, update',         '',                       ''),
    ('hand_over',           'tenant_id',      'select, insert',                 '',                       ''),
    ('kept_view',           'tenant_id',      'select, insert, update, delete', '',                       ''),
    ('carrier',             'tenant_id',      'select, insert, update',         '',                       ''),
    ('carrier_service',     'tenant_id',      'select, insert, update',         '',                       ''),
    ('rate_card',           'tenant_id',      'select, insert',                 '',                       ''),
    ('carrier_choice',      'tenant_id',      'select, insert',                 '',                       ''),
    ('wave',                'tenant_id',      'select, insert, update',         '',                       ''),
    ('wave_order',          'tenant_id',      'select, insert, update',         '',                       ''),
    ('wave_round',          'tenant_id',      'select, insert, update, delete', '',                       ''),
    ('round_order',         'tenant_id',      'select, insert, delete',         '',                       ''),
    ('advice',              'tenant_id',      'select, insert, update',         '',                       ''),
    ('adviser',             'tenant_id',      'select, insert, update',         '',                       ''),
    ('compartment',         'tenant_id',      'select, insert, update, delete', '',                       ''),
    ('packaging',           'tenant_id',      'select, insert, update, delete', '',                       ''),
    ('product_substitute',  'tenant_id',      'select, insert, delete',         '',                       ''),
    ('order_promise',       'tenant_id',      'select, insert',                 '',                       ''),
    ('packing_rule',        'tenant_id',      'select, insert, delete',         '',                       ''),
    ('docking',             'tenant_id',      'select, insert, update',         '',                       ''),
    ('dock_appointment',    'tenant_id',      'select, insert, update',         '',                       ''),
    ('detention_terms',     'tenant_id',      'select, insert, update, delete', '',                       ''),
    ('load_check',          'tenant_id',      'select',                         '',                       ''),
    ('load_unit',           'tenant_id',      'select',                         '',                       ''),
    ('load_mark',           'tenant_id',      'select, insert, update (withdrawn_at, withdrawn_by)', '',  ''),
    ('load_seal',           'tenant_id',      'select, insert',                 '',                       ''),
    ('despatch_advice',     'tenant_id',      'select, insert',                 '',                       ''),
    ('supplier',            'tenant_id',      'select, insert, update',         '',                       ''),
    ('supplier_terms',      'tenant_id',      'select, insert, update, delete', '',                       ''),
    ('stock_goal',          'tenant_id',      'select, insert, update, delete', '',                       ''),
    ('purchase_order',      'tenant_id',      'select, insert, update',         '',                       ''),
    ('purchase_order_line', 'tenant_id',      'select, insert, update, delete', '',                       ''),
    ('proposal_taken',      'tenant_id',      'select, insert',                 '',                       ''),
    ('sales_day',           'tenant_id',      'select, insert, update, delete', '',                       ''),
    ('demand_forecast',     'tenant_id',      'select',                         '',                       ''),
    ('forecast_adjustment', 'tenant_id',      'select, insert, update (withdrawn_at, withdrawn_by)', '',    ''),
    ('forecast_run',        'tenant_id',      'select, insert, update (asked_at, asked_by)', '',            ''),
    ('dispatch_plan',       'tenant_id',      'select, insert, update, delete', '',                       ''),
    ('kpi_target',          'tenant_id',      'select, insert, update',         '',                       ''),
    ('epcis_capture',       'tenant_id',      'select, insert',                 '',                       ''),
    ('epcis_event',         'tenant_id',      'select, insert',                 '',                       ''),
    ('epcis_query',         'tenant_id',      'select, insert, delete',         '',                       ''),
    ('epcis_subscription',  'tenant_id',      'select, insert, delete',         '',                       ''),
    ('goods_movement',      'tenant_id',      'select, insert, update (voided_at, voided_by, void_reason, voided_in)', '', ''),
    ('handling_unit',       'tenant_id',      'select, insert, update, delete', '',                       'select, update (stale)'),
    ('goods_stay',          'tenant_id',      'select, insert, delete',         '',                       'select'),
    ('goods_part',          'tenant_id',      'select, insert, delete',         '',                       'select'),
    ('goods_budget',        'tenant_id',      'select',                         '',                       'select, insert, update, delete'),
    ('trip',                'tenant_id',      'select',                         '',                       'select, insert, update'),
    ('stop_call',           'tenant_id',      'select',                         '',                       'select, insert, update'),
    ('deviation',           'tenant_id',      'select',                         '',                       'select, insert, update'),
    ('eta',                 'tenant_id',      'select',                         '',                       'select, insert'),
    ('eta_grade',           'tenant_id',      'select',                         '',                       'select, insert, update, delete'),
    ('eta_knowledge',       'tenant_id',      '',                               '',                       'select, insert, update'),
    ('eta_lesson',          'tenant_id',      '',                               '',                       'select, insert, delete'),
    ('journey',             '',               '',                               '',                       'select, insert, update, delete'),
    ('route',               '',               '',                               '',                       'select, insert, update, delete'),
    ('stock_level',         'tenant_id',      'select',                         '',                       'select, insert, update, delete'),
    ('stock_move',          'tenant_id',      'select',                         '',                       'select, insert, update'),
    ('alert',               'tenant_id',      'select, update (acknowledged_at, acknowledged_by, note, resolved_at, resolved_by, assignee, disposition, '
                                              'disposition_state, disposition_reason, disposed_at, disposed_by, signed_at, signed_by, comments, '
                                              'round_severity, over_since, muted_until, muted_by, mute_reason)',
                                                                                '',                       'select, insert, update'),
    ('alert_event',         'alert',          'select, insert',                 '',                       'select, insert'),
    ('case_event',          'tenant_id',      'select, insert',                 '',                       ''),
    ('alert_routes',        'tenant_id',      'select, insert, update',         '',                       ''),
    ('escalation',          'tenant_id',      'select, update (due_at), delete', '',                      ''),
    ('receiver',            'tenant_id',      'select (id, tenant_id, kind, name, url, types, shown, language, tz, for_customers, pages, prefix, retained, signs_in, former_until, created_at, created_by, disabled_at, disabled_why, '
                                              'failures, paused_until, succeeded_at, failed_at, last_error), insert, update, delete',
                                                                                '',                       ''),
    ('home',                'tenant_id',      'select, insert, update (discovery, wanted, due_at, after_kind, after_id)', '', ''),
    ('home_thing',          'tenant_id',      'select (receiver_id, tenant_id)', '',                       ''),
    ('outgoing',            'tenant_id',      'select, insert, update (attempts, next_at, claimed_until, done_at, gave_up_at)',
                                                                                '',                       ''),
    ('outgoing_attempt',    'tenant_id',      'select',                         '',                       ''),
    ('follower_position',   '',               '',                               '',                       ''),
    ('forwarder',           'tenant_id',      '',                               '',                       ''),
    ('change',              'tenant_id',      '',                               '',                       'select, insert'),
    ('change_head',         '',               '',                               '',                       'select'),
    ('audit',               'tenant_id',      'select, insert',                 'insert',                 'insert'),
    ('audit_link',          'tenant_id',      'select',                         '',                       ''),
    ('tenant_display',      'tenant_id',      'select, insert, update',         '',                       ''),
    ('person_display',      'tenant_id',      'select, insert, update',         '',                       ''),
    ('demo',                'tenant_id',      'select, update (wanted, changed_at, changed_by)', '',        ''),
    ('once',                'tenant_id',      '',                               '',                       ''),
    ('schema_version',      '',               '',                               'select',                 'select'),
    -- the readings: no row-level security (COPY and TimescaleDB's compression refuse it), so no right of the API's at all
    ('reading_position',    'reading',        '',                               '',                       'select, insert'),
    ('reading_temperature', 'reading',        '',                               '',                       'select, insert'),
    ('reading_tag',         'reading',        '',                               '',                       'select, insert'),
    ('reading_shelf',       'reading',        '',                               '',                       'select, insert'),
    ('reading_door',        'reading',        '',                               '',                       'select, insert'),
    ('reading_status',      'reading',        '',                               '',                       'select, insert'),
    ('reading_value',       'reading',        '',                               '',                       'select'),
    ('reading_value_set',   'reading',        '',                               '',                       'select, insert'),
    ('value_place',         '',               '',                               '',                       'select, insert'),
    ('value_move',          '',               '',                               '',                       ''),
    ('reading_summary',     'reading',        '',                               '',                       ''),
    ('summary_due',         '',               '',                               '',                       'insert'),
    ('summary_span',        '',               '',                               '',                       'select');

revoke all on all tables in schema public
    from frostway_api, frostway_web, frostway_ingest, frostway_tracker, frostway_operations, frostway_broker;
revoke all on all sequences in schema public
    from frostway_api, frostway_web, frostway_ingest, frostway_tracker, frostway_operations, frostway_broker;
grant usage on all sequences in schema public to frostway_tracker, frostway_ingest;
grant select on reading_attribute to frostway_tracker, frostway_operations; -- a view: a row to each value

-- What the operations may; of what is not named here, nothing.
create temporary table operations_class (name text primary key, rights text not null) on commit drop;
insert into operations_class values
    -- name              rights; to lock a row takes the right to change one of its columns
    ('alert',             'select, update (note, disposition_state, acknowledged_at, acknowledged_by, round_severity, over_since, '
                          'muted_until, muted_by, mute_reason)'),
    ('alert_event',       'select, insert'),
    ('alert_routes',      'select, update (changed_by)'),
    ('case_event',        'select, insert'),
    ('assignment',        'select'),
    ('audit',             'select, insert'),
    ('audit_link',        'select, insert'),
    ('device',            'select (id, tenant_id, name, kind, vehicle_id, site_id, zone_id, profile_id, revoked_at)'),
    ('breach_forecast',   'select'),
    ('bin',               'select'),
    ('change',            'select, delete'),
    ('checkpoint',        'select, delete'),
    ('escalation',        'select, insert, update, delete'),
    ('eta',               'select, delete'),
    ('count_task',        'select, insert, update'),
    ('deviation',         'select'),
    ('device_state',      'select'),
    ('epcis_event',       'select, insert'),
    ('epcis_query',       'select'),
    ('epcis_subscription', 'select, update'),
    ('excursion',         'select'),
    ('exposure',          'select'),
    ('follower_position', 'select, insert, update'),
    ('forwarder',         'select, insert, update, delete'),
    ('goods_movement',    'select'),
    ('home',              'select, update, delete'),
    ('home_thing',        'select, insert, update, delete'),
    ('label',             'select'),
    ('ledger_balance',    'select'),
    ('ledger_move',       'select'),
    ('ledger_place',      'select, insert'),
    ('lot',               'select'),
    ('log_frame',         'select, delete'),
    ('log_head',          'select'),
    ('outgoing',          'select, insert, update, delete'),
    ('outgoing_attempt',  'select, insert'),
    ('product',           'select'),
    ('profile',           'select'),
    ('profile_version',   'select'),
    ('quarantine',        'select, delete'),
    ('reading_door',      'select'),
    ('reading_position',  'select'),
    ('reading_shelf',     'select'),
    ('reading_status',    'select'),
    ('reading_summary',   'select, insert, delete'),
    ('reading_tag',       'select'),
    ('reading_temperature', 'select'),
    ('receipt_said',      'select, delete'),
    ('schema_version',    'select'),
    ('series_state',      'select'),
    ('share_recipient',   'select, update (told_count, checked_at), delete'),
    ('share_told',        'select, insert, update, delete'),
    ('shipment',          'select'),
    ('site',              'select'),
    ('stock_level',       'select'),
    ('stock_move',        'select'),
    ('stop',              'select'),
    ('stop_call',         'select'),
    ('stranger',          'select, delete'),
    ('summary_due',       'select, delete'),
    ('summary_span',      'select, update'),
    ('tenant',            'select'),
    ('tracker_position',  'select'),
    ('trip',              'select'),
    ('vehicle',           'select'),
    ('vehicle_state',     'select'),
    ('visit',             'select'),
    ('zone',              'select'),
    ('customer',         'select'),
    ('customer_order',   'select, update (status, version, changed_at)'),
    ('goods_budget',     'select'),
    ('goods_part',       'select'),
    ('goods_stay',       'select'),
    ('handling_unit',    'select'),
    ('order_allocation', 'select, insert, update, delete'),
    ('order_line',       'select, update (status, stages, waiting)'),
    ('order_step',       'select, insert'),
    ('shipment_order',   'select'),
    ('stock_hold',       'select'),
    ('wave',             'select, update (status, version)'),
    ('wave_order',       'select, update (given_at)'),
    ('wave_round',       'select'),
    ('round_order',      'select'),
    ('product_unit',     'select'),
    ('advice',           'select, insert, update, delete'),
    ('adviser',          'select'),
    ('docking',          'select'),
    ('load_check',       'select, insert, update'),
    ('load_unit',        'select, insert, update (superseded_at)'),
    ('load_mark',        'select'),
    ('antenna',          'select'),
    ('zone_awake',       'select'),
    ('zone_hearing',     'select'),
    ('compartment',      'select'),
    ('stock_reservation', 'select'),
    ('sales_day',        'select'),
    ('demand_forecast',  'select, insert, update, delete'),
    ('forecast_run',     'select, insert, update'),
    ('proof',             'select'),
    ('proof_line',        'select'),
    ('proof_revision',    'select'),
    ('receiver',          'select, update');

create or replace function current_tenant() returns int language sql stable
    as $$ select nullif(current_setting('app.tenant', true), '')::int $$;
create or replace function current_tenant_name() returns text language sql stable security definer set search_path = pg_catalog
    as $$ select t.name from public.tenant t where t.id = public.current_tenant() $$;
create or replace function is_only_tenant() returns bool language sql stable security definer set search_path = pg_catalog
    as $$ select (select count(*) from (select from public.tenant limit 2) t) = 1 $$;

do $$
declare
    t record;
    rule text;
    wanted record;
begin
    for t in
        select c.relname as name, c.relrowsecurity as has_rls, c.relforcerowsecurity as forced, coalesce(k.tenancy, '') as tenancy,
               coalesce(k.api, '') as api, coalesce(k.ingest, 'select, insert, update, delete') as ingest,
               coalesce(k.tracker, 'select, insert, update, delete') as tracker, coalesce(o.rights, '') as operations
        from pg_class c left join class k on k.name = c.relname left join operations_class o on o.name = c.relname
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    loop
        for wanted in select * from (values ('frostway_api', t.api), ('frostway_ingest', t.ingest), ('frostway_tracker', t.tracker),
                                            ('frostway_operations', t.operations))
                      as w (role, rights) where w.rights <> '' loop
            execute format('grant %s on %I to %I', wanted.rights, t.name, wanted.role);
        end loop;
        continue when t.tenancy in ('', 'reading');
        rule := case t.tenancy
            when 'id' then 'id = current_tenant()'
            when 'tenant_id' then 'tenant_id = current_tenant()'
            when 'tenant' then case t.name when 'stranger'
                then '(tenant = (select current_tenant_name()) or tenant = '''' and (select is_only_tenant()))'
                else 'tenant = (select current_tenant_name())' end
            when 'alert' then 'exists (select from alert a where a.id = alert_id)'
            when 'label' then 'case when kind = ''epc'' then scope = current_tenant()
                               else scope in (select d.id from device d where d.tenant_id = current_tenant()) end'
        end;
        if not t.has_rls then execute format('alter table %I enable row level security', t.name); end if;
        if not t.forced then execute format('alter table %I force row level security', t.name); end if;
        if not exists (select from pg_policies p where p.tablename = t.name and p.policyname = 'tenant_only') then
            execute format('create policy tenant_only on %I to frostway_api using (%s)', t.name, rule);
        end if;
        if not exists (select from pg_policies p where p.tablename = t.name and p.policyname = 'programs') then
            execute format('create policy programs on %I to frostway_ingest, frostway_tracker using (true)', t.name);
        end if;
        if t.operations <> '' and
           not exists (select from pg_policies p where p.tablename = t.name and p.policyname = 'operations') then
            execute format('create policy operations on %I to frostway_operations using (true)', t.name);
        end if;
        if not exists (select from pg_policies p where p.tablename = t.name and p.policyname = 'owner') then
            execute format('create policy owner on %I to current_user using (true)', t.name);
        end if;
    end loop;
end $$;

-- ---------------------------------------------------------------- jobs
do $$ begin
    if to_regnamespace('procrastinate') is not null then
        grant usage on schema procrastinate to frostway_operations;
        grant select, insert, update, delete on all tables in schema procrastinate to frostway_operations;
        grant usage on all sequences in schema procrastinate to frostway_operations;
    end if;
end $$;

