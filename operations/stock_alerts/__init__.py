"""Levels of stock are watched: what is low, out or left over is an alert, and corrected by what is told late."""
