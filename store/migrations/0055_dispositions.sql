-- What people decide on the case of an alert: whose it is, what becomes of the goods, who signed. Its lines tell the way.
alter table alert
    add column assignee           text,
    add column disposition        text check (disposition in ('release', 'quarantine', 'reject')),
    add column disposition_state  text check (disposition_state in ('proposed', 'signed', 'superseded')),
    add column disposition_reason text,
    add column disposed_at        timestamptz,
    add column disposed_by        text,
    add column signed_at          timestamptz,
    add column signed_by          text,
    add column comments           int not null default 0,
    add constraint alert_disposition_whole check (
        num_nulls(disposition, disposition_state, disposition_reason, disposed_at, disposed_by) in (0, 5)),
    add constraint alert_two_signatures check (
        case when disposition_state in ('signed', 'superseded')
             then signed_by is not null and signed_at is not null and signed_by <> disposed_by
             else num_nulls(signed_by, signed_at) = 2 end);
create index alert_assignee on alert (tenant_id, assignee) where assignee is not null;
create index alert_disposed on alert (tenant_id, disposition_state) where disposition_state is not null;

alter table case_event drop constraint case_event_what_check;
alter table case_event add constraint case_event_what_check check (what in (
    'opened', 'changed', 'cleared', 'reopened', 'retracted', 'acknowledged', 'resolved', 'assigned', 'commented', 'acted',
    'disposed', 'countersigned', 'sent_back', 'superseded', 'resumed'));
-- a report that takes a decision's ground away is two lines: itself, and that
alter table case_event drop constraint case_event_cause_key;
alter table case_event add constraint case_event_cause_key unique (cause, what);
alter table case_event add column detail jsonb not null default '{}';
