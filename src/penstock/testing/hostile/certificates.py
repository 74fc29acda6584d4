"""Certificates for the local servers, valid and invalid, made when they are needed.

Knows trustme and cryptography. They are no dependencies of Penstock, and are imported
late.
"""

from __future__ import annotations

import datetime as dt
import functools
import ipaddress
import ssl
import tempfile
from typing import Any, Final

from penstock.errors import UsageError

__all__ = ["Certificates"]

HOST: Final = "127.0.0.1"


class Certificates:
    """TLS contexts for servers at 127.0.0.1, by the fault of their certificate."""

    def __init__(self) -> None:
        """Make two authorities. Raises UsageError if trustme is not installed."""
        try:
            import trustme  # noqa: PLC0415 - only TLS needs it
        except ImportError:
            raise UsageError("certificates need trustme; install it with: pip install trustme") from None
        self._trusted: Any = trustme.CA()
        self._untrusted: Any = trustme.CA()

    @property
    def authority(self) -> bytes:
        """The certificate of the authority that the client must trust, as PEM."""
        return bytes(self._trusted.cert_pem.bytes())

    @functools.cache  # noqa: B019 - it lives as long as its server
    def context(self, name: str) -> ssl.SSLContext:
        """Return a context: fine, expired, wrong host, self-signed or unknown root."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if name == "self-signed":
            with tempfile.NamedTemporaryFile(suffix=".pem") as file:
                file.write(_self_signed())
                file.flush()
                context.load_cert_chain(file.name)
        else:
            self._issued(name).configure_cert(context)
        return context

    def _issued(self, name: str) -> Any:
        if name == "expired":
            return self._trusted.issue_cert(HOST, not_after=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        if name == "wrong host":
            return self._trusted.issue_cert("other.test")
        if name == "unknown root":
            return self._untrusted.issue_cert(HOST)
        return self._trusted.issue_cert(HOST)


def _self_signed() -> bytes:
    """Return a key and a self-signed certificate for HOST as PEM."""
    from cryptography import x509  # noqa: PLC0415 - trustme brings it
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2999, 1, 1, tzinfo=dt.UTC))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private + certificate.public_bytes(pem)
