#!/usr/bin/env bash
# pycurl 7.49.0 (PyPI wheel, libcurl 8.23.0, nghttp2 1.70.0), peer: h2 4.3.0.
# Behaviour: an HTTP/2 response without Content-Length that the server ends by RST_STREAM(NO_ERROR) in the middle of its
# body, with no END_STREAM, is reported as complete. Any other code is error 92. RFC 9113, section 8.1, lets a server
# send NO_ERROR only after a complete response; a proxy that gives up says it all the same, and nothing that libcurl
# tells shows whether END_STREAM was seen.
# Seen: NO_ERROR no error, status 200, half of the body; INTERNAL_ERROR and CANCEL error 92.
# Surprises: whoever takes "no error" for "the whole body" over HTTP/2, as it is with chunks over HTTP/1.1.
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

HALF = b"half of the "
server = socket.create_server(("127.0.0.1", 0))


def serve():
    while True:
        connection, _ = server.accept()
        threading.Thread(target=talk, args=(connection,), daemon=True).start()


def talk(connection):
    """Begin a response, and reset its stream with the code that the path names."""
    peer = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    peer.initiate_connection()
    while data := connection.recv(65_536):
        for event in peer.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                peer.send_headers(event.stream_id, [(":status", "200")])
                peer.send_data(event.stream_id, HALF)
                peer.reset_stream(event.stream_id, int(dict(event.headers)[b":path"][1:]))
        connection.sendall(peer.data_to_send())


threading.Thread(target=serve, daemon=True).start()
seen = {}
for code in h2.errors.ErrorCodes.NO_ERROR, h2.errors.ErrorCodes.INTERNAL_ERROR, h2.errors.ErrorCodes.CANCEL:
    body, easy = [], pycurl.Curl()
    easy.setopt(pycurl.URL, f"http://127.0.0.1:{server.getsockname()[1]}/{int(code)}")
    easy.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE)
    easy.setopt(pycurl.WRITEFUNCTION, body.append)
    easy.setopt(pycurl.TIMEOUT, 10)
    try:
        easy.perform()
        seen[code.name] = None
    except pycurl.error as failure:
        seen[code.name] = failure.args[0]
    print(f"RST_STREAM({code.name}): error {seen[code.name]}, status {easy.getinfo(pycurl.RESPONSE_CODE)}, {b''.join(body)}")
    easy.close()
print(pycurl.version)
sys.exit(seen != {"NO_ERROR": None, "INTERNAL_ERROR": 92, "CANCEL": 92})
PYTHON
