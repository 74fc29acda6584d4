"""The shape of the code: nothing outgrows its bounds, everything public says what it is, no test sleeps."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LINES_OF_A_MODULE = 500
LINES_OF_A_FUNCTION = 60
PARAMETERS = 7

FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


def outgrown(text: str) -> Iterator[str]:
    """The module, or the functions in it, that are too long or take too much."""
    lines = len(text.splitlines())
    if lines > LINES_OF_A_MODULE:
        yield f"{lines} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, FUNCTIONS):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > LINES_OF_A_FUNCTION:
                yield f"{node.name} has {lines} lines"
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            parameters = sum(argument.arg not in ("self", "cls") for argument in given)
            if parameters > PARAMETERS:
                yield f"{node.name} takes {parameters} parameters"


def silent(node: ast.AST, inside: str = "the module") -> Iterator[str]:
    """What is public in *node* and has no docstring; what is inside a function is nobody's business."""
    if isinstance(node, ast.Module | ast.ClassDef | FUNCTIONS) and not ast.get_docstring(node):
        yield inside
    for child in ast.iter_child_nodes(node):
        if isinstance(node, FUNCTIONS) or (isinstance(child, FUNCTIONS | ast.ClassDef) and child.name.startswith("_")):
            continue
        if isinstance(child, FUNCTIONS) and any(map(is_setter, child.decorator_list)):
            continue  # nobody can see it: help() shows the property's
        yield from silent(child, getattr(child, "name", inside))


def is_setter(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Attribute) and decorator.attr == "setter"


def sleeps(text: str) -> Iterator[str]:
    """The calls that make a thread sleep: of ``time.sleep``, by whatever name, for anything but nought."""
    tree = ast.parse(text)
    names = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "time"
        for alias in node.names
        if alias.name == "sleep"
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(args=[ast.Constant(value=0)]):
                continue
            case ast.Call(func=ast.Attribute(value=ast.Name(id="time"), attr="sleep")):
                yield f"line {node.lineno} sleeps"
            case ast.Call(func=ast.Name(id=name)) if name in names:
                yield f"line {node.lineno} sleeps"


def modules(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    assert found
    return found


def test_nothing_is_too_long_or_takes_too_much():
    assert [
        f"{path.relative_to(ROOT)}: {said}"
        for path in modules("src", "tests", "benchmarks")
        for said in outgrown(path.read_text(encoding="utf-8"))
    ] == []


def test_everything_public_has_a_docstring():
    assert [
        f"{path.relative_to(ROOT)}: {name}"
        for path in modules("src")
        for name in silent(ast.parse(path.read_text(encoding="utf-8")))
    ] == []


def test_no_test_sleeps():
    """Waiting is for an event or a virtual clock; a sleep is too long on one machine and too short on another."""
    assert [
        f"{path.relative_to(ROOT)}: {said}"
        for path in modules("tests")
        for said in sleeps(path.read_text(encoding="utf-8"))
    ] == []


# The checkers, with bugs planted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n" * 500, []),
        ("x = 1\n" * 501, ["501 lines"]),
        ("def f():\n" + "    x = 1\n" * 59, []),
        ("def f():\n" + "    x = 1\n" * 60, ["f has 61 lines"]),
        ("class A:\n    async def f():\n" + "        x = 1\n" * 60, ["f has 61 lines"]),
        ("def f(a, b, c, *, d, e, f, g): ...", []),
        ("class A:\n    def f(self, a, b, c, *, d, e, f, g): ...", []),
        ("def f(a, /, b, c, *, d, e, f, g, h): ...", ["f takes 8 parameters"]),
    ],
)
def test_what_outgrows_its_bounds_is_found(text, said):
    assert list(outgrown(text)) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('"""A."""\nclass A:\n    """A."""\n    def f(self):\n        """F."""\n        def inner(): ...\n', []),
        (
            '"""A."""\nclass _A:\n    def f(self): ...\nclass B:\n    """B."""\n    def __len__(self): ...\n',
            [],
        ),
        ("x = 1\n", ["the module"]),
        ('"""A."""\ndef f(): ...\n', ["f"]),
        ('"""A."""\nclass A:\n    async def f(self): ...\n', ["A", "f"]),
        (
            '"""A."""\nclass A:\n """A."""\n @property\n def f(self): ...\n @f.setter\n def f(self, value): ...\n',
            ["f"],
        ),
        ('"""A."""\nif True:\n    def f(): ...\n', ["f"]),
    ],
)
def test_what_says_nothing_is_found(text, said):
    assert list(silent(ast.parse(text))) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import time\ntime.sleep(0)\n", []),
        ("import asyncio\nasyncio.sleep(5)\n", []),
        ("import time\ntime.sleep(0.1)\n", ["line 2 sleeps"]),
        ("import time\ntime.sleep(x)\n", ["line 2 sleeps"]),
        ("from time import sleep\nsleep(1)\n", ["line 2 sleeps"]),
        ("from time import sleep as nap\ndef f():\n    nap(1)\n", ["line 3 sleeps"]),
    ],
)
def test_what_sleeps_is_found(text, said):
    assert list(sleeps(text)) == said
