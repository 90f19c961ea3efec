"""What is measured of the work, and whether a change of it is more than chance. Pure."""
