"""An input that is read again is compared with what it was, whatever its kind."""

from __future__ import annotations

import gzip
import json
import sqlite3
import threading
import zlib
from array import array
from collections import deque
from contextlib import closing
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from pyarrow.csv import read_csv
from pyroaring import BitMap64

from penstock.core.extents import Extent, SeqSet
from penstock.core.schedule.tally import Tally
from penstock.core.web.model import Fetched, Row
from penstock.errors import FolderDamaged, InputChanged
from penstock.runs import contents as module
from penstock.runs.contents import BLOCK, WIDTH
from penstock.runs.folder import LEDGER_FILE, RunFolder
from penstock.runs.ledger import Ledger
from penstock.runs.repair import repair
from penstock.runs.verify import verify
from penstock.settings import InputSettings
from penstock.source.digests import pack_digests
from penstock.source.iterables import Items
from penstock.source.opened import open_inputs

RUN = "4f6d"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.db"


@pytest.fixture
def ledger(path):
    with closing(Ledger.create(path, RUN)) as ledger:
        yield ledger


def settle(ledger, *seqs):
    """Commit an outcome for each of *seqs*."""
    if seqs:
        tally, place = Tally(), ledger.lengths("jsonl").get("outcomes", 0)
        for seq in seqs:
            tally.add(Fetched(seq, "http://a.test/", status=200))
        extent = Extent("jsonl", "outcomes", place, place + len(seqs), len(seqs), "crc32:0", BitMap64(seqs))
        ledger.commit([extent], tally)


def session(ledger, source, *seqs, force=False):
    """Read all of *source* as a run does, and settle *seqs* of it; the seqs that were read because they were not."""
    settled = ledger.settled()
    read = [row.seq for row in source.rows(settled, ledger.contents(force=force))]
    assert read == [seq for seq in range(max(read, default=-1) + 1) if seq not in settled]
    settle(ledger, *seqs)
    return read


def reopened(path):
    return closing(Ledger(path, RUN))


URLS = [f"http://a.test/{number}" for number in range(5)]


def test_an_input_that_is_what_it_was_is_read_on(path, ledger):
    assert session(ledger, Items(URLS), 0, 3) == [0, 1, 2, 3, 4]
    with reopened(path) as again:
        assert session(again, Items(URLS), 1) == [1, 2, 4]
        assert session(again, Items(URLS)) == [2, 4]


@pytest.mark.parametrize(
    "changed",
    [
        [*URLS[:3], "http://b.test/", URLS[4]],
        [URLS[0], "http://new.test/", *URLS[1:]],
        [*URLS[:2], *URLS[3:]],
        URLS[::-1],
        [*URLS[:3], {"url": URLS[3], "method": "POST"}, URLS[4]],
        [*URLS[:3], "", URLS[4]],
    ],
    ids=["another", "inserted", "removed", "another order", "another method", "blank"],
)
@pytest.mark.parametrize("kind", [list, iter, deque, lambda items: map(str.strip, map(str, items))])
def test_one_that_has_changed_is_refused(path, ledger, changed, kind):
    session(ledger, Items(kind(URLS)), 0, 3)
    with (
        reopened(path) as again,
        pytest.raises(InputChanged, match="not the one that this run began with"),
    ):
        session(again, Items(kind(changed)))


def as_parquet(path):
    """The same table in Parquet, in its place."""
    parquet.write_table(read_csv(path), path)


FILES = {
    "list.json": b'[{"url": "http://a/", "id": 1},\n {"url": "http://b/", "id": 2}]',
    "list.xml": b"<urlset><url><loc>http://a/</loc></url><url><loc>http://b/</loc><lastmod>2</lastmod></url></urlset>",
    "list.csv": b"http://a/;1\nhttp://b/;2\n",
    "list.txt": b"http://a/\rhttp://b/2\r",
    "list.parquet": b"url,id\nhttp://a/,1\nhttp://b/,2\n",
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_any_format_is_compared_row_by_row(path, ledger, tmp_path, name):
    how = InputSettings(header=False, delimiter=";") if name == "list.csv" else InputSettings()

    def source(content):
        (tmp_path / name).write_bytes(content)
        if name == "list.parquet":
            as_parquet(tmp_path / name)
        return open_inputs([tmp_path / name], how)

    assert session(ledger, source(FILES[name]), 0, 1) == [0, 1]
    with reopened(path) as again:
        assert session(again, source(FILES[name])) == []
        with pytest.raises(InputChanged, match="input 1 "):
            session(again, source(FILES[name].replace(b"2", b"3")))


def test_the_difference_is_shown_without_secrets_or_control_characters(path, ledger):
    session(ledger, Items(URLS), 3)
    changed = [*URLS[:3], "http://me:secret@a.test/\x1b[2J\u202e" + "x" * 1_000]
    with reopened(path) as again, pytest.raises(InputChanged) as told:
        session(again, Items(changed))

    said = str(told.value)
    assert r"input 3 (counted from 0; line or item 4) was another and is 'http://***@a.test/\x1b[2J\u202exxx" in said
    assert "secret" not in said
    assert len(said) < 600


def test_what_is_not_settled_may_change_and_is_compared_when_it_is(path, ledger):
    session(ledger, Items(URLS), 0)
    changed = [URLS[0], "http://b.test/", *URLS[2:]]
    with reopened(path) as again:
        session(again, Items(changed), 1)
    with reopened(path) as again:
        session(again, Items(changed))
        with pytest.raises(InputChanged, match="input 1 "):
            session(again, Items(URLS))


def test_an_input_that_ends_too_soon_is_refused_and_a_longer_one_is_not(path, ledger):
    session(ledger, Items(URLS), *range(5))
    ledger.finish(5)
    with reopened(path) as again:
        assert session(again, Items([*URLS, "http://new.test/"])) == [5]
        with pytest.raises(InputChanged, match="it has 2 inputs now, and input 4, counted from 0, is done"):
            session(again, Items(iter(URLS[:2])))


def test_duplicates_of_a_finished_run_are_compared_as_well(path, ledger):
    """They have no outcome of their own, so they are not settled."""
    session(ledger, Items(URLS), 0, 1)
    ledger.finish(5, duplicates=3)
    with reopened(path) as again:
        rows = Items([*URLS[:4], "http://b.test/"]).rows(SeqSet(), again.contents())
        with pytest.raises(InputChanged, match="input 4 "):
            list(rows)


def test_force_accepts_what_there_is_and_keeps_it(path, ledger):
    session(ledger, Items(URLS), *range(4))
    changed = ["http://b.test/", *URLS[1:]]
    with reopened(path) as again:
        assert session(again, Items(changed), 4, force=True) == [4]
    with reopened(path) as again:
        assert session(again, Items(changed)) == []
        with pytest.raises(InputChanged, match="input 0 "):
            session(again, Items(URLS))


def test_what_waits_to_be_tried_again_is_compared(path, ledger):
    session(ledger, Items(URLS), *range(5))
    ledger.set_pass({"reset"}, 1, BitMap64([2]))
    contents, settled = ledger.contents(), ledger.settled() - ledger.pending()
    rows = Items([*URLS[:2], "http://b.test/", *URLS[3:]]).rows(settled, contents)
    with pytest.raises(InputChanged, match="input 2 "):
        list(rows)


# -- the table


def test_digests_over_many_blocks_are_kept_whatever_pieces_they_come_in(path, ledger):
    digests = pack_digests(range(1, 3 * BLOCK))
    contents, at = ledger.contents(), 0
    for size in (1, 2, BLOCK - 3, 1, BLOCK + 7, 10**6):
        piece = digests[at * WIDTH : (at + size) * WIDTH]
        contents.check(at, piece, nothing)
        at += len(piece) // WIDTH
    settle(ledger, 0, BLOCK, 3 * BLOCK - 2)
    with reopened(path) as again:
        assert kept_of(again).startswith(digests)
        again.contents().check(0, digests, nothing)
        changed = bytearray(digests)
        changed[BLOCK * WIDTH] ^= 1
        with pytest.raises(InputChanged, match=f"input {BLOCK:,} "):
            again.contents().check(0, bytes(changed), lambda seq: Row(seq, seq + 1, "http://a.test/"))


def kept_of(ledger):
    return b"".join(bytes(held) for _, held in ledger.digests())


def nothing(seq):
    raise AssertionError(f"input {seq} is to be shown")


def test_digests_are_kept_in_the_transaction_that_settles_their_inputs(path, ledger):
    statements = []
    ledger._database.set_trace_callback(statements.append)
    session(ledger, Items(URLS), 0)
    begin, commit = statements.index("BEGIN IMMEDIATE"), statements.index("COMMIT")
    assert statements.count("COMMIT") == 1
    assert any("INTO contents" in statement for statement in statements[begin:commit])


def test_no_more_than_some_are_held_however_long_nothing_is_settled(path, ledger, monkeypatch):
    monkeypatch.setattr(module, "MOST_HELD", module.STRETCH + 400)
    contents = ledger.contents()
    for seq in range(1_000):
        contents.check(seq, pack_digests([seq + 1]), nothing)
        assert sum(len(held) for _, held in contents._held) <= 440
    with reopened(path) as again:
        assert kept_of(again).startswith(pack_digests(range(1, 900)))


def test_one_thread_reads_while_another_commits(path, ledger, monkeypatch):
    """As with a generator. Each looks up what is kept and writes what is held."""
    monkeypatch.setattr(module, "MOST_HELD", 4_000)
    items = [f"http://a.test/{number}" for number in range(3 * BLOCK)]
    session(ledger, Items(items), *range(0, len(items), 2))
    failures, read = [], []

    def reading():
        try:
            rows = Items(iter(items)).rows(settled, contents)
            read.extend(row.seq for row in rows)
        except BaseException as error:
            failures.append(error)
            raise

    settled, contents = ledger.settled(), ledger.contents()
    thread = threading.Thread(target=reading)
    thread.start()
    for seq in count(1, 2):
        settle(ledger, seq)
        if not thread.is_alive() or seq > 2 * BLOCK:
            break
    thread.join()
    assert not failures
    assert read == list(range(1, len(items), 2))
    assert session(ledger, Items(items)) == sorted(set(read) - set(ledger.settled()))


def old(path):
    """Make the ledger at *path* one as the builds before had it, which kept no digests."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE contents")
        database.execute("PRAGMA user_version = 4")
        database.commit()


def version(path):
    with closing(sqlite3.connect(path)) as database:
        return database.execute("PRAGMA user_version").fetchone()[0]


def test_a_ledger_of_the_version_before_is_gone_on_with(path, ledger):
    """Of what was settled before nothing is known; what is settled from now on is compared."""
    session(ledger, Items(URLS), 0, 1)
    ledger.close()
    old(path)
    changed = ["http://b.test/", *URLS[1:]]
    with reopened(path) as again:
        assert session(again, Items(changed), 2) == [2, 3, 4]
    assert version(path) == 5
    with reopened(path) as again:
        assert session(again, Items(URLS)) == [3, 4]
        with pytest.raises(InputChanged, match="input 2 "):
            session(again, Items([*URLS[:2], "http://b.test/", *URLS[3:]]))


def test_a_ledger_of_the_version_before_is_only_looked_at_by_a_proof(path, runs, tmp_path):
    folder = tmp_path / "pages"
    with RunFolder.create(folder, runs.manifest()) as made:
        runs.settle(made, range(10))
        made.ledger.finish(10)
    old(folder / LEDGER_FILE)
    before = (folder / LEDGER_FILE).read_bytes()
    assert verify(folder).ok
    assert (folder / LEDGER_FILE).read_bytes() == before


def test_a_repair_keeps_the_digests(runs, tmp_path):
    folder = tmp_path / "pages"
    with RunFolder.create(folder, runs.manifest()) as made:
        list(Items(URLS).rows(SeqSet(), made.ledger.contents()))
        runs.settle(made, range(3))
    repair(folder)
    assert verify(folder).ok
    with RunFolder.open(folder) as again:
        with pytest.raises(InputChanged, match=r"input 1 .* was 'http://host1.test/' and is 'http://b.test/'"):
            session(again.ledger, Items([URLS[0], "http://b.test/", *URLS[2:]]))
        assert session(again.ledger, Items(URLS)) == [3, 4]


@pytest.mark.parametrize("damage", [b"", b"abc", b"x" * 30, b"x" * (BLOCK * WIDTH + 9)])
def test_digests_that_have_changed_on_the_disk_are_found_and_a_repair_drops_them(runs, tmp_path, damage):
    folder = tmp_path / "pages"
    with RunFolder.create(folder, runs.manifest()) as made:
        list(Items(URLS).rows(SeqSet(), made.ledger.contents()))
        runs.settle(made, range(3))
    with closing(sqlite3.connect(folder / LEDGER_FILE)) as database:
        database.execute("UPDATE contents SET digests = ?", (damage,))
        database.commit()
    (problem,) = verify(folder).problems
    assert "the digests of inputs have changed" in problem
    with RunFolder.open(folder) as again, pytest.raises(FolderDamaged, match=r"penstock\.verify\(.*, repair=True\)"):
        session(again.ledger, Items(URLS))
    repair(folder)
    assert verify(folder).ok
    with RunFolder.open(folder) as again:
        assert session(again.ledger, Items(URLS)) == [3, 4]


def test_a_digest_is_a_crc_that_others_can_take(ledger):
    session(ledger, Items(["http://a.test/"]), 0)
    assert int.from_bytes(kept_of(ledger)[:WIDTH], "little") == zlib.crc32(b"http://a.test/")


# -- every kind of input, and any change

TEXTS = st.lists(
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=6), min_size=1, max_size=12
)


def as_lines(texts):
    return "".join(f"http://h/{text}\n" for text in texts).encode()


def as_table(texts):
    return (
        "id,url\n"
        + "".join(f'{number},"http://h/{text.replace(chr(34), chr(34) * 2)}"\n' for number, text in enumerate(texts))
    ).encode()


def as_json(texts):
    return "".join(json.dumps({"url": "http://h/", "body": text}) + "\n" for text in texts).encode()


KINDS = {
    "list": lambda texts, _: Items(texts),
    "tuple": lambda texts, _: Items(tuple(texts)),
    "generator": lambda texts, _: Items(text for text in texts),
    "keys": lambda texts, _: Items({text + str(at): at for at, text in enumerate(texts)}.keys()),
    "deque": lambda texts, _: Items(deque(texts)),
    "rows": lambda texts, _: Items([Row(0, 0, "http://h/", fields={"name": text}) for text in texts]),
    "mappings": lambda texts, _: Items([{"url": "http://h/", "headers": {"A": text}} for text in texts]),
    "series": lambda texts, _: Items(Series(texts)),
    "numbers": lambda texts, _: Items(array("I", [zlib.crc32(text.encode()) for text in texts])),
    "urls.txt": lambda texts, folder: opened(folder / "urls.txt", as_lines(texts)),
    "urls.csv": lambda texts, folder: opened(folder / "urls.csv", as_table(texts)),
    "urls.tsv": lambda texts, folder: opened(folder / "urls.tsv", as_table(texts).replace(b",", b"\t")),
    "urls.jsonl": lambda texts, folder: opened(folder / "urls.jsonl", as_json(texts)),
    "urls.txt.gz": lambda texts, folder: opened(folder / "urls.txt.gz", gzip.compress(as_lines(texts), mtime=0)),
}


class Series:
    """As in pandas: it has a length, an order, and no place in any of Python's families of collections."""

    def __init__(self, items):
        self._items = items

    def __len__(self):
        return len(self._items)

    def __iter__(self):
        return iter(self._items)

    def __getitem__(self, label):
        raise KeyError(label)


def opened(path, content):
    path.write_bytes(content)
    return open_inputs([path], InputSettings())


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30)
@given(data=st.data(), texts=TEXTS)
def test_any_change_of_a_settled_input_is_found_and_no_other(kind, data, texts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("input")
    make = KINDS[kind]
    settled = data.draw(st.sets(st.integers(0, len(texts) - 1)))
    changed = list(texts)
    for at in data.draw(st.sets(st.integers(0, len(texts) - 1), max_size=2)):
        changed[at] += "!"
    changed = changed[: data.draw(st.sampled_from([len(texts), len(texts), len(texts) - 1]))]
    changed += data.draw(st.sampled_from([[], [], ["more"]])) if len(changed) == len(texts) else []

    with closing(Ledger.create(folder / "run.db", RUN)) as ledger:
        session(ledger, make(texts, folder), *settled)
    with closing(Ledger(folder / "run.db", RUN)) as ledger:
        session(ledger, make(texts, folder))
        first = next((seq for seq in sorted(settled) if seq < len(changed) and changed[seq] != texts[seq]), None)
        if first is not None:
            with pytest.raises(InputChanged, match=f"input {first} "):
                session(ledger, make(changed, folder))
        elif settled and max(settled) >= len(changed):
            with pytest.raises(InputChanged, match=f"it has {len(changed)} inputs now"):
                session(ledger, make(changed, folder))
        else:
            session(ledger, make(changed, folder))
            assert session(ledger, make(changed, folder), *(set(range(len(changed))) - settled), force=True) is not None
