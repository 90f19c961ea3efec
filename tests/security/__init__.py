"""Who gets at what: every route by every role at everything there is, and whether the tests notice a missing guard."""
