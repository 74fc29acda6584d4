#!/usr/bin/env bash
# brotli 1.2.0 (PyPI; the Python binding of Google's Brotli, first release with output_buffer_limit).
# Behaviour: `can_accept_more_data()` returns True in the middle of a stream although decoded bytes are still held
# back, and although all of the input was given. A reader that keeps to the documented rule (give more input as soon as
# it is True, and take the end of the input for the end of the data) loses the rest of the body without an error.
# Besides, one call returns more than output_buffer_limit.
# Seen, 16 MiB of zeros in 27 bytes, limit 65,536: True after 8,451,392 of 16,777,216 bytes; pieces of 98,272 bytes.
# What works: call process(b"") until it returns nothing, whatever can_accept_more_data() says.
# Surprises: whoever bounds the decoded size of "Content-Encoding: br" with this binding.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet 'brotli==1.2.0'
"$folder/env/bin/python" - <<'PYTHON'
import sys

import brotli

SIZE, LIMIT = 16 * 2**20, 65_536
packed = brotli.compress(bytes(SIZE))


def decoded(goes_on):
    """The bytes that a reader gets who gives all the input at once, and the largest piece."""
    stream = brotli.Decompressor()
    piece = stream.process(packed, output_buffer_limit=LIMIT)
    total, largest = len(piece), len(piece)
    while not stream.is_finished() and goes_on(stream, piece):
        piece = stream.process(b"", output_buffer_limit=LIMIT)
        total, largest = total + len(piece), max(largest, len(piece))
    return total, largest


by_the_rule, largest = decoded(lambda stream, piece: not stream.can_accept_more_data())
until_nothing, _ = decoded(lambda stream, piece: piece)
print(f"brotli {brotli.__version__}: {len(packed)} bytes for {SIZE:,}")
print(f"as long as can_accept_more_data() is False: {by_the_rule:,} bytes")
print(f"as long as a call returns something:        {until_nothing:,} bytes")
print(f"largest piece at a limit of {LIMIT:,}: {largest:,}")
sys.exit(not (by_the_rule < SIZE == until_nothing and largest > LIMIT))
PYTHON
