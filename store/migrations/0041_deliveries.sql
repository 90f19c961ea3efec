-- What a receiver was told is listed from the newest, and what was given up is counted, without reading all the rest.
create index outgoing_of_receiver on outgoing (receiver_id, id);
create index outgoing_given_up on outgoing (receiver_id, id) where gave_up_at is not null;
