#!/usr/bin/env bash
# orjson 3.13.0 (PyPI wheel, CPython 3.11, glibc 2.36, x86-64).
# Behaviour: a result of dumps() that is kept takes its own length of memory, but lies alone in a stretch of the heap of
# many times its length. orjson writes into a buffer that it doubles, with room for eight bytes for each byte of a text,
# and then shrinks it in place; while the result is kept, the next buffer does not fit into what is left. Nothing in
# its documentation says so. A program that holds results before it writes them makes the heap grow and be trimmed
# again with each batch, and pays a page fault for each 4 KiB of it.
# Seen, 1,000 kept results of 10 kB with one character beyond ASCII: the heap grows by 140 MB for 10 MB of lines; with
# bytearray(orjson.dumps(...)), a copy, by 30 MB.
# What works: hold fewer results (write each 256 KiB), or copy each one, or raise MALLOC_TRIM_THRESHOLD_.
# Surprises: whoever collects lines of JSON with large texts, to write them in large blocks.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet 'orjson==3.13.0'
cat > "$folder/look.py" <<'PYTHON'
import sys

import orjson


def heap():
    """The bytes of address space of this process's heap."""
    with open("/proc/self/maps") as maps:
        spans = [line.split()[0].split("-") for line in maps if line.rstrip().endswith("[heap]")]
    return sum(int(end, 16) - int(start, 16) for start, end in spans)


keep = {"result": bytes, "copy": bytearray}[sys.argv[1]]
records = [{"number": number, "body": "\u00e9" + "x" * 10_000} for number in range(1_000)]
before = heap()
kept = [keep(orjson.dumps(record)) for record in records]
print(heap() - before, sum(map(len, kept)))
PYTHON
read -r result lines < <("$folder/env/bin/python" "$folder/look.py" result)
read -r copy _ < <("$folder/env/bin/python" "$folder/look.py" copy)
echo "orjson 3.13.0: $lines bytes in 1,000 results"
echo "the heap grows by $result bytes if they are kept, by $copy if copies are"
"$folder/env/bin/python" - "$result" "$copy" "$lines" <<'PYTHON'
import sys

result, copy, lines = map(int, sys.argv[1:])
sys.exit(not (result > 8 * lines and copy < 5 * lines))
PYTHON
