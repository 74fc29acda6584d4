"""Scheduling: which piece of work may start, and when. Imports nothing of ``core.web``."""
