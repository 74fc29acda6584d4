"""A server that answers with bytes as they are given, and keeps every byte that it gets."""

from __future__ import annotations

import socketserver
import threading


class RawServer(socketserver.ThreadingTCPServer):
    """Serves *answers*, bytes by path, on a port of 127.0.0.1 until its ``with`` block ends.

    ``got`` has each request as it came in, by path. A path that is not known, and ``/close``, get no answer.
    """

    daemon_threads = True

    def __init__(self, answers):
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.answers = answers
        self.got = {}
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self):
        self._thread.start()
        return super().__enter__()

    def __exit__(self, *_of_it):
        self.shutdown()
        self._thread.join()
        self.server_close()

    def url(self, path="/", host="127.0.0.1"):
        return f"http://{host}:{self.server_address[1]}{path}"


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self):
        while head := self._head():
            fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
            body = self.rfile.read(int(fields.get(b"content-length", 0)))
            path = head.split(b" ")[1].decode()
            self.server.got.setdefault(path, []).append(head + body)
            answer = self.server.answers.get(path)
            if answer is None:
                return
            self.wfile.write(answer)

    def _head(self):
        lines = []
        while line := self.rfile.readline():
            lines.append(line)
            if line == b"\r\n":
                return b"".join(lines)
        return b""
