-- Where bins stand in a block of aisles, so that a list can be walked the shortest way.
alter table zone
    add column aisles         int check (aisles between 1 and 1000),          -- none: nobody said how it is laid out
    add column aisle_length_m float8 check (aisle_length_m > 0),
    add column aisle_pitch_m  float8 check (aisle_pitch_m >= 0),              -- from one aisle to the next
    add column depot          float8 check (depot between -1000 and 2000),    -- where walks begin and end along the front, in aisles
    add check (num_nulls(aisles, aisle_length_m, aisle_pitch_m, depot) in (0, 4));
alter table bin
    add column aisle   int check (aisle between 0 and 999),
    add column along_m float8 check (along_m >= 0),                           -- from the front
    add column level   int check (level between 0 and 99),
    add check ((aisle is null) = (along_m is null));
