"""Reports of progress and results: one formatter a file, and their arithmetic.

Knows counts, times and terminals. Does not know jobs, sockets, folders or how the work
is done.
"""
