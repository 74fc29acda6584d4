"""Every setting of a run, validated once, frozen, and cut into the slice that each part gets.

The same words in Python, on the command line and in every message. The defaults are polite; each can be
lifted by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from penstock.bounds import MOST_A_SECOND, check_number, check_rate
from penstock.core.schedule.frontier import Ahead, Frontier
from penstock.core.schedule.probe import ConcurrencyProbe
from penstock.core.web.addresses import is_address
from penstock.core.web.delays import AdaptiveDelays
from penstock.core.web.fields import is_field_value, is_framing, is_token
from penstock.core.web.hosts import Place, locate
from penstock.core.web.judge import Judge
from penstock.core.web.model import Headers
from penstock.core.web.plan import Limits
from penstock.core.web.retry import IDEMPOTENT, Retry
from penstock.errors import UsageError
from penstock.sink.formats import FORMATS
from penstock.version import __version__

__all__ = [
    "BODIES",
    "BOUNDS",
    "DURATIONS",
    "INPUT_FORMATS",
    "PACES",
    "SINKS",
    "SIZES",
    "HttpSettings",
    "InputSettings",
    "OutputSettings",
    "Settings",
    "check_guard",
    "check_number",
    "check_rate",
    "parse_duration",
    "parse_size",
]

"""The highest rate that can be set."""

SIZES: Final = frozenset({"max_body", "memory"})
"""Settings that are bytes, and may be given as text."""

DURATIONS: Final = frozenset({"connect_timeout", "deadline", "delay", "flush_every", "timeout"})
"""Settings that are seconds, and may be given as text."""

BODIES: Final = ("inline", "none")
PACES: Final = ("adaptive", "fixed")
SINKS: Final = tuple(FORMATS)
INPUT_FORMATS: Final = ("lines", "csv", "tsv", "jsonl", "json", "sitemap", "parquet", "arrow")
DELIMITERS: Final = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
"""Delimiters that have a name, since a shell makes it hard to write some of them."""


_SIZE: Final = re.compile(r"\s*([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*(?:([kmgt])(i?))?b?\s*", re.IGNORECASE)
_DURATION: Final = re.compile(r"\s*(?:([0-9]{1,12}(?:\.[0-9]{1,12})?)\s*(ms|sec|s|min|m|h|d)?\s*)", re.IGNORECASE)
_UNITS: Final = {"": 1.0, "ms": 0.001, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0}
_DELIMITER: Final = re.compile(r"[^\"\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_SHARE: Final = re.compile(r"\s*([0-9]{1,3}(?:\.[0-9]{1,9})?)\s*(%?)\s*")
_HEADER_FORMS: Final = "headers: write 'Name: value', pairs of texts, or a mapping from names to values"
_ENDPOINT: Final = r"(?:\[[0-9A-Fa-f:.]+\]|[^:\[\]\s]*):[0-9]{0,5}"
_RESOLVER: Final = re.compile(r"(?:\[([^\]]*)\]|([^:]*))(?::([0-9]{1,5}))?")
_CONNECT_TO: Final = re.compile(f"{_ENDPOINT}:{_ENDPOINT}")


class HttpSettings(Struct, frozen=True):
    """What the HTTP engine needs to know. Times in seconds, sizes in bytes."""

    concurrency: int = 100
    timeout: float = 30.0
    connect_timeout: float = 5.0
    max_body: int = 100_000_000
    proxy: str | None = None
    insecure: bool = False
    cacert: str | None = None
    connect_to: tuple[str, ...] = ()
    resolver: str | None = None
    public_only: bool = False
    max_redirects: int = 10
    cookies: bool = False


class InputSettings(Struct, frozen=True):
    """How the input is to be read; None where the file itself tells."""

    input_format: str | None = None
    column: str | None = None
    url_template: str | None = None
    header: bool = True
    delimiter: str | None = None
    select: tuple[str, ...] = ()


class OutputSettings(Struct, frozen=True):
    """What is stored, and how often it is made durable (*flush_every*, in seconds)."""

    sinks: tuple[str, ...] = ("jsonl",)
    body: str = "inline"
    flush_every: float = 5.0


class Settings(Struct, frozen=True, kw_only=True):
    """All of it, flat, as keywords of ``fetch`` and ``run``. ``Settings.of`` validates.

    Durations are seconds, or text such as "500ms", "30s", "1m", "1h30m".

    * ``concurrency`` requests at once over all hosts (1 to 10,000), ``per_host`` for one host.
    * ``delay``: seconds between two starts on one host. ``rate``: starts a second over all hosts.
    * ``pace``: adaptive slows down for hosts that are busy or late, and has more than 100 requests at once only where
      that is worth it; fixed goes by the limits alone.
    * ``attempts``: how often an input is tried at most. ``timeout``: seconds for one attempt, redirects
      included, waiting not; ``connect_timeout``: seconds of it until a connection stands, names and TLS
      included.
    * ``retry_methods``: methods that may be sent again after a failure, as POST and PATCH, besides those that may be
      sent twice with the effect of once (RFC 9110, section 9.2.2).
    * ``max_body``: bytes of one body after decoding (a number, or text such as "10MB").
    * ``memory``: bytes of bodies held at once, under way and not yet taken; once that is reached, nothing starts and
      bodies wait in their connections, all but the oldest. The process takes at most twice the larger of ``memory`` and
      ``memory / 2 + max_body``, and some 50 MB, and what the caller keeps.
    * ``max_redirects``: hops followed; with 0 each redirect is an answer, its body included. ``window``: jobs known
      and not started, in memory; those of busy hosts go to the disk beyond it.
    * ``cookies``: keep the cookies that servers set, in memory, and send them back by the rules of RFC 6265.
    * ``robots``: ask every origin for its robots.txt first, and keep to what it says (RFC 9309).
    * ``headers``: sent with every request. ``user_agent`` and ``contact`` say who is asking.
    * ``proxy``: a URL. ``insecure``: do not verify certificates. ``cacert``: a file of certificates
      trusted instead of the system's. ``connect_to``: HOST1:PORT1:HOST2:PORT2, as curl's.
    * ``resolver``: the name server to ask, ADDRESS or ADDRESS:PORT, instead of the system's.
    * ``public_only``: connect to public addresses alone. Without it redirects from a public address may not
      lead to any other; with it, no input may either.
    * ``input_format``: lines, csv, tsv, jsonl (a JSON value a line), json (an array of them), sitemap, parquet or
      arrow. ``column``: which one has the URL, by its name or its number from 1. ``select``: the other ones that are
      carried along, instead of all. ``header``: whether a table begins with a row of column names; without it columns
      are called by their numbers. ``delimiter``: one character, or tab, that parts the fields of a table.
      ``url_template``: a URL with {} or {column} in it, filled from each row; the value is percent-encoded, but in
      the place of {+} and {+column} what may stand in a URL is left as it is. ``unique``: of inputs that ask for the
      same (method, canonical URL, body) only the first has an outcome; the others are counted.
    * ``deadline``: seconds after which a session of ``run`` takes no more, finishes what runs, and leaves the rest
      to be resumed. ``stop_at``: the share of the inputs (0.01 to 1, or text such as "99.9%") that is enough, once all
      have been read. ``min_speed``: outcomes a second, over the last minute and not before one has passed, below which
      it ends as well.
    * ``passes``: how often ``run`` goes over its inputs: those whose outcome may be another one later are tried again
      when all have one (1 to 10).
    * ``sinks``: the formats of a run folder. ``body``: inline or none. ``flush_every``: seconds between
      two commits.
    """

    concurrency: int = 100
    per_host: int = 2
    delay: float = 0.1
    rate: float | None = None
    pace: str = "adaptive"
    window: int = 10_000
    attempts: int = 3
    retry_methods: tuple[str, ...] = ()
    timeout: float = 30.0
    connect_timeout: float = 5.0
    max_body: int = 100_000_000
    memory: int = 512_000_000
    max_redirects: int = 10
    cookies: bool = False
    robots: bool = True
    headers: Headers = ()
    user_agent: str | None = None
    contact: str | None = None
    proxy: str | None = None
    insecure: bool = False
    cacert: str | None = None
    connect_to: tuple[str, ...] = ()
    resolver: str | None = None
    public_only: bool = False
    input_format: str | None = None
    column: str | None = None
    url_template: str | None = None
    header: bool = True
    delimiter: str | None = None
    select: tuple[str, ...] = ()
    unique: bool = False
    sinks: tuple[str, ...] = ("jsonl",)
    body: str = "inline"
    flush_every: float = 5.0
    deadline: float | None = None
    stop_at: float | None = None
    min_speed: float | None = None
    passes: int = 1

    @classmethod
    def of(cls, **given: Any) -> Settings:
        """The settings *given*, the defaults for the rest; UsageError says which one is wrong and how."""
        unknown = sorted(given.keys() - set(cls.__struct_fields__))
        if unknown:
            known = ", ".join(sorted(cls.__struct_fields__))
            raise UsageError(f"there is no setting {unknown[0]!r}; there are: {known}")
        for name in SIZES & given.keys():
            given[name] = parse_size(given[name], name)
        for name in DURATIONS & given.keys():
            given[name] = parse_duration(given[name], name)
        if isinstance(given.get("stop_at"), str):
            given["stop_at"] = _share(given["stop_at"])
        if "headers" in given:
            given["headers"] = _headers(given["headers"])
        for name in ("connect_to", "retry_methods", "select", "sinks"):  # one of them may be given as it is
            if isinstance(given.get(name), str):
                given[name] = (given[name],)
        for name in READ & given.keys():
            given[name] = READ[name](given[name])
        try:
            settings = msgspec.convert(given, cls, strict=True)
        except msgspec.ValidationError as error:
            raise UsageError(f"setting {_named(str(error))}") from None
        _check_numbers(settings)
        _check_choices(settings)
        _check_texts(settings)
        return settings

    def http(self) -> HttpSettings:
        """The engine's slice."""
        return HttpSettings(
            self.concurrency,
            self.timeout,
            self.connect_timeout,
            self.max_body,
            self.proxy,
            self.insecure,
            self.cacert,
            self.connect_to,
            self.resolver,
            self.public_only,
            self.max_redirects,
            self.cookies,
        )

    def input(self) -> InputSettings:
        """The source's slice."""
        return InputSettings(
            self.input_format, self.column, self.url_template, self.header, self.delimiter, self.select
        )

    def output(self) -> OutputSettings:
        """The sinks' slice."""
        return OutputSettings(self.sinks, self.body, self.flush_every)

    def rules(self, learned: Mapping[Any, float] | None = None) -> tuple[Frontier, Judge]:
        """Make a frontier with these limits and a judge with these rules, which share the adaptive delays.

        *learned* are the delays of an earlier session.
        """
        delays = AdaptiveDelays(learned) if self.pace == "adaptive" else None
        retry = Retry(self.attempts, methods=IDEMPOTENT | set(self.retry_methods))
        frontier = Frontier(
            window=self.window,
            concurrency=self.concurrency,
            per_key=self.per_host,
            delay=self.delay,
            rate=self.rate,
            ahead=Ahead.OVERFLOW,
        )
        if delays is not None:
            frontier.adapt(delays, ConcurrencyProbe())
        return frontier, Judge(retry, self.max_redirects, delays=delays)

    def limits(self) -> Limits:
        """What a plan goes by."""
        return Limits(self.concurrency, self.per_host, self.delay, self.rate)

    def request_headers(self) -> Headers:
        """What every request carries: who is asking, and the headers given."""
        if any(name.lower() == "user-agent" for name, _ in self.headers):
            return self.headers
        return (("User-Agent", self.agent()), *self.headers)

    def agent(self) -> str:
        """Who is asking."""
        given = [value for name, value in self.headers if name.lower() == "user-agent"]
        return given[0] if given else self.user_agent or default_user_agent(self.contact)


BOUNDS: Final = (
    ("concurrency", 1, 10_000),
    ("per_host", 1, 10_000),
    ("delay", 0, 86_400),
    ("rate", 0, MOST_A_SECOND),
    ("window", 1, 10**8),
    ("attempts", 1, 100),
    ("timeout", 0.001, 86_400),
    ("connect_timeout", 0.001, 86_400),
    ("max_body", 0, 10**12),
    ("memory", 10**6, 10**15),
    ("max_redirects", 0, 100),
    ("flush_every", 0.01, 3_600),
    ("deadline", 0.001, 10**8),
    ("stop_at", 0.01, 1),
    ("min_speed", 0.001, MOST_A_SECOND),
    ("passes", 1, 10),
)
"""Settings that are numbers, each with the least and the most it may be."""


def _check_numbers(settings: Settings) -> None:
    for name, low, high in BOUNDS:
        value = getattr(settings, name)
        if value is not None:
            check_number(name, value, low, high)
    check_rate(settings.rate)


def _check_choices(settings: Settings) -> None:
    for name, choices in (("body", BODIES), ("pace", PACES), ("input_format", INPUT_FORMATS)):
        value = getattr(settings, name)
        if value is not None and value not in choices:
            raise UsageError(f"{name} is {value!r}; it is one of {', '.join(choices)}")
    sinks = settings.sinks
    if not sinks or len(set(sinks)) != len(sinks) or set(sinks) - set(FORMATS):
        raise UsageError(f"sinks is {', '.join(sinks) or 'empty'}; name each at most once of {', '.join(FORMATS)}")


def _check_texts(settings: Settings) -> None:
    for entry in settings.connect_to:
        if not _CONNECT_TO.fullmatch(entry):
            raise UsageError(f"connect_to is {entry!r}; write HOST1:PORT1:HOST2:PORT2, any of them empty")
        for host in entry.split(":"):
            if not host.isascii() and not isinstance(locate(f"http://{host}/"), Place):
                raise UsageError(f"connect_to is {entry!r}; {host!r} is no host")
    if settings.proxy is not None and not _is_sendable(settings.proxy):
        # It is not repeated in the message: there may be a password in it.
        raise UsageError("proxy has a control character, or is no text; write a URL, http://host:port")
    if settings.resolver is not None:
        _check_resolver(settings.resolver)
    check_guard(public_only=settings.public_only, proxy=settings.proxy)
    delimiter = settings.delimiter
    if delimiter is not None and not _DELIMITER.fullmatch(delimiter):
        raise UsageError(f"delimiter is {delimiter!r}; it is one character, as ; or |, or the word tab")
    for name in ("user_agent", "contact"):
        value = getattr(settings, name)
        if value is not None and not is_field_value(value):
            raise UsageError(f"{name} has a control character or is not Latin-1")


def check_guard(*, public_only: bool, proxy: str | None) -> None:
    """UsageError where *public_only* cannot be held to, because a *proxy* connects in our place."""
    if public_only and proxy:
        raise UsageError("public_only can't be promised through a proxy, which looks names up by itself; drop either")


def _check_resolver(resolver: str) -> None:
    found = _RESOLVER.fullmatch(resolver)
    if found is None or not is_address(found[1] or found[2]) or not 0 < int(found[3] or 53) < 2**16:
        raise UsageError(f"resolver is {resolver!r}; write an address, 9.9.9.9, 127.0.0.1:5353 or [2620:fe::fe]:53")


def parse_size(size: int | str, name: str = "max_body") -> int:
    """A number of bytes from a number or from text: ``500``, ``10MB``, ``1.5 GB`` (powers of 1,000), ``10MiB``."""
    if isinstance(size, int) and not isinstance(size, bool):
        return size
    found = _SIZE.fullmatch(size) if isinstance(size, str) else None
    if found is None:
        raise UsageError(f"{name}: {size!r} is not a size in bytes; write 500, 10MB or 1.5GB")
    number, prefix, binary = found.groups()
    power = "kmgt".index(prefix.lower()) + 1 if prefix else 0
    return round(float(number) * (1024.0 if binary else 1000.0) ** power)


def parse_duration(duration: float | str | None, name: str) -> Any:
    """Seconds from a number or from text: ``30``, ``500ms``, ``1.5 s``, ``1m``, ``2h``, ``1h30m``, ``7d``.

    What is neither stays as it is, for the check of types. UsageError if the text is no duration.
    """
    if not isinstance(duration, str):
        return duration
    parts = _DURATION.findall(duration)
    # A number without a unit is seconds, and stands alone.
    if not parts or _DURATION.sub("", duration) or (len(parts) > 1 and not all(unit for _, unit in parts)):
        raise UsageError(f"{name} is {duration!r}; write seconds, or a duration as 500ms, 30s, 1m, 2h or 1h30m")
    return round(sum(float(number) * _UNITS[unit.lower()] for number, unit in parts), 9)


def _share(text: str) -> float:
    """A share from 0 to 1 from text: ``99.9%``, ``0.999``."""
    found = _SHARE.fullmatch(text)
    if found is None:
        raise UsageError(f"stop_at is {text!r}; write a share of the inputs, 99.9% or 0.999")
    if not found[2] and float(found[1]) > 1:
        raise UsageError(f"stop_at is {text!r}; write {found[1]}% for a share in a hundred, or a number up to 1")
    return round(float(found[1]) / 100, 9) if found[2] else float(found[1])


def default_user_agent(contact: str | None = None) -> str:
    """Who is asking, with where to complain when the user says so (RFC 9110, section 10.1.5)."""
    return f"penstock/{__version__} (+{contact})" if contact else f"penstock/{__version__}"


def _headers(given: Any) -> list[tuple[str, str]]:
    """Header pairs from pairs, a mapping, or lines as curl's -H takes them (or one such line)."""
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, Iterable):
        raise UsageError(_HEADER_FORMS)
    return [_header(pair) for pair in (given.items() if isinstance(given, Mapping) else given)]


def _header(pair: Any) -> tuple[str, str]:
    if isinstance(pair, str):
        name, colon, value = pair.partition(":")
        if not colon:
            # Without a colon nobody can say where a secret begins, so no more than the first word is shown.
            raise UsageError(f"headers: {pair.partition(' ')[0]!r} has no colon; write 'Name: value'")
        pair = name, value
    if not isinstance(pair, tuple | list) or len(pair) != 2 or not all(isinstance(part, str) for part in pair):
        raise UsageError(_HEADER_FORMS)
    name, value = (part.strip() for part in pair)
    if is_framing(name):
        raise UsageError(f"headers: {name!r} frames the message or belongs to the connection; leave it out")
    if name.lower() == "host":
        raise UsageError("headers: each URL has its own Host; to send requests to another server, use connect_to")
    if not is_token(name) or not is_field_value(value):
        raise UsageError(f"headers: {name!r} is not one; names are tokens, values Latin-1 without control characters")
    return name, value


def _methods(given: Any) -> Any:
    """The methods in upper case; each text may name several, with commas between them."""
    listed = _listed(given)
    if listed is given:
        return given
    methods = [method.upper() for method in listed]
    for method in methods:
        if not is_token(method):
            raise UsageError(f"retry_methods: {method!r} is no method; write POST,PATCH")
    return tuple(dict.fromkeys(methods))


def _listed(given: Any) -> Any:
    """The names in *given*; each text may hold several, with commas between them."""
    if not isinstance(given, tuple | list) or not all(isinstance(each, str) for each in given):
        return given
    return tuple(dict.fromkeys(name.strip() for each in given for name in each.split(",")))


def _column(given: Any) -> Any:
    """A column's name, or its number as one."""
    return str(given) if type(given) is int else given


def _delimiter(given: Any) -> Any:
    """The delimiter itself where it is given by its name."""
    return DELIMITERS.get(given.lower(), given) if isinstance(given, str) else given


READ: Final[Mapping[str, Callable[[Any], Any]]] = {
    "column": _column,
    "delimiter": _delimiter,
    "retry_methods": _methods,
    "select": _listed,
}
"""Settings that may be written in several ways, and what makes one of them."""


def _is_sendable(text: str) -> bool:
    """Whether libcurl can be given *text*: no control characters; bytes that are not UTF-8 stay as they were typed."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return not re.search(r"[\x00-\x1f\x7f]", text)


def _named(message: str) -> str:
    """msgspec says "Expected `int`, got `str` - at `$.concurrency`"; people want the name first."""
    found = re.fullmatch(r"(.*) - at `\$\.(\w+).*`", message)
    return f"{found[2]}: {found[1]}" if found else message
