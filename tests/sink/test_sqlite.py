"""The format ``sqlite``: the table, what a crash leaves, and what is read back."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing

import pytest

from penstock.core.web.model import Failed, Fetched, Hop, Reason, Skipped, Times
from penstock.errors import FolderDamaged, OutputError
from penstock.sink import database as module
from penstock.sink.outcome import read_outcome
from penstock.sink.record import line
from penstock.sink.sqlite import SQLITE
from penstock.testing.contracts import flush

HEAD = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Type: text/html\r\n\r\n"

FULL = Fetched(
    7,
    "http://a.test/",
    status=200,
    final_url="http://b.test/",
    redirects=(Hop("http://a.test/", 301),),
    attempts=2,
    started=1_700_000_000.25,
    times=Times(0.001, 0.002, 0.003, 0.004, 0.005, 0.006),
    ip="10.0.0.1",
    http="1.1",
    head=HEAD,
    body="schön".encode(),
    data={"title": "x", "big": 2**80},
    input={"id": [1, None]},
)


def page(seq, body=b"<p>"):
    return Fetched(seq, f"http://a.test/{seq}", status=200, http="1.1", head=HEAD, body=body)


def store(folder, *outcomes, committed=None, inline_body=True):
    """Commit *outcomes* and return the extents."""
    sink = SQLITE.open(folder, committed or {}, inline_body=inline_body)
    for outcome in outcomes:
        sink.take(outcome)
    extents = flush(sink)
    sink.close()
    return extents


def query(folder, text, file="outcomes.db"):
    with closing(sqlite3.connect(folder / file)) as database:
        return database.execute(text).fetchall()


def lengths(extents):
    return {extent.file: extent.end for extent in extents}


def checksum(folder, extent):
    return SQLITE.checksum(folder, extent)[0]


def test_every_field_of_the_record_is_a_column(tmp_path):
    store(tmp_path, FULL)
    with closing(sqlite3.connect(tmp_path / "outcomes.db")) as database:
        database.row_factory = sqlite3.Row
        row = dict(database.execute("SELECT * FROM outcomes").fetchone())
    assert row == {
        "id": 1,
        "seq": 7,
        "url": "http://a.test/",
        "outcome": "fetched",
        "error": None,
        "detail": None,
        "status": 200,
        "final_url": "http://b.test/",
        "redirects": '[{"url":"http://a.test/","status":301}]',
        "attempts": 2,
        "started": "2023-11-14T22:13:20.250Z",
        "ms_wait": 1.0,
        "ms_dns": 2.0,
        "ms_connect": 3.0,
        "ms_tls": 4.0,
        "ms_first_byte": 5.0,
        "ms_total": 6.0,
        "ip": "10.0.0.1",
        "http": "1.1",
        "headers": '[["Server","x"],["Content-Type","text/html"]]',
        "bytes": 6,
        "coding": None,
        "sha256": hashlib.sha256(FULL.body).hexdigest(),
        "data": '{"title":"x","big":1208925819614629174706176}',
        "input": '{"id":[1,null]}',
        "body": "schön",
    }


@pytest.mark.parametrize(
    "outcome",
    [
        FULL,
        page(0, b""),
        page(0, b"\xff"),
        Failed(1, "http://b.test/", Reason.TRUNCATED, "short", status=200, http="2", body=b"ha", attempts=3),
        Skipped(2, "http://\ud800.test/", Reason.INVALID_URL, "no host"),
    ],
)
def test_an_outcome_comes_back_as_from_a_line_of_json(tmp_path, outcome):
    (extent,) = store(tmp_path, outcome)
    assert list(SQLITE.outcomes(tmp_path, extent)) == [read_outcome(line(outcome, inline_body=True))]
    (stored,) = SQLITE.read(tmp_path, extent)
    assert (stored.seq, stored.kind, stored.error, stored.intact) == (outcome.seq, outcome.kind, outcome.error, True)


@pytest.mark.parametrize(
    ("body", "kind"), [(b"text", "text"), ("ü".encode(), "text"), (b"\xff", "blob"), (b"a\0b", "blob"), (b"", "text")]
)
def test_a_body_is_text_if_it_can_be_searched(tmp_path, body, kind):
    store(tmp_path, page(0, body))
    assert query(tmp_path, "SELECT typeof(body) FROM outcomes") == [(kind,)]


def test_like_finds_a_body(tmp_path):
    store(tmp_path, page(0, b"a needle here"), page(1, b"hay"))
    assert query(tmp_path, "SELECT seq FROM outcomes WHERE body LIKE '%needle%'") == [(0,)]


def test_without_bodies_the_column_is_null_and_the_row_intact(tmp_path):
    (extent,) = store(tmp_path, page(0, b"one"), inline_body=False)
    assert query(tmp_path, "SELECT bytes, body FROM outcomes") == [(3, None)]
    assert [row.intact for row in SQLITE.read(tmp_path, extent)] == [True]


def test_a_retry_adds_a_row_and_the_view_has_the_newest(tmp_path):
    committed = lengths(store(tmp_path, Failed(0, "http://a.test/0", Reason.RESET), page(1)))
    store(tmp_path, page(0), committed=committed)
    assert query(tmp_path, "SELECT count(*) FROM outcomes") == [(3,)]
    assert query(tmp_path, "SELECT seq, outcome, id FROM newest ORDER BY seq") == [(0, "fetched", 3), (1, "fetched", 2)]


def test_rows_that_were_not_committed_are_set_aside_as_a_database(tmp_path):
    """The database has committed them, the ledger has not."""
    committed = lengths(store(tmp_path, page(0)))
    store(tmp_path, page(1), page(2), committed=committed)
    extents = store(tmp_path, page(3), committed=committed)
    assert query(tmp_path, "SELECT id, seq FROM outcomes") == [(1, 0), (2, 3)]
    assert [(one.start, one.end) for one in extents] == [(1, 2)]
    (aside,) = tmp_path.glob("outcomes.db.torn-1-*")
    assert query(tmp_path, "SELECT id, seq FROM outcomes", aside.name) == [(2, 1), (3, 2)]
    assert not list(tmp_path.glob("*.part"))


def test_a_reader_is_not_kept_out_between_two_flushes(tmp_path, monkeypatch):
    """The database commits before its cache is full; rows that the ledger lacks belong to no extent."""
    monkeypatch.setattr(module, "COMMIT_BYTES", 1000)
    sink = SQLITE.open(tmp_path, {}, inline_body=True)
    for seq in range(2):
        sink.take(page(seq, b"x" * 900))
        sink.write(sink.cut())
        assert query(tmp_path, "SELECT count(*) FROM outcomes") == [(seq + 1,)]
    (extent,) = sink.flush()
    assert (extent.start, extent.end, sink.flush()) == (0, 2, [])
    sink.close()
    assert checksum(tmp_path, extent) == extent.checksum


def test_a_row_that_sqlite_does_not_take_ends_the_session_and_is_no_damage(tmp_path):
    sink = SQLITE.open(tmp_path, {}, inline_body=True)
    sink._database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 5000)
    sink.take(page(0, b"x" * 6000))
    with pytest.raises(OutputError, match=r"cannot write .*too big"):
        sink.write(sink.cut())
    sink.close()


def test_rows_that_are_not_flushed_are_gone(tmp_path):
    sink = SQLITE.open(tmp_path, {}, inline_body=True)
    sink.take(page(0))
    sink.write(sink.cut())
    sink.close()
    assert query(tmp_path, "SELECT * FROM outcomes") == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE outcomes SET body = 'other'",
        "UPDATE outcomes SET url = 'http://evil.test/'",
        "UPDATE outcomes SET data = '1'",
        "DELETE FROM outcomes",
    ],
)
def test_a_row_that_changed_is_found_by_the_checksum(tmp_path, change):
    (extent,) = store(tmp_path, page(0), page(1))
    assert checksum(tmp_path, extent) == extent.checksum
    with closing(sqlite3.connect(tmp_path / "outcomes.db", isolation_level=None)) as database:
        database.execute(f"{change} WHERE seq = 1")
    assert checksum(tmp_path, extent) != extent.checksum


def test_a_row_without_its_columns_is_unreadable(tmp_path):
    (extent,) = store(tmp_path, page(0), page(1))
    with closing(sqlite3.connect(tmp_path / "outcomes.db", isolation_level=None)) as database:
        database.execute("UPDATE outcomes SET headers = 'no json', outcome = 'eaten' WHERE seq = 0")
    assert [hasattr(row, "reason") for row in SQLITE.read(tmp_path, extent)] == [True, False]
    assert [hasattr(row, "reason") for row in SQLITE.outcomes(tmp_path, extent)] == [True, False]


def test_a_reader_at_rest_does_not_keep_the_writer_waiting(tmp_path):
    (extent,) = store(tmp_path, page(0), page(1))
    reading = SQLITE.outcomes(tmp_path, extent)
    next(reading)
    assert store(tmp_path, page(2), committed=lengths([extent]))
    assert [one.seq for one in reading] == [1]


def test_a_database_that_is_short_or_gone_is_refused(tmp_path):
    store(tmp_path, page(0))
    with pytest.raises(FolderDamaged, match="ends at row 1, before the 2 that were committed"):
        store(tmp_path, committed={"outcomes.db": 2})
    (tmp_path / "outcomes.db").unlink()
    with pytest.raises(FolderDamaged, match="is missing, of which 1 rows were committed"):
        store(tmp_path, committed={"outcomes.db": 1})


def test_what_is_no_database_is_refused(tmp_path):
    (tmp_path / "outcomes.db").write_bytes(b"no database" * 100)
    with pytest.raises(FolderDamaged, match="is damaged"):
        store(tmp_path, page(0))
    with pytest.raises(OSError, match="not a database"):
        SQLITE.length(tmp_path / "outcomes.db")


def test_a_repair_makes_a_new_database_of_what_can_be_read_of_a_damaged_one(tmp_path):
    """A page of the tree is overwritten: the rows on other pages are kept."""
    file = tmp_path / "outcomes.db"
    store(tmp_path, *(page(seq, b"x" * 5000) for seq in range(60)))
    data = bytearray(file.read_bytes())
    place = data.index(b"http://a.test/30") // 16384 * 16384
    data[place : place + 16384] = b"\xff" * 16384
    file.write_bytes(data)
    kept = [extent for extent, _ in SQLITE.salvage(file, lambda _file, stored: stored.intact, longest=1 << 20)]
    assert 50 <= sum(extent.rows for extent in kept) < 60
    assert 30 not in kept[0].seqs
    assert query(tmp_path, "PRAGMA integrity_check") == [("ok",)]
    assert [checksum(tmp_path, extent) for extent in kept] == [extent.checksum for extent in kept]


def test_a_database_that_was_replaced_during_the_run_is_noticed(tmp_path):
    sink = SQLITE.open(tmp_path, {}, inline_body=True)
    sink.take(page(0))
    sink.write(sink.cut())
    (tmp_path / "outcomes.db").rename(tmp_path / "other.db")
    with pytest.raises(FolderDamaged, match="can't be found"):
        sink.flush()
    with pytest.raises(OutputError, match="unknown state"):
        sink.flush()
    sink.close()
