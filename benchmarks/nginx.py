"""The server: one nginx process on its own core, with three files.

Knows the configuration of nginx, and the number of its requests. Does not know the
clients.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from benchmarks.tls import make_certificate

__all__ = ["HTML", "LARGE", "PLAIN", "SIZES", "Nginx", "NginxFailed", "page"]

HTML: Final = "page.html"
PLAIN: Final = "plain.txt"
LARGE: Final = "large.html"

SIZES: Final = {HTML: 10_000, PLAIN: 10_000, LARGE: 250_000}
"""Bytes of each page."""

CONFIGURATION: Final = """\
daemon off;
# One process, a child of this one, needs no change of user and stays on its core.
master_process off;
# For root, also one that is root in its namespace only and cannot change the owner of a file.
user root;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 75;
    sendfile on;
    tcp_nopush on;
    open_file_cache max=10;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    types {{ text/html html; text/plain txt; }}
    server {{
        listen {address}:{port} backlog=4096;
        root {folder}/pages;
        location = /served {{ stub_status; }}
        location = /{large} {{ charset utf-8; }}
    }}
    server {{
        listen 127.0.0.1:{tls_port} ssl backlog=4096;
        root {folder}/pages;
        ssl_certificate {chain};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.2 TLSv1.3;
    }}
}}
"""

ITEM: Final = """<div class="item" id="item-%d">
  <a href="/catalogue/item-%d.html" title="Item %d">Item %d</a> &mdash;
  a description of it in a line or two of text, such as there is on every page
</div>
"""

ABROAD: Final = """<p lang="de">Größe für Gäste aus Århus, Łódź und 東京: 25 €</p>
"""

STARTUP: Final = 5.0
"""Seconds within which nginx must accept a connection."""


class NginxFailed(Exception):
    """nginx did not start; the message is its own."""


class Nginx:
    """Serves on the first of *ports* of *address*, with its files in *folder*, on the core *core*.

    The second of *ports* is for TLS, on 127.0.0.1; the file ``trusted`` verifies it.
    """

    def __init__(self, folder: Path, address: str, ports: tuple[int, int], *, core: int, connections: int) -> None:
        self.folder = folder
        self.port, self.tls_port = ports
        self.core = core
        folder.mkdir(parents=True)
        chain, key, self.trusted = make_certificate(folder)
        self._configuration = CONFIGURATION.format(
            folder=folder,
            address=address,
            port=self.port,
            tls_port=self.tls_port,
            connections=connections,
            chain=chain,
            key=key,
            large=LARGE,
        )
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it, and wait until it accepts connections.

        Raises NginxFailed if it does not.
        """
        pages = self.folder / "pages"
        pages.mkdir(parents=True)
        for name in SIZES:
            (pages / name).write_bytes(page(name))
        configuration = self.folder / "nginx.conf"
        configuration.write_text(self._configuration)
        with (self.folder / "said").open("wb") as said:
            command = ["nginx", "-p", str(self.folder), "-c", str(configuration), "-e", str(self.folder / "error.log")]
            self._process = subprocess.Popen(command, stdout=said, stderr=said)
        os.sched_setaffinity(self._process.pid, {self.core})
        self._await_connection()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def served(self) -> int:
        """Return the number of requests so far, including this one."""
        reply = b""
        with socket.create_connection(("127.0.0.1", self.port), timeout=STARTUP) as connection:
            connection.sendall(b"GET /served HTTP/1.0\r\n\r\n")
            while block := connection.recv(4096):
                reply += block
        return int(reply.split(b"requests")[1].split()[2])

    def _await_connection(self) -> None:
        assert self._process is not None
        until = time.monotonic() + STARTUP
        while self._process.poll() is None and time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=STARTUP).close()
            except OSError:
                time.sleep(0.01)
            else:
                return
        self._process.kill()
        self._process.wait()
        said = (self.folder / "said").read_text() + (self.folder / "error.log").read_text()
        raise NginxFailed(said.strip() or "nginx did not start and printed no message")


def page(name: str) -> bytes:
    """Return the page of that *name*, in UTF-8.

    ``HTML`` is as from a template: JSON escapes some 6 of 100 bytes. ``PLAIN`` has no
    character that JSON escapes, ``LARGE`` some words that are not ASCII.
    """
    if name == PLAIN:
        text = "Words and more words, and no line feed between them. " * 200
    else:
        form = ITEM + ABROAD if name == LARGE else ITEM
        text = "".join(form.replace("%d", str(number)) for number in range(SIZES[name] // 100))
    return text.encode()[: SIZES[name]]
