"""Was every promise kept? An account of the chaos that asks nothing of Penstock but its files.

Knows lines of JSON, and what the servers counted.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

import orjson
from tests.chaos.kinds import WAITING
from tests.chaos.listing import Expected
from tests.chaos.run import CONCURRENCY, DELAY, PER_HOST, Chaos

__all__ = ["broken", "report"]

STRETCH: Final = 10
SLACK: Final = 0.35
"""Starts on one host are looked at in stretches of ten; by how many seconds such a stretch may be shorter, since a
server that is busy sees late what came in time."""

EARLY: Final = 0.25
"""The share of starts on a host that asks to be left alone which may come too early: what was on its way when the
answer came, or was sent before a client that was busy had read it. Without any parking it would be all of them."""

FEW: Final = 2
"""Starts that prove nothing where there are hardly any."""

SHOWN: Final = 10


def broken(found: Chaos) -> list[str]:
    """Every promise that was not kept, in words; none if all is well."""
    records = list(_records(found))
    problems = []
    if found.code != 0:
        problems.append(f"the last session ended with {found.code}: {found.said[-2000:]}")
    if found.verified != 0:
        problems.append(f"verify ended with {found.verified}")
    problems += _each_once(records, len(found.expected))
    problems += _unexpected(records, found.expected)
    problems += _limits(found.seen, found.expected)
    problems += _parks(found)
    problems += _summary(records, found.told)
    return problems


def report(found: Chaos) -> Iterator[str]:
    """Some figures, a line each."""
    hosts = found.seen["hosts"].values()
    gaps = sorted(gap for _, _, starts in hosts for gap in _gaps(starts))
    yield f"{len(found.expected):,} inputs; {len(hosts):,} hosts that saw a request; {found.elapsed:.0f} s"
    yield f"{found.seen['requests']:,} requests; at most {found.seen['most']} at once, of {CONCURRENCY} allowed"
    yield f"at most {max(most for _, most, _ in hosts)} at once on one host, of {PER_HOST} allowed"
    if gaps:
        low = sum(gap < 0.9 * DELAY for gap in gaps)
        yield (
            f"starts on one host {gaps[0]:.3f} s apart at least, {gaps[len(gaps) // 1000]:.3f} s in 99.9 % of "
            f"{len(gaps):,}, of {DELAY} s; {low} below {0.9 * DELAY:.2f} s"
        )
    early = _early(found).values()
    if early:
        yield f"{sum(one for one, _ in early)} of {sum(all_ for _, all_ in early)} starts before a Retry-After was over"
    yield f"{len(found.killed)} kills; verify ended with {found.verified}"
    words = Counter(record["word"] for record in _records(found))
    yield ", ".join(f"{count:,} {word}" for word, count in words.most_common())


def _records(found: Chaos) -> Iterator[dict[str, Any]]:
    """The outcomes, each with its ``word`` and with the digest of its body as it stands in the file."""
    for file in sorted(found.folder.glob("outcomes-*.jsonl")):
        with file.open("rb") as lines:
            for line in lines:
                record = orjson.loads(line)
                body = record.pop("body")
                yield {
                    "seq": record["seq"],
                    "url": record["url"],
                    "outcome": record["outcome"],
                    "error": record["error"],
                    "word": record["error"] or record["outcome"],
                    "status": record["status"],
                    "detail": record["detail"],
                    "digest": None if body is None else hashlib.sha256(body.encode()).hexdigest(),
                }


def _each_once(records: list[dict[str, Any]], inputs: int) -> list[str]:
    counts = Counter(record["seq"] for record in records)
    wrong = [seq for seq in range(inputs) if counts[seq] != 1] + [seq for seq in counts if not 0 <= seq < inputs]
    return [f"{len(wrong)} inputs do not have one outcome: {wrong[:SHOWN]}"] if wrong else []


def _unexpected(records: list[dict[str, Any]], expected: list[Expected]) -> list[str]:
    """What came to something else than it must, counted by kind and word, with an example each."""
    found: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = {}
    for record in records:
        must = expected[record["seq"]]
        said = _wrong(record, must)
        if said is not None:
            found[must.kind, said] += 1
            examples.setdefault((must.kind, said), f"{must.url}: {record['detail']}")
    return [f"{count} of {kind} came to {said}, e.g. {examples[kind, said]}" for (kind, said), count in found.items()]


def _wrong(record: dict[str, Any], must: Expected) -> str | None:
    if record["url"] != must.url:
        return f"another URL, {record['url']}"
    if record["word"] not in must.words:
        return str(record["word"])
    if record["word"] == "fetched" and must.status is not None and record["status"] != must.status:
        return f"status {record['status']}"
    if must.digest is not None and record["digest"] != must.digest:
        return "another body"
    return None


def _limits(seen: dict[str, Any], expected: list[Expected]) -> list[str]:
    problems = []
    repeating = {must.url.split("/")[2].partition(":")[0] for must in expected if must.kind.endswith("_on_reuse")}
    if seen["most"] > CONCURRENCY:
        problems.append(f"{seen['most']} requests at once, of {CONCURRENCY}")
    for host, (_, most, starts) in seen["hosts"].items():
        if most > PER_HOST:
            problems.append(f"{host} saw {most} requests at once, of {PER_HOST}")
        # libcurl asks again, at once and by itself, if a kept connection turns out to be closed.
        seen_as = 2 if host in repeating else 1
        for first, last in zip(starts, starts[seen_as * STRETCH :], strict=False):
            if last - first < STRETCH * DELAY - SLACK:
                problems.append(f"{host} saw {STRETCH} starts after another within {last - first:.3f} s")
                break
    return problems


def _parks(found: Chaos) -> list[str]:
    """Hosts that asked to be left alone, and were not; a kill may cost a request, not more."""
    return [
        f"{host} was not left alone {early} times out of {starts}"
        for host, (early, starts) in _early(found).items()
        if early > FEW + EARLY * starts
    ]


def _early(found: Chaos) -> dict[str, tuple[int, int]]:
    """For each host that is busy: how many of its starts came before its Retry-After was over, and out of how many."""
    counts = {}
    busy = {must.url.split("/")[2].partition(":")[0] for must in found.expected if must.kind.startswith("busy_")}
    for host in busy & found.seen["hosts"].keys():
        starts = found.seen["hosts"][host][2]
        pairs = [
            (one, other)
            for one, other in pairwise(starts)
            if not any(one <= killed <= other for killed in found.killed)
        ]
        counts[host] = sum(other - one < WAITING - DELAY for one, other in pairs), len(pairs)
    return counts


def _summary(records: list[dict[str, Any]], told: dict[str, Any]) -> list[str]:
    if not told:
        return ["there was no summary"]
    run = told["run"]
    counted = {
        "outcomes": Counter(record["outcome"] for record in records),
        "statuses": Counter(str(record["status"]) for record in records if record["outcome"] == "fetched"),
        "errors": Counter(record["error"] for record in records if record["error"]),
    }
    problems = [
        f"the summary has {run[name]} {name}, the files {dict(counts)}"
        for name, counts in counted.items()
        if run[name] != dict(counts)
    ]
    if told["inputs"] != len(records) or not told["complete"]:
        problems.append(f"the summary tells of {told['inputs']} inputs, complete: {told['complete']}")
    return problems


def _gaps(starts: list[float]) -> Iterator[float]:
    for one, other in pairwise(starts):
        yield other - one
