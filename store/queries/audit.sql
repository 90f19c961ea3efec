-- The audit trail, as people look at it and as it is proved.

-- name: entries
-- Entries, newest first, of a subject, an action or those that begin so, an actor, a span.
select a.id, a.at, a.actor, a.action, a.subject, a.detail::text as detail, l.n, encode(l.sha256, 'hex') as sha256
from audit a left join audit_link l on l.audit_id = a.id and l.tenant_id = a.tenant_id
where a.tenant_id = %(tenant)s and (%(before)s::int8 is null or a.id < %(before)s)
and (%(subject)s::text is null or a.subject = %(subject)s)
and (%(action)s::text is null or a.action = %(action)s or starts_with(a.action, %(action)s || '.'))
and (%(actor)s::text is null or a.actor = %(actor)s)
and (%(since)s::timestamptz is null or a.at >= %(since)s) and (%(until)s::timestamptz is null or a.at < %(until)s)
order by a.id desc limit %(limit)s

-- name: chain
-- The chain of a tenant in its order, each link with its entry as it stands now.
select l.n, l.sha256, a.id, a.at, a.actor, a.action, a.subject, a.detail::text as detail
from audit_link l left join audit a on a.id = l.audit_id and a.tenant_id = l.tenant_id
where l.tenant_id = %(tenant)s order by l.n

-- name: unlinked
-- How many entries of a tenant are not linked, and since when the oldest of them waits.
select count(*) as entries, min(a.at) as since from audit a
where a.tenant_id = %(tenant)s and not exists (select from audit_link l where l.audit_id = a.id)
