"""Signals of the formula language, one file each: `SIGNAL = Signal(...)`, named after its file."""
