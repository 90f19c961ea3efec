-- What asks people anew, and what is held back for a time.
alter table alert
    add column round_severity text,        -- the worst since it last asked people anew
    add column over_since     timestamptz, -- while it is over
    add column muted_until    timestamptz,
    add column muted_by       text,
    add column mute_reason    text,
    add constraint alert_mute_whole check (num_nulls(muted_until, muted_by, mute_reason) in (0, 3));
create index alert_muted on alert (muted_until) where muted_until is not null;
alter table escalation add column unmuted_at timestamptz; -- when a mute was over last

alter table case_event drop constraint case_event_what_check;
alter table case_event add constraint case_event_what_check check (what in (
    'opened', 'changed', 'cleared', 'reopened', 'retracted', 'acknowledged', 'resolved', 'assigned', 'commented', 'acted',
    'disposed', 'countersigned', 'sent_back', 'superseded', 'resumed', 'muted', 'unmuted'));
