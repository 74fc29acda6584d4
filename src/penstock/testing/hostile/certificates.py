"""Certificates for the local servers, good and bad, made on the spot.

Knows trustme, which is no dependency of Penstock; it is asked for when a certificate is.
"""

from __future__ import annotations

import datetime as dt
import functools
import ssl
from typing import Any

from penstock.errors import UsageError

__all__ = ["Certificates"]

HOST = "127.0.0.1"


class Certificates:
    """TLS contexts for servers at 127.0.0.1, by the name of what is wrong with their certificate."""

    def __init__(self) -> None:
        """Raise UsageError where trustme is missing."""
        try:
            import trustme  # noqa: PLC0415 - only those who ask for TLS need it
        except ImportError:
            raise UsageError("TLS faults need trustme; install it with: pip install trustme") from None
        self._trusted: Any = trustme.CA()
        self._untrusted: Any = trustme.CA()

    @property
    def authority(self) -> bytes:
        """The certificate of the authority that the client is to trust, as PEM."""
        return bytes(self._trusted.cert_pem.bytes())

    @functools.cache  # noqa: B019 - as long-lived as the server that has it
    def context(self, name: str) -> ssl.SSLContext:
        """A server's context whose certificate is *name*: fine, expired, wrong host, self-signed, unknown root."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if name == "self-signed":
            # An authority vouches for itself; this one is just not meant to be a server.
            authority = self._untrusted
            with authority.private_key_pem.tempfile() as key, authority.cert_pem.tempfile() as certificate:
                context.load_cert_chain(certificate, key)
            return context
        self._certificate(name).configure_cert(context)
        return context

    def _certificate(self, name: str) -> Any:
        if name == "expired":
            then = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
            return self._trusted.issue_cert(HOST, not_after=then)
        if name == "wrong host":
            return self._trusted.issue_cert("other.test")
        if name == "unknown root":
            return self._untrusted.issue_cert(HOST)
        return self._trusted.issue_cert(HOST)
