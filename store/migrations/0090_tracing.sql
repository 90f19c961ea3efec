-- Events by all that is in them: of what went in, what came out, and of lots; by this a trace goes on.
create index epcis_event_goods on epcis_event using gin (inputs, outputs, classes);
create index epcis_event_transformation on epcis_event (tenant_id, transformation) where transformation is not null;
