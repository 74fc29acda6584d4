"""The response to one request: header lines and pieces of the body, held within bounds.

Knows the parts of a response. Does not know libcurl, sockets or time. It rejects what
libcurl accepts: a body over the bound, a coded body that is broken or cut short.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Final

from penstock.core.web.codings import Decoder, Oversize, Undecodable
from penstock.core.web.model import Reason, split_head
from penstock.core.web.requests import is_redirect
from penstock.machine.memory import Memory

__all__ = ["Response"]

UNASKED_SWITCH: Final = (Reason.PROTOCOL_ERROR, "status 101, though no other protocol was asked for")
"""libcurl takes a 101 for a final response, and the bytes after it for its body."""

DRAINED: Final = 65_536
"""Bytes of a redirect's body that are read and dropped, so that its connection can be
kept. A longer body costs the connection."""

PAUSE: Final = 0x10000001
"""Tells libcurl to keep the piece and to pause the transfer (CURL_WRITEFUNC_PAUSE)."""


_NOTHING: Final[Iterator[bytes]] = iter(())

_NO_HEAD: Final = (b"", False)

BLOCK: Final = 1 << 20
"""Bytes of a body that are joined into a block. Blocks of one size leave no holes in
the heap that another can't fill; growing buffers left too many, and eight bodies took
twice their bytes."""


class Response:
    """Gathers a response whose decoded body may have at most *bound* bytes.

    ``verdict`` is the reason and the detail of the first fault, else None. One object
    serves one request after another, with ``clear`` between them. *memory* counts its
    bytes; if that is full, the response is ``paused`` until ``resume``.
    """

    __slots__ = (
        "_again",
        "_begun",
        "_blocks",
        "_bound",
        "_chunks",
        "_chunks_size",
        "_decoder",
        "_decoding",
        "_enough",
        "_follows",
        "_head",
        "_head_lines",
        "_held",
        "_lines_read",
        "_memory",
        "_most",
        "_redirects",
        "_size",
        "capped",
        "lines",
        "paused",
        "verdict",
    )

    def __init__(self, bound: int, memory: Memory | None = None) -> None:
        self._most = bound
        self._memory = memory or Memory()
        self._held = 0
        self.paused = False
        # libcurl's callback is this list's append, so it stays the same object.
        self.lines: list[bytes] = []
        self.clear()
        self.limit(None)

    def clear(self) -> None:
        """Prepare for another response; the limit stays as it is."""
        self.lines.clear()
        memory = self._memory
        if memory.first is self:
            memory.leave(self)
        if self.paused:
            self.resume()
        self._chunks: list[bytes] = []
        self._chunks_size = 0
        self._blocks: list[bytes] = []
        memory.held -= self._held
        self._held = 0
        self._decoder: Decoder | None = None
        # The rest of a coded chunk that was refused midway, and the number of its
        # bytes, which libcurl will pass again.
        self._decoding = _NOTHING
        self._again = 0
        self._head = _NO_HEAD
        self._lines_read = 0
        self._head_lines = 0
        self._begun = False
        self._redirects = False
        self._size = 0
        self.verdict: tuple[Reason, str] | None = None
        self.capped = False

    def limit(self, enough: int | None, *, follows: bool = False) -> None:
        """Accept bodies up to *enough* bytes, which make them complete.

        ``capped`` then says that there was more. None sets no such limit. If redirects are
        followed (*follows*), the body of a redirect is dropped.
        """
        self._follows = follows
        self._enough = enough is not None
        self._bound = self._most if enough is None else enough

    def write(self, chunk: bytes) -> int | None:
        """Take a piece of the body.

        Returns -1 to let libcurl abort the transfer, for which ``verdict`` may have the
        reason, and PAUSE to let it wait.
        """
        if not self._begun:
            self._read_head()
        if self.verdict is not None:
            return -1
        if self._redirects:
            self._size += len(chunk)
            return None if self._size <= DRAINED else -1
        memory = self._memory
        # Without a call, as there is room for most of them.
        if memory.held + memory.waiting >= memory.enough and memory.refuses(self):
            return self._pause()
        if self._decoder is not None:
            return self._decode(chunk)
        self._size += len(chunk)
        if self._size > self._bound:
            return self._end_at_bound(chunk)
        self._keep(chunk)
        return None

    def resume(self) -> None:
        """Accept pieces again, if it was paused."""
        if self.paused:
            self.paused = False
            self._memory.paused -= 1

    def mark_truncated(self) -> None:
        """Note that the response has ended and is incomplete."""
        self.verdict = self.verdict or (
            Reason.TRUNCATED,
            "within the response, the server asked for HTTP/1.1",
        )

    def is_plain(self) -> bool:
        """Whether it has ended as most do.

        That is with a whole header block and a body, and without a coding, a trailer, a
        redirect or a fault.
        """
        return (
            self._begun
            and self._decoder is None
            and self.verdict is None
            and len(self.lines) == self._head_lines
            and self._head[1]
            and not (self._redirects or self.capped)
        )

    def finish(self) -> None:
        """Check at the end that it is complete and no other response follows."""
        trailers = self._begun and self.lines[self._head_lines :]
        if trailers and any(line.startswith(b"HTTP/") for line in trailers):
            self.mark_truncated()
        if self._decoder is not None and self.verdict is None and not self.capped:
            try:
                self._decoder.finish()
            except Undecodable as error:
                self._reject_coding(error)

    def body(self) -> bytes:
        """Return the decoded body."""
        if self._blocks:
            body = self._join_blocks()
        else:
            body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        return body[: self._bound] if self.capped else body

    def head(self) -> tuple[bytes, bool]:
        """Return the final header block, and whether its blank line has come.

        The lines also hold the interim responses (and a proxy's) before it, and the
        trailers after it.
        """
        count = len(self.lines)
        if count != self._lines_read:
            self._lines_read = count
            raw = b"".join(self.lines)
            # Mostly the final block is the only one, and complete.
            end = raw.find(b"\r\n\r\n")
            self._head = (raw[:end], True) if 0 <= end == len(raw) - 4 else _find_final_head(raw)
        return self._head

    def is_redirect(self) -> bool:
        """Whether it is a redirect to follow, with a complete header block."""
        if self._follows and not self._begun:
            head, whole = self.head()
            return whole and is_redirect(head)
        return self._redirects

    def describe_phase(self) -> tuple[Reason, str]:
        """Return the reason and the detail for a response that took too long."""
        if not self.lines:
            return Reason.TIMEOUT_FIRST_BYTE, "waiting for the response"
        head, whole = self.head()
        if _is_switch(head):
            return UNASKED_SWITCH
        if not whole:
            return Reason.TIMEOUT, "reading the header block"
        return Reason.TIMEOUT_BODY, f"reading the body, {self._size} bytes so far"

    def _read_head(self) -> None:
        """Read the header block, which is complete at the first piece of the body."""
        self._begun = True
        head = self.head()[0]
        self._head_lines = self._lines_read
        # Most responses are 200s.
        if head[9:12] != b"200":
            if _is_switch(head):
                self.verdict = UNASKED_SWITCH
                return
            if self._follows and is_redirect(head):
                self._redirects = True
                return
        if b"content-encoding" not in head.lower():
            return
        codings = [value for name, value in split_head(head) if name.lower() == "content-encoding"]
        try:
            self._decoder = Decoder(",".join(codings), self._bound) or None
        except Undecodable as error:
            self._reject_coding(error)

    def _decode(self, chunk: bytes) -> int | None:
        """Take a piece of a coded body in steps, as it may expand a thousandfold."""
        if not self._take_decoded():
            return self._stop()
        fresh = chunk[self._again :]
        self._again = max(0, self._again - len(chunk))
        assert self._decoder is not None
        self._decoding = self._decoder.decode(fresh)
        self._size += len(fresh)
        if not self._take_decoded():
            self._again = len(chunk)
            return self._stop()
        return None

    def _take_decoded(self) -> bool:
        """Keep decoded pieces while there is memory; return whether all were kept."""
        try:
            for piece in self._decoding:
                self._keep(piece)
                if self._memory.refuses(self):
                    return False
        except Undecodable as error:
            self._reject_coding(error)
        except Oversize:
            self._end_at_bound()
        return self.verdict is None and not self.capped

    def _stop(self) -> int:
        return -1 if self.verdict is not None or self.capped else self._pause()

    def _pause(self) -> int:
        self.paused = True
        self._memory.paused += 1
        return PAUSE

    def _keep(self, piece: bytes) -> None:
        size = len(piece)
        self._chunks.append(piece)
        self._chunks_size += size
        self._held += size
        self._memory.held += size
        if self._chunks_size >= BLOCK:
            self._blocks.append(b"".join(self._chunks))
            self._chunks.clear()
            self._chunks_size = 0

    def _join_blocks(self) -> bytes:
        """Join the blocks, freeing each, so that memory is not doubled."""
        blocks, self._blocks = [*self._blocks, b"".join(self._chunks)], []
        self._chunks.clear()
        # The system gives zeros without allocating pages, and BytesIO writes into them
        # without a copy.
        whole, left = BytesIO(bytes(self._held)), self._held
        while blocks:
            # From the end, since the system gets back the end of the heap.
            block = blocks.pop()
            left -= len(block)
            whole.seek(left)
            whole.write(block)
        return whole.getvalue()

    def _release_memory(self) -> None:
        self._memory.held -= self._held
        self._held = 0

    def _reject_coding(self, error: Undecodable) -> int:
        self.verdict = (Reason.DECODE_ERROR, str(error))
        return -1

    def _end_at_bound(self, rest: bytes = b"") -> int:
        """End the body at its bound; *rest* is the last piece if not kept."""
        if self._enough:
            self._keep(rest)
            self.capped = True
            return -1
        self._chunks = []
        self._blocks = []
        self._release_memory()
        self.verdict = (Reason.TOO_LARGE, f"the body is over {self._bound} bytes")
        return -1


def _find_final_head(raw: bytes) -> tuple[bytes, bool]:
    blocks = raw.replace(b"\r\n", b"\n").split(b"\n\n")
    starts = [index for index, block in enumerate(blocks) if block.startswith(b"HTTP/")]
    if not starts:
        return b"", False
    last = starts[-1]
    # If another block follows, even an empty one, this one's blank line has come.
    return blocks[last].replace(b"\n", b"\r\n"), last + 1 < len(blocks)


def _is_switch(head: bytes) -> bool:
    return head[9:12] == b"101"
