"""A run whose input the folder can't find goes on with the one it is given."""

from __future__ import annotations

import pytest

import penstock
from penstock.errors import InputChanged, UsageError
from penstock.fetching import sessions
from penstock.settings import Settings
from penstock.testing.web import LocalWeb

FAST = {"robots": False, "delay": 0, "per_host": 10, "attempts": 1}


@pytest.fixture
def web():
    with LocalWeb(hosts=2) as local:
        local.habits[local.host(1)] = "/close"
        yield local


@pytest.fixture
def urls(web):
    return [web.url(seq % 2, f"/page/{seq}") for seq in range(10)]


@pytest.fixture
def folder(urls, tmp_path):
    """A finished run of a list in memory, with five failures."""
    assert penstock.run(urls, tmp_path / "run", **FAST).tally.kinds["failed"] == 5
    return tmp_path / "run"


@pytest.mark.parametrize("made", [list, tuple, iter])
def test_a_run_of_an_iterable_is_tried_again_with_it(web, folder, urls, made):
    web.habits.clear()
    summary = penstock.retry(folder, inputs=made(urls))
    assert (summary.complete, summary.again, summary.tally.statuses) == (True, 5, {200: 10})
    assert penstock.resume(folder, inputs=made(urls)).complete
    assert penstock.verify(folder).ok


@pytest.mark.parametrize("again", [penstock.retry, penstock.resume])
def test_without_it_the_keyword_is_named(folder, again):
    with pytest.raises(UsageError, match=r"an iterable of a program, which is not kept; give it again: inputs=\.\.\.$"):
        again(folder)


@pytest.mark.parametrize("again", [penstock.retry, penstock.resume])
def test_another_list_is_refused_with_the_keyword_that_forces_it(folder, urls, again):
    with pytest.raises(InputChanged, match=r"input 0 .* was .*/page/0.*: force=True$"):
        again(folder, inputs=["http://other.test/", *urls[1:]])


def test_a_list_that_is_in_a_file_now_is_the_same(web, folder, urls, tmp_path):
    """And from then on the folder knows where it is."""
    (tmp_path / "urls.txt").write_text("\n".join(urls))
    assert penstock.retry(folder, inputs=tmp_path / "urls.txt").again == 5
    web.habits.clear()
    assert penstock.retry(folder).tally.statuses == {200: 10}


def test_a_file_that_has_moved_is_found_where_it_is_said_to_be(urls, tmp_path):
    old, new, folder = tmp_path / "urls.txt", tmp_path / "moved.txt", tmp_path / "run"
    old.write_text("\n".join(urls))
    sessions.begin([str(old)], folder, Settings.of(**FAST)).close()
    old.rename(new)
    with pytest.raises(penstock.PenstockError, match=r"there is no file .* name its new place: inputs=\.\.\.$"):
        penstock.resume(folder)
    assert penstock.resume(folder, inputs=new).complete
    assert penstock.resume(folder).complete, "it is known where it is now"
    assert penstock.verify(folder).ok


def test_a_file_that_has_moved_and_changed_is_refused(urls, tmp_path):
    old, new, folder = tmp_path / "urls.txt", tmp_path / "moved.txt", tmp_path / "run"
    old.write_text("\n".join(urls))
    penstock.run(old, folder, **FAST)
    new.write_text("\n".join(reversed(urls)))
    with pytest.raises(InputChanged, match=r"is still 'moved\.txt'.*content has changed|it was 'urls\.txt'"):
        penstock.resume(folder, inputs=new)


def test_urls_with_credentials_in_them_are_given_again(web, tmp_path):
    folder, secret = tmp_path / "run", "s3cret"
    url = web.url(0, "/page").replace("http://", f"http://me:{secret}@")
    sessions.begin([url], folder, Settings.of(**FAST)).close()
    with pytest.raises(UsageError, match="credentials in them, which are not kept"):
        penstock.resume(folder)
    assert penstock.resume(folder, inputs=url).complete
    assert all(secret.encode() not in file.read_bytes() for file in folder.iterdir())


def test_urls_with_credentials_stay_withheld_if_a_list_took_their_place(web, tmp_path):
    """The folder goes on naming them without credentials, so they must never be requested as it names them."""
    folder = tmp_path / "run"
    urls = [web.url(0, f"/page/{seq}").replace("http://", "http://me:s3cret@") for seq in range(4)]
    sessions.begin(urls, folder, Settings.of(**FAST)).close()
    assert penstock.resume(folder, inputs=urls).complete
    requests = web.traffic().requests
    for again in (penstock.resume, penstock.retry):
        for force in (False, True):
            with pytest.raises(UsageError, match="credentials in them, which are not kept; give them again"):
                again(folder, force=force)
    assert web.traffic().requests == requests
