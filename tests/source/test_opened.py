"""What may be named as an input, what is refused, and how several are read."""

import errno
import io
import itertools
import os
import sys

import pytest
from pyroaring import BitMap64

from penstock.core.web.model import Row
from penstock.errors import InputError, UsageError
from penstock.settings import InputSettings
from penstock.source import octets
from penstock.source.opened import open_inputs


@pytest.fixture
def pipe():
    """Both ends of a real pipe."""
    read, write = os.pipe()
    with open(read, "rb", buffering=0) as reader, open(write, "wb", buffering=0) as writer:
        yield reader, writer


def urls_of(opened):
    return [(row.seq, row.line, row.url) for row in opened.rows(BitMap64())]


def test_a_url_is_an_input_of_one_row(settings):
    opened = open_inputs(["http://a/"], settings)

    assert urls_of(opened) == [(0, 1, "http://a/")]
    assert not opened.blocks


def test_whatever_has_a_scheme_is_a_url_to_be_judged_later(settings):
    opened = open_inputs(["ftp://a/", "x://", "file:///etc/passwd"], settings)

    assert [url for *_, url in urls_of(opened)] == ["ftp://a/", "x://", "file:///etc/passwd"]


def test_seqs_run_on_over_several_inputs_and_lines_begin_anew(write, pipe, settings):
    reader, writer = pipe
    writer.write(b"\nhttp://d/\n")
    writer.close()
    files = [write("http://b/\n# c\n", "1.txt"), write("", "0.txt"), write("url\nhttp://c/\n", "2.csv")]
    opened = open_inputs(["http://a/", "http://a/2", *files, "-", "http://e/"], settings, reader.fileno())

    assert urls_of(opened) == [
        (0, 1, "http://a/"),
        (1, 2, "http://a/2"),
        (2, 1, "http://b/"),
        (3, 2, "http://c/"),
        (4, 2, "http://d/"),
        (5, 1, "http://e/"),
    ]
    assert opened.blocks


def test_settled_rows_are_left_out_of_every_part(write, settings):
    opened = open_inputs(["http://a/", write("http://b/\nhttp://c/\n"), "http://d/"], settings)

    assert [row.seq for row in opened.rows(BitMap64([0, 2]))] == [1, 3]
    assert [row.seq for row in opened.rows(BitMap64(range(4)))] == []


def test_a_file_does_not_block_and_can_be_read_again(write, settings):
    opened = open_inputs([write("http://a/\n")], settings)

    assert not opened.blocks
    assert urls_of(opened) == urls_of(opened) == [(0, 1, "http://a/")]


def test_a_path_may_be_a_path(tmp_path, settings):
    (tmp_path / "list.txt").write_text("http://a/")

    assert urls_of(open_inputs([tmp_path / "list.txt"], settings)) == [(0, 1, "http://a/")]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing.txt", "there is no file '.*missing.txt'; if it is a URL, write http:// or https:// in front"),
        ("folder", "'.*folder' is a directory; name the files in it"),
        ("list.txt/x", "'.*list.txt/x' cannot be read: Not a directory"),
        ("nul\0", r"'.*nul\\x00' cannot be read: .*embedded null"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_before_anything_is_read(tmp_path, write, settings, name, said):
    (tmp_path / "folder").mkdir()
    path = write("http://a/\n")

    with pytest.raises(InputError, match=said):
        open_inputs([path, str(tmp_path / name)], settings)


def test_a_file_that_may_not_be_read_is_refused(write, settings, monkeypatch):
    """Root may read everything, so the answer is the system's own word for everybody else."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)

    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        open_inputs([write("http://a/\n")], settings)


def test_a_disk_that_fails_says_so_after_the_rows_before_it(write, settings, monkeypatch):
    class Failing(io.FileIO):
        def read(self, size=-1):
            if self.tell() > octets.BLOCK:
                raise OSError(errno.EIO, "Input/output error")
            return super().read(size)

    opened = open_inputs([write("http://a/\n" * 100_000)], settings)
    monkeypatch.setattr(octets.io, "FileIO", Failing)
    seen = []
    with pytest.raises(InputError, match=r"list.txt' cannot be read: Input/output error"):
        seen.extend(opened.rows(BitMap64()))

    block = 1_000_000 // octets.SHARES
    whole_blocks = octets.BLOCK // block + 1
    assert len(seen) == whole_blocks * block // len("http://a/\n")


@pytest.mark.parametrize("specs", [[], ["-", "http://a/", "-"]])
def test_no_input_and_standard_input_twice_are_refused(specs, settings):
    with pytest.raises(UsageError):
        open_inputs(specs, settings)


@pytest.mark.parametrize("stdin", [None, io.StringIO()])
def test_a_standard_input_that_is_no_file_is_refused(monkeypatch, settings, stdin):
    monkeypatch.setattr(sys, "stdin", stdin)

    with pytest.raises(InputError, match="standard input is closed; name a file"):
        open_inputs(["-"], settings)


def test_standard_input_is_read_where_no_descriptor_is_given(monkeypatch, pipe, settings):
    reader, writer = pipe
    writer.write(b"http://a/\n")
    writer.close()
    monkeypatch.setattr(sys, "stdin", reader)

    assert urls_of(open_inputs(["-"], settings)) == [(0, 1, "http://a/")]


def test_nothing_is_read_of_a_stream_before_its_rows_are_asked_for(pipe, settings):
    """A pipe with no writer yet would else keep everybody waiting."""
    reader, writer = pipe
    opened = open_inputs(["-"], InputSettings(input_format="csv"), reader.fileno())
    writer.write(b"id\n1\n")

    assert opened.fingerprint() is None
    assert opened.progress() is None
    rows = opened.rows(BitMap64())
    with pytest.raises(InputError, match="'standard input' has no column 'url'; it has 'id'"):
        next(rows)


def test_a_descriptor_stays_its_owners(pipe, settings):
    reader, writer = pipe
    writer.close()
    assert urls_of(open_inputs(["-"], settings, reader.fileno())) == []

    os.fstat(reader.fileno())


def test_lines_come_out_of_a_pipe_one_by_one_as_they_are_written(pipe, settings):
    reader, writer = pipe
    rows = open_inputs(["-"], settings, reader.fileno()).rows(BitMap64())
    for number in range(3):
        writer.write(b"http://a/\nhttp:")
        assert next(rows) == Row(number, number + 1, "http://a/" if not number else "http:http://a/")


def test_a_pipe_that_a_parent_left_non_blocking_is_waited_for(pipe, settings, monkeypatch):
    reader, writer = pipe
    os.set_blocking(reader.fileno(), False)
    poll = octets.select.poll

    class WritesWhenWaitedFor:
        def register(self, file, events):
            self.real = poll()
            self.real.register(file, events)

        def poll(self):
            writer.write(b"http://a/\n")
            return self.real.poll()

    monkeypatch.setattr(octets.select, "poll", WritesWhenWaitedFor)

    assert next(open_inputs(["-"], settings, reader.fileno()).rows(BitMap64())) == Row(0, 1, "http://a/")


def test_a_named_pipe_is_a_stream(tmp_path, settings):
    """As ``penstock fetch <(command)``: it is opened once, and only to be read."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    opened = open_inputs([str(path)], settings)
    assert (opened.blocks, opened.progress(), opened.fingerprint()) == (True, None, None)

    # Opened for both, so that neither side waits for the other.
    with open(os.open(path, os.O_RDWR), "wb", buffering=0) as writer:
        writer.write(b"http://a/\n")
        assert next(opened.rows(BitMap64())) == Row(0, 1, "http://a/")


def test_the_format_given_goes_before_the_one_the_name_promises(write):
    path = write("link\nhttp://a/\n", "list.jsonl")

    assert urls_of(open_inputs([path], InputSettings("csv", "link"))) == [(0, 2, "http://a/")]


def test_progress_counts_bytes_of_the_file_as_it_lies_there(write, settings):
    path = write("http://a/\n" * 20_000)
    opened = open_inputs([path], settings)
    assert opened.progress() == (0, 200_000)
    rows = opened.rows(BitMap64())
    next(rows)
    assert opened.progress() == (200_000 // octets.SHARES, 200_000)
    assert sum(1 for _ in rows) == 19_999
    assert opened.progress() == (200_000, 200_000)


def test_progress_never_passes_the_size_of_a_file_that_grows(write, settings):
    path = write("http://a/\n")
    opened = open_inputs([path], settings)
    with open(path, "ab") as file:
        file.write(b"http://b/\n")
    assert len(urls_of(opened)) == 2

    assert opened.progress() == (10, 10)


def test_progress_of_several_is_their_sum_where_all_are_known(write, pipe, settings):
    paths = [write("http://a/\n" * 10, "1.txt"), write("http://a/\n" * 20, "2.txt")]
    opened = open_inputs(paths, settings)
    list(itertools.islice(opened.rows(BitMap64()), 11))

    assert opened.progress() == (300, 300)
    assert open_inputs([*paths, "-"], settings, pipe[0].fileno()).progress() is None


def test_progress_begins_anew_when_the_input_is_read_again(write, settings):
    opened = open_inputs([write("http://a/\n" * 20_000)], settings)
    for _ in range(2):
        next(opened.rows(BitMap64()))
        assert opened.progress() == (200_000 // octets.SHARES, 200_000)


@pytest.fixture
def descriptors():
    """How many descriptors are open."""
    folder = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"
    return lambda: len(os.listdir(folder))


def test_abandoned_rows_close_their_file(write, settings, descriptors):
    rows = open_inputs([write("http://a/\nhttp://b/\n")], settings).rows(BitMap64())
    before = descriptors()
    next(rows)
    assert descriptors() == before + 1
    rows.close()

    assert descriptors() == before


def test_an_error_that_is_kept_keeps_no_file_open(write, settings, descriptors):
    """Its traceback holds on to the frames that were reading."""
    path = write("id\n1\n", "list.csv")
    before = descriptors()
    with pytest.raises(InputError) as kept:
        open_inputs([path], settings)

    assert kept.value.__traceback__
    assert descriptors() == before
