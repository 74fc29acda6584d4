"""Engines: a job goes in, an attempt comes out; they never raise for a bad web.

``curl`` fetches over HTTP. Nothing here knows other jobs, limits, retries or files.
"""
