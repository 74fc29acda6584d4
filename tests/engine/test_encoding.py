"""Text that is not ASCII on its way to libcurl, which pycurl hands on only as bytes."""

import base64
import json
import os
from urllib.parse import unquote_to_bytes

import certifi
import pytest
from tests.engine.http2 import Http2Server
from tests.engine.test_curl import do, job

from penstock.core.web.model import Reason
from penstock.engine.curl import CurlEngine
from penstock.errors import UsageError
from penstock.settings import HttpSettings
from penstock.testing.hostile.server import HostileServer
from penstock.testing.web import LocalWeb


@pytest.fixture(scope="module")
def web():
    with LocalWeb(hosts=2) as local:
        yield local


def test_headers_are_sent_in_latin_1(web):
    """The web reads them so, too; RFC 9110, section 5.5, has such bytes as obs-text."""
    engine = CurlEngine(HttpSettings())
    (attempt,) = do(
        engine, job(web.url(0, "/echo"), headers=(("X-Name", "M\u00fcller \u00ff"), ("User-Agent", "caf\u00e9")))
    )
    engine.close()
    said = json.loads(attempt.body)
    assert ["X-Name", "M\u00fcller \u00ff"] in said["headers"]
    assert ["User-Agent", "caf\u00e9"] in said["headers"]


@pytest.mark.parametrize("folder", ["jos\u00e9".encode(), "\u65e5\u672c".encode(), b"not-\xff-utf-8"])
@pytest.mark.parametrize("where", ["given", "built in"])
def test_certificates_may_be_in_a_folder_of_any_name(folder, where, tmp_path, monkeypatch):
    """libcurl is told of them for every fetch, of http as well."""
    path = tmp_path / os.fsdecode(folder)
    path.mkdir()
    with Http2Server(path) as server:
        monkeypatch.setattr(certifi, "where", lambda: server.cacert)
        engine = CurlEngine(HttpSettings(cacert=server.cacert if where == "given" else None))
        (attempt,) = do(engine, job(server.url("/page")))
        engine.close()
    assert (attempt.error, attempt.status) == (None, 200)


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "/nowhere/jos\u00e9.pem"])
def test_a_cacert_that_no_file_can_be_called_is_the_callers_mistake(name):
    with pytest.raises(UsageError, match="cacert"):
        CurlEngine(HttpSettings(cacert=name))


@pytest.mark.parametrize("typed", [b"jos\xc3\xa9:p\xc3\xa4ss", b"jos\xe9:p%C3%A4ss"])
def test_the_credentials_of_a_proxy_are_sent_as_they_were_typed(typed):
    """In UTF-8, as most terminals have them, and bytes that are not UTF-8 as those bytes."""
    with HostileServer() as server:
        proxy = server.here.replace("http://", f"http://{os.fsdecode(typed)}@")
        engine = CurlEngine(HttpSettings(proxy=proxy))
        do(engine, job("http://far.example/echo"))
        engine.close()
        (request,) = server.requests("")
    scheme, _, credentials = dict(request.headers)["Proxy-Authorization"].partition(" ")
    assert (scheme, base64.b64decode(credentials)) == ("Basic", unquote_to_bytes(typed))


def test_connect_to_may_be_written_as_a_url_is(web):
    """A URL's host is in punycode when it is compared."""
    engine = CurlEngine(HttpSettings(connect_to=(f"b\u00fccher.example::127.0.0.1:{web.port()}",)))
    (attempt,) = do(engine, job("http://xn--bcher-kva.example/page"))
    engine.close()
    assert (attempt.error, attempt.status) == (None, 200)


def test_and_with_a_proxy_libcurl_is_told_so(web):
    """It asks the proxy for a tunnel then; the web is none."""
    settings = HttpSettings(connect_to=("b\u00fccher.example::d\u00f6ner.example:80",), proxy=web.url(0, ""))
    engine = CurlEngine(settings)
    (attempt,) = do(engine, job("http://xn--bcher-kva.example/page"))
    engine.close()
    assert (attempt.error, attempt.status) == (Reason.PROTOCOL_ERROR, None)
    assert any("xn--dner-5qa.example" in path for _, path in web.traffic().paths)
