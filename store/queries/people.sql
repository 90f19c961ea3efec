-- name: for_tenant
-- To the end of the transaction: what follows is about one tenant.
select set_config('app.tenant', %(tenant)s::text, true)

-- name: accounts
-- People of a tenant, by name.
select * from own_accounts(%(tenant)s)
where name > %(after)s and (%(name)s::text is null or name = %(name)s)
order by name limit %(limit)s

-- name: add_account
-- Somebody who has no password yet; no row: the name is taken.
select id from own_add_account(%(tenant)s, %(name)s, %(role)s, %(email)s)

-- name: change_account
-- Role, address, and whether somebody may sign in: `done`, `none`, or `last admin`, who stays.
select own_change_account(%(tenant)s, %(name)s, %(role)s, %(email)s, %(disabled)s) as outcome

-- name: remove_account
-- Somebody is gone; the audit trail keeps the name.
select own_remove_account(%(tenant)s, %(name)s) as outcome

-- name: invite
-- A link by which somebody chooses a password.
select id from own_invite(%(tenant)s, %(name)s, %(token_sha256)s, %(actor)s, %(expires_at)s)

-- name: invitation
-- What a link is for; no row: it opens nothing.
select * from door_invitation(%(token_sha256)s)

-- name: accept
-- The password that somebody chose by a link, once; other sessions end.
select * from door_accept(%(token_sha256)s, %(password_hash)s)

-- name: identify
-- Who it is that a provider vouches for, in a tenant; or why nobody.
select * from door_identify(%(tenant_name)s, %(issuer)s, %(subject)s, %(email)s, %(name)s, %(role)s)

-- name: rehash
-- The same password, kept as it is kept today.
select door_rehash(%(tenant_id)s, %(subject)s, %(old)s, %(new)s)

-- name: seen
-- Tokens were used.
select door_seen(w.id) from unnest(%(ids)s::int[]) as w (id)

-- name: sessions
-- Where somebody is signed in, the newest first.
select * from own_sessions(%(tenant)s, %(name)s) order by id desc limit %(limit)s

-- name: end_sessions
-- One session of somebody, or all but one.
select id from own_end_sessions(%(tenant)s, %(name)s, %(only)s, %(but)s)

-- name: add_token
-- A token of a program; no row: there is a good one of this name.
select id from own_add_token(%(tenant)s, %(name)s, %(role)s, %(scope)s, %(token_sha256)s, %(expires_at)s)
