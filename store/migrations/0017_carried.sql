-- What of a trip was moved with the engine off: on a ferry, or towed. Trips of before have none that is known.
alter table trip add column carried_m float8;
alter table vehicle_state add column trip_carried_m float8;
