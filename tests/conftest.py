"""Fixtures for all tests."""

from __future__ import annotations

import signal

import pytest

from penstock.engine import families
from penstock.testing.outcomes import assert_each_once


@pytest.fixture(scope="session", autouse=True)
def _signals():
    """A shell's background job has Ctrl-C ignored, and its children would have, too: tests send it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _routes(monkeypatch):
    """There is a way out for both families, whatever machine this is."""
    monkeypatch.setattr(families, "has_route", lambda _family: True)


@pytest.fixture
def each_once(request):
    """Checks that every input has exactly one outcome; a test that asks for it must account for its inputs.

    Call it with the outcomes or records and the number of inputs; it gives the outcomes back as a list.
    """
    accounted = 0
    failed = request.session.testsfailed

    def check(outcomes, inputs):
        nonlocal accounted
        found = list(outcomes)
        assert_each_once(found, inputs)
        accounted += 1
        return found

    yield check
    # Where the test has failed already, one failure is enough.
    assert accounted or request.session.testsfailed > failed, "this end-to-end test never accounted for its inputs"
