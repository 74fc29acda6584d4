"""The English of the project: phrases that mark its old prose, and how often each may still stand.

The table comes from a count of all phrases of up to four words, here and in the docstrings, comments
and strings of seven projects: h11 0.16, httpcore 1.0.9, stamina 26.1, trio 0.35, anyio 4.16,
sqlite-utils 4.2.1 and msgspec 0.22, 133,000 words without their tests. This project then had 93,000
words. A phrase is in the table if it was many times as frequent here and has a plainer word.

    python tests/house/test_words.py [FILE ...]

prints each place and the counts.
"""

from __future__ import annotations

import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]

GENERATED = frozenset({"docs/cli.md", "docs/python.md", "docs/record.md", "docs/decisions/README.md"})
"""Pages made from texts that are counted where they are written."""

DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "benchmarks/README.md")


class Phrase(NamedTuple):
    """A *pattern*, in which a blank matches any white space, and what to write *instead*.

    All files together may have it *allowed* times. The count was *before* in this project when the
    table was made, and *peers* in the seven others.
    """

    pattern: str
    allowed: int
    peers: int
    before: int
    instead: str


PHRASES: Mapping[str, Phrase] = {
    "nobody": Phrase(
        r"\b(no|some|any|every)body\b|\bwho(m|so)?ever\b|\bwhom\b", 0, 2, 226, "the actor: caller, consumer, server"
    ),
    "X where": Phrase(
        r"\b(none|nothing|empty|false|true|nought|0|''|\"\"|\w*(?-i:Error)|raises \w+|(?-i:Broken|Stalled)) where\b",
        0,
        0,
        115,
        "None if …; Raises X if …",
    ),
    "come to": Phrase(r"\b(comes?|came|coming) to\b(?! (an end|a stop))", 0, 0, 52, "become, result in, add up to"),
    "be told": Phrase(r"\b(is|are|be|was|were|been|being) told\b", 3, 0, 65, "receive, be given, learn"),
    "told of": Phrase(r"\b(told|tells?) of\b", 0, 0, 16, "notify"),
    "be led": Phrase(
        r"\b(is|are|be|was|were|been) led\b|\bleads? (nowhere|here|on)\b", 0, 0, 10, "redirect to, point to"
    ),
    "by which way": Phrase(r"\b(by|in) (which|what) way\b", 0, 0, 3, "how"),
    "what is left": Phrase(
        r"\bwhat (is|was|are|were) left\b|\bleft of (it|them)\b", 0, 0, 16, "the rest, the remaining …"
    ),
    "go on": Phrase(r"\b(goes?|went|gone|going) on\b", 3, 3, 39, "continue, resume"),
    "let go of": Phrase(r"\b(lets?|letting) go of\b", 0, 0, 14, "release"),
    "so many": Phrase(r"\bso (many|much)\b(?! (faster|slower|more|less|as)\b)", 3, 0, 44, "the number, by its name"),
    "all but": Phrase(r"\ball but\b", 0, 0, 10, "except"),
    "for good": Phrase(r"\bfor good\b", 0, 0, 14, "permanently, durably"),
    "pass over": Phrase(r"\bpass(es|ed|ing)? over\b", 0, 0, 12, "skip"),
    "in place of": Phrase(r"\bin (the )?place of\b", 1, 0, 27, "instead of"),
    "can be had": Phrase(r"\b(to be|can be|could be) had\b", 0, 0, 4, "available"),
    "nought": Phrase(r"\b(aught|naught|nought|anew|hitherto|thence|whence)\b", 0, 1, 17, "zero, nothing, again"),
    "stands in": Phrase(r"\bstands? (in|at|there|here|before|beside|still)\b", 2, 1, 32, "is in"),
    "want of": Phrase(r"\bfor (want|lack) of\b", 0, 0, 3, "without"),
    "mend": Phrase(r"\bmend(s|ed|ing)?\b", 0, 0, 7, "fix, repair"),
    "what is": Phrase(
        r"\bwhat (is|was|are|were|has|had|have|came|comes)\b(?!.*\?)", 10, 2, 374, "a noun: the rest, the result"
    ),
    "where it is": Phrase(
        r"\bwhere (there|it|they|nothing|none|no|any|one|all) (is|are|was|were|has|have|can|may|does)\b",
        5,
        1,
        124,
        "if it is",
    ),
    "those that": Phrase(r"\bthose (that|whose|who|which|of)\b", 6, 5, 121, "the jobs that …"),
    "first line what": Phrase(
        r"^(what|how many|how much|those|who|whose) (?!.*\?)", 10, 1, 355, "a verb or a noun first"
    ),
}
"""`^` matches at the start of a docstring, comment or string only."""


class Hit(NamedTuple):
    """A phrase in a file."""

    phrase: str
    file: str
    line: int
    text: str


def texts(file: str, content: str) -> Iterator[tuple[int, str]]:
    """Yield the texts of *content* for people, each with the number of its first line.

    In a Python file these are the strings and the blocks of comments, elsewhere everything except the blocks of code.
    """
    if file.endswith(".py"):
        yield from _python(content)
    else:
        blanked = re.sub(
            r"^```.*?^```", lambda code: "\n" * code[0].count("\n"), content, flags=re.DOTALL | re.MULTILINE
        )
        yield 1, blanked


def _python(content: str) -> Iterator[tuple[int, str]]:
    comments: list[str] = []
    first = last = 0
    for token in tokenize.generate_tokens(io.StringIO(content).readline):
        name = tokenize.tok_name[token.type]
        if name == "COMMENT":
            if comments and token.start[0] != last + 1:
                yield first, "\n".join(comments)
                comments = []
            first, last = (first if comments else token.start[0]), token.start[0]
            comments.append(token.string.lstrip("#: "))
        elif name in ("STRING", "FSTRING_MIDDLE"):
            text = token.string.lstrip("rbfuRBFU")
            # Before Python 3.12 an f-string is one token, with its expressions.
            is_formatted = "f" in token.string[: -len(text)].lower()
            yield token.start[0], (re.sub(r"\{[^{}]*\}", "", text) if is_formatted else text).strip("\"'")
    if comments:
        yield first, "\n".join(comments)


def find(file: str, content: str) -> Iterator[Hit]:
    """Yield the phrases in *content*, the text of *file*."""
    for first, text in texts(file, content):
        for name, phrase in PATTERNS.items():
            for match in phrase.finditer(text):
                yield Hit(name, file, first + text.count("\n", 0, match.start()), " ".join(match[0].split()))


PATTERNS = {name: re.compile(row.pattern.replace(" ", r"\s+"), re.IGNORECASE) for name, row in PHRASES.items()}


def wrong(hits: Iterable[Hit]) -> list[str]:
    """Describe each phrase beyond its allowance."""
    found = list(hits)
    counts = Counter(hit.phrase for hit in found)
    return [
        f"{hit.file}:{hit.line}: {hit.text!r}; write: {PHRASES[hit.phrase].instead}"
        for hit in found
        if counts[hit.phrase] > PHRASES[hit.phrase].allowed
    ]


def read(paths: Iterable[Path]) -> Iterator[Hit]:
    """Yield the phrases in the files at *paths*."""
    for path in paths:
        yield from find(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))


def files() -> list[Path]:
    """Return every file that the table applies to. Tests are exempt, since they quote."""
    return [
        *sorted(ROOT.glob("src/**/*.py")),
        *sorted(ROOT.glob("benchmarks/**/*.py")),
        *sorted(ROOT.glob("manual/**/*.py")),
        *(ROOT / name for name in DOCUMENTS),
        *(path for path in sorted(ROOT.glob("docs/**/*.md")) if path.relative_to(ROOT).as_posix() not in GENERATED),
    ]


def test_the_text_keeps_to_plain_english():
    assert wrong(read(files())) == []


# The checker, with faults planted

FILE = "src/penstock/sink/new.py"


def hits_of(content, file=FILE):
    return [(hit.phrase, hit.line) for hit in find(file, content)]


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("Wait until somebody asks", "nobody"),
        ("Tell whoever waits", "nobody"),
        ("Jobs for whom there is no room", "nobody"),
        ("The host; None where it has no name", "X where"),
        ("OSError where the disk is full", "X where"),
        ("Raises UsageError where *path* is a file", "X where"),
        ("Jobs that came to nothing", "come to"),
        ("The caller is told", "be told"),
        ("Tell of a change; the sink is\ntold of it", "told of"),
        ("The name that it is led to", "be led"),
        ("Say by which way it failed", "by which way"),
        ("Write what is left", "what is left"),
        ("The run goes\n    on", "go on"),
        ("Let go of the lock", "let go of"),
        ("Start so many jobs", "so many"),
        ("Return all but the last", "all but"),
        ("Close it for good", "for good"),
        ("Pass over settled inputs", "pass over"),
        ("Use a dash in the place of a name", "in place of"),
        ("If a disk can be had", "can be had"),
        ("Begin anew", "nought"),
        ("The row stands in the table", "stands in"),
        ("Fail for want of memory", "want of"),
        ("Mend the file", "mend"),
        ("Return what was read", "what is"),
        ("Skip the lock where there is none", "where it is"),
        ("Return those that failed", "those that"),
        ("How many jobs run", "first line what"),
    ],
)
def test_a_planted_phrase_is_found_in_docstrings_comments_and_documents(text, phrase):
    comment = text.replace("\n", "\n# ")
    assert phrase in dict(hits_of(f'def f():\n    """{text}."""\n'))
    assert phrase in dict(hits_of(f"x = 1\n# {comment}\n"))
    assert phrase in dict(hits_of(f"{text}.\n", "docs/new.md"))


@pytest.mark.parametrize("phrase", PHRASES)
def test_every_phrase_has_a_planted_fault(phrase):
    (planted,) = [
        mark.args[1]
        for mark in test_a_planted_phrase_is_found_in_docstrings_comments_and_documents.pytestmark
        if mark.name == "parametrize"
    ]
    assert phrase in [row[1] for row in planted]


def test_messages_are_text_and_names_are_not():
    assert hits_of("nobody = 1\nraise ValueError('nobody')\nprint(f'{nobody} for nobody')\n") == [
        ("nobody", 2),
        ("nobody", 3),
    ]


def test_the_line_is_that_of_the_phrase():
    assert hits_of('"""One line.\n\nNobody is here.\n"""\n') == [("nobody", 3)]
    assert hits_of("# One line,\n# and nobody\nx = 1\n# nobody\n") == [("nobody", 2), ("nobody", 4)]
    assert hits_of("```\nnobody\n```\n\nNobody.\n", "docs/new.md") == [("nobody", 5)]


@pytest.mark.parametrize(
    "text",
    [
        "Return the place where the file is",
        "A body of 10 bytes; the caller comes too late",
        "What is new?",
        "Raises UsageError if *path* is a file",
        "The run comes to an end",
    ],
)
def test_plain_words_are_not_found(text):
    assert hits_of(f'"""{text}."""\n') == []


def test_one_phrase_beyond_its_allowance_is_wrong():
    most = PHRASES["go on"].allowed
    fine = [*find(FILE, "# It goes on.\n" * most)]
    assert (len(fine), wrong(fine)) == (most, [])
    beyond = [*fine, *find("docs/new.md", "It goes on.\n")]
    assert len(wrong(beyond)) == most + 1
    assert "docs/new.md:1: 'goes on'; write: continue, resume" in wrong(beyond)


if __name__ == "__main__":
    given = [Path(name).resolve() for name in sys.argv[1:]] or files()
    hits = list(read(given))
    for hit in hits:
        print(f"{hit.file}:{hit.line}: {hit.phrase}: {hit.text}")
    for phrase, number in Counter(hit.phrase for hit in hits).most_common():
        print(f"{number:5} {phrase}, {PHRASES[phrase].allowed} allowed")
