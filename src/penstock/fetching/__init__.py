"""Fetching URLs: the stages wired together, robots.txt, de-duplication and the page callback."""
