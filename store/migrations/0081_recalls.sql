-- Where a handling unit's goods lie is asked for with each move of it: it is at one place.
create index ledger_balance_unit on ledger_balance (tenant_id, unit) where unit <> '';

-- What is recalled is sent to nobody.
alter table lot
    add column recalled_at   timestamptz,
    add column recalled_by   text,
    add column recall_reason text,
    add check (num_nulls(recalled_at, recalled_by, recall_reason) in (0, 3));
