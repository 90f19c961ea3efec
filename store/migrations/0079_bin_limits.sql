-- What goes into a bin and what it is for. What nobody has said is no limit.
alter table bin
    add column kind       text check (kind in ('reserve', 'pick_face', 'floor', 'stage', 'receiving', 'quarantine')),
    add column volume_m3  float8 check (volume_m3 > 0 and volume_m3 <= 1e4),
    add column load_kg    float8 check (load_kg > 0 and load_kg <= 1e6),
    add column pallets    int check (pallets between 1 and 1000),
    add column height_mm  int check (height_mm between 1 and 100000),
    add column temp_class text check (temp_class in ('ambient', 'chilled', 'frozen')), -- none: that of its zone
    add column mixing     text not null default 'any' check (mixing in ('any', 'product', 'lot')),
    add column face_product_id int references product,      -- of which product it is the pick face
    add column face_full  numeric check (face_full > 0),    -- so many base units of it lie there when it is full
    add check (face_product_id is null or kind = 'pick_face');
create index bin_face on bin (face_product_id) where face_product_id is not null;
