"""Which vehicle goes where, in what order: the problem, a solver behind one module, and what judges every plan."""
