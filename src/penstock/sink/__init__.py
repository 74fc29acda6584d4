"""Sinks: outcomes made durable. ``formats`` has the table of formats; only ``durable`` writes to the disk."""
