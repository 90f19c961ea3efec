"""What to order, how much, and why: known formulas, lead-time demand by simulation, stock that knows what is coming."""
