"""The words all programs share: reading batches, facts, wire formats. Pure: no I/O, no clock."""
