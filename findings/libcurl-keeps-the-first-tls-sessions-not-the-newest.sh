#!/usr/bin/env bash
# pycurl 7.49.0 (PyPI wheel, libcurl 8.23.0, OpenSSL 3.6.5), with the server of Python's ssl module (TLS 1.3).
# Behaviour: a multi handle (or a share with LOCK_DATA_SSL_SESSION) keeps the TLS sessions of 25 peers, and no option
# changes that. If all places are taken, the least recently *resumed* peer has to go (lib/vtls/vtls_scache.c), and one
# that was never resumed counts as the oldest. So each new host replaces the one before it, and the first 24 hosts stay
# for as long as their sessions are valid. curl_share_setopt(3) only says that sessions are shared.
# Seen: 60 hosts, one request each, and then each again: 24 handshakes are resumed, those of the hosts 1 to 24. None of
# the 35 newest is.
# What works: several shares, each used for 25 hosts at most.
# Surprises: whoever fetches from more than 25 hosts in one process and expects a host met again a moment later to
# resume, as every new connection verifies the certificate anew.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet 'pycurl==7.49.0' 'trustme==1.2.1'
"$folder/env/bin/python" - "$folder" <<'PYTHON'
import socket
import ssl
import sys
import threading

import pycurl
import trustme

HOSTS = 60
authority = trustme.CA()
authority.cert_pem.write_to_path(f"{sys.argv[1]}/authority.pem")
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
authority.issue_cert("*.hosts.test").configure_cert(context)
server = socket.create_server(("127.0.0.1", 0))
port = server.getsockname()[1]
resumed = []


def serve():
    for _ in range(2 * HOSTS):
        plain, _ = server.accept()
        with context.wrap_socket(plain, server_side=True) as connection:
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(65_536)
            resumed.append(connection.session_reused)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def fetch(multi, number):
    easy = pycurl.Curl()
    easy.setopt(pycurl.URL, f"https://h{number}.hosts.test:{port}/")
    easy.setopt(pycurl.CONNECT_TO, [f"::127.0.0.1:{port}"])
    easy.setopt(pycurl.CAINFO, f"{sys.argv[1]}/authority.pem")
    multi.add_handle(easy)
    while multi.perform()[1]:
        multi.select(1)
    assert not multi.info_read()[2]
    multi.remove_handle(easy)


thread = threading.Thread(target=serve, daemon=True)
thread.start()
multi = pycurl.CurlMulti()
for number in (*range(HOSTS), *range(HOSTS)):
    fetch(multi, number)
thread.join(5)
again = [number for number in range(HOSTS) if resumed[HOSTS + number]]
print(pycurl.version.split()[1])
print(f"{HOSTS} hosts met again, resumed: {again}")
sys.exit(again != list(range(1, 25)))
PYTHON
