"""The stock ledger as it is recorded: moves, corrections, counts."""
