"""Split a table into records: by lines and tabs, or by the quotes of RFC 4180.

Knows delimiters and quotes, and how to skip a record that cannot be read. Does not know
columns or rows.

A quote that is never closed would swallow the inputs after it;
docs/decisions/stray-quotes.md says what limits the loss.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator
from typing import Final, Protocol

from penstock.source.lines import MAX_LINE, split

__all__ = ["MAX_RECORD", "UNCLOSED", "CsvRecords", "TableRecords", "TsvRecords"]

MAX_RECORD: Final = 1_048_576
"""The longest record held, in bytes. One field of CSV ends at
``csv.field_size_limit()``, 131,072 characters."""

QUOTE: Final = ord('"')
RETURN: Final = ord("\r")
"""Numbers, since ``in`` finds a number in bytes eight times as fast as a byte."""

FIELD_LIMIT: Final = 131_072
"""A line of more bytes may have a field that the csv module refuses."""

TOO_LONG: Final = f"a record of over {MAX_RECORD:,} bytes"
UNCLOSED: Final = "a quote that is never closed"

_DIRECTIVE: Final = re.compile(rb'sep=([^"\x00-\x08\x0a-\x1f\x7f]{1,4})\r?', re.IGNORECASE)
"""Excel's first line ``sep=;``, with any character that the setting may have."""

PLAINER: Final = {
    "new-line character seen in unquoted field": "a carriage return in a field that is not quoted",
    "unexpected end of data": UNCLOSED,
}
"""Messages of the csv module, in words for the author of the table."""


class TableRecords(Protocol):
    """Iterates over the records of a table; its attributes describe the last one.

    ``row`` is its number in a spreadsheet, where the header is row 1; ``line`` the line
    where it begins; ``raw`` its lines, always the same list; ``fault`` why it cannot be
    read; ``is_utf_8`` whether all of it is UTF-8.
    """

    row: int
    line: int
    raw: list[bytes]
    fault: str | None
    is_utf_8: bool

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]:
        """Return the next record that is not blank; of a broken one its first line."""

    def expect(self, fields: int, at: int | None) -> None:
        """Take the number of *fields* in a row, and *at*, the index of the URL's."""


class TsvRecords:
    """The records of a table with one on each line, and tabs between the fields.

    https://www.iana.org/assignments/media-types/text/tab-separated-values
    """

    __slots__ = ("_lines", "fault", "is_utf_8", "line", "raw", "row")

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._lines = _iterate_lines(blocks)
        self.row = self.line = 0
        self.raw = [b""]
        self.fault: str | None = None
        self.is_utf_8 = True

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        """Return the fields of the next line that is not blank."""
        for line in self._lines:
            self.line += 1
            if line.strip():
                self.row = self.line
                self.raw[0] = line
                self.fault = TOO_LONG if len(line) > MAX_RECORD else None
                text, self.is_utf_8 = _decode(line.removesuffix(b"\r"))
                return text.split("\t")
        raise StopIteration

    def expect(self, fields: int, at: int | None) -> None:
        """Ignore both: no field can extend beyond its line."""


class CsvRecords:
    """The records of a table in CSV (RFC 4180), or with another *delimiter*.

    A first line ``sep=;`` is no record but Excel's directive, which names the
    delimiter; *delimiter*, if given, overrules it. A broken record costs only the line
    where it begins: the next line is read as another record.
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

    def __init__(self, blocks: Iterator[bytes], delimiter: str | None = None) -> None:
        self._lines = _iterate_lines(blocks)
        self._ahead: deque[bytes] = deque()
        directed = self._read_directive()
        self._delimiter = delimiter or directed or ","
        self._comma = self._delimiter.encode()
        self._past = self._given_back = 0
        self._commas = -1
        self._quoted = False
        self._at: int | None = None
        self._reader = self._make_reader()
        # Excel does not count the directive as a row.
        self._next_line = 1 if directed is None else 2
        self.row = self.line = 0
        self.raw: list[bytes] = []
        self.fault: str | None = None
        self.is_utf_8 = True

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        """Return the next record that is not blank; of a broken one its first line."""
        ahead, lines, raw = self._ahead, self._lines, self.raw
        while True:
            if not self._quoted:
                line = ahead.popleft() if ahead else next(lines)
                if QUOTE not in line and not (RETURN in line and RETURN in line[:-1]) and len(line) <= FIELD_LIMIT:
                    # The line is a record, and each comma separates two fields.
                    self.line = self._next_line
                    self._next_line += 1
                    self.row += 1
                    if line.strip():
                        self._past += len(line)
                        self.fault = None
                        if len(raw) == 1:  # takes a fifth of the time of a slice
                            raw[0] = line
                        else:
                            raw[:] = (line,)
                        try:
                            text = line.removesuffix(b"\r").decode()
                            self.is_utf_8 = True
                        except UnicodeDecodeError:
                            text, self.is_utf_8 = _decode(line.removesuffix(b"\r"))
                        return text.split(self._delimiter)
                    continue
                ahead.appendleft(line)
                # Most rows of a table have quotes, or few have.
                self._quoted = True
            record = self._read()
            if QUOTE not in raw[0]:
                self._quoted = False
            if self.fault is not None or raw[0].strip():
                return record

    def expect(self, fields: int, at: int | None) -> None:
        """Recognise a stray quote by a record of several lines that are rows each."""
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
            return self._give_up(PLAINER.get(said, said))
        lines = len(raw)
        if lines > 1 and raw[-1].count(self._comma) == self._commas and self._has_swallowed_rows():
            return self._give_up(UNCLOSED)
        self._next_line += lines
        return record

    def _give_up(self, fault: str) -> list[str]:
        """Skip the first line of the record and return its fields, or none."""
        self.fault = fault
        first, *others = self.raw
        self._ahead.extendleft(reversed(others))
        self._given_back += sum(map(len, others))
        self._past += len(first)
        self._next_line += 1
        self._reader = self._make_reader()
        del self.raw[1:]
        text, self.is_utf_8 = _decode(first)
        parts = [part.strip('"') for part in text.removesuffix("\r").split(self._delimiter)]
        return parts if len(parts) == self._commas + 1 and len(first) <= MAX_LINE else []

    def _has_swallowed_rows(self) -> bool:
        """Return whether each line of the record is a row with a URL in its column."""
        if self._at is None:
            return False
        for line in self.raw:
            parts = line.split(self._comma)
            if len(parts) != self._commas + 1 or b"://" not in parts[self._at]:
                return False
        return True

    def _read_directive(self) -> str | None:
        """Take the first line if it is Excel's directive; return its delimiter."""
        first = next(self._lines, None)
        if first is None:
            return None
        found = _DIRECTIVE.fullmatch(first)
        try:
            delimiter = found and found[1].decode()
        except UnicodeDecodeError:
            delimiter = None
        if delimiter is None or len(delimiter) != 1:
            self._ahead.append(first)
            return None
        return delimiter

    def _make_reader(self) -> Iterator[list[str]]:
        # Strict, since an open quote would else end silently with the file, and lose
        # the rows in it.
        return csv.reader(self._feed(), strict=True, delimiter=self._delimiter)

    def _feed(self) -> Iterator[str]:
        """Yield lines for csv.reader, and keep them to read a broken record again.

        A line may be read several times, but all lines together hardly more than twice,
        since time would else grow with the square of the file's length. Beyond that a
        record has one line only.
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


def _iterate_lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    return (line for lines in split(blocks, MAX_RECORD) for line in lines)


def _decode(line: bytes) -> tuple[str, bool]:
    try:
        return line.decode(), True
    except UnicodeDecodeError:
        return line.decode("utf-8", "surrogateescape"), False
