"""Outcomes as rows of CSV: for spreadsheets, with the columns of the input."""

from __future__ import annotations

import csv
import io

import pytest
from msgspec.structs import replace

from penstock.core.web.model import Failed, Fetched, Hop, Reason, Skipped, Times
from penstock.core.web.stored import Stored, Unreadable
from penstock.errors import FolderDamaged
from penstock.sink.cells import COLUMNS, make_cell, split_row
from penstock.sink.table import CSV
from penstock.testing.contracts import flush

LONGEST = 1 << 20


def page(seq, url="http://a.test/", **more):
    return Fetched(seq, url, status=200, body=b"a page", **more)


def written(folder, *flushes, committed=None):
    sink = CSV.open(folder, committed or {})
    extents = []
    for outcomes in flushes:
        for outcome in outcomes:
            sink.take(outcome)
        extents += flush(sink)
    sink.close()
    return extents


def table(folder):
    """The rows of all files, as Python's own library reads them, after a check of each heading."""
    rows = []
    for file in CSV.list_files(folder):
        rows += csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"), newline=""))
    return rows


def test_a_row_has_the_fields_of_the_outcome_and_the_columns_of_the_input(tmp_path):
    hops = (Hop("http://b.test/", 301), Hop("http://c.test/", 302))
    written(tmp_path, [page(0, redirects=hops, data={"title": "a"}, input={"id": "7", "name": "Ä, B"})])
    (row,) = table(tmp_path)
    assert list(row) == [*COLUMNS, "id", "name", "input"]
    found = {name: row[name] for name in ("seq", "outcome", "error", "status", "redirects", "bytes", "data")}
    assert found == {
        "seq": "0",
        "outcome": "fetched",
        "error": "",
        "status": "200",
        "redirects": "2",
        "bytes": "6",
        "data": '{"title":"a"}',
    }
    assert (row["id"], row["name"], row["input"]) == ("7", "Ä, B", "")
    assert "a page" not in (tmp_path / "outcomes-00000.csv").read_text(), "a table has no bodies"


def test_every_file_has_the_columns_of_the_fullest_input_in_the_first_block(tmp_path):
    """A broken row comes first, and later ones have other fields."""
    first = written(tmp_path, [Skipped(0, "", error=Reason.INVALID_URL, input={"id": "1"}), page(1, input=TWO)])
    committed = {extent.file: extent.end for extent in first}
    written(tmp_path, [page(2, input={"name": None, "colour": "red", "size": 3}), page(3)], committed=committed)
    names = [list(row)[len(COLUMNS) :] for row in table(tmp_path)]
    assert names == [["id", "name", "input"]] * 4
    values = [tuple(row[name] for name in ("id", "name", "input")) for row in table(tmp_path)]
    assert values == [("1", "", ""), ("2", "b", ""), ("", "", '{"colour":"red","size":3}'), ("", "", "")]


TWO = {"id": "2", "name": "b"}


def test_a_column_of_the_input_never_has_the_name_of_an_outcomes(tmp_path):
    fields = {"status": "new", "Seq": "x", "input": "y", "input_status": "z"}
    written(tmp_path, [page(0, input=fields)])
    (row,) = table(tmp_path)
    assert {name: row[name] for name in row if name.startswith("input_")} == {
        "input_status": "new",
        "input_Seq": "x",
        "input_input": "y",
        "input_input_status": "z",
    }


@pytest.mark.parametrize("text", ["=1+1", "+SUM(A1)", "-2+3", "@SUM(A1)", "\t=1", "'=1", "-", "+49 30 1234"])
def test_a_cell_that_a_spreadsheet_would_compute_gets_an_apostrophe(text):
    assert make_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-1.5", "+7", "1e-5", "-3E+8", "a=b", "", "'a", " =1"])
def test_a_number_and_any_other_text_stays_as_it_is(text):
    assert make_cell(text) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((None, ""), (-1.5, "-1.5"), (True, "true"), (float("nan"), ""), (10**30, str(10**30)), ([1, "a"], '[1,"a"]')),
        *(("two\r\nlines", r"two\r\nlines"), ("\r=1", r"\r=1"), ("nul\0", "nul\ufffd"), (object, "<type>")),
    ],
)
def test_a_value_is_text_a_number_or_json_on_one_line(value, text):
    assert make_cell(value) == text


@pytest.mark.parametrize("url", ["=cmd|' /C calc'!A0", "'=1", "'a", 'say "a", b', "\ud800"])
def test_a_row_says_what_was_stored(url, tmp_path):
    outcomes = [
        page(0, url, attempts=2, redirects=(Hop("http://b.test/", 301),)),
        Failed(2**40, url, error=Reason.TIMEOUT, detail="after 30 s\nand more", attempts=3),
    ]
    (extent,) = written(tmp_path, [outcomes[0]], [])[:1]
    (row,) = CSV.read(tmp_path, extent)
    shown = url.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert row == Stored(row.place, 0, shown, "fetched", None, 200, 1, 2, 6, intact=True)


def test_an_outcome_comes_back_with_what_the_table_has(tmp_path):
    """In any extent: the columns of the input stand at the beginning of the file."""
    given = {"id": "=1", "status": "new", "'=x": "'a", "more": None}
    first = page(0, attempts=2, final_url="http://b.test/", started=1e9 + 0.25, ip="127.0.0.1", http="2", input=given)
    second = Failed(1, "=x", Reason.TIMEOUT, "after 30 s", times=Times(wait=0.5), attempts=3, data=[1, "a"])
    third = Skipped(2, "no URL", Reason.INVALID_URL, "no host", data="a text", input={"id": "2", "size": 3})
    extents = written(tmp_path, [first], [second, third])
    found = [outcome for extent in extents for outcome in CSV.outcomes(tmp_path, extent)]
    assert found == [
        replace(first, body=b"", input={"id": "=1", "status": "new", "'=x": "'a"}),
        second,
        third,
    ]


def test_a_row_that_has_other_columns_than_its_file_is_no_outcome(tmp_path):
    """Not that of other fields: without a heading they have no names."""
    first, second = written(tmp_path, [page(0, input=TWO)], [page(1, input=TWO)])
    file = tmp_path / first.file
    file.write_bytes(b"rubbish" + file.read_bytes()[7:])
    assert list(CSV.outcomes(tmp_path, second)) == [Unreadable(f"the row has {len(COLUMNS) + 3} cells")]


def test_a_row_with_long_cells_is_read_back(tmp_path):
    """Python's csv refuses cells of over 128 KiB."""
    (extent,) = written(tmp_path, [[page(0, input={"text": 'a "quoted", long text' * 100_000})][0]])
    assert [row.seq for row in CSV.read(tmp_path, extent)] == [0]


@pytest.mark.parametrize("line", [b"0,cut off", b'0,"no end\n', b'0,"a"b,c\n', b"\xff\n"])
def test_what_is_no_row_is_refused(line):
    with pytest.raises(ValueError, match=r"cut off|quote|utf-8"):
        split_row(line)


def test_a_damaged_row_costs_no_other(tmp_path):
    (extent,) = written(tmp_path, [page(seq, input={"name": 'a "b"'}) for seq in range(4)])
    file = tmp_path / extent.file
    data = file.read_bytes()
    at = data.index(b'""b', data.index(b"\n1,"))
    file.write_bytes(data[:at] + b"x" + data[at + 1 :])
    rows = list(CSV.read(tmp_path, extent))
    assert [isinstance(row, Unreadable) for row in rows] == [False, True, False, False]
    kept = list(CSV.salvage(file, lambda _file, _stored: True, longest=LONGEST))
    assert [list(found.seqs) for found, _ in kept] == [[0], [2, 3]]
    assert [row["seq"] for row in table(tmp_path)] == ["0", "2", "3"]


def test_a_repair_that_moves_every_row_begins_with_the_heading(tmp_path):
    (extent,) = written(tmp_path, [page(seq, input=TWO) for seq in range(3)])
    kept = list(CSV.salvage(tmp_path / extent.file, lambda _file, stored: stored.seq != 0, longest=LONGEST))
    assert [list(found.seqs) for found, _ in kept] == [[1, 2]]
    assert [(row["seq"], row["name"]) for row in table(tmp_path)] == [("1", "b"), ("2", "b")]


def test_a_heading_that_is_lost_is_taken_from_another_file(tmp_path):
    extents = written(tmp_path, [page(0, input=TWO)])
    other = tmp_path / CSV.file_name(1)
    other.write_bytes((tmp_path / extents[0].file).read_bytes())
    file = tmp_path / extents[0].file
    file.write_bytes(b"rubbish" + file.read_bytes()[7:])
    (first, *_) = CSV.read(tmp_path, extents[0])
    assert first == Unreadable("the row of column names is damaged")
    ((extent, _),) = CSV.salvage(file, lambda _file, _stored: True, longest=LONGEST)
    assert list(extent.seqs) == [0]
    assert [row["name"] for row in table(tmp_path)] == ["b", "b"]


def test_without_any_heading_no_row_is_kept_and_nothing_is_added(tmp_path):
    (extent,) = written(tmp_path, [page(0, input=TWO)])
    file = tmp_path / extent.file
    file.write_bytes(b"rubbish" + file.read_bytes()[7:])
    with pytest.raises(FolderDamaged, match="has lost its row of column names"):
        CSV.open(tmp_path, {extent.file: extent.end})
    assert not list(CSV.salvage(file, lambda _file, _stored: True, longest=LONGEST))
    assert not file.exists()
    assert list(tmp_path.glob("*.torn-*")), "the rows are set aside"
