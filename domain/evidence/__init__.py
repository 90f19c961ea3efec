"""Evidence: what happened, in a file of its own that anybody can check without us."""
