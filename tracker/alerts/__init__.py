"""What people must act on: from facts, silence and risk."""
