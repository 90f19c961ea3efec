-- What is asked for, day by day; forecasts of it, and what people adjust of them.

-- name: due
-- Whose forecasts are to be made: none today, or somebody has asked for them since; two days at least must be known.
select t.id as tenant from tenant t left join forecast_run r on r.tenant_id = t.id
where (r.ran_at is null or r.ran_at < date_trunc('day', %(now)s::timestamptz) or r.asked_at > r.ran_at)
and (exists (select 1 from sales_day d where d.tenant_id = t.id)
     or exists (select 1 from ledger_move m where m.tenant_id = t.id and m.moved_at < date_trunc('day', %(now)s::timestamptz) - interval '1 day'
                and m.kind in ('deliver', 'load'))
     or exists (select 1 from stock_move v where v.tenant_id = t.id and v.at < date_trunc('day', %(now)s::timestamptz) - interval '1 day')
     or exists (select 1 from customer_order o where o.tenant_id = t.id and o.ordered_at < date_trunc('day', %(now)s::timestamptz) - interval '1 day'))
order by 1

-- name: ran
-- All forecasts were made as of a moment.
insert into forecast_run (tenant_id, ran_at, made) values (%(tenant)s, %(now)s, %(made)s)
on conflict (tenant_id) do update set ran_at = excluded.ran_at, made = excluded.made

-- name: ask
-- Somebody asks for new ones.
insert into forecast_run (tenant_id, asked_at, asked_by) values (%(tenant)s, now(), %(by)s)
on conflict (tenant_id) do update set asked_at = now(), asked_by = excluded.asked_by

-- name: last_run
-- When they were made last, and whether new ones were asked for.
select ran_at, made, asked_at, coalesce(asked_at > ran_at or ran_at is null and asked_at is not null, false) as asked
from forecast_run where tenant_id = %(tenant)s

-- name: days
-- By site, product and local day: what was ordered for it, what left without an order, what another system says was sold.
with chosen as (
    select s.id as site_id, s.name as site, s.tz from site s
    where s.tenant_id = %(tenant)s and s.retired_at is null and (%(site)s::text is null or s.name = %(site)s)
), product_of as (
    select p.id as product_id, p.sku from product p
    where p.tenant_id = %(tenant)s and p.retired_at is null and (%(sku)s::text is null or p.sku = %(sku)s)
), told as (
    select distinct m.product_id, l.site_id from ledger_move m join ledger_place l on l.id = m.from_place and l.kind = 'site'
    where m.tenant_id = %(tenant)s and m.kind in ('deliver', 'load')
), part as (
    select o.site_id, l.product_id, (coalesce(o.window_end, o.ordered_at) at time zone c.tz)::date as day,
           l.quantity - coalesce((l.stages ->> 'cancelled')::numeric, 0) as ordered, null::numeric as gone, null::numeric as sold, false as short
    from customer_order o join chosen c on c.site_id = o.site_id join order_line l on l.order_id = o.id
    where o.tenant_id = %(tenant)s
    union all
    select l.site_id, m.product_id, (m.moved_at at time zone c.tz)::date, null,
           case when m.entry = 'reversal' then -m.quantity else m.quantity end, null, false
    from ledger_move m join ledger_place l on l.id = case when m.entry = 'reversal' then m.to_place else m.from_place end
    join chosen c on c.site_id = l.site_id
    where m.tenant_id = %(tenant)s and l.kind = 'site' and m.kind in ('deliver', 'load') and m.source <> 'order'
    and m.moved_at > %(since)s::date - 2
    and not exists (select 1 from customer_order o where o.tenant_id = m.tenant_id and o.name = m.reference)
    union all
    -- where nobody tells moves, what sensors saw leave
    select v.site_id, v.product_id, (v.at at time zone c.tz)::date, null, -v.delta::numeric, null, false
    from stock_move v join chosen c on c.site_id = v.site_id
    where v.tenant_id = %(tenant)s and v.delta < 0 and v.superseded_at is null and v.at > %(since)s::date - 2
    and not exists (select 1 from told t where t.product_id = v.product_id and t.site_id = v.site_id)
    union all
    select d.site_id, d.product_id, d.day, null, null, d.quantity, d.short
    from sales_day d join chosen c on c.site_id = d.site_id where d.tenant_id = %(tenant)s
)
select c.site, p.sku, a.site_id, a.product_id, c.tz, a.day, coalesce(sum(a.ordered), 0)::float8 as ordered,
       greatest(coalesce(sum(a.gone), 0), 0)::float8 as gone, sum(a.sold)::float8 as sold, bool_or(a.short) as short
from part a join chosen c using (site_id) join product_of p using (product_id)
where a.day >= %(since)s::date and a.day < %(until)s::date group by 1, 2, 3, 4, 5, 6 order by 1, 2, a.day

-- name: empty
-- When there was nothing left of a product at a site by the ledger: from which day to which, in the zone of the site. Below
-- nothing the ledger lacks a receipt: what was there then, nobody knows.
with moved as (
    select l.site_id, m.product_id, m.moved_at as at, m.id, m.quantity as change
    from ledger_move m join ledger_place l on l.id = m.to_place and l.kind = 'site' where m.tenant_id = %(tenant)s and m.kind <> 'count'
    union all
    select l.site_id, m.product_id, m.moved_at, m.id, -m.quantity
    from ledger_move m join ledger_place l on l.id = m.from_place and l.kind = 'site' where m.tenant_id = %(tenant)s and m.kind <> 'count'
), level as (
    select site_id, product_id, at, sum(change) over w as level, lead(at) over w as next
    from moved window w as (partition by site_id, product_id order by at, id)
)
select v.site_id, v.product_id, (v.at at time zone s.tz)::date as first_day, (coalesce(v.next, %(until)s::date) at time zone s.tz)::date as last_day
from level v join site s on s.id = v.site_id join product p on p.id = v.product_id
where v.level = 0 and (v.next is null or v.next > v.at) and coalesce(v.next, %(until)s::date) >= %(since)s::date
and (%(site)s::text is null or s.name = %(site)s) and (%(sku)s::text is null or p.sku = %(sku)s)

-- name: put_forecasts
-- Forecasts that were made today, in the place of earlier ones of the same day.
insert into demand_forecast as f (tenant_id, site_id, product_id, begins, model, class, history_days, short_days, switched_off, mase,
    naive_mase, within_80, mean, p10, p50, p90)
select %(tenant)s, r.site_id, r.product_id, r.begins, r.model, r.class, r.history_days, r.short_days, r.switched_off, r.mase,
       r.naive_mase, r.within_80, r.mean, r.p10, r.p50, r.p90
from jsonb_to_recordset(%(rows)s::jsonb) as r (site_id int, product_id int, begins date, model text, class text, history_days int,
    short_days int, switched_off boolean, mase float8, naive_mase float8, within_80 float8, mean float8[], p10 float8[], p50 float8[], p90 float8[])
on conflict (site_id, product_id, begins) do update set made_at = now(), model = excluded.model, class = excluded.class,
    history_days = excluded.history_days, short_days = excluded.short_days, switched_off = excluded.switched_off, mase = excluded.mase,
    naive_mase = excluded.naive_mase, within_80 = excluded.within_80, mean = excluded.mean, p10 = excluded.p10, p50 = excluded.p50,
    p90 = excluded.p90
where f.tenant_id = excluded.tenant_id

-- name: drop_forecasts
-- Those that nobody grades any more.
delete from demand_forecast where tenant_id = %(tenant)s and begins < %(before)s::date

-- name: forecasts
-- The newest forecast of each product at each site, or of one, with what is there now.
select s.name as site, p.sku, p.label, p.base_unit, f.made_at, f.begins, f.model, f.class, f.history_days, f.short_days, f.switched_off,
       f.mase, f.naive_mase, f.within_80, f.mean, f.p10, f.p50, f.p90, h.on_hand, a.adjustments
from (select distinct on (site_id, product_id) * from demand_forecast where tenant_id = %(tenant)s
      order by site_id, product_id, begins desc) f
join site s on s.id = f.site_id join product p on p.id = f.product_id
left join lateral (select sum(b.quantity)::float8 as on_hand from ledger_balance b join ledger_place l on l.id = b.place_id
    where b.tenant_id = f.tenant_id and l.site_id = f.site_id and l.kind = 'site' and b.product_id = f.product_id) h on true
left join lateral (select jsonb_agg(jsonb_build_object('id', j.id::text, 'first_day', j.first_day, 'last_day', j.last_day, 'factor', j.factor,
        'reason', j.reason, 'made_at', j.made_at, 'made_by', j.made_by) order by j.id) as adjustments from forecast_adjustment j
    where j.tenant_id = f.tenant_id and j.site_id = f.site_id and j.product_id = f.product_id and j.withdrawn_at is null
    and j.last_day >= f.begins) a on true
where s.retired_at is null and p.retired_at is null and (%(site)s::text is null or s.name = %(site)s)
and (%(sku)s::text is null or p.sku = %(sku)s) and (s.name, p.sku) > (%(a)s, %(b)s) order by s.name, p.sku limit %(limit)s

-- name: graded
-- Forecasts whose days are over by now, the newest last, with what people had adjusted of them before they began.
select f.begins, f.mean, f.p10, f.p90, a.adjustments from demand_forecast f join site s on s.id = f.site_id join product p on p.id = f.product_id
left join lateral (select jsonb_agg(jsonb_build_object('first_day', j.first_day, 'last_day', j.last_day, 'factor', j.factor, 'made_by', j.made_by,
        'reason', j.reason)) as adjustments from forecast_adjustment j
    where j.tenant_id = f.tenant_id and j.site_id = f.site_id and j.product_id = f.product_id
    and (j.withdrawn_at is null or j.withdrawn_at > f.begins) and j.made_at < f.begins + 1) a on true
where f.tenant_id = %(tenant)s and s.name = %(site)s and p.sku = %(sku)s and f.begins < %(before)s::date order by f.begins

-- name: keys
-- Site and product by name.
select r.n, s.id as site_id, p.id as product_id from jsonb_to_recordset(%(rows)s::jsonb) as r (n int, site text, sku text)
left join site s on s.tenant_id = %(tenant)s and s.name = r.site and s.retired_at is null
left join product p on p.tenant_id = %(tenant)s and p.sku = r.sku and p.retired_at is null

-- name: sales_there
-- What was told of days by their names.
select r.id, r.site, r.sku, r.day, d.quantity::float8 as quantity, d.short
from jsonb_to_recordset(%(rows)s::jsonb) as r (id text, site text, sku text, day date)
join site s on s.tenant_id = %(tenant)s and s.name = r.site and s.retired_at is null
join product p on p.tenant_id = %(tenant)s and p.sku = r.sku and p.retired_at is null
join sales_day d on d.tenant_id = %(tenant)s and d.site_id = s.id and d.product_id = p.id and d.day = r.day

-- name: drop_sales
-- Nothing is known any more of what was sold on a day.
delete from sales_day d using site s, product p
where d.tenant_id = %(tenant)s and s.id = d.site_id and p.id = d.product_id and s.name = %(site)s and p.sku = %(sku)s and d.day = %(day)s
returning d.quantity::float8 as quantity, d.short

-- name: put_sales
-- What was sold, as told last; those that say nothing new are left as they are.
insert into sales_day as d (tenant_id, site_id, product_id, day, quantity, short, told_by)
select %(tenant)s, r.site_id, r.product_id, r.day, r.quantity, r.short, %(by)s
from jsonb_to_recordset(%(rows)s::jsonb) as r (site_id int, product_id int, day date, quantity numeric, short boolean)
on conflict (site_id, product_id, day) do update set quantity = excluded.quantity, short = excluded.short, told_at = now(), told_by = excluded.told_by
where d.tenant_id = excluded.tenant_id and (d.quantity, d.short) is distinct from (excluded.quantity, excluded.short)
returning (xmax = 0) as created

-- name: add_adjustment
-- A person expects otherwise.
insert into forecast_adjustment (tenant_id, site_id, product_id, first_day, last_day, factor, reason, made_by)
select %(tenant)s, s.id, p.id, %(first_day)s, %(last_day)s, %(factor)s, %(reason)s, %(by)s from site s, product p
where s.tenant_id = %(tenant)s and s.name = %(site)s and s.retired_at is null
and p.tenant_id = %(tenant)s and p.sku = %(sku)s and p.retired_at is null returning id

-- name: adjustments
-- What people adjusted, the newest first; or one.
select j.id::text as id, s.name as site, p.sku, j.first_day, j.last_day, j.factor, j.reason, j.made_at, j.made_by, j.withdrawn_at, j.withdrawn_by
from forecast_adjustment j join site s on s.id = j.site_id join product p on p.id = j.product_id
where j.tenant_id = %(tenant)s and (%(site)s::text is null or s.name = %(site)s) and (%(sku)s::text is null or p.sku = %(sku)s)
and (%(id)s::int8 is null or j.id = %(id)s) and (%(before)s::int8 is null or j.id < %(before)s) order by j.id desc limit %(limit)s

-- name: withdraw_adjustment
-- Taken back: it counts no more from now on.
update forecast_adjustment set withdrawn_at = now(), withdrawn_by = %(by)s
where tenant_id = %(tenant)s and id = %(id)s and withdrawn_at is null returning id
