#!/usr/bin/env bash
# pycurl 7.49.0 (PyPI wheel, libcurl 8.23.0, nghttp2 1.70.0), peer: h2 4.3.0.
# Behaviour: if an HTTP/2 server breaks a response off with RST_STREAM(HTTP_1_1_REQUIRED) after part of the body has come,
# libcurl repeats the request over HTTP/1.1 by itself and hands the second body on behind the first. The transfer ends
# without an error, with status 200. It does so for POST as well, which the server then gets twice.
# Seen: 10 of 100 bytes over HTTP/2, then "ok" with Content-Length 2 over HTTP/1.1: one body of 12 bytes,
# b"xxxxxxxxxxok", for GET and for POST; two requests each.
# Surprises: whoever stores what the write callback gives, and whoever counts on a POST being sent once.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet 'pycurl==7.49.0' 'h2==4.3.0'
"$folder/env/bin/python" - <<'PYTHON'
import socket
import sys
import threading

import h2.config
import h2.connection
import h2.errors
import h2.events
import pycurl

server = socket.create_server(("127.0.0.1", 0))
requests = []


def serve():
    while True:
        connection, _ = server.accept()
        threading.Thread(target=talk, args=(connection,), daemon=True).start()


def talk(connection):
    """Break an HTTP/2 response off with HTTP_1_1_REQUIRED, and answer a request over HTTP/1.1."""
    data = connection.recv(65_536)
    if not data.startswith(b"PRI * HTTP/2.0"):
        requests.append(data.partition(b"\r\n")[0].decode())
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        connection.close()
        return
    peer = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    peer.initiate_connection()
    while data:
        for event in peer.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                fields = dict(event.headers)
                requests.append(f"{fields[b':method'].decode()} {fields[b':path'].decode()} HTTP/2")
                peer.send_headers(event.stream_id, [(":status", "200"), ("content-length", "100")])
                peer.send_data(event.stream_id, b"x" * 10)
                peer.reset_stream(event.stream_id, h2.errors.ErrorCodes.HTTP_1_1_REQUIRED)
        connection.sendall(peer.data_to_send())
        data = connection.recv(65_536)


threading.Thread(target=serve, daemon=True).start()
seen = []
for method in ("GET", "POST"):
    requests.clear()
    body, easy = [], pycurl.Curl()
    easy.setopt(pycurl.URL, f"http://127.0.0.1:{server.getsockname()[1]}/")
    easy.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE)
    easy.setopt(pycurl.WRITEFUNCTION, body.append)
    easy.setopt(pycurl.TIMEOUT, 10)
    if method == "POST":
        easy.setopt(pycurl.POSTFIELDS, b"q")
    try:
        easy.perform()
        error = None
    except pycurl.error as failure:
        error = failure.args
    seen.append((error, easy.getinfo(pycurl.RESPONSE_CODE), b"".join(body), len(requests)))
    print(method, "error", error, "status", seen[-1][1], "body", seen[-1][2], "sent", requests)
    easy.close()
print(pycurl.version)
sys.exit(not all(one == (None, 200, b"x" * 10 + b"ok", 2) for one in seen))
PYTHON
