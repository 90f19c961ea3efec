"""The live feed: one hub that follows the changes, one socket for each client."""
