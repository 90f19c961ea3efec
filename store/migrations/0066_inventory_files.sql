-- Fields of somebody's own, as a file of theirs names them.
alter table product add column attributes jsonb not null default '{}';
