"""The stock ledger: quantities that leave one place and come to another, so that none is lost on the way. Pure."""
