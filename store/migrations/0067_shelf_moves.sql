-- What changed in a slot, no earlier than which of its readings; and moves that late readings showed to be otherwise.
alter table stock_move add column slot_id int, add column not_before timestamptz, add column superseded_at timestamptz;
create index stock_move_slot on stock_move (slot_id, at) where slot_id is not null and superseded_at is null;
