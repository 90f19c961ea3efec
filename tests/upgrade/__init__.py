"""Data that a release left behind are taken over by the next one: nothing lost, nothing twice, and it goes on."""
