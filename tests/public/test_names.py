"""The public names: each loads when it is used, type checkers see the same ones, and no error is missing."""

from __future__ import annotations

import ast
import inspect
from importlib import import_module
from pathlib import Path

import pytest

import penstock
from penstock import errors

STUB = Path(penstock.__file__).with_suffix(".pyi")


def test_type_checkers_see_the_names_that_there_are():
    found, listed = {}, None
    for node in ast.parse(STUB.read_text()).body:
        if isinstance(node, ast.ImportFrom):
            found |= {alias.name: node.module for alias in node.names}
        else:
            listed = ast.literal_eval(node.value)
    assert found == penstock._HOME
    assert listed == penstock.__all__


@pytest.mark.parametrize("name", penstock.__all__)
def test_a_public_name_is_what_its_module_has(name):
    home = import_module(penstock._HOME[name])
    assert getattr(penstock, name) is getattr(home, name)
    assert name == "__version__" or name in home.__all__


def test_every_exception_can_be_caught_by_its_public_name():
    assert set(errors.__all__) <= set(penstock.__all__)


@pytest.mark.parametrize("name", errors.__all__)
def test_every_exception_is_in_the_tree_that_is_drawn(name):
    drawn = [line for line in errors.__doc__.splitlines() if name in line.split()]
    assert len(drawn) == 1
    parent = inspect.getmro(getattr(errors, name))[1].__name__
    assert parent in errors.__all__ or name == "PenstockError"


def test_a_name_that_there_is_not_is_named():
    with pytest.raises(AttributeError, match="module 'penstock' has no attribute 'fetsch'"):
        _ = penstock.fetsch
    assert dir(penstock) == penstock.__all__
