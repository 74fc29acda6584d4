"""Every argument that is wrong is refused at once, by name, and with what would be right."""

import pytest
from tests.throttle.trial import Work

from penstock import UsageError, throttle

NAN = float("nan")


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("concurrency", 0, "from 1 to 1,000,000"),
        ("concurrency", -3, "from 1 to 1,000,000"),
        ("concurrency", 1_000_001, "from 1 to 1,000,000"),
        ("concurrency", 2.0, "whole number"),
        ("concurrency", True, "whole number"),
        ("concurrency", None, "whole number"),
        ("concurrency", "5", "whole number"),
        ("per_key", 0, "from 1 to 1,000,000"),
        ("per_key", 1.5, "whole number"),
        ("delay", -0.1, "from 0 to 86,400"),
        ("delay", 86_401, "from 0 to 86,400"),
        ("delay", NAN, "from 0"),
        ("delay", None, "number"),
        ("delay", "1", "number"),
        ("rate", 0, "leave it out for no limit"),
        ("rate", -1, "from above 0 to 1,000,000"),
        ("rate", 1e7, "from above 0 to 1,000,000"),
        ("rate", NAN, "from above 0"),
        ("rate", "fast", "number"),
        ("attempts", 0, "from 1 to 1,000"),
        ("attempts", 1001, "from 1 to 1,000"),
        ("attempts", None, "whole number"),
        ("timeout", 0, "from 0.001 to 86,400"),
        ("timeout", -1.0, "from 0.001"),
        ("timeout", "1", "number"),
        ("window", 0, "from 1 to 100,000,000"),
        ("window", "1", "whole number"),
        ("retry", 3, "an exception class, a tuple of them, or a function"),
        ("retry", "OSError", "an exception class, a tuple of them, or a function"),
        ("retry", int, "an exception class, a tuple of them, or a function"),
        ("retry", (OSError, 3), "an exception class, a tuple of them, or a function"),
        ("retry", BaseException, "an exception class, a tuple of them, or a function"),
        ("key", "name", "a function of one item"),
    ],
)
def test_a_limit_that_is_none_is_refused(name, value, remedy):
    limits = {"concurrency": 3, "key": str} | {name: value}
    with pytest.raises(UsageError, match=name) as raised:
        throttle(Work(), [], **limits)
    assert remedy in str(raised.value)


@pytest.mark.parametrize("items", [None, 7, Work, list])
def test_items_that_are_no_iterable_are_refused(items):
    with pytest.raises(UsageError, match="an iterable or an async iterable"):
        throttle(Work(), items, concurrency=3)


@pytest.mark.parametrize("work", [None, "work", [], Work().__call__(0)])
def test_work_that_cannot_be_called_is_refused(work):
    with pytest.raises(UsageError, match="an async function of one item"):
        throttle(work, [], concurrency=3)
    if hasattr(work, "close"):
        work.close()


def test_a_limit_per_key_without_keys_is_refused():
    with pytest.raises(UsageError, match="key=function"):
        throttle(Work(), [], concurrency=3, per_key=2)
    throttle(Work(), [], concurrency=3, per_key=None)


def test_an_argument_like_no_other_is_refused_with_all_there_are():
    with pytest.raises(UsageError, match="throttle has no argument 'per_host'") as raised:
        throttle(Work(), [], concurrency=3, per_host=2)
    names = str(raised.value).rpartition(": ")[2].split(", ")
    limits = {"per_key", "delay", "rate", "attempts", "retry", "timeout", "window"}
    assert set(names) == limits | {"concurrency", "key", "ordered", "fail_fast"}


def test_the_highest_and_the_lowest_are_taken():
    throttle(Work(), [], concurrency=1_000_000, rate=1_000_000, attempts=1_000, timeout=86_400, delay=86_400)
    throttle(Work(), [], concurrency=1, rate=1e-9, attempts=1, timeout=0.001, delay=0, window=1, key=str, per_key=1)


@pytest.mark.parametrize("name", ["key", "retry"])
def test_a_rule_that_would_have_to_be_awaited_is_refused(name):
    async def rule(_given):
        return True

    with pytest.raises(UsageError, match=f"{name} is an async function"):
        throttle(rule, [1], concurrency=1, **{name: rule})


@pytest.mark.parametrize("text", ["http://a.test/", b"bytes"])
def test_a_text_is_no_list_of_items(text):
    with pytest.raises(UsageError, match="split into its letters"):
        throttle(print, text, concurrency=1)
