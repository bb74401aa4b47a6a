"""Plain types without I/O: what every other room speaks in."""
