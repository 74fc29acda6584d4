#!/usr/bin/env bash
# pycurl 7.49.0 (PyPI wheel, libcurl 8.23.0).
# Behaviour: libcurl rewrites percent-escapes with small letters in the *path* of a URL to capital ones before it sends
# the request, and leaves those in the *query* as they are. Nothing that a program can read back says so:
# EFFECTIVE_URL has the small letters, the server got the capital ones.
# Seen: asked for /%e4/x%2fy?q=%e4, sent /%E4/x%2Fy?q=%e4, EFFECTIVE_URL .../%e4/x%2fy?q=%e4. With REQUEST_TARGET the
# path goes out as given.
# Surprises: whoever records what was asked for (archives, signatures over the path, caches keyed by URL), and servers
# that redirect to one spelling: a client that follows it asks for the other one again.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet 'pycurl==7.49.0'
"$folder/env/bin/python" - <<'PYTHON'
import socket
import sys
import threading

import pycurl

PATH = "/%e4/x%2fy?q=%e4"
lines = []
server = socket.create_server(("127.0.0.1", 0))


def serve(requests):
    for _ in range(requests):
        connection, _ = server.accept()
        with connection:
            head = b""
            while b"\r\n\r\n" not in head and (piece := connection.recv(65_536)):
                head += piece
            lines.append(head.split(b" ")[1].decode())
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


thread = threading.Thread(target=serve, args=(2,), daemon=True)
thread.start()
easy = pycurl.Curl()
easy.setopt(pycurl.URL, f"http://127.0.0.1:{server.getsockname()[1]}{PATH}")
easy.perform()
told = easy.getinfo(pycurl.EFFECTIVE_URL)
easy.setopt(pycurl.REQUEST_TARGET, PATH)
easy.perform()
thread.join(5)
print(pycurl.version.split()[1])
print(f"asked for {PATH}\nsent      {lines[0]}\ntold      ...{told[told.index('/', 8):]}\nexactly   {lines[1]}")
sys.exit(not (lines == ["/%E4/x%2Fy?q=%e4", PATH] and told.endswith(PATH)))
PYTHON
