-- A numbered reading without a time of its own (flag 32) is recognised by its numbers alone.

create index reading_position_unclocked on reading_position (device_id, boot_id, seq) where flags & 32 <> 0;
create index reading_temperature_unclocked on reading_temperature (device_id, boot_id, seq) where flags & 32 <> 0;
create index reading_tag_unclocked on reading_tag (device_id, boot_id, seq) where flags & 32 <> 0;
create index reading_shelf_unclocked on reading_shelf (device_id, boot_id, seq) where flags & 32 <> 0;
create index reading_door_unclocked on reading_door (device_id, boot_id, seq) where flags & 32 <> 0;
create index reading_status_unclocked on reading_status (device_id, boot_id, seq) where flags & 32 <> 0;
create index reading_attribute_unclocked on reading_attribute (device_id, boot_id, seq) where flags & 32 <> 0;
