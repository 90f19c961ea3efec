-- name: begin
-- A request that is to be carried out once, and what is known of it; nothing: the token is not good.
select * from door_begin_once(%(token)s, %(key)s, %(request)s, %(most)s)

-- name: end
-- It was, with this answer.
select door_end_once(%(id)s, %(status)s, %(answer)s)

-- name: forget
-- It was not carried out: it may be tried again.
select door_forget_once(%(id)s)
