"""The log becomes state and facts: positions, visits, excursions, arrival times, stock."""
