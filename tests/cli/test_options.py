"""Every setting has its option, and the help page tells of it."""

from __future__ import annotations

import json
from pathlib import Path

import certifi
import click
import pytest

from penstock.cli import options, reference
from penstock.cli.fetch import command as fetch
from penstock.cli.plan import PLANNED
from penstock.cli.plan import command as plan
from penstock.cli.resume import command as resume
from penstock.cli.retry import command as retry
from penstock.settings import CHANGEABLE, SETTINGS, Settings, Unit
from penstock.sink.formats import FORMATS

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"

GIVEN = {
    "concurrency": (["-c", "7"], 7),
    "per_host": (["--per-host", "3"], 3),
    "delay": (["--delay", "0.5"], 0.5),
    "rate": (["--rate", "20"], 20.0),
    "pace": (["--pace", "fixed"], "fixed"),
    "window": (["--window", "50"], 50),
    "attempts": (["--attempts", "1"], 1),
    "retry_methods": (["--retry-methods", "post,patch", "--retry-methods", "LOCK"], ["POST", "PATCH", "LOCK"]),
    "timeout": (["--timeout", "9"], 9.0),
    "connect_timeout": (["--connect-timeout", "2"], 2.0),
    "max_body": (["--max-body", "1.5MB"], 1_500_000),
    "memory": (["--memory", "64MB"], 64_000_000),
    "max_redirects": (["--max-redirects", "0"], 0),
    "cookies": (["--cookies"], True),
    "robots": (["--no-robots"], False),
    "headers": (["-H", "A: 1", "--header", "B: 2"], [["A", "1"], ["B", "2"]]),
    "user_agent": (["--user-agent", "me"], "me"),
    "contact": (["--contact", "me@a.test"], "me@a.test"),
    "proxy": (["--proxy", "http://127.0.0.1:1"], "http://127.0.0.1:1"),
    "insecure": (["--insecure"], True),
    "cacert": (["--cacert", certifi.where()], certifi.where()),
    "connect_to": (["--connect-to", "::a:1", "--connect-to", "b:2::"], ["::a:1", "b:2::"]),
    "resolver": (["--resolver", "[::1]:5353"], "[::1]:5353"),
    "public_only": (["--public-only"], True),
    "input_format": (["--input-format", "csv"], "csv"),
    "column": (["--column", "address"], "address"),
    "url_template": (["--url-template", "http://a.test/{address}"], "http://a.test/{address}"),
    "header": (["--no-header"], False),
    "delimiter": (["--delimiter", "semicolon"], ";"),
    "select": (["--select", "1,2", "--select", "3"], ["1", "2", "3"]),
    "unique": (["--unique"], True),
    "sinks": (["--sink", "jsonl"], ["jsonl"]),
    "body": (["--body", "none"], "none"),
    "flush_every": (["--flush-every", "1"], 1.0),
    "passes": (["--passes", "2"], 2),
    "deadline": (["--deadline", "60"], 60.0),
    "stop_at": (["--stop-at", "99.9%"], 0.999),
    "min_speed": (["--min-speed", "0.5"], 0.5),
}


def test_every_setting_has_an_option_of_its_name():
    assert SETTINGS.keys() == set(Settings.__struct_fields__) == GIVEN.keys()
    assert SETTINGS.keys() <= {parameter.name for parameter in fetch.params}
    for field, setting in SETTINGS.items():
        name = {"headers": "header", "sinks": "sink", "header": "no-header"}.get(field, field)
        assert options.flags_of(setting)[-1].partition("/")[0] == "--" + name.replace("_", "-")


@pytest.mark.parametrize("left_out", ["proxy", "public_only"])
def test_what_is_given_arrives_in_the_settings(left_out, run, tmp_path, listed):
    """An empty table is a run that is over before anything is sent. Two settings can't be together."""
    arguments = [argument for field, (given, _) in GIVEN.items() if field != left_out for argument in given]
    ended = run("fetch", listed(), "-o", tmp_path / "run", *arguments)
    assert ended.exit_code == 0, ended.stderr
    settings = json.loads((tmp_path / "run" / "run.json").read_text())["settings"]
    withheld = {"headers": [[name, "***"] for name, _ in GIVEN["headers"][1]]}
    default = {left_out: getattr(Settings(), left_out)}
    assert settings == {field: value for field, (_, value) in GIVEN.items()} | withheld | default


def test_what_is_not_given_is_as_the_settings_have_it(run, tmp_path, listed):
    assert run("fetch", listed(), "-o", tmp_path / "run").exit_code == 0
    settings = json.loads((tmp_path / "run" / "run.json").read_text())["settings"]
    defaults = Settings()
    assert settings == {
        field: list(value) if isinstance(value := getattr(defaults, field), tuple) else value
        for field in Settings.__struct_fields__
    }


def test_a_resume_takes_the_settings_that_may_change_and_the_secrets_that_were_not_kept():
    for command in (resume, retry):
        taken = {parameter.name for parameter in command.params} & SETTINGS.keys()
        assert taken == CHANGEABLE | {"headers", "url_template"}


def test_a_plan_takes_the_settings_that_say_what_is_read_and_how_fast_it_may_be():
    named = {"unique", *Settings().input().__struct_fields__, *Settings().limits().__struct_fields__}
    assert named == PLANNED
    assert named <= {parameter.name for parameter in plan.params}


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [(name, one.spec.low, one.spec.high) for name, one in SETTINGS.items() if one.spec.low is not None],
)
def test_the_help_page_tells_default_and_bounds(run, name, low, high):
    said = next(
        record[1]
        for parameter in fetch.params
        if parameter.name == name and (record := parameter.get_help_record(click.Context(fetch)))
    )
    sizes = {"max_body": "[default 100 MB; 0 bytes to 1.0 TB]", "memory": "[default 512 MB; 1.0 MB to 1.0 PB]"}
    if name in sizes:
        assert said.endswith(sizes[name])
        return
    default = getattr(Settings(), name)
    unit = " s" if SETTINGS[name].spec.unit is Unit.SECONDS else ""
    above = "above " if name == "rate" else ""
    bounds = f"{above}{low:,}{unit} to {high:,.0f}{unit}]"
    assert said.endswith(f"[default {default:,g}{unit}; {bounds}" if default is not None else f"[{bounds}")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            ("--rate", "100/s"),
            "'--rate': '100/s' is not a number of requests a second, above 0 to 1,000,000, as in --rate 100\n",
        ),
        (
            ("--min-speed", "quick"),
            "'--min-speed': 'quick' is not a number of outcomes a second, 0.001 to 1,000,000, as in --min-speed 0.5\n",
        ),
        (("-c", "5.5"), "'-c' / '--concurrency': '5.5' is not a whole number, 1 to 10,000\n"),
        (("--sink", "parquet"), f"'--sink': there is no 'parquet'; choose from: {', '.join(FORMATS)}\n"),
        (("--pace", "fast"), "'--pace': there is no 'fast'; choose from: adaptive, fixed\n"),
    ],
)
def test_a_value_of_another_kind_is_refused_in_words(run, given, said):
    ended = run("fetch", "http://a.test/", *given)
    assert (ended.exit_code, ended.stderr.partition("Invalid value for ")[2]) == (2, said)


def test_every_option_says_what_it_is_for():
    context = click.Context(fetch)
    for command in (fetch, resume, retry, plan):
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                _, said = parameter.get_help_record(context)
                assert len(said) > 15


def test_the_reference_is_up_to_date():
    """If this fails: python -m penstock.cli.reference > docs/cli.md."""
    assert PAGE.read_text() == reference.page()


@pytest.mark.parametrize("name", ["plan", "fetch", "resume", "retry", "leftover", "verify", "demo"])
def test_help_pages_fit_into_eighty_columns(run, name):
    said = run(name, "--help", terminal_width=80)
    assert said.exit_code == 0
    assert max(map(len, said.output.splitlines())) <= 80
    assert run(name, "-h", terminal_width=80).output == said.output
