-- Whether the range of an arrival time rests on enough trips to be believed.

alter table eta add column few_trips int2;               -- trips the range rests on, while they are too few; null: enough
-- `said` is from forecasts of version 4 on: seconds to go as mixed, of the driver's rest beside it, then by each expert.
