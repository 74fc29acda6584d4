"""Reading a small list from a real file, as ``penstock fetch FILE`` would."""

import pytest
from pyroaring import BitMap64

from penstock.settings import InputSettings
from penstock.source.opened import open_inputs


@pytest.fixture
def write(tmp_path):
    """Write bytes or text under a name; the path as the command line gives it."""

    def write(content, name="list.txt"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return write


@pytest.fixture
def read(write):
    """The rows of a list with this content, under this name and these settings."""

    def read(content, name="list.txt", settled=(), **settings):
        opened = open_inputs([write(content, name)], InputSettings(**settings))
        return list(opened.rows(BitMap64(settled)))

    return read


@pytest.fixture
def settings():
    return InputSettings()
