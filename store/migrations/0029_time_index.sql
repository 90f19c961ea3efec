-- What all devices did in some hours: an index by time that costs little, also where some of the rows came days late.
-- On the parents alone: what is made from now on has it, what is there is given it one by one (store/indexing.py).

create index reading_position_time on only reading_position
    using brin (time timestamptz_minmax_multi_ops) with (autosummarize = on);
create index reading_temperature_time on only reading_temperature
    using brin (time timestamptz_minmax_multi_ops) with (autosummarize = on);
create index reading_tag_time on only reading_tag
    using brin (time timestamptz_minmax_multi_ops) with (autosummarize = on);
create index reading_shelf_time on only reading_shelf
    using brin (time timestamptz_minmax_multi_ops) with (autosummarize = on);
create index reading_door_time on only reading_door
    using brin (time timestamptz_minmax_multi_ops) with (autosummarize = on);
create index reading_status_time on only reading_status
    using brin (time timestamptz_minmax_multi_ops) with (autosummarize = on);
create index reading_attribute_time on only reading_attribute
    using brin (time timestamptz_minmax_multi_ops) with (autosummarize = on);
