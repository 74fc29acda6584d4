"""The Cooperator of Twisted on asyncio: iterators that share the event loop."""
