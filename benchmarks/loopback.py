"""A network of one's own with nothing in it but loopback; nothing about who talks there.

A server for 20,000 hosts listens on every address there is. Inside a fresh network namespace that is
127.0.0.0/8 and nothing else, so nobody outside can reach it, and no port is taken.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
from typing import Final

__all__ = ["enter", "raise_loopback"]

WAYS: Final = (("--net",), ("--net", "--user", "--map-root-user"))
"""How to get a namespace: as root, or as anybody where user namespaces are allowed."""

SIOCGIFFLAGS: Final = 0x8913
SIOCSIFFLAGS: Final = 0x8914
IFF_UP: Final = 1


def enter(arguments: list[str]) -> None:
    """Begin this program anew inside a fresh network namespace; returns only where there is no way to."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return
    for way in WAYS:
        tried = subprocess.run([unshare, *way, "true"], stderr=subprocess.DEVNULL, check=False)
        if tried.returncode == 0:
            os.execv(unshare, [unshare, *way, sys.executable, "-m", "benchmarks", *arguments])


def raise_loopback() -> None:
    """Bring the interface ``lo`` up; in a fresh namespace it is down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH22x", b"lo", 0)
        name, flags = struct.unpack("16sH22x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH22x", name, flags | IFF_UP))
