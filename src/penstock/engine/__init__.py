"""Engines: a job goes in, an attempt comes out; they never raise for a bad web.

``curl`` fetches over HTTP, ``tasks`` awaits any async work. An engine does not know
other jobs, limits, retries or files.
"""
