"""What sensors say of picks."""
