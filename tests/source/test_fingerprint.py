"""What tells one input from another, and how the difference is said."""

import hashlib
import io
import itertools
import os
import shutil

import pytest

from penstock.errors import InputError
from penstock.runs.differences import difference
from penstock.settings import InputSettings
from penstock.source.fingerprint import SAMPLE, WHOLE_UP_TO, of_file
from penstock.source.iterables import Items
from penstock.source.opened import open_inputs


@pytest.fixture
def pipe():
    read, write = os.pipe()
    yield read
    os.close(read)
    os.close(write)


@pytest.fixture
def fingerprint(settings, pipe):
    return lambda *specs: open_inputs(specs, settings, pipe).fingerprint()


def test_a_file_is_known_by_its_bytes(write, fingerprint):
    path = write("http://a/\n", "list.txt")

    assert fingerprint(path) == {
        "kind": "file",
        "name": "list.txt",
        "format": "lines",
        "bytes": 10,
        "sha256": hashlib.sha256(b"http://a/\n").hexdigest(),
    }


def test_a_copy_is_the_same_input_whatever_its_name_and_time(write, fingerprint, tmp_path):
    path = write("http://a/\n", "list.txt")
    copy = shutil.copy(path, tmp_path / "copy.txt")
    os.utime(copy, (1, 1))

    assert difference(fingerprint(path), fingerprint(str(copy))) is None


def test_another_length_is_said_in_bytes(write, fingerprint):
    old = fingerprint(write("http://a/\n", "list.txt"))
    new = fingerprint(write("http://a/\n" * 1_000, "list.txt"))

    assert difference(old, new) == "it was 'list.txt', 10 bytes of lines and is 'list.txt', 10,000 bytes of lines"


def test_another_content_of_the_same_length_is_seen(write, fingerprint):
    old = fingerprint(write("http://a/\n", "list.txt"))
    new = fingerprint(write("http://b/\n", "list.txt"))

    assert difference(old, new) == "it is still 'list.txt', 10 bytes of lines, but its content has changed"


def test_another_format_makes_other_rows_of_the_same_bytes(write):
    path = write("url\nhttp://a/\n", "list.txt")
    old = open_inputs([path], InputSettings()).fingerprint()
    new = open_inputs([path], InputSettings(input_format="csv")).fingerprint()

    assert difference(old, new) == "it was 'list.txt', 14 bytes of lines and is 'list.txt', 14 bytes of csv"


@pytest.fixture
def large(tmp_path):
    """A sparse file over the bound, with this byte set at this place."""

    def large(size, at, byte):
        path = tmp_path / "large.txt"
        with path.open("wb") as file:
            file.write(b"http://a/\n")
            file.truncate(size)
            file.seek(at)
            file.write(byte)
        return of_file(str(path), "lines")

    return large


@pytest.mark.parametrize("at", [10, SAMPLE - 1, -1, -SAMPLE])
@pytest.mark.parametrize("size", [WHOLE_UP_TO - 1, WHOLE_UP_TO, WHOLE_UP_TO + 1, 3 * WHOLE_UP_TO + 7])
def test_both_ends_of_a_file_count_whatever_its_size(large, size, at):
    at %= size

    assert difference(large(size, at, b"x"), large(size, at, b"y")) is not None


def test_every_byte_of_a_file_up_to_4_mib_counts(large):
    assert large(WHOLE_UP_TO, 2_000_000, b"x") != large(WHOLE_UP_TO, 2_000_000, b"y")


def test_of_a_larger_file_64_samples_are_read(large, monkeypatch):
    read = []
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda file, size, at: read.append((size, at)) or pread(file, size, at))
    size = 1_000_000_007
    large(size, 0, b"h")

    assert len(read) == 64
    assert {count for count, _ in read} == {SAMPLE}
    starts = [at for _, at in read]
    assert (starts[0], starts[-1]) == (0, size - SAMPLE)
    gaps = {after - before for before, after in itertools.pairwise(starts)}
    assert max(gaps) - min(gaps) <= 1


def test_lists_and_tuples_are_known_by_their_urls():
    urls = ["http://a/", {"url": "http://b/", "id": 1}, None, "\ud800"]

    assert Items(urls).fingerprint() == Items(tuple(urls)).fingerprint()
    assert difference(Items(urls).fingerprint(), Items([*urls, ""]).fingerprint()) == (
        "it was a list of 4 and is a list of 5"
    )
    assert difference(Items(["a", "b"]).fingerprint(), Items(["b", "a"]).fingerprint()) == (
        "it is still a list of 2, but its content has changed"
    )


@pytest.mark.parametrize("items", [iter([]), {"http://a/"}, {}, (x for x in ()), io.StringIO()])
def test_what_may_come_otherwise_next_time_has_no_fingerprint(items):
    assert Items(items).fingerprint() is None


def test_several_inputs_are_compared_one_by_one(write, fingerprint):
    one, two = write("http://a/\n", "1.txt"), write("http://b/\n", "2.txt")
    old = fingerprint("http://x/", one, "-", two)

    assert [part and part["kind"] for part in old["parts"]] == ["items", "file", None, "file"]
    assert difference(old, fingerprint("http://x/", one, "-", two)) is None
    assert difference(old, fingerprint("http://x/", one)) == "there were 4 inputs and are 2"
    assert difference(old, fingerprint("http://x/", one, "-", one)) == (
        "input 4: it was '2.txt', 10 bytes of lines and is '1.txt', 10 bytes of lines"
    )
    assert difference(old, fingerprint("http://y/", one, "-", two)) == (
        "input 1: it is still a list of 1, but its content has changed"
    )


def test_inputs_of_different_kinds_differ(write, fingerprint):
    file = fingerprint(write("http://a/\n", "list.txt"))

    assert difference(None, None) is None
    assert difference(None, file) == "it was a stream and is 'list.txt', 10 bytes of lines"
    assert difference(file, None) == "it was 'list.txt', 10 bytes of lines and is a stream"
    assert difference(file, fingerprint("http://a/")) == "it was 'list.txt', 10 bytes of lines and is a list of 1"


def test_a_file_that_is_gone_by_then_says_so(write, settings, tmp_path):
    opened = open_inputs([write("http://a/\n", "list.txt")], settings)
    (tmp_path / "list.txt").unlink()

    with pytest.raises(InputError, match=r"list.txt' cannot be read: No such file or directory"):
        opened.fingerprint()
