"""A page callback: its value goes along, its fault costs nobody else anything, and one that hangs is named."""

import logging
import threading

import pytest

from penstock.core.web.model import Failed, Fetched, Reason
from penstock.fetching.callback import PageCallback

PAGE = Fetched(0, "http://a.test/", status=200, body=b"page")


@pytest.fixture
def made():
    """Makes callbacks, and ends their watchdogs."""
    callbacks = []

    def make(*args, **options) -> PageCallback:
        callbacks.append(PageCallback(*args, **options))
        return callbacks[-1]

    yield make
    for callback in callbacks:
        callback.close()


def test_what_it_returns_becomes_data(made):
    assert made(lambda page: len(page.body))(PAGE).data == 4


def test_nothing_returned_is_the_page_as_it_was(made):
    assert made(lambda _page: None)(PAGE) is PAGE


def test_only_fetched_pages_are_shown_to_it(made):
    failed = Failed(0, "http://a.test/", Reason.RESET)
    assert made(lambda _page: 1)(failed) is failed


def test_what_it_raises_is_the_pages_fault_and_the_page_is_kept(made):
    def refuse(_page: Fetched) -> None:
        raise KeyError("price")

    outcome = made(refuse)(PAGE)
    assert isinstance(outcome, Failed)
    assert (outcome.error, outcome.status, outcome.body) == (Reason.CALLBACK_ERROR, 200, b"page")
    assert outcome.detail is not None
    assert outcome.detail.endswith("refuse: KeyError: 'price'")


def test_an_interrupt_is_not_swallowed(made):
    def interrupted(_page: Fetched) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made(interrupted)(PAGE)


def test_one_that_hangs_is_named_once(made):
    """It goes on as soon as the warning was given, which is what it hangs on here."""
    named = threading.Event()
    warnings = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            warnings.append(record.getMessage())
            named.set()

    def hang(_page: Fetched) -> bool:
        return named.wait(10)

    listener = Listener()
    logging.getLogger("penstock").addHandler(listener)
    try:
        assert made(hang, patience=0.01)(PAGE).data is True
    finally:
        logging.getLogger("penstock").removeHandler(listener)
    assert len(warnings) == 1
    assert "hang has not returned for 'http://a.test/'" in warnings[0]
