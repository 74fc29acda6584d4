"""What a verification found, word for word."""

from __future__ import annotations

from types import SimpleNamespace

from penstock.report.proof import proof


def found(**fields):
    known = {
        "files": 1,
        "extents": 12,
        "rows": 20_000,
        "bytes": 214_000_000,
        "settled": 20_000,
        "replaced": 0,
        "pending": 0,
        "total": 20_000,
        "duplicates": 0,
        "torn": 0,
        "problem_count": 0,
        "problems": (),
    }
    return SimpleNamespace(**known | fields)


READ_BACK = "Read back: 20,000 lines, 214 MB, in 1 file and 12 commits."


def test_what_holds_is_said_to_hold():
    assert proof(found(), "pages") == [
        "Holds: 20,000 inputs, 20,000 outcomes, each once, every byte as committed.",
        READ_BACK,
    ]


def test_what_is_not_finished_says_how_to_go_on():
    assert proof(found(total=None, torn=1_234), "pages") == [
        "Holds so far: 20,000 outcomes, each once. The run has not finished.",
        READ_BACK,
        "1.2 kB that a crash left uncommitted; a resume sets them aside.",
        "Continue:",
        "  penstock resume pages",
    ]


def test_damage_is_told_in_words_that_cannot_hurt():
    lines = proof(found(problem_count=3, problems=("one", "\x1b[2J")), "pages")
    assert lines[:4] == ["Damaged: 3 problems.", "  one", r"  \x1b[2J", "  and 1 more"]
    assert lines[-1] == "  penstock verify --repair pages"
