"""Runs read back: their outcomes one by one, and copies of them in any format."""
