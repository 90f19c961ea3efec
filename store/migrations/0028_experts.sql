-- Each way to tell an arrival time beside the mixture: what it said, and how good it was.

alter table eta
    add column waiting bool not null default false,      -- it had not set out yet
    add column said bytea;                               -- seconds to go, float4 little endian: mixed, then each of experts.NAMES

alter table eta_grade                                    -- mean absolute errors of each, minutes; null: it said nothing
    add column learned_min float8,
    add column own_pace_min float8,
    add column recovering_min float8,
    add column plan_and_delay_min float8,
    add column plan_min float8;
