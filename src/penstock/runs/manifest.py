"""The purpose of a run folder: run.json, written first, and again if a session changes a setting.

Knows which settings make another job of it, and which are secrets. Does not know which inputs are
settled. docs/decisions/run-json.md says why it is no table of run.db.
"""

from __future__ import annotations

import json
import re
import uuid
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from penstock.core.web.fields import is_framing
from penstock.core.web.hosts import redact
from penstock.core.web.model import Headers
from penstock.core.web.requests import CROSSES_ORIGINS
from penstock.errors import FolderDamaged, FolderMismatch, InputChanged, UsageError
from penstock.remedies import Remedy, keyword
from penstock.runs.contents import describe_change
from penstock.runs.differences import difference
from penstock.settings import CHANGEABLE, Settings

__all__ = ["WITHHELD", "Manifest", "missing"]

SCHEMA: Final = 1

WITHHELD: Final = "***"
"""The text that replaces a secret."""

_SURROGATE_PAIR: Final = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_PROXY_CREDENTIALS: Final = re.compile(r"^([a-zA-Z][a-zA-Z0-9+.-]*://)?.*@")


class Manifest(Struct, frozen=True, kw_only=True):
    """One run's *settings* and *inputs* (by their names), without the secrets in them.

    *fingerprint* tells this input from others, or is None if nothing does. *withheld*
    lists the omitted secrets: ``header Authorization``, ``proxy``, ``url_template``,
    ``inputs``. *longest* is the largest ``max_body`` that was ever in force.
    ``Manifest.of`` makes one.
    """

    schema: int = SCHEMA
    run: str
    created: str
    inputs: tuple[str, ...]
    fingerprint: dict[str, Any] | None
    withheld: tuple[str, ...]
    settings: Settings
    longest: int = 0

    @classmethod
    def of(cls, settings: Settings, inputs: tuple[str, ...], fingerprint: Mapping[str, Any] | None) -> Manifest:
        """Return the manifest of a new run."""
        public = _hide_secrets(settings)
        blotted = tuple(map(redact, inputs))
        withheld = [f"header {name}" for name, value in public.headers if value == WITHHELD]
        withheld += [name for name in ("proxy", "url_template") if getattr(public, name) != getattr(settings, name)]
        return cls(
            run=uuid.uuid4().hex,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            inputs=blotted,
            fingerprint=None if fingerprint is None else _blot_all(dict(fingerprint)),
            withheld=(*withheld, *(["inputs"] if blotted != inputs else [])),
            settings=public,
            longest=settings.max_body,
        )

    def adopt(self, now: Manifest) -> Manifest:
        """Return this run with the settings of *now*, which ``check`` accepted, and the names of its inputs."""
        # An iterable has no names: the known ones stay, and with them their omitted secrets.
        kept = () if now.inputs else tuple(name for name in self.withheld if name == "inputs")
        return replace(
            self,
            inputs=now.inputs or self.inputs,
            withheld=(*now.withheld, *kept),
            settings=now.settings,
            longest=max(self.longest, self.settings.max_body, now.longest),
        )

    def encode(self) -> bytes:
        r"""Return the text of run.json, which people can read too; ``decode`` reverses it for any text.

        A byte of a name that is not UTF-8 is a lone surrogate in Python (PEP 383), and stays one: "\udce9".
        """
        said = msgspec.to_builtins(self)
        text = json.dumps(said, indent=2, ensure_ascii=False)
        if not _SURROGATE_PAIR.search(text):
            # Any JSON reader takes escapes, but reads an escaped pair as one character, as in UTF-16.
            text = json.dumps(said, indent=2)
        return text.encode("utf-8", "surrogatepass") + b"\n"

    @classmethod
    def decode(cls, data: bytes, where: str) -> Manifest:
        """Return the manifest in the text *data*, found at *where*.

        Raises FolderDamaged if there is none, FolderMismatch if a newer Penstock wrote it.
        """
        try:
            # Not msgspec's own JSON, nor orjson: they refuse the lone surrogates that names may have.
            said = msgspec.convert(json.loads(data.decode("utf-8", "surrogatepass")), dict[str, Any])
            schema = said.get("schema")
            if isinstance(schema, int) and schema > SCHEMA:
                raise FolderMismatch(f"{where} has schema {schema}, this Penstock knows {SCHEMA}; use the newer one")
            return _drop_framing(msgspec.convert(said, cls))
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise FolderDamaged(
                f"{where} is damaged: {error}; put a copy of it back. It says what the run is for, "
                "and cannot be rebuilt",
            ) from error

    def check(self, now: Manifest) -> None:
        """Refuse *now* if it describes another job.

        An input without a fingerprint is known by its name. Raises FolderMismatch, which
        lists each setting that differs, or else InputChanged if the input does.
        """
        was, wanted = msgspec.to_builtins(self.settings), msgspec.to_builtins(now.settings)
        changes = {name: change for name, change in _changes(was, wanted).items() if name not in CHANGEABLE}
        if changes:
            listed = [part for name, change in changes.items() for part in ("; ", keyword(name), f" {change}")]
            raise FolderMismatch(
                "this run began with other settings: ",
                *listed[1:],
                ". Keep those it has (",
                Remedy("penstock.resume", "penstock resume"),
                "), or name another folder",
            )
        if self.fingerprint is None or now.fingerprint is None:
            found = None if self.inputs == now.inputs else f"it was {_join(self.inputs)} and is {_join(now.inputs)}"
        else:
            found = difference(self.fingerprint, now.fingerprint)
        if found is not None:
            raise InputChanged(*describe_change(found))

    def restore(
        self,
        *,
        headers: Headers = (),
        proxy: str | None = None,
        url_template: str | None = None,
    ) -> Settings:
        """Return the settings of a resumed run: those kept, with the secrets given, headers of one name in order.

        Raises UsageError if a secret is missing, or if a header is given more or less
        often than the run has it.
        """
        filled = _fill(self.settings.headers, headers)
        given = {"proxy": proxy, "url_template": url_template}
        for setting, text in given.items():
            if setting in self.withheld and text is None:
                raise missing(keyword(setting), Remedy(f"{setting}=...", f"{keyword(setting).typed} ..."))
        return replace(
            self.settings,
            headers=filled,
            **{setting: text for setting, text in given.items() if text is not None},
        )


def _fill(kept: Headers, given: Headers) -> Headers:
    """Return *kept* with the values of *given* for the withheld ones.

    Raises UsageError if there are more or fewer of these.
    """
    wanted = Counter(name.lower() for name, value in kept if value == WITHHELD)
    secrets = {name: [value for other, value in given if other.lower() == name] for name in wanted}
    for name, often in wanted.items():
        called, count = next(other for other, _ in kept if other.lower() == name), len(secrets[name])
        if not count:
            raise missing(f"header {called}", Remedy(f"headers={{{called!r}: ...}}", f"-H '{called}: ...'"))
        if count != often:
            raise UsageError(
                f"headers: this run began with {called} {_times(often)}, and it is given {_times(count)}; give "
                "each of them again, in the order of before"
            )
    left = {name: iter(values) for name, values in secrets.items()}
    return tuple((name, next(left[name.lower()]) if value == WITHHELD else value) for name, value in kept)


def _drop_framing(manifest: Manifest) -> Manifest:
    """Return *manifest* without headers that can't be set any more; older builds began runs with them."""
    settings = manifest.settings
    kept = tuple(pair for pair in settings.headers if not (is_framing(pair[0]) or pair[0].lower() == "host"))
    return manifest if kept == settings.headers else replace(manifest, settings=replace(settings, headers=kept))


def _hide_secrets(settings: Settings) -> Settings:
    # A header that may not cross an origin may be a credential, whatever its name is (X-Api-Key).
    headers = tuple((name, value if name.lower() in CROSSES_ORIGINS else WITHHELD) for name, value in settings.headers)
    proxy, template = settings.proxy, settings.url_template
    if proxy is not None:
        proxy = _PROXY_CREDENTIALS.sub(rf"\g<1>{WITHHELD}@", proxy)
    return replace(settings, headers=headers, proxy=proxy, url_template=None if template is None else redact(template))


def _blot_all(value: Any) -> Any:
    """Return *value*, as JSON takes it, without the credentials in any URL in it."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {name: _blot_all(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_blot_all(item) for item in value]
    return value


def _changes(was: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, str]:
    """Return, for each name whose values differ, what they are."""
    return {
        name: f"was {json.dumps(was.get(name))}, is {json.dumps(now.get(name))}"
        for name in {**was, **now}
        if was.get(name) != now.get(name)
    }


def _join(inputs: tuple[str, ...]) -> str:
    return ", ".join(inputs) or "an iterable"


def missing(what: str | Remedy, remedy: Remedy) -> UsageError:
    """Return the error for *what*, a secret of the run, that is not given again."""
    return UsageError("this run began with ", what, ", which is not kept in the folder; give it again: ", remedy)


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"
