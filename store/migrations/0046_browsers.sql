-- A link tells an address, and browsers that asked for it on its page: each with what it was told, in its own words.
alter table share_recipient
    drop constraint share_recipient_pkey,
    add column id int generated always as identity primary key,
    -- of the address a browser's messages are left at; of the language and the time zone it reads in
    add column browser_sha256 bytea check (octet_length(browser_sha256) = 32),
    add column language text check (language ~ '^[a-z]{2}$'),
    add column tz text check (length(tz) between 1 and 64);
create unique index share_recipient_address on share_recipient (share_id) where browser_sha256 is null;
create unique index share_recipient_browser on share_recipient (share_id, browser_sha256) where browser_sha256 is not null;

alter table share_told
    drop constraint share_told_pkey,
    add column recipient_id int references share_recipient on delete cascade;
update share_told t set recipient_id = r.id from share_recipient r where r.share_id = t.share_id;
delete from share_told where recipient_id is null;
alter table share_told
    drop column share_id,
    add primary key (recipient_id, milestone);

alter table outgoing add column recipient_id int references share_recipient on delete set null;
update outgoing o set recipient_id = r.id from share_recipient r where r.share_id = o.share_id;
create index outgoing_recipient on outgoing (recipient_id) where recipient_id is not null;
