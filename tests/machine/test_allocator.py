"""The command's process keeps freed memory; a program's own thresholds stay."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CHURN = """
import resource, sys
from penstock.machine.allocator import keep_freed_memory
kept = keep_freed_memory() if sys.argv[1] == "keep" else None
def batch():
    return [bytes([number % 256]) * 20_000 for number in range(200)]
batch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    batch()
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def churn(how, **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    command = [sys.executable, "-c", CHURN, how]
    ran = subprocess.run(command, capture_output=True, check=True, text=True, env=clean | environment)
    kept, faults = ran.stdout.split()
    return kept, int(faults)


def test_memory_that_was_freed_is_used_again():
    kept, faults = churn("keep")
    if kept == "False":
        pytest.skip("this C library has no mallopt")
    assert faults < churn("leave")[1] / 10


@pytest.mark.parametrize(
    "setting",
    ["MALLOC_TRIM_THRESHOLD_=131072", "MALLOC_MMAP_THRESHOLD_=131072", "GLIBC_TUNABLES=glibc.malloc.perturb=0"],
)
def test_what_the_user_has_set_stays(setting):
    name, _, value = setting.partition("=")
    assert churn("keep", **{name: value})[0] == "False"
