-- When an alert was taken back: late readings say that it never was. Also of one that was over by then.
alter table alert add column withdrawn_at timestamptz;
