"""The options that are settings: how each field of ``Settings`` is spelled on the command line.

Knows the fields' names, defaults and bounds only from ``Settings``; adds spelling and a sentence. Does not
know what becomes of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, TypeVar

import click

from penstock.report.wording import size
from penstock.settings import BODIES, BOUNDS, DURATIONS, INPUT_FORMATS, PACES, SINKS, SIZES, Settings

__all__ = ["SECTIONS", "SETTINGS", "Command", "Option", "Spelling", "given", "settings_options"]

F = TypeVar("F", bound=Callable[..., Any])

SECTIONS: Final = ("Pace", "Requests", "Reading", "Storing", "Showing")

DEFAULTS: Final = Settings()


class Spelling(NamedTuple):
    """One setting as an option. *on_resume*: a run may be resumed with another value of it."""

    field: str
    section: str
    flags: tuple[str, ...]
    kind: click.ParamType[Any] | None
    help: str
    metavar: str | None = None
    on_resume: bool = False


N: Final = click.INT
TIME: Final = click.STRING
"""A duration: the settings read the text, so that Python and the command line take the same."""

SETTINGS: Final = (
    Spelling(
        "concurrency", "Pace", ("-c", "--concurrency"), N, "Requests at once, over all hosts.", "N", on_resume=True
    ),
    Spelling("per_host", "Pace", ("--per-host",), N, "Requests at once to one host.", "N", on_resume=True),
    Spelling("delay", "Pace", ("--delay",), TIME, "Time between two starts on one host.", "TIME", on_resume=True),
    Spelling("rate", "Pace", ("--rate",), click.FLOAT, "Starts a second, over all hosts.", "N", on_resume=True),
    Spelling(
        "pace",
        "Pace",
        ("--pace",),
        click.Choice(PACES),
        "adaptive slows down, within the limits, for hosts that are busy or late, and has more than 100 requests at "
        "once only where that is worth it; fixed does neither.",
        on_resume=True,
    ),
    Spelling("window", "Pace", ("--window",), N, "Inputs read ahead and not started.", "N", on_resume=True),
    Spelling("attempts", "Pace", ("--attempts",), N, "Tries for each input, the first included.", "N", on_resume=True),
    Spelling(
        "retry_methods",
        "Pace",
        ("--retry-methods",),
        click.STRING,
        "Methods that may be sent again after a failure though that may have the effect of twice, as POST,PATCH; "
        "repeatable. The others, such as GET and PUT, always are.",
        "METHOD,...",
        on_resume=True,
    ),
    Spelling(
        "passes",
        "Pace",
        ("--passes",),
        N,
        "Times to go over the inputs of a run folder: failures that may be gone another time are tried again, whatever "
        "the method.",
        "N",
        on_resume=True,
    ),
    Spelling(
        "deadline",
        "Pace",
        ("--deadline",),
        TIME,
        "Time after which nothing more is begun; what runs is finished, and the rest can be resumed.",
        "TIME",
        on_resume=True,
    ),
    Spelling(
        "stop_at",
        "Pace",
        ("--stop-at",),
        click.STRING,
        "The share of all inputs, 99.9% or 0.999, that is enough: as with --deadline once so many have their outcome. "
        "It is looked at when the whole input has been read.",
        "SHARE",
        on_resume=True,
    ),
    Spelling(
        "min_speed",
        "Pace",
        ("--min-speed",),
        click.FLOAT,
        "Outcomes a second, on average over the last minute, below which it is as with --deadline. The first minute is "
        "not looked at.",
        "N",
        on_resume=True,
    ),
    Spelling(
        "timeout",
        "Pace",
        ("--timeout",),
        TIME,
        "Time for one try, its redirects included.",
        "TIME",
        on_resume=True,
    ),
    Spelling(
        "connect_timeout",
        "Pace",
        ("--connect-timeout",),
        TIME,
        "Time of it until a connection stands, name and TLS included.",
        "TIME",
        on_resume=True,
    ),
    Spelling(
        "max_body",
        "Requests",
        ("--max-body",),
        click.STRING,
        "Bytes of one body after decoding: 500, 64kB, 10MB, 1.5GB (powers of ten).",
        "SIZE",
        on_resume=True,
    ),
    Spelling(
        "memory",
        "Pace",
        ("--memory",),
        click.STRING,
        "Response bytes held in memory; above this, no request starts. One body may go beyond it: the process takes at "
        "most twice the larger of this and half of it plus --max-body, and some 50 MB.",
        "SIZE",
        on_resume=True,
    ),
    Spelling(
        "max_redirects", "Requests", ("--max-redirects",), N, "Redirects followed for one input; 0 follows none.", "N"
    ),
    Spelling(
        "cookies",
        "Requests",
        ("--cookies",),
        None,
        "Keep the cookies that servers set, in memory until the command ends, and send them back to the domains they "
        "are for.",
    ),
    Spelling(
        "robots",
        "Requests",
        ("--robots/--no-robots",),
        None,
        "Ask each site for its robots.txt first and keep to it, also to the time it wants between two requests, up to "
        "a minute; or do not.",
    ),
    Spelling(
        "headers",
        "Requests",
        ("-H", "--header"),
        click.STRING,
        "A header sent with every request, 'Name: value'; repeatable. Values that may be secret, which are all "
        "but those of Accept, User-Agent and a few more, are never stored: give them again to resume.",
        "HEADER",
        on_resume=True,
    ),
    Spelling(
        "user_agent", "Requests", ("--user-agent",), click.STRING, "What to call yourself.", "TEXT", on_resume=True
    ),
    Spelling(
        "contact",
        "Requests",
        ("--contact",),
        click.STRING,
        "URL or email address for the User-Agent, so that site operators can reach you.",
        "TEXT",
        on_resume=True,
    ),
    Spelling(
        "proxy",
        "Requests",
        ("--proxy",),
        click.STRING,
        "A proxy for all requests: http://, https://, socks5:// or socks5h://host:port. None is taken from the "
        "environment. It connects in your place: where a redirect leads is then not looked at.",
        "URL",
        on_resume=True,
    ),
    Spelling(
        "insecure",
        "Requests",
        ("--insecure",),
        None,
        "Do not verify certificates: anybody on the way may read and change everything.",
        on_resume=True,
    ),
    Spelling(
        "cacert",
        "Requests",
        ("--cacert",),
        click.STRING,
        "A PEM file of certificates to trust instead of the built-in ones.",
        "FILE",
        on_resume=True,
    ),
    Spelling(
        "connect_to",
        "Requests",
        ("--connect-to",),
        click.STRING,
        "HOST1:PORT1:HOST2:PORT2: what is meant for the first goes to the second, as with curl; an empty "
        "HOST1 or PORT1 is any, an empty HOST2 or PORT2 the same. Repeatable.",
        "SPEC",
        on_resume=True,
    ),
    Spelling(
        "resolver",
        "Requests",
        ("--resolver",),
        click.STRING,
        "The name server to ask instead of the system's: ADDRESS or ADDRESS:PORT, an IPv6 one in brackets.",
        "ADDRESS",
        on_resume=True,
    ),
    Spelling(
        "public_only",
        "Requests",
        ("--public-only",),
        None,
        "Connect to public addresses only, as for a list that strangers wrote. Without it, only redirects from a "
        "public address may not lead to a private one.",
    ),
    Spelling(
        "input_format",
        "Reading",
        ("--input-format",),
        click.Choice(INPUT_FORMATS),
        "How to read INPUT; left out, the end of a file's name tells (.csv, .tsv, .jsonl, .ndjson, .json, .xml, "
        ".parquet, .arrow, .feather, else lines). json is an array; sitemap takes the URLs in one, or in an index; "
        "parquet and arrow need pyarrow.",
    ),
    Spelling(
        "column",
        "Reading",
        ("--column",),
        click.STRING,
        "The column or JSON field with the URL, a table's by its name or its number; left out, url, or the first of a "
        "table without names.",
        "NAME",
    ),
    Spelling(
        "header",
        "Reading",
        ("--no-header",),
        None,
        "The table has no row of column names: they are called 1, 2 and so on.",
    ),
    Spelling(
        "delimiter",
        "Reading",
        ("--delimiter",),
        click.STRING,
        "What parts the fields of a table, instead of the comma: one character, or tab.",
        "CHARACTER",
    ),
    Spelling(
        "select",
        "Reading",
        ("--select",),
        click.STRING,
        "The columns or JSON fields that are carried along to the outcome, instead of all; repeatable.",
        "NAME,...",
    ),
    Spelling(
        "url_template",
        "Reading",
        ("--url-template",),
        click.STRING,
        "A URL with {} or {COLUMN} in it, filled from each row; the value is percent-encoded. In {+} and {+COLUMN} "
        "slashes, colons and the like stay as they are, for paths and host:port. Credentials in it are never stored: "
        "give it again to resume.",
        "URL",
        on_resume=True,
    ),
    Spelling(
        "unique",
        "Reading",
        ("--unique",),
        None,
        "Of inputs that ask for the same (method, URL in one spelling, body; headers make no difference) only the "
        "first has an outcome; the others are counted.",
    ),
    Spelling(
        "sinks",
        "Storing",
        ("--sink",),
        click.Choice(SINKS),
        "The format of what a run folder stores; repeatable.",
    ),
    Spelling(
        "body",
        "Storing",
        ("--body",),
        click.Choice(BODIES),
        "Whether an outcome's line holds the body; none leaves its length and digest.",
        on_resume=True,
    ),
    Spelling(
        "flush_every",
        "Storing",
        ("--flush-every",),
        TIME,
        "Time between two commits to a run folder: what a crash costs at most.",
        "TIME",
        on_resume=True,
    ),
)
"""Every field of ``Settings``, in the order of the help page."""


class Option(click.Option):
    """An option that knows under which heading of the help page it stands."""

    def __init__(self, *args: Any, section: str = "Showing", **kwargs: Any) -> None:
        """As click's, and *section*."""
        super().__init__(*args, **kwargs)
        self.section = section


class Command(click.Command):
    """A command whose help page has its options under headings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write them, section by section."""
        sections: dict[str, list[tuple[str, str]]] = {section: [] for section in (*SECTIONS, "Other")}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                sections[getattr(parameter, "section", "Other")].append(record)
        for section, records in sections.items():
            if records:
                with formatter.section(section):
                    formatter.write_dl(records)


def settings_options(spellings: Iterable[Spelling] = SETTINGS, otherwise: str | None = None) -> Callable[[F], F]:
    """Give a command the options of *spellings*; they arrive as keywords, None or () where not given.

    The help page says that they are then as in ``Settings``, or *otherwise*.
    """

    def decorate(function: F) -> F:
        for spelling in reversed(list(spellings)):
            function = _option(spelling, otherwise)(function)
        return function

    return decorate


def given(options: dict[str, Any]) -> dict[str, Any]:
    """Those of *options* that are settings and were given, as keywords of ``Settings.of``."""
    named = {spelling.field for spelling in SETTINGS}
    return {name: value for name, value in options.items() if name in named and value not in (None, ())}


def _option(spelling: Spelling, otherwise: str | None) -> Callable[[F], F]:
    flag = spelling.kind is None
    # A flag that only takes something away.
    off = {"flag_value": False} if flag and spelling.flags[0].startswith("--no-") else {}
    return click.option(
        *spelling.flags,
        spelling.field,
        cls=Option,
        section=spelling.section,
        type=spelling.kind,
        is_flag=flag,
        default=None,
        multiple=isinstance(getattr(DEFAULTS, spelling.field), tuple),
        metavar=spelling.metavar,
        help=f"{spelling.help}{_limits(spelling.field, otherwise)}",
        **off,
    )


def _limits(field: str, otherwise: str | None) -> str:
    """The default and the bounds of *field*, as the help page shows them."""
    default = getattr(DEFAULTS, field)
    shown: Callable[[Any], str] = size if field in SIZES else _seconds if field in DURATIONS else _number
    parts = []
    if isinstance(default, tuple):
        default = ", ".join(default)
    elif default is True:
        default = None if field == "header" else "on"
    if otherwise is not None:
        parts.append(f"default {otherwise}")
    elif default not in (None, False, ""):
        parts.append(f"default {shown(default)}")
    for name, low, high in BOUNDS:
        if name == field:
            parts.append(f"{shown(low)} to {shown(high)}")
    return f"  [{'; '.join(parts)}]" if parts else ""


def _seconds(value: float) -> str:
    return f"{_number(value)} s"


def _number(value: Any) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"
