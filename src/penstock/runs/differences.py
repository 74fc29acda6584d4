"""Compares two inputs by their fingerprints.

Knows what a fingerprint says. Does not know how one is taken (``source.fingerprint``).
"""

from __future__ import annotations

from typing import Any

__all__ = ["difference"]


def difference(old: dict[str, Any] | None, new: dict[str, Any] | None) -> str | None:
    """Return how the input *new* differs from *old*, as a sentence about it, or None if it does not.

    >>> difference({"kind": "items", "count": 2, "sha256": "a"}, {"kind": "items", "count": 3, "sha256": "b"})
    'it was a list of 2 and is a list of 3'
    """
    if old is None or new is None or old["kind"] != new["kind"]:
        return None if old == new else f"it was {_shown(old)} and is {_shown(new)}"
    if old["kind"] == "several":
        return _difference_of_parts(old["parts"], new["parts"])
    if _essence(old) == _essence(new):
        return None
    if _shown(old) == _shown(new):
        return f"it is still {_shown(new)}, but its content has changed"
    return f"it was {_shown(old)} and is {_shown(new)}"


def _difference_of_parts(old: list[Any], new: list[Any]) -> str | None:
    if len(old) != len(new):
        return f"there were {len(old)} inputs and are {len(new)}"
    for number, (before, now) in enumerate(zip(old, new, strict=True), 1):
        found = difference(before, now)
        if found is not None:
            return f"input {number}: {found}"
    return None


def _essence(fingerprint: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fingerprint.items() if name != "name"}


def _shown(fingerprint: dict[str, Any] | None) -> str:
    if fingerprint is None:
        return "a stream"
    if fingerprint["kind"] == "file":
        return f"{fingerprint['name']!r}, {fingerprint['bytes']:,} bytes of {fingerprint['format']}"
    if fingerprint["kind"] == "items":
        return f"a list of {fingerprint['count']:,}"
    if fingerprint["kind"] == "sitemaps":
        return f"a list of {fingerprint['count']:,} sitemaps"
    return f"{len(fingerprint['parts'])} inputs"
