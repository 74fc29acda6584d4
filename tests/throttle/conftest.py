"""Fixtures for throttles."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from tests.throttle.trial import AsyncWitness, Virtual, Witness

from penstock.loop.driver import Driver


@pytest.fixture
def virtual(monkeypatch):
    """Virtual time, for the driver and for every loop; fails where a loop had to complain of something."""
    trial = Virtual()
    monkeypatch.setattr("penstock.throttling.Driver", partial(Driver, clock=trial.clock, draw=lambda: 0.5))
    monkeypatch.setattr(asyncio, "new_event_loop", trial.loop)
    yield trial
    assert trial.complaints == []


@pytest.fixture(params=[Witness, AsyncWitness])
def witness(request):
    """Makes witnesses, plain or asynchronous."""
    return request.param
