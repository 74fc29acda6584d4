"""Outcomes as rows of Parquet files: typed columns, a file for each flush, whole under its name or not there."""

from __future__ import annotations

import errno
import gc
import json
import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

import penstock
from penstock.core.web.model import Failed, Fetched, Hop, Reason, Skipped, Times
from penstock.core.web.stored import Unreadable
from penstock.errors import FolderDamaged, OutputError, UsageError
from penstock.sink import durable
from penstock.sink.durable import checksum
from penstock.sink.formats import FORMATS
from penstock.sink.outcome import read_outcome
from penstock.sink.parquet import columns, part
from penstock.sink.parquet import format as files
from penstock.sink.parquet.format import PARQUET
from penstock.sink.record import line
from penstock.testing.contracts import check_sink, flush
from penstock.testing.format_contract import check_format

pa = pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
pq = pytest.importorskip("pyarrow.parquet")

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Odd: \xff\r\nContent-Encoding: odd\r\n\r\n"
URL = "http://a.test/"

OUTCOMES = (
    Fetched(
        0,
        URL,
        status=200,
        final_url="http://b.test/",
        redirects=(Hop(URL, 301), Hop("http://b.test", 308)),
        attempts=2,
        started=1_790_000_000.1235,
        times=Times(0.00012, 0.1, 0.2, 0.3, 0.4, 1.5),
        ip="93.184.216.34",
        http="1.1",
        head=HEAD,
        body="a page \u2028 \U0001f600".encode(),
        data={"title": "x", "count": 2**70, "odd": "\ud800"},
        input={"id": 7, "tags": ["a"]},
    ),
    Fetched(1, URL, status=404, body=b"\x00\xff\xfe not UTF-8\n"),
    Fetched(2, URL, status=204),
    Failed(3, URL, error=Reason.TIMEOUT, detail="after 30 s\nand a line feed", attempts=3),
    Failed(4, URL, error=Reason.CALLBACK_ERROR, status=200, head=HEAD, body=b"kept", attempts=1),
    Skipped(5, "http://\ud800.test", error=Reason.INVALID_URL, detail="\udc00", input={"\ud800": float("nan")}),
    Fetched(2**63 - 1, "x" * 1000, status=599, redirects=(Hop("\udfff", 302),), body=b"", data="text"),
)


@pytest.fixture
def make(tmp_path):
    """Opens sinks that are closed when the test ends."""
    sinks = []

    def open_at(committed, *, inline_body=True):
        sinks.append(PARQUET.open(tmp_path, committed, inline_body=inline_body))
        return sinks[-1]

    yield open_at
    for sink in sinks:
        sink.close()


@pytest.fixture
def small(monkeypatch):
    """Every outcome is a row group of its own."""
    monkeypatch.setattr(files, "BATCH_BYTES", 1)
    monkeypatch.setattr(part, "GROUP_BYTES", 1)


def page(seq, body=b"page", **more):
    return Fetched(seq, f"http://host{seq}.test/", status=200, body=body, **more)


def written(sink, *outcomes):
    for outcome in outcomes:
        sink.take(outcome)
    (extent,) = flush(sink)
    return extent


def table(folder, extent):
    assert checksum(folder / extent.file, extent.start, extent.end) == extent.checksum
    assert (folder / extent.file).stat().st_size == extent.end
    return pq.ParquetFile(folder / extent.file).read()


def stored(folder, extent):
    return list(PARQUET.read(folder, extent))


def as_line(row):
    """Return a *row* as the line of JSON has it."""
    body, started = row.pop("body"), row.pop("started")
    row["ms"] = {name: row.pop(f"ms_{name}") for name in columns.TIMES}
    row["headers"] = [[header["name"], header["value"]] for header in row["headers"]]
    if started is not None:
        row["started"] = f"{started:%Y-%m-%dT%H:%M:%S}.{started.microsecond // 1000:03d}Z"
    for name in ("data", "input"):
        row[name] = None if row[name] is None else json.loads(row[name])
    return row, body


def test_the_format_keeps_the_contract(tmp_path):
    check_format(PARQUET, tmp_path)


def test_the_format_keeps_the_contract_with_a_row_group_for_each_row(tmp_path, small):
    check_format(PARQUET, tmp_path)


def test_the_sink_keeps_the_contract(make, tmp_path):
    check_sink(make, lambda extent: [row.seq for row in stored(tmp_path, extent)])


def test_a_row_says_what_the_line_says(make, tmp_path):
    """The same names and values; only the version, the times and the two texts of a body have another form."""
    rows = table(tmp_path, written(make({}), *OUTCOMES)).to_pylist()
    assert len(rows) == len(OUTCOMES)
    for outcome, row in zip(OUTCOMES, rows, strict=True):
        expected = json.loads(line(outcome, inline_body=True))
        has_body = (expected.pop("body"), expected.pop("body_base64")) != (None, None)
        del expected["v"]
        if expected["started"] is None:
            del expected["started"]
        found, body = as_line(row)
        assert found == expected
        assert body == (outcome.body if has_body else None)


def test_an_outcome_comes_back_whole(make, tmp_path):
    """As from a line: what is stored of it again is the same."""
    extent = written(make({}), *OUTCOMES)
    found = list(PARQUET.outcomes(tmp_path, extent))
    for outcome, again in zip(OUTCOMES, found, strict=True):
        assert type(again) is type(outcome)
        assert line(again, inline_body=True) == line(read_outcome(line(outcome, inline_body=True)), inline_body=True)


def test_a_time_is_of_this_zone_to_the_millisecond(make, tmp_path):
    (row,) = table(tmp_path, written(make({}), OUTCOMES[0])).to_pylist()
    assert row["started"] == datetime(2026, 9, 21, 14, 13, 20, 124_000, tzinfo=UTC)


def test_every_column_has_its_type_in_every_part(make, tmp_path):
    """Whatever a part holds, even if a column has no value in it."""
    sink = make({})
    parts = [table(tmp_path, written(sink, outcome)).schema for outcome in OUTCOMES]
    assert all(found.equals(columns.schema(), check_metadata=True) for found in parts)
    assert parts[0].metadata == {b"penstock.schema": b"1"}
    assert not any(pa.types.is_null(field.type) for field in parts[0])


def test_the_columns_are_those_of_version_1():
    """A column that is removed, renamed or of another type is a break: the version says so."""
    assert [(field.name, str(field.type), field.nullable) for field in columns.schema()] == [
        ("seq", "int64", False),
        ("url", "string", False),
        ("outcome", "string", False),
        ("error", "string", True),
        ("detail", "string", True),
        ("status", "int16", True),
        ("final_url", "string", True),
        ("redirects", "list<element: struct<url: string not null, status: int16 not null> not null>", False),
        ("attempts", "int32", False),
        ("started", "timestamp[ms, tz=UTC]", True),
        *((f"ms_{name}", "double", False) for name in ("wait", "dns", "connect", "tls", "first_byte", "total")),
        ("ip", "string", True),
        ("http", "string", True),
        ("headers", "list<element: struct<name: string not null, value: string not null> not null>", False),
        ("bytes", "int64", False),
        ("coding", "string", True),
        ("sha256", "string", True),
        ("body", "large_binary", True),
        ("data", "string", True),
        ("input", "string", True),
    ]


def test_bodies_stay_out_when_nobody_wants_them(make, tmp_path):
    extent = written(make({}, inline_body=False), page(0, b"a body"))
    (row,) = table(tmp_path, extent).to_pylist()
    assert (row["body"], row["bytes"], len(row["sha256"])) == (None, 6, 64)
    assert [found.intact for found in stored(tmp_path, extent)] == [True]


def test_a_body_that_no_page_of_parquet_can_hold_is_left_out(make, tmp_path, monkeypatch):
    monkeypatch.setattr(columns, "LONGEST_BODY", 5)
    extent = written(make({}), page(0, b"sixsix"), page(1, b"fivee"))
    assert table(tmp_path, extent).column("body").to_pylist() == [None, b"fivee"]
    assert [(row.length, row.intact) for row in stored(tmp_path, extent)] == [(6, True), (5, True)]


def test_data_is_stored_as_it_was_when_the_outcome_was_taken(make, tmp_path):
    """The program may use it again while another thread writes."""
    sink, data = make({}), {"seen": 1}
    sink.take(page(0, data=data))
    data["seen"] = 2
    (extent,) = flush(sink)
    assert table(tmp_path, extent).column("data").to_pylist() == ['{"seen":1}']


def test_row_groups_are_bounded_and_a_long_body_has_one_of_its_own(make, tmp_path):
    """What its reader holds is that body, or a few mebibytes; and no row follows another's."""
    size, long = 100_000, 3 * part.GROUP_BYTES
    lengths = [size] * 200 + [long] + [size] * 100 + [long, long]
    sink = make({})
    for seq, length in enumerate(lengths):
        sink.take(page(seq, os.urandom(1000) * (length // 1000)))
        if seq % 3 == 0:
            sink.write(sink.cut())
    (extent,) = flush(sink)
    metadata = pq.ParquetFile(tmp_path / extent.file).metadata
    groups = [metadata.row_group(at) for at in range(metadata.num_row_groups)]
    assert sum(group.num_rows == 1 for group in groups) == 3
    assert all(group.total_byte_size < part.GROUP_BYTES * 1.1 for group in groups if group.num_rows > 1)
    assert len(groups) <= 3 + 6
    assert [(row.seq, row.intact) for row in stored(tmp_path, extent)] == [(seq, True) for seq in range(len(lengths))]


def test_a_changed_byte_costs_its_row_group_and_no_other(make, tmp_path, small):
    extent = written(make({}), *(page(seq, os.urandom(5000)) for seq in range(4)))
    file = tmp_path / extent.file
    chunk = pq.ParquetFile(file).metadata.row_group(2).column(column_number("body"))
    change(file, chunk.data_page_offset + chunk.total_compressed_size // 2)
    rows = stored(tmp_path, extent)
    assert [getattr(row, "seq", None) for row in rows] == [0, 1, None, 3]
    assert isinstance(rows[2], Unreadable)
    found = PARQUET.salvage(file, lambda _name, _stored: True, longest=1 << 20)
    assert [list(kept.seqs) for kept, _ in found] == [[0, 1, 3]]
    assert [row.seq for row in stored(tmp_path, extent)] == [0, 1, 3]


def column_number(name):
    return [file.path for file in paths()].index(name)


def paths():
    schema = pq.ParquetWriter(pa.BufferOutputStream(), columns.schema())
    schema.close()
    return [schema.writer.metadata.schema.column(at) for at in range(schema.writer.metadata.num_columns)]


def change(file, at):
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(data)


def test_a_changed_byte_of_any_column_is_found(make, tmp_path):
    """Whether the account needs that column or not: else a repair would keep it."""
    extent = written(make({}), OUTCOMES[0])
    file = tmp_path / extent.file
    whole = file.read_bytes()
    group = pq.ParquetFile(file).metadata.row_group(0)
    for number in range(group.num_columns):
        chunk = group.column(number)
        change(file, (chunk.dictionary_page_offset or chunk.data_page_offset) + chunk.total_compressed_size - 1)
        assert isinstance(stored(tmp_path, extent)[0], Unreadable), chunk.path_in_schema
        file.write_bytes(whole)


def test_a_body_that_is_not_the_one_of_its_digest_is_not_intact(make, tmp_path):
    """A sound file with another body in it, as a tool may write it."""
    extent = written(make({}), page(0, b"body"), page(1, b"body"))
    rows = table(tmp_path, extent)
    bodies = pa.array([b"body", b"bodz"], pa.large_binary())
    pq.write_table(rows.set_column(rows.schema.get_field_index("body"), "body", bodies), tmp_path / extent.file)
    assert [row.intact for row in stored(tmp_path, extent)] == [True, False]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1", b"{}\n" * 50])
def test_a_file_that_is_no_parquet_has_a_row_that_cannot_be_read(make, tmp_path, content):
    extent = written(make({}), page(0))
    (tmp_path / extent.file).write_bytes(content)
    (row,) = stored(tmp_path, extent)
    assert isinstance(row, Unreadable)
    assert row.reason


def test_a_file_of_other_columns_has_a_row_that_cannot_be_read(make, tmp_path):
    extent = written(make({}), page(0))
    pq.write_table(table(tmp_path, extent).replace_schema_metadata({"penstock.schema": "2"}), tmp_path / extent.file)
    (row,) = stored(tmp_path, extent)
    assert row.reason == "its columns are of the schema b'2', not b'1'"


def test_a_row_group_that_claims_too_much_is_not_read(make, tmp_path, monkeypatch):
    extent = written(make({}), page(0, bytes(100_000)))
    monkeypatch.setattr("penstock.sink.parquet.reader.ROOM", 0)
    found = PARQUET.salvage(tmp_path / extent.file, lambda _name, _stored: True, longest=50_000)
    assert list(found) == []


def test_a_missing_file_raises(tmp_path, make):
    extent = written(make({}), page(0))
    (tmp_path / extent.file).unlink()
    with pytest.raises(FileNotFoundError):
        stored(tmp_path, extent)


def test_what_a_crash_left_is_set_aside_and_what_is_unfinished_removed(make, tmp_path):
    sink = make({})
    first, second = written(sink, page(0)), written(sink, page(1))
    (tmp_path / "pages-000002.parquet.part").write_bytes(b"half")
    sink = make({first.file: first.end})
    assert sorted(file.name.partition(".torn-")[0] for file in tmp_path.iterdir()) == [first.file, second.file]
    assert written(sink, page(1)).file == second.file


@pytest.mark.parametrize("length", [None, 10])
def test_a_committed_file_that_is_missing_or_short_is_refused(make, tmp_path, length):
    extent = written(make({}), page(0))
    file = tmp_path / extent.file
    file.unlink() if length is None else file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(FolderDamaged, match="pages-000000"):
        make({extent.file: extent.end})


def test_bytes_behind_the_committed_ones_are_set_aside(make, tmp_path):
    extent = written(make({}), page(0))
    with (tmp_path / extent.file).open("ab") as file:
        file.write(b"more")
    make({extent.file: extent.end})
    assert [row.seq for row in stored(tmp_path, extent)] == [0]
    assert len(list(tmp_path.glob("*.torn-*"))) == 1


def test_a_part_that_was_replaced_during_the_run_ends_it(make, tmp_path):
    sink = make({})
    extent = written(sink, page(0))
    file = tmp_path / extent.file
    data = file.read_bytes()
    file.rename(tmp_path / "elsewhere")
    file.write_bytes(data)
    with pytest.raises(FolderDamaged, match="was replaced"):
        sink.flush()


def test_a_file_of_something_else_is_not_written_over(make, tmp_path):
    sink = make({})
    (tmp_path / "pages-000000.parquet").write_bytes(b"mine")
    sink.take(page(0))
    with pytest.raises(OutputError, match="made by something else"):
        flush(sink)
    assert (tmp_path / "pages-000000.parquet").read_bytes() == b"mine"


def test_a_disk_that_takes_no_more_is_an_output_error(make, tmp_path, monkeypatch):
    """And what is abandoned writes nothing more, when it is collected either."""
    sink = make({})

    def full(_fd, _data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(durable, "_write_all", full)
    sink.take(page(0, os.urandom(3 * part.GROUP_BYTES)))
    with pytest.raises(OutputError, match="the disk is full"):
        flush(sink)
    monkeypatch.undo()
    sink.close()
    del sink
    gc.collect()
    (left,) = tmp_path.iterdir()
    assert (left.name, left.stat().st_size) == ("pages-000000.parquet.part", 0)


def test_a_number_beyond_the_last_name_is_refused(make, tmp_path):
    (tmp_path / "pages-999999.parquet").write_bytes(b"")
    sink = PARQUET.open(tmp_path, {"pages-999999.parquet": 0}, inline_body=True)
    sink.take(page(0))
    with pytest.raises(OutputError, match="1,000,000 Parquet files"):
        flush(sink)


def test_a_missing_extra_is_named_with_the_command_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"pip install 'penstock\[parquet\]'"):
        PARQUET.open(tmp_path, {}, inline_body=True)
    assert list(tmp_path.iterdir()) == []


def test_pyarrow_is_loaded_only_when_the_format_is_used(tmp_path):
    code = (
        "import sys; from pathlib import Path; from penstock.sink.formats import FORMATS\n"
        "assert not {'pyarrow', 'orjson'} & set(sys.modules)\n"
        "FORMATS['parquet'].open(Path(sys.argv[1]), {}, inline_body=True).close()\n"
        "assert 'pyarrow' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True, timeout=60)


def test_it_is_in_the_table():
    assert FORMATS["parquet"] is PARQUET


def test_parts_are_read_together_whatever_each_lacks(make, tmp_path):
    """A column that is all null in the first part and text in the next one, by readers that take types as they come."""
    duckdb, pandas = pytest.importorskip("duckdb"), pytest.importorskip("pandas")
    sink = make({})
    for outcome in reversed(OUTCOMES):
        written(sink, outcome)
    found = duckdb.sql(
        f"SELECT seq, status, octet_length(body), data, headers[1].name FROM '{tmp_path}/pages-*.parquet' ORDER BY seq"
    ).fetchall()
    assert [row[0] for row in found] == [outcome.seq for outcome in OUTCOMES]
    assert found[0][1:3] + found[0][4:] == (200, len(OUTCOMES[0].body), "Content-Type")
    assert (found[3][1], found[3][3], found[6][3]) == (None, None, '"text"')
    frame = pandas.concat(map(pandas.read_parquet, sorted(tmp_path.glob("pages-*.parquet"))))
    assert list(frame.sort_values("seq")["bytes"]) == [len(outcome.body) for outcome in OUTCOMES]
    assert str(frame["started"].dtype) == "datetime64[ms, UTC]"


def test_a_run_without_the_extra_goes_on_when_it_is_installed(tmp_path, monkeypatch):
    with monkeypatch.context() as missing:
        missing.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(UsageError, match="pip install"):
            penstock.run(["nothing"], tmp_path / "run", sinks=["parquet"])
    assert penstock.run(["nothing"], tmp_path / "run", sinks=["parquet"]).complete
    assert penstock.verify(tmp_path / "run").ok
