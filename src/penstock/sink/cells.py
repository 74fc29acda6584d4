"""Writes an outcome as a row of CSV, without body and headers, and reads it back.

Knows the columns of an outcome, and how a cell is written: quoted as of RFC 4180, on one
line, and so that no spreadsheet takes it for a formula. Does not know the columns of a
file (``table``) or where rows go.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import orjson

from penstock.core.web.model import Kind, Outcome, Reason, Times
from penstock.core.web.stored import Stored
from penstock.sink.outcome import CLASSES
from penstock.sink.record import Seq, clean_text, encode_value, fields

__all__ = [
    "COLUMNS",
    "INPUT",
    "encode",
    "join_cells",
    "make_cells",
    "name_column",
    "read_names",
    "read_outcome",
    "read_row",
    "split_row",
]

COLUMNS: Final = (
    *("seq", "url", "outcome", "error", "detail", "status", "final_url", "redirects", "attempts", "started"),
    *("ms_wait", "ms_dns", "ms_connect", "ms_tls", "ms_first_byte", "ms_total", "ip", "http", "bytes", "coding"),
    *("sha256", "data"),
)
"""The columns that each file begins with, named as the fields of a record; ``redirects`` is their number."""

INPUT: Final = "input"
"""The last column, for the fields of the input that have no column of their own."""

_FORMULA: Final = re.compile(r"'*[=+\-@\t]")
"""The beginning of a cell that a spreadsheet would compute (OWASP, "CSV Injection"), perhaps disarmed already."""

_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?")

_ESCAPES: Final = {ord("\n"): r"\n", ord("\r"): r"\r", 0: "\ufffd"}
"""Line breaks are written as two characters, so that a damaged row costs no other."""

_TAKEN: Final = re.compile(rf"(?:input_)*(?:{'|'.join((*COLUMNS, INPUT))})", re.IGNORECASE)
"""Names that no column of the input may have; SQL makes no difference between upper and lower case."""

_CELL: Final = re.compile(r'("[^"]*(?:""[^"]*)*"|[^",]*)(,|\Z)')

_INTEGER: Final = msgspec.json.Decoder(Seq)

_REST: Final = msgspec.json.Decoder(dict[str, Any])


def encode(outcome: Outcome, *, inline_body: bool) -> bytes:  # noqa: ARG001 - no row has a body
    """Return the cells of *outcome* as one line, without the input; never raises."""
    found = fields(outcome, inline_body=False)
    found["redirects"] = len(outcome.redirects)
    found |= {f"ms_{name}": value for name, value in found["ms"].items()}
    return join_cells([make_cell(found[name]) for name in COLUMNS])


def read_row(line: bytes, place: int = 0) -> Stored:
    """Return what the row *line* at this *place* says. Raises ValueError if it is not a whole row."""
    cells = split_row(line)
    if len(cells) <= len(COLUMNS):
        raise ValueError(f"the row has {len(cells)} cells")
    found = dict(zip(COLUMNS, cells, strict=False))
    return Stored(
        place,
        _INTEGER.decode(found["seq"]),
        _read_text(found["url"]),
        Kind(found["outcome"]),
        found["error"] or None,
        _INTEGER.decode(found["status"]) if found["status"] else None,
        _INTEGER.decode(found["redirects"]),
        _INTEGER.decode(found["attempts"]),
        _INTEGER.decode(found["bytes"]),
        intact=True,
    )


def read_outcome(line: bytes, names: Sequence[str]) -> Outcome:
    """Return the outcome in the row *line* of a file that has columns for the input's fields of these *names*.

    Body, headers and redirects are empty. Values of the input are text, ``data`` is what
    its text is as JSON, and line breaks stay two characters. Raises ValueError if it is
    not a whole row.
    """
    cells = split_row(line)
    if len(cells) != len(COLUMNS) + len(names) + 1:
        raise ValueError(f"the row has {len(cells)} cells")
    found = {name: _read_text(cell) for name, cell in zip(COLUMNS, cells, strict=False) if cell}
    given = {name: _read_text(cell) for name, cell in zip(names, cells[len(COLUMNS) :], strict=False) if cell}
    if cells[-1]:
        given |= _REST.decode(cells[-1])
    return CLASSES[Kind(found.get("outcome", ""))](
        seq=_INTEGER.decode(found.get("seq", "")),
        url=found.get("url", ""),
        error=Reason(found["error"]) if "error" in found else None,  # type: ignore[call-arg] # by its value
        detail=found.get("detail"),
        status=_INTEGER.decode(found["status"]) if "status" in found else None,
        final_url=found.get("final_url"),
        attempts=_INTEGER.decode(found.get("attempts", "")),
        started=datetime.fromisoformat(found["started"]).timestamp() if "started" in found else None,
        times=Times(*(float(found.get(name, "")) / 1e3 for name in COLUMNS if name.startswith("ms_"))),
        ip=found.get("ip"),
        http=found.get("http"),
        data=_read_data(found["data"]) if "data" in found else None,
        input=given or None,
    )


def read_names(heading: bytes) -> list[str]:
    """Return the names of the input's fields that have the columns in *heading*, a row of column names."""
    names = map(_read_text, split_row(heading)[len(COLUMNS) : -1])
    return [name.removeprefix("input_") if _TAKEN.fullmatch(name) else name for name in names]


def _read_text(cell: str) -> str:
    """Return the text of *cell*, without the apostrophe of a formula."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _read_data(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except ValueError:
        return text


def split_row(line: bytes) -> list[str]:
    """Return the cells of *line*. Raises ValueError if it is not a whole row of CSV in UTF-8."""
    if not line.endswith(b"\n"):
        raise ValueError("the row is cut off")
    text = line[:-1].decode()
    if '"' not in text:
        return text.split(",")
    cells, at = [], 0
    while found := _CELL.match(text, at):
        cell, behind = found.groups()
        cells.append(cell[1:-1].replace('""', '"') if cell.startswith('"') else cell)
        if not behind:
            return cells
        at = found.end()
    raise ValueError(f"a quote is missing or misplaced in cell {len(cells) + 1}")


def join_cells(cells: Iterable[str]) -> bytes:
    """Return a row of these *cells*, its line feed included; broken text becomes U+FFFD."""
    row = io.StringIO(newline="")
    csv.writer(row, lineterminator="\n").writerow(cells)
    text = row.getvalue()
    try:
        return text.encode()
    except UnicodeEncodeError:
        return clean_text(text).encode()


def name_column(field: Any) -> str:
    """Return the name of the column for the *field* of an input."""
    name = str(field)
    return make_cell(f"input_{name}" if _TAKEN.fullmatch(name) else name)


def make_cells(given: Mapping[Any, Any] | None, names: Mapping[str, int]) -> list[str]:
    """Return the cells of an input's fields, in the columns of *names*, and the rest of them as JSON in one more."""
    cells = [""] * (len(names) + 1)
    rest = {}
    for field, value in (given or {}).items():
        at = names.get(name_column(field))
        if at is None or cells[at]:
            rest[field] = value
        else:
            cells[at] = make_cell(value)
    if rest:
        cells[-1] = make_cell(rest)
    return cells


def make_cell(value: Any) -> str:
    """Return *value* as the text of a cell: empty for None, JSON if it is neither text nor a number."""
    if value is None:
        return ""
    if isinstance(value, str):
        text = value
    else:
        written = encode_value(value).decode()
        if not written.startswith('"'):
            return "" if written == "null" else written
        text = str(orjson.loads(written))
    text = text.translate(_ESCAPES)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
