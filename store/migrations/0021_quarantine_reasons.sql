-- A message may be in quarantine for several reasons: the first is `reason`, the others stand here, for filters to find.
alter table quarantine add column more_reasons text[] not null default '{}';
