"""The frostway command: settings, the embedded stack, doctor, import and export."""

__version__ = "0.1.0"
