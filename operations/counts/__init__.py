"""Count tasks: where the ledger and what was seen are two things, until somebody has counted."""
