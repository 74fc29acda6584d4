"""Parquet and Arrow files: a row for each of theirs, of the columns that are needed."""

import builtins
import os

import pyarrow as pa
import pytest
from pyarrow import feather, ipc, parquet
from pyroaring import BitMap64

from penstock.core.web.model import Row
from penstock.errors import InputError, UsageError
from penstock.settings import InputSettings
from penstock.source.opened import open_inputs

TABLE = pa.table(
    {
        "id": [1, 2, 3, 4],
        "Url": ["http://a/", None, "http://c/", " http://d/ "],
        "score": [0.5, None, float("nan"), 1.0],
        "raw": [b"x", b"y", None, b"z"],
    }
)


def as_stream(table, path):
    with ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table)


@pytest.fixture(
    params=[
        ("list.parquet", lambda table, path: parquet.write_table(table, path, row_group_size=3)),
        ("list.pq", lambda table, path: parquet.write_table(table, path, compression="zstd")),
        ("list.feather", lambda table, path: feather.write_feather(table, path, chunksize=3)),
        ("list.arrow", lambda table, path: feather.write_feather(table, path, compression="uncompressed")),
        ("stream.arrow", as_stream),
    ],
    ids=["parquet", "one row group", "feather", "arrow", "arrow stream"],
)
def written(request, tmp_path):
    name, write = request.param
    path = str(tmp_path / name)
    write(TABLE, path)
    return path


def test_each_row_is_an_input(written):
    first, second, third, fourth = open_inputs([written], InputSettings()).rows(BitMap64())

    assert first == Row(0, 1, "http://a/", fields={"id": 1, "score": 0.5, "raw": b"x"})
    assert (second.line, second.fault, second.fields["id"]) == (2, "row 2: no 'Url' in it", 2)
    assert (third.seq, third.line, third.url, repr(third.fields["score"])) == (2, 3, "http://c/", "nan")
    assert fourth.url == "http://d/"


def test_only_the_columns_that_are_needed_are_read(written):
    opened = open_inputs([written], InputSettings(select=("id",), url_template="http://h/{+Url}?{score}"))

    assert [(row.url, row.fields) for row in opened.rows(BitMap64([1, 2]))] == [
        ("http://h/http://a/?0.5", {"id": 1}),
        ("http://h/http://d/?1.0", {"id": 4}),
    ]


def test_settled_rows_are_left_out_and_still_counted(written):
    opened = open_inputs([written, "http://e/"], InputSettings())

    assert [row.seq for row in opened.rows(BitMap64([0, 1, 2]))] == [3, 4]
    assert [row.seq for row in opened.rows(BitMap64(range(4)))] == [4]


def test_a_column_that_is_not_there_is_said_when_it_is_opened(written):
    with pytest.raises(InputError, match="has no column 'link'; it has 'id', 'Url', 'score', 'raw'"):
        open_inputs([written], InputSettings(column="link"))


@pytest.mark.parametrize(("name", "said"), [("list.parquet", "as parquet"), ("list.arrow", "as arrow")])
@pytest.mark.parametrize("content", [b"", b"http://a/\n", b"PAR1ARROW1 nothing of the kind"])
def test_what_is_none_is_refused_when_it_is_opened(write, name, said, content):
    with pytest.raises(InputError, match=f"can't be read {said}: "):
        open_inputs([write(content, name)], InputSettings())


def test_a_stream_is_refused():
    reader, writer = os.pipe()
    with open(reader, "rb"), open(writer, "wb"), pytest.raises(InputError, match="parquet is read from a file"):
        open_inputs(["-"], InputSettings(input_format="parquet"), reader)


def test_without_pyarrow_the_command_that_installs_it_is_said(written, monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"takes pyarrow; install it: pip install 'penstock\[parquet\]'"):
        open_inputs([written], InputSettings())
