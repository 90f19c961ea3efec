"""Events of EPCIS: what others tell is taken in, and what we know is told."""
