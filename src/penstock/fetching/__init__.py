"""Fetching URLs: wiring, robots.txt, de-duplication, the page callback, sessions."""
