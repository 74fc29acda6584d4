"""Reports of progress and results: one formatter per file, and the arithmetic they share.

Knows counts, times and terminals. Does not know jobs, sockets, folders or how the work is done.
"""
