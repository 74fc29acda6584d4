"""Sinks: outcomes made durable, each module in one format. Only ``durable`` touches the disk."""
