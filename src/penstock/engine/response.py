"""What arrives for one request: header lines and pieces of the body, held within bounds.

Knows the shape of a response. Does not know libcurl, sockets or time. What it has to say against a
response, libcurl would have let pass: a body over the bound, a coded body that is broken or cut short.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Final

from penstock.core.web.codings import Decoder, Oversize, Undecodable
from penstock.core.web.model import Reason, split_head
from penstock.core.web.requests import leads_on
from penstock.machine.memory import Memory

__all__ = ["Response"]

UNASKED_SWITCH: Final = (Reason.PROTOCOL_ERROR, "status 101, though no other protocol was asked for")
"""libcurl takes a 101 for a final response, and what follows for its body."""

DRAINED: Final = 65_536
"""Bytes of a redirect's body that are read and dropped, so that its connection can be kept. A longer one costs it."""

PAUSE: Final = 0x10000001
"""What tells libcurl to keep the piece and ask for no more (CURL_WRITEFUNC_PAUSE)."""


_NOTHING: Final[Iterator[bytes]] = iter(())

BLOCK: Final = 1 << 20
"""Bytes of a body that are joined as they come. Blocks of one size leave no holes in the heap that another does not
fill; one buffer that grows left so many that eight bodies under way took twice their bytes."""


class Response:
    """Gathers a response whose decoded body may have at most *bound* bytes.

    ``verdict`` is the reason and the detail of what is wrong with it, once something is. One object serves
    one request after another, with ``clear`` between them. Its bytes count in *memory*; where there is no room it is
    ``paused``, until ``go_on``.
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
        "_leads_on",
        "_lines_read",
        "_memory",
        "_most",
        "_size",
        "lines",
        "paused",
        "sated",
        "verdict",
    )

    def __init__(self, bound: int, memory: Memory | None = None) -> None:
        self._most = bound
        self._memory = memory or Memory()
        self._held = 0
        self.paused = False
        # Header lines are added by libcurl's callback itself, so this list stays the same object.
        self.lines: list[bytes] = []
        self.clear()

    def clear(self) -> None:
        """Make ready for another response."""
        self.lines.clear()
        self._memory.leave(self)
        self.go_on()
        self._chunks: list[bytes] = []
        self._chunks_size = 0
        self._blocks: list[bytes] = []
        self._give_back()
        self._decoder: Decoder | None = None
        # What is still to come of a coded chunk that was refused midway, and its bytes, which libcurl gives again.
        self._decoding = _NOTHING
        self._again = 0
        self._head: tuple[bytes, bool] = (b"", False)
        self._lines_read = 0
        self._head_lines = 0
        self._begun = False
        self._leads_on = False
        self._size = 0
        self.verdict: tuple[Reason, str] | None = None
        self.want(None)

    def want(self, enough: int | None, *, follows: bool = False) -> None:
        """Take no more of the body than *enough* bytes, where that is not None, and call the response whole then.

        ``sated`` says that there was more. If redirects are followed, none of a redirect's body is wanted.
        """
        self._follows = follows
        self._enough = enough is not None
        self._bound = self._most if enough is None else enough
        self.sated = False

    def write(self, chunk: bytes) -> int | None:
        """Take a piece of the body; -1 tells libcurl to give up, and ``verdict`` says why; PAUSE, to wait."""
        if not self._begun:
            self._begin()
        if self.verdict is not None:
            return -1
        if self._leads_on:
            self._size += len(chunk)
            return None if self._size <= DRAINED else -1
        if self._memory.refuses(self):
            return self._pause()
        if self._decoder is not None:
            return self._decode(chunk)
        self._size += len(chunk)
        if self._size > self._bound:
            return self._too_large(chunk)
        self._keep(chunk)
        return None

    def go_on(self) -> None:
        """Take more again, if it was paused."""
        if self.paused:
            self.paused = False
            self._memory.paused -= 1

    def break_off(self) -> None:
        """The response is over, and was not whole."""
        self.verdict = self.verdict or (
            Reason.TRUNCATED,
            "within the response, the server asked for HTTP/1.1",
        )

    def finish(self) -> None:
        """The body is over: a coded one must have come to its own end, and no other response may follow it."""
        if self._begun and any(line.startswith(b"HTTP/") for line in self.lines[self._head_lines :]):
            self.break_off()
        if self._decoder is not None and self.verdict is None and not self.sated:
            try:
                self._decoder.finish()
            except Undecodable as error:
                self._undecodable(error)

    def body(self) -> bytes:
        """The decoded body."""
        if self._blocks:
            body = self._long_body()
        else:
            body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        return body[: self._bound] if self.sated else body

    def head(self) -> tuple[bytes, bool]:
        """The final response's header block, without its blank line, and whether that line was seen.

        The lines also hold the interim responses (and a proxy's) before it, and the trailers after it.
        """
        if len(self.lines) != self._lines_read:
            self._lines_read = len(self.lines)
            self._head = _final_head(b"".join(self.lines))
        return self._head

    def leads_on(self) -> bool:
        """Whether it is a redirect to follow, whatever its body is: its header block is complete."""
        if self._follows and not self._begun:
            head, whole = self.head()
            return whole and leads_on(head)
        return self._leads_on

    def phase(self) -> tuple[Reason, str]:
        """How far the response had come when its time was over."""
        if not self.lines:
            return Reason.TIMEOUT_FIRST_BYTE, "waiting for the response"
        head, whole = self.head()
        if _switches(head):
            return UNASKED_SWITCH
        if not whole:
            return Reason.TIMEOUT, "reading the header block"
        return Reason.TIMEOUT_BODY, f"reading the body, {self._size} bytes so far"

    def _begin(self) -> None:
        """Look at the header block, which is complete when the first piece of the body comes."""
        self._begun = True
        self._head_lines = len(self.lines)
        head = self.head()[0]
        if _switches(head):
            self.verdict = UNASKED_SWITCH
            return
        if self._follows and leads_on(head):
            self._leads_on = True
            return
        if b"content-encoding" not in head.lower():
            return
        codings = [value for name, value in split_head(head) if name.lower() == "content-encoding"]
        try:
            self._decoder = Decoder(",".join(codings), self._bound) or None
        except Undecodable as error:
            self._undecodable(error)

    def _decode(self, chunk: bytes) -> int | None:
        """Take a piece of a coded body, which may be a thousand times as long as it looks: a step at a time."""
        if not self._take_decoded():
            return self._stopped()
        fresh = chunk[self._again :]
        self._again = max(0, self._again - len(chunk))
        assert self._decoder is not None
        self._decoding = self._decoder.decode(fresh)
        self._size += len(fresh)
        if not self._take_decoded():
            self._again = len(chunk)
            return self._stopped()
        return None

    def _take_decoded(self) -> bool:
        """Keep what has been decoded, as far as there is room; whether that was all of it."""
        try:
            for piece in self._decoding:
                self._keep(piece)
                if self._memory.refuses(self):
                    return False
        except Undecodable as error:
            self._undecodable(error)
        except Oversize:
            self._too_large()
        return self.verdict is None and not self.sated

    def _stopped(self) -> int:
        return -1 if self.verdict is not None or self.sated else self._pause()

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

    def _long_body(self) -> bytes:
        """Join the blocks and let go of each, so that the body is hardly ever held twice."""
        blocks, self._blocks = [*self._blocks, b"".join(self._chunks)], []
        self._chunks.clear()
        # The system gives zeros without a page of memory behind them, and BytesIO writes into them without a copy.
        whole, left = BytesIO(bytes(self._held)), self._held
        while blocks:
            # From the end on: the end of the heap goes back to the system.
            block = blocks.pop()
            left -= len(block)
            whole.seek(left)
            whole.write(block)
        return whole.getvalue()

    def _give_back(self) -> None:
        self._memory.held -= self._held
        self._held = 0

    def _undecodable(self, error: Undecodable) -> int:
        self.verdict = (Reason.DECODE_ERROR, str(error))
        return -1

    def _too_large(self, rest: bytes = b"") -> int:
        """There is more than is to be held; *rest* is what came last and was not kept."""
        if self._enough:
            self._keep(rest)
            self.sated = True
            return -1
        self._chunks = []
        self._blocks = []
        self._give_back()
        self.verdict = (Reason.TOO_LARGE, f"the body is over {self._bound} bytes")
        return -1


def _final_head(raw: bytes) -> tuple[bytes, bool]:
    end = raw.find(b"\r\n\r\n")
    if end >= 0 and end + 4 == len(raw):
        return raw[:end], True
    blocks = raw.replace(b"\r\n", b"\n").split(b"\n\n")
    starts = [index for index, block in enumerate(blocks) if block.startswith(b"HTTP/")]
    if not starts:
        return b"", False
    last = starts[-1]
    # A block that is followed by another, be it an empty one, has had its blank line.
    return blocks[last].replace(b"\n", b"\r\n"), last + 1 < len(blocks)


def _switches(head: bytes) -> bool:
    return head[9:12] == b"101"
