"""What people and processes do with what the tracker has decided: cases, and the jobs of the house."""
