"""How good arrival times are: recordings of real vehicles, simulated fleets, and what each is held against."""
