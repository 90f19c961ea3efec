-- A site may be a corridor: everything within its radius of a line. A visit of it counts when it lasted `dwell_s`.
alter table site add corridor jsonb, add dwell_s float8 not null default 0 check (dwell_s between 0 and 86400),
    add constraint site_one_shape check (polygon is null or corridor is null);
