"""Run folders: what a job is, what of it is settled, and the proof of it."""
