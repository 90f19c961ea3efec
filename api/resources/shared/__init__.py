"""What several resources stand on; resources know this room and not one another."""
