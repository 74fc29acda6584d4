"""One page by asyncio alone: as much of a client as these examples need, and no more."""

import asyncio
import re
from urllib.parse import urlsplit, urlunsplit

__all__ = ["get"]


async def get(url):
    """The body of the page at *url*, an http:// one; OSError where there is none, or its status is not 200."""
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
