-- name: create
-- New texts; those that are there stay as they are.
insert into label (kind, scope, text) select * from unnest(%s::text[], %s::int4[], %s::text[]) order by 1, 2, 3
on conflict do nothing

-- name: find
-- Keys of texts.
select l.id, l.kind, l.scope, l.text
from unnest(%s::text[], %s::int4[], %s::text[]) as w (kind, scope, text)
join label l on l.kind = w.kind and l.scope = w.scope and l.text = w.text

-- name: count
-- How many texts of a kind each scope has; those that have none are left out.
select l.kind, l.scope, count(*) from unnest(%s::text[], %s::int4[]) as w (kind, scope)
join label l on l.kind = w.kind and l.scope = w.scope group by 1, 2
