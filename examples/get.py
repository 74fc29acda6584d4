"""Fetch one page with asyncio alone: as much of an HTTP client as these examples need."""

import asyncio
import re
from urllib.parse import urlsplit, urlunsplit

__all__ = ["get"]


async def get(url):
    """Return the body of the page at *url* (http:// only); raises OSError if it has none or its status is not 200."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    try:
        target = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        writer.write(f"GET {target} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"\ncontent-length: *(\d+)", head, re.IGNORECASE)
        body = await (reader.readexactly(int(length[1])) if length else reader.read())
    finally:
        writer.close()
    if (status := head.split(maxsplit=2)[1]) != b"200":
        raise OSError(f"{url} answered {status.decode()}")
    return body
