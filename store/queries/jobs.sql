-- name: applied
-- Newest migration of procrastinate that was applied to this schema.
select obj_description(oid, 'pg_namespace') from pg_namespace where nspname = %s

-- name: look_into
-- For this transaction: what has no schema named is of this one.
select set_config('search_path', quote_ident(%s) || ', pg_catalog', true)

-- name: functions
-- The functions of a schema.
select p.oid::regprocedure::text from pg_proc p where p.pronamespace = %s::regnamespace and p.prokind = 'f'

-- name: defer
-- A job that is there when the transaction commits, and not when it does not.
select unnest(procrastinate.procrastinate_defer_jobs_v1(array[row(
    %(queue)s, %(task)s, 0, %(lock)s, null, %(args)s::jsonb, null)::procrastinate.procrastinate_job_to_defer_v1])) as id

-- name: counts
-- Jobs by task: how many have been due for more than a minute, how many have failed for good.
select j.task_name, count(*) filter (where j.status = 'todo' and coalesce(j.scheduled_at, e.at) < now() - interval '1 minute'),
       count(*) filter (where j.status = 'failed')
from procrastinate.procrastinate_jobs j
left join lateral (select max(at) as at from procrastinate.procrastinate_events where job_id = j.id) e on true
group by j.task_name order by j.task_name
