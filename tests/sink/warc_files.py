"""WARC files as warcio reads them."""

from __future__ import annotations

import pytest

pytest.importorskip("isal", reason="the extra is missing: pip install 'penstock[warc]'")
ArchiveIterator = pytest.importorskip("warcio.archiveiterator", reason="pip install warcio").ArchiveIterator


def records(path):
    """The records in a file as warcio reads them: type, fields and the whole block."""
    with path.open("rb") as file:
        found = ArchiveIterator(file, no_record_parse=True)
        return [(record.rec_type, dict(record.rec_headers.headers), record.raw_stream.read()) for record in found]


def records_in(folder):
    return [record for file in sorted(folder.glob("*.warc.gz")) for record in records(file)]


def kinds(folder):
    return [kind for kind, _, _ in records_in(folder)]


def refer(folder):
    """The revisits in a folder, each with the record that it refers to: in the same file, and before it."""
    found = []
    for file in sorted(folder.glob("*.warc.gz")):
        before = {}
        for kind, fields, _ in records(file):
            if kind == "revisit":
                found.append((fields, before[fields["WARC-Refers-To"]]))
            before[fields["WARC-Record-ID"]] = fields
    return found
