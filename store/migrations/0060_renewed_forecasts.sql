-- What is expected is renewed while a forecast lasts, and drawn: from which temperature at which moment, and how long the
-- alarm comes behind the limit.
alter table alert add column expected_at timestamptz, add column expected_from_c float8, add column expected_for_s float8;
