"""Stores on disk that nobody needs after a crash: all in them can be made again from the input."""
