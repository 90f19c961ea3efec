-- Shipments that are called off; links that are for somebody, and when each was opened by what sort of client.
alter table shipment
    drop constraint shipment_status_check,
    add constraint shipment_status_check check (status in ('planned', 'in_transit', 'delivered', 'cancelled')),
    add column cancelled_at timestamptz;

alter table share
    drop constraint share_shipment_id_fkey,
    add constraint share_shipment_id_fkey foreign key (shipment_id) references shipment on delete cascade,
    add column recipient text check (length(recipient) between 1 and 200),
    add column language text check (language ~ '^[a-z]{2}$'),
    add column tz text check (length(tz) between 1 and 64),
    add column opened_count int not null default 0,
    add column first_opened_at timestamptz,
    add column last_opened_at timestamptz;
create index share_shipment on share (shipment_id);

-- The last openings of a link: of the client only its sort ('Firefox, Android'), no address.
create table share_opening (
    id        int8 generated always as identity primary key,
    tenant_id int not null references tenant,
    share_id  int not null references share on delete cascade,
    at        timestamptz not null default now(),
    client    text not null check (length(client) between 1 and 80)
);
create index share_opening_share on share_opening (share_id, id);
