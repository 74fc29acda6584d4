"""Twisted's Cooperator on asyncio: iterators that share the loop."""
