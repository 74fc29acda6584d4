"""An authority and a certificate for every name below one domain, both ECDSA P-256.

Knows the openssl command. Does not know the server or the clients.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

import certifi

__all__ = ["DOMAIN", "make_certificate"]

DOMAIN: Final = "hosts.test"

CURVE: Final = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")


def make_certificate(folder: Path) -> tuple[Path, Path, Path]:
    """Make a certificate in *folder*; return its file, that of its key, and the trusted ones.

    Those are all that browsers trust, and the authority, as a user would add his own.
    Raises FileNotFoundError if there is no openssl.
    """
    authority, key = folder / "authority.pem", folder / "authority.key"
    chain, own = folder / "server.pem", folder / "server.key"
    _openssl(*CURVE, "-subj", "/CN=Benchmark authority", "-keyout", str(key), "-out", str(authority))
    _openssl(
        *(*CURVE, "-subj", f"/CN={DOMAIN}", "-addext", f"subjectAltName=DNS:*.{DOMAIN}"),
        *("-addext", "basicConstraints=critical,CA:FALSE", "-CA", str(authority), "-CAkey", str(key)),
        *("-keyout", str(own), "-out", str(chain)),
    )
    trusted = folder / "trusted.pem"
    trusted.write_bytes(Path(certifi.where()).read_bytes() + authority.read_bytes())
    return chain, own, trusted


def _openssl(*options: str) -> None:
    subprocess.run(["openssl", "req", "-x509", *options], check=True, capture_output=True)
