"""Plans of dispatch: what they are made from, the process that makes them, and how they are shown."""
