"""Where one record of a table ends and the next begins: by lines and tabs, or by RFC 4180's quotes.

Knows delimiters, quotes and how to get past a record that cannot be read. Does not know columns or rows.

A quote that is never closed would swallow the inputs after it: docs/decisions/stray-quotes.md says what limits it.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from typing import Final, Protocol

from penstock.source.lines import MAX_LINE, split

__all__ = ["MAX_RECORD", "UNCLOSED", "Quoted", "Records", "Tabbed"]

MAX_RECORD: Final = 1_048_576
"""The longest record held, in bytes. One field of CSV ends at ``csv.field_size_limit()``, 131,072 characters."""

QUOTE: Final = ord('"')
RETURN: Final = ord("\r")
"""As numbers, since Python looks for a number in bytes eight times as fast as for a byte."""

FIELD_LIMIT: Final = 131_072
"""A line of more bytes may have a field that the csv module does not take."""

TOO_LONG: Final = f"a record of over {MAX_RECORD:,} bytes"
UNCLOSED: Final = "a quote that is never closed"

PLAINER: Final = {
    "new-line character seen in unquoted field": "a carriage return in a field that is not quoted",
    "unexpected end of data": UNCLOSED,
}
"""What some of the csv module's words mean for the author of the table."""


class Records(Protocol):
    """The records of a table, blank ones left out, and what is known of the last one given.

    ``row`` is its number, counted as a spreadsheet does, the header being row 1; ``line`` the physical line it begins
    on; ``raw`` the lines it stands on, always the same list; ``fault`` why it cannot be read; ``is_utf_8`` whether all
    of it is UTF-8.
    """

    row: int
    line: int
    raw: list[bytes]
    fault: str | None
    is_utf_8: bool

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]:
        """The fields of the next record; of a broken one those of its first line, if it has as many as it should."""

    def expect(self, fields: int, at: int | None) -> None:
        """Say how many fields a row has, and in which of them its URL is."""


class Tabbed:
    """The records of a table in which each line is one, its fields parted by tabs, and a quote is a character.

    https://www.iana.org/assignments/media-types/text/tab-separated-values
    """

    __slots__ = ("_lines", "fault", "is_utf_8", "line", "raw", "row")

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._lines = _each_line(blocks)
        self.row = self.line = 0
        self.raw = [b""]
        self.fault: str | None = None
        self.is_utf_8 = True

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        """The fields of the next line that is not blank."""
        for line in self._lines:
            self.line += 1
            if line.strip():
                self.row = self.line
                self.raw[0] = line
                self.fault = TOO_LONG if len(line) > MAX_RECORD else None
                text, self.is_utf_8 = _decoded(line.removesuffix(b"\r"))
                return text.split("\t")
        raise StopIteration

    def expect(self, fields: int, at: int | None) -> None:
        """Nothing: no field can reach beyond its line."""


class Quoted:
    """The records of a comma-separated table (RFC 4180), read by the csv module; *delimiter* may stand for the comma.

    A record that is broken costs only the line it begins on: reading goes on with the next line.
    """

    __slots__ = (
        "_ahead",
        "_at",
        "_comma",
        "_commas",
        "_delimiter",
        "_given_back",
        "_lines",
        "_next_line",
        "_past",
        "_quoted",
        "_reader",
        "fault",
        "is_utf_8",
        "line",
        "raw",
        "row",
    )

    def __init__(self, blocks: Iterator[bytes], delimiter: str = ",") -> None:
        self._lines = _each_line(blocks)
        self._delimiter = delimiter
        self._comma = delimiter.encode()
        self._ahead: deque[bytes] = deque()
        self._past = self._given_back = 0
        self._commas = -1
        self._quoted = False
        self._at: int | None = None
        self._reader = self._new_reader()
        self._next_line = 1
        self.row = self.line = 0
        self.raw: list[bytes] = []
        self.fault: str | None = None
        self.is_utf_8 = True

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        """The next record that is not blank; of a broken one the parts of its first line, or none."""
        ahead, lines, raw = self._ahead, self._lines, self.raw
        while True:
            if not self._quoted:
                line = ahead.popleft() if ahead else next(lines)
                if QUOTE not in line and not (RETURN in line and RETURN in line[:-1]) and len(line) <= FIELD_LIMIT:
                    # It is a record, and its fields are what stands between the commas.
                    self.line = self._next_line
                    self._next_line += 1
                    self.row += 1
                    if line.strip():
                        self._past += len(line)
                        self.fault = None
                        if len(raw) == 1:  # a fifth of the time of a slice
                            raw[0] = line
                        else:
                            raw[:] = (line,)
                        try:
                            text = line.removesuffix(b"\r").decode()
                            self.is_utf_8 = True
                        except UnicodeDecodeError:
                            text, self.is_utf_8 = _decoded(line.removesuffix(b"\r"))
                        return text.split(self._delimiter)
                    continue
                ahead.appendleft(line)
                # A table has quotes in most of its rows, or in few.
                self._quoted = True
            record = self._read()
            if QUOTE not in raw[0]:
                self._quoted = False
            if self.fault is not None or raw[0].strip():
                return record

    def expect(self, fields: int, at: int | None) -> None:
        """Take it for a stray quote if one record holds several lines that are rows of *fields* fields."""
        self._commas, self._at = fields - 1, at

    def _read(self) -> list[str]:
        self.line = self._next_line
        self.row += 1
        self.fault = None
        self.is_utf_8 = True
        raw = self.raw
        raw.clear()
        try:
            record = next(self._reader)
        except csv.Error as error:
            said = str(error).partition(" - ")[0]
            return self._broken(PLAINER.get(said, said))
        lines = len(raw)
        if lines > 1 and raw[-1].count(self._comma) == self._commas and self._swallowed():
            return self._broken(UNCLOSED)
        self._next_line += lines
        return record

    def _broken(self, fault: str) -> list[str]:
        """Give up the first line of the record, and read those after it again."""
        self.fault = fault
        first, *others = self.raw
        self._ahead.extendleft(reversed(others))
        self._given_back += sum(map(len, others))
        self._past += len(first)
        self._next_line += 1
        self._reader = self._new_reader()
        del self.raw[1:]
        text, self.is_utf_8 = _decoded(first)
        parts = [part.strip('"') for part in text.removesuffix("\r").split(self._delimiter)]
        return parts if len(parts) == self._commas + 1 and len(first) <= MAX_LINE else []

    def _swallowed(self) -> bool:
        """Whether each line of the record is a row by itself: as many fields as it takes, a URL where it belongs."""
        if self._at is None:
            return False
        for line in self.raw:
            parts = line.split(self._comma)
            if len(parts) != self._commas + 1 or b"://" not in parts[self._at]:
                return False
        return True

    def _new_reader(self) -> Iterator[list[str]]:
        # Strict, since else an open quote ends quietly with the file, and the rows inside it are gone.
        return csv.reader(self._feed(), strict=True, delimiter=self._delimiter)

    def _feed(self) -> Iterator[str]:
        """The lines as csv.reader takes them, noted down, so that those of a broken record can be given back.

        A line may be read several times, but all of them together hardly more than twice: else time would grow with
        the square of the file's length. Beyond that no record gets a second line.
        """
        raw, ahead, lines, size = self.raw, self._ahead, self._lines, 0
        while True:
            if not raw:
                self._past += size
                size = 0
            elif self._given_back and self._given_back > self._past + MAX_RECORD:
                raise csv.Error(UNCLOSED)
            line = ahead.popleft() if ahead else next(lines, None)
            if line is None:
                return
            raw.append(line)
            size += len(line)
            if size > MAX_RECORD:
                raise csv.Error(TOO_LONG)
            try:
                text = line.decode()
            except UnicodeDecodeError:
                self.is_utf_8 = False
                text = line.decode("utf-8", "surrogateescape")
            yield text + "\n"


def _each_line(blocks: Iterator[bytes]) -> Iterator[bytes]:
    return (line for lines in split(blocks, MAX_RECORD) for line in lines)


def _decoded(line: bytes) -> tuple[str, bool]:
    try:
        return line.decode(), True
    except UnicodeDecodeError:
        return line.decode("utf-8", "surrogateescape"), False
