"""The duties of every format, as a function that any implementation survives; see ``testing.contracts``."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Final

from penstock.core.extents import Extent
from penstock.core.web.model import Outcome
from penstock.core.web.stored import Keep, Salvaged, Stored
from penstock.seams import Format
from penstock.testing.contracts import check_sink, flush, make_outcome

__all__ = ["check_format"]

LONGEST: Final = 1 << 20
"""Bytes of a row; rows of the contract are shorter."""


def check_format(format_: Format, folder: Path) -> None:
    """Check that it reads back the rows that its sink commits.

    A repair must keep the wanted rows in order and set the others aside.

    *folder* exists and is empty; the files of the format are made in it.
    """
    check_sink(partial(format_.open, folder, inline_body=True), lambda extent: _seqs(format_, folder, [extent]))
    files = _files(format_, folder)
    assert files, "the sink's files match the pattern"
    _check_outcomes(format_, folder / "again")
    before, asides = {file: file.read_bytes() for file in files}, _asides(folder)

    kept = _salvaged(format_, files, lambda _file, _stored: True)
    assert _seqs(format_, folder, kept) == [*range(10), 13, 10], "a repair of sound rows keeps every row"
    assert {file: file.read_bytes() for file in _files(format_, folder)} == before, "and changes no file"
    assert _asides(folder) == asides, "and sets nothing aside"

    kept = _salvaged(format_, files, lambda _file, stored: stored.seq != 3)
    assert _seqs(format_, folder, kept) == [0, 1, 2, *range(4, 10), 13, 10], "a row that is not wanted goes, no other"
    (aside,) = _asides(folder) - asides

    kept = _checked(format_, format_.recover(aside, lambda _file, stored: stored.seq == 3, longest=LONGEST))
    assert _seqs(format_, folder, kept) == [3], "a row that was set aside can be recovered"


def _check_outcomes(format_: Format, folder: Path) -> None:
    """Check that the outcomes read back have the seqs, kinds, errors and statuses of the stored ones."""
    folder.mkdir()
    sink = format_.open(folder, {}, inline_body=True)
    given = [make_outcome(seq) for seq in range(10)]
    for outcome in given:
        sink.take(outcome)
    found = [outcome for extent in flush(sink) for outcome in format_.outcomes(folder, extent)]
    sink.close()
    said = [(one.seq, one.kind, one.error, one.status) for one in found if isinstance(one, Outcome)]
    assert said == [(one.seq, one.kind, one.error, one.status) for one in given], "outcomes can be read back"
    shutil.rmtree(folder)


def _salvaged(format_: Format, files: Iterable[Path], keep: Keep) -> list[Extent]:
    found = (salvaged for file in files for salvaged in format_.salvage(file, keep, longest=LONGEST))
    return _checked(format_, found)


def _checked(format_: Format, found: Iterable[Salvaged]) -> list[Extent]:
    extents = []
    for extent, rows in found:
        assert extent.sink == format_.name, "an extent names its format"
        assert extent.seqs == rows.seqs, "an extent has the seqs of its rows"
        assert extent.rows == rows.tally.total, "the sums agree with its rows"
        extents.append(extent)
    return extents


def _seqs(format_: Format, folder: Path, extents: Iterable[Extent]) -> list[int]:
    """Return the seqs of the rows in *extents*, in order."""
    rows = [row for extent in extents for row in format_.read(folder, extent)]
    stored = [row for row in rows if isinstance(row, Stored)]
    assert stored == rows, "every row can be read back"
    assert all(row.intact for row in stored), "every body is the one that was stored"
    return [row.seq for row in stored]


def _files(format_: Format, folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if re.fullmatch(format_.pattern, file.name))


def _asides(folder: Path) -> set[Path]:
    return set(folder.glob("*.torn-*"))
