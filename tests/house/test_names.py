"""The names in the package: one class name, one home; a verb for each function; few modules at the top.

A participle is recognised by its ending or a list, so that a rare one may slip through.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "penstock"

TOP_LEVEL_MODULES = 10

TWO_HOMES: Mapping[str, frozenset[str]] = {
    "Cooperator": frozenset({"cooperation/cooperator.py", "twisted/cooperator.py"}),
    "CooperativeTask": frozenset({"cooperation/cooperator.py", "twisted/cooperator.py"}),
}
"""Classes of penstock.twisted that have the names of those of penstock, so that a program changes its import only."""

FAULTS = frozenset({"connection", "port", "reply"})
"""Decorators whose functions have the name of a fault, as in ``server.url("closed_in_chunk")``."""

VERBS = frozenset(
    [
        "bleed",
        "embed",
        "exceed",
        "feed",
        "flatten",
        "happen",
        "heed",
        "lengthen",
        "listen",
        "need",
        "open",
        "proceed",
        "screen",
        "seed",
    ]
)
"""Verbs that end like participles."""

OTHERS = frozenset(["seven", "ten", "then", "token", "when"])
"""Other words that end so."""

IRREGULAR = frozenset(
    [
        "drawn",
        "found",
        "heard",
        "held",
        "kept",
        "known",
        "left",
        "lost",
        "made",
        "said",
        "shown",
        "told",
        "torn",
        "worn",
    ]
)
"""Participles that end in another way."""

PARTICIPLE = re.compile(r"(ed|en)$")
ADJECTIVE = re.compile(r"(able|ible)$")

FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef

TERMS: Mapping[str, frozenset[str]] = {
    "core/schedule/holdings.py": frozenset({"parked", "slowed"}),
    "core/schedule/learned.py": frozenset({"learned"}),
    "core/schedule/queues.py": frozenset({"parked"}),
    "core/web/delays.py": frozenset({"learned"}),
    "fetching/wiring.py": frozenset({"learned"}),
    "loop/flow.py": frozenset({"learned", "parked"}),
    "reading/run.py": frozenset({"failed"}),
    "runs/ledger.py": frozenset({"learned", "settled"}),
    "runs/store.py": frozenset({"learned"}),
}
"""The methods of each file whose name is a term for a set of inputs or hosts, which they return."""


def homes(sources: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Return the files that define each class, by its name; *sources* maps files to their texts."""
    found: dict[str, set[str]] = {}
    for file, text in sources.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, set()).add(file)
    return {name: frozenset(files) for name, files in found.items()}


def homeless(sources: Mapping[str, str]) -> list[str]:
    """Describe each class name that has more than one home, except the stated ones."""
    shared = {name: files for name, files in homes(sources).items() if len(files) > 1 and TWO_HOMES.get(name) != files}
    return [f"{name} is in {', '.join(sorted(files))}" for name, files in shared.items()]


def public_functions(node: ast.AST) -> Iterator[str]:
    """Yield the public functions and methods below *node*, without properties, faults and inner functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FUNCTIONS):
            decorators = {_decorator(each) for each in child.decorator_list}
            if not child.name.startswith("_") and not decorators & {*FAULTS, "property", "cached_property", "setter"}:
                yield child.name
        elif not (isinstance(child, ast.ClassDef) and child.name.startswith("_")):
            yield from public_functions(child)


def _decorator(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        return _decorator(node.func)
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def is_verbless(name: str) -> bool:
    """Return whether the function *name* begins with a participle or an adjective."""
    word = name.partition("_")[0]
    if word in VERBS | OTHERS:
        return False
    return word in IRREGULAR or bool(PARTICIPLE.search(word) or ADJECTIVE.search(word))


def verbless(sources: Mapping[str, str], terms: Mapping[str, frozenset[str]] | None = None) -> list[str]:
    """Describe each public function that is not named by a verb, and each entry of *terms* that can go."""
    found = {
        (file, name)
        for file, text in sources.items()
        for name in public_functions(ast.parse(text))
        if is_verbless(name)
    }
    free = {(file, name) for file, names in (terms or {}).items() for name in names}
    return [
        *(f"{file}: {name} is no verb" for file, name in sorted(found - free)),
        *(f"{file}: {name} is not there: drop the entry" for file, name in sorted(free - found)),
    ]


def crowded(files: Collection[str]) -> list[str]:
    """Return the modules at the top level among *files* if they are too many."""
    top = sorted(file for file in files if "/" not in file)
    return top if len(top) > TOP_LEVEL_MODULES else []


def modules() -> dict[str, str]:
    """Return the text of each module by its path in the package."""
    return {
        path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))
    }


def test_every_class_name_has_one_home():
    assert homeless(modules()) == []


def test_every_exception_is_needed():
    found = homes(modules())
    assert {name: found.get(name) for name in TWO_HOMES} == dict(TWO_HOMES)


def test_every_public_function_is_named_by_a_verb_or_a_noun():
    assert verbless(modules(), TERMS) == []


def test_the_top_level_has_ten_modules_at_the_most():
    assert crowded(modules()) == []


# The checkers, with faults planted


@pytest.mark.parametrize(
    "text",
    [
        "class Ledger: ...\n",
        "def f():\n    class Ledger: ...\n",
        "if True:\n    class Ledger: ...\n",
        "class Outer:\n    class Ledger: ...\n",
    ],
)
def test_a_second_home_is_found(text):
    first = {"runs/ledger.py": "class Ledger: ...\n"}
    assert homeless(first) == []
    assert homeless({**first, "sink/new.py": text}) == ["Ledger is in runs/ledger.py, sink/new.py"]


def test_a_third_home_of_an_exception_is_found():
    both = dict.fromkeys(TWO_HOMES["Cooperator"], "class Cooperator: ...\n")
    assert homeless(both) == []
    assert len(homeless({**both, "loop/new.py": "class Cooperator: ...\n"})) == 1


@pytest.mark.parametrize(
    "text",
    [
        "def located(): ...\n",
        "async def located(): ...\n",
        "class A:\n    def located(self): ...\n",
        "class A:\n    @staticmethod\n    def located(): ...\n",
        "if True:\n    def located(): ...\n",
    ],
)
def test_a_function_named_by_a_participle_is_found(text):
    assert verbless({"sink/new.py": text}) == ["sink/new.py: located is no verb"]
    assert verbless({"sink/new.py": text}, {"sink/new.py": frozenset({"located"})}) == []


def test_a_term_is_free_only_in_the_file_that_has_it():
    text = "class Ledger:\n    def settled(self): ...\n"
    terms = {"runs/ledger.py": frozenset({"settled"})}
    assert verbless({"runs/ledger.py": text}, terms) == []
    assert verbless({"runs/ledger.py": text, "runs/new.py": text}, terms) == ["runs/new.py: settled is no verb"]


@pytest.mark.parametrize("name", ["forced", "kept_inputs", "known_to", "taken", "readable", "left_behind", "unseen"])
def test_a_participle_or_adjective_is_known(name):
    assert is_verbless(name)


@pytest.mark.parametrize(
    "name", ["feed", "open_inputs", "locate", "is_closed", "when_done", "ten_milliseconds", "read"]
)
def test_a_verb_is_known(name):
    assert not is_verbless(name)


@pytest.mark.parametrize(
    "text",
    [
        "def _located(): ...\n",
        "class _A:\n    def located(self): ...\n",
        "def f():\n    def located(): ...\n",
        "class A:\n    @property\n    def located(self): ...\n",
        "@reply('truncated')\ndef closed_in_chunk(): ...\n",
    ],
)
def test_private_and_inner_functions_properties_and_faults_are_free(text):
    assert verbless({"sink/new.py": text}) == []


def test_an_entry_for_a_function_that_is_gone_is_found():
    terms = {"sink/new.py": frozenset({"located"})}
    gone = ["sink/new.py: located is not there: drop the entry"]
    assert verbless({"sink/new.py": "def locate(): ...\n"}, terms) == gone


def test_an_eleventh_module_at_the_top_is_found():
    ten = [f"module_{number}.py" for number in range(10)]
    assert crowded([*ten, "core/new.py"]) == []
    assert crowded([*ten, "new.py"]) == [*ten, "new.py"]
