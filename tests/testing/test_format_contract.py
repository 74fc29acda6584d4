"""The contract of a format catches one that breaks it."""

from __future__ import annotations

import pytest
from tests.runs.toys import TABS

from penstock.core.web.stored import RowTotals
from penstock.testing.format_contract import check_format


class Broken:
    """A format that does as TABS does, but for one thing."""

    def __getattr__(self, name):
        return getattr(TABS, name)


class Elsewhere(Broken):
    """Its files have other names than it says."""

    pattern = "table-[0-9]"


class Nameless(Broken):
    """Its extents have another name."""

    name = "commas"


class Forgetful(Broken):
    """It reads all rows but the first."""

    def read(self, folder, extent):
        rows = TABS.read(folder, extent)
        next(rows)
        return rows


class Obstinate(Broken):
    """It keeps every row."""

    def salvage(self, file, keep, *, longest):
        return TABS.salvage(file, lambda _file, _stored: True, longest=longest)


class Timid(Broken):
    """It cuts off all that is behind a row that is not wanted."""

    def salvage(self, file, keep, *, longest):
        bad = []

        def keep_no_later(name, stored):
            bad.extend([stored] if not keep(name, stored) else [])
            return not bad

        return TABS.salvage(file, keep_no_later, longest=longest)


class Careless(Broken):
    """It sets nothing aside."""

    def salvage(self, file, keep, *, longest):
        yield from TABS.salvage(file, keep, longest=longest)
        for aside in file.parent.glob("*.torn-*"):
            aside.unlink()


class Miscounting(Broken):
    """It gives the sums of no row."""

    def salvage(self, file, keep, *, longest):
        for extent, _ in TABS.salvage(file, keep, longest=longest):
            yield extent, RowTotals()


class Resigned(Broken):
    """It recovers nothing."""

    def recover(self, aside, keep, *, longest):
        return []


def test_a_format_that_keeps_it_passes(tmp_path):
    check_format(Broken(), tmp_path)


@pytest.mark.parametrize("broken", [Elsewhere, Nameless, Forgetful, Obstinate, Timid, Careless, Miscounting, Resigned])
def test_a_format_that_breaks_it_is_caught(broken, tmp_path):
    with pytest.raises(AssertionError):
        check_format(broken(), tmp_path)
