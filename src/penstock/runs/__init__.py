"""Run folders: what a job is, which of its inputs are settled, and the proof of it."""
