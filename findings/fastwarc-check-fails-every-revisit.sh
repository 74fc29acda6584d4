#!/usr/bin/env bash
# fastwarc 2.0.1 (PyPI), with a file that warcio 1.8.1 wrote.
# Behaviour: `fastwarc check -p` compares the WARC-Payload-Digest of a revisit record with the bytes in that record, which
# has none of the payload, and fails it. WARC 1.1, section 6.7.2, says that the payload of such a record is the original
# one, whose digest was unchanged. `warcio check` says that it does not check the digest.
# Seen: a response and a revisit of it: exit code 1 with -p, 0 without it.
# What works: `fastwarc check` without -p, which verifies the digests of all blocks.
# Surprises: whoever checks a deduplicated crawl, since each revisit in it is reported as damaged.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet 'fastwarc==2.0.1' 'warcio==1.8.1'
"$folder/env/bin/python" - "$folder" <<'PYTHON'
import io
import subprocess
import sys
from pathlib import Path

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

folder = Path(sys.argv[1])
head = StatusAndHeaders("200 OK", [("Content-Length", "6")], protocol="HTTP/1.1")
with (folder / "two.warc.gz").open("wb") as file:
    writer = WARCWriter(file, gzip=True, warc_version="1.1")
    response = writer.create_warc_record("http://a.example/", "response", payload=io.BytesIO(b"a page"), http_headers=head)
    writer.write_record(response)
    fields = response.rec_headers
    digest, date = fields.get_header("WARC-Payload-Digest"), fields.get_header("WARC-Date")
    writer.write_record(writer.create_revisit_record("http://a.example/b", digest, "http://a.example/", date, head))


def check(*options: str) -> int:
    command = [folder / "env" / "bin" / "fastwarc", "check", "-q", *options, folder / "two.warc.gz"]
    ended = subprocess.run(command, check=False)
    print(f"fastwarc check {' '.join(options)}: exit code {ended.returncode}")
    return ended.returncode


sys.exit((check(), check("-p")) != (0, 1))
PYTHON
