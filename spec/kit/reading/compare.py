"""Comparing a reading with the one that a fixture expects. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from report import keys

from reading.fixtures import Fixture

__all__ = ["Difference", "broken_by", "differences", "moment", "same", "shown_by"]

TIMES = ("timestamp", "start-time", "end-time")
OUTPUT = ("stdout", "stderr")
JSON = ("args", "default_args", "summary")
NESTED = {"status", "directory"}  # keys of objects inside metadata.json
BINDS_READERS = re.compile("READ|STATE|VERSION|SAFE")

# A requirement that is broken, where, what was expected, and what was found.
Difference = tuple[str, str, Any, Any]


def shown_by(fixture: Fixture) -> list[str]:
    """The requirements that a wrong reading of a fixture can break: the readers' that it shows, or all."""
    shows = fixture.case["shows"]
    return [name for name in shows if BINDS_READERS.match(name)] or shows


def broken_by(fixture: Fixture, key: str) -> str:
    """The one requirement that is broken where a reading differs in `key`, or where there is none ("")."""
    shown = shown_by(fixture)
    special = {"problems": "READ-5", "experiments": "READ-1", "": "READ-4", "life": "STATE-5"}
    if special.get(key) in shown:
        return special[key]
    others = [name for name in shown if name not in (*special.values(), "READ-21")]
    return (others or shown)[0]


def differences(fixture: Fixture, found: dict[str, Any], left_out: list[str]) -> Iterator[Difference]:
    """Each difference between a reading and what the fixture expects of it."""
    expected = fixture.case["reading"]
    needed = {name for name, value in expected.items() if not value.get("may-be-absent")}
    if not needed <= set(found) <= set(expected):
        yield broken_by(fixture, "experiments"), fixture.name, sorted(needed), sorted(found)
    for name in sorted(found.keys() & expected.keys()):
        all_of_it = list(_of_one(fixture, expected[name], found[name], left_out))
        # What is read wrongly is mostly not reported either: that is one breach.
        values = [difference for difference in all_of_it if difference[1] != "problems"]
        for requirement, key, wanted, got in values or all_of_it:
            yield requirement, f"{fixture.name}: {name}: {key}", wanted, got


def _of_one(
    fixture: Fixture, expected: dict[str, Any], found: dict[str, Any], left_out: list[str]
) -> Iterator[Difference]:
    """Each difference in the reading of one experiment, by its key."""
    broken = {line.split()[1] for line in fixture.case["breaks"]}
    reported = set(found.get("problems") or ())
    excused = bool(reported & set(expected.get("or-problems", ())))
    if "READ-21" in fixture.case["shows"] and not excused:
        yield "READ-21", "problems", expected["or-problems"], sorted(reported)
    for line in fixture.case["breaks"]:
        file = line.removeprefix("JSON-11 ")
        if file != line and not found.get(file.removesuffix(".json")) and file not in reported:
            yield "READ-14", "problems", [file], sorted(reported)
    for key, value in expected.items():
        got = found.get(key)
        if key in ("may-be-absent", "or-problems") or is_left_out(key, value, left_out):
            continue
        if excused and key in JSON and (not got or "READ-18" in fixture.case["shows"]):
            continue  # it refuses the file, or can't give all of a number, and reports it
        if key == "problems":
            unread = set(OUTPUT) if "output" in left_out else set()
            right = told(set(value) - unread, got, broken | unread)
        else:
            right = same(key, value, got)
        if not right:
            wrong = {"lost": "STATE-2", "silent": "STATE-3"}.get(str(got))
            is_life = key == "life" and expected["status"] == "RUNNING"
            yield (wrong if is_life and wrong else broken_by(fixture, key)), key, value, got


def is_left_out(key: str, value: Any, left_out: list[str]) -> bool:
    """Whether a part that the reader does not have is all that there is to compare."""
    return (key == "life" and value in left_out) or (key in OUTPUT and "output" in left_out)


def told(expected: set[str], found: Any, broken: set[str]) -> bool:
    """Whether a reader reports what it must, and nothing but that and what is wrong."""
    if not isinstance(found, list):
        return False
    if expected == {"."}:
        return bool(found)
    return expected <= set(found) <= expected | broken | ({"."} if expected | broken else set())


def same(key: str, expected: Any, found: Any) -> bool:
    """Whether two values of a reading mean the same."""
    if key in TIMES and isinstance(expected, str):
        a, b = moment(expected), moment(found)
        return a is not None and b is not None and abs((a - b).total_seconds()) <= 0.001
    if key == "metadata" and isinstance(found, dict):
        return normal(known(expected)) == normal(known(found))
    return normal(expected) == normal(found)


def known(value: Any) -> Any:
    """A value of metadata.json without the keys that readers need not know, and those that are null."""
    if isinstance(value, dict):
        names = keys().keys() | NESTED
        return {key: known(item) for key, item in value.items() if key in names and item is not None}
    return [known(item) for item in value] if isinstance(value, list) else value


def normal(value: Any) -> Any:
    """A value in which what means the same is the same: 1 and 1.0, one U+FFFD and several, or a surrogate."""
    if isinstance(value, dict):
        return {normal(key): normal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [normal(item) for item in value]
    if isinstance(value, str):
        return re.sub("[\ud800-\udfff\ufffd]+", "\ufffd", value)
    return ("boolean", value) if isinstance(value, bool) else value


def moment(text: Any) -> datetime | None:
    """A time of a reading: RFC 3339 with any offset; fractions beyond microseconds are cut."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)", str(text))
    if not found:
        return None
    day, fraction, offset = found.groups()
    digits = f"{fraction or ''}000000"[:6]
    text = f"{day}.{digits}{'+00:00' if offset == 'Z' else offset}"
    return datetime.fromisoformat(text).astimezone(timezone.utc)
