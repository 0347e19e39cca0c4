"""Bytes and JSON values → facts, with a remark on each that had to be given up or guessed.

Nothing here opens a file, and nothing raises for what a file holds.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from typing import Any

from meticulous_read._format import ERROR, FORMAT_NAME, FORMAT_VERSION, METADATA_TYPES, RUNNING, SUCCESS
from meticulous_read.errors import Remark

__all__ = [
    "COLUMNS_LIMIT",
    "LEGACY",
    "NESTING_LIMIT",
    "one_line",
    "parse_object",
    "parse_status",
    "parse_time",
    "parse_version",
    "wrong_types",
]

# The version of folders that the original tool wrote, which state none.
LEGACY = "0"
# Deeper JSON is refused, so that whoever walks through a value may simply recurse.
NESTING_LIMIT = 200
# Of an object with more keys, a frame of many experiments would have no room for all as columns.
COLUMNS_LIMIT = 10_000

_TOO_DEEP: Remark = ("too-deep", f"nested more than {NESTING_LIMIT} levels deep")

# The keys of recent objects. Experiments have them in common, and sharing them saves a third of the memory.
_names: dict[str, str] = {}
_NAMES_LIMIT = 10_000

_TRACEBACK = "Traceback (most recent call last)"
_MAJOR = int(FORMAT_VERSION.partition(".")[0])
_VERSION = re.compile(r"([1-9][0-9]{0,99})\.(0|[1-9][0-9]{0,99})")
_SHAPES = ("0000-00-00T00:00:00.000000+00:00", "0000-00-00T00:00:00.000000-00:00")
_DIGITS = str.maketrans("123456789", "000000000")
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt _]((?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60))(?:[.,]([0-9]+))?"
    r"([Zz]|[+-][0-9]{2}:?[0-5][0-9])?"
)
_TYPES: dict[type, str] = {str: "a string", int: "a number", float: "a number", bool: "true or false"}
_TYPES |= {list: "a list", dict: "an object", type(None): "null"}

Parsed = tuple[dict[str, Any], list[Remark]]


class _Unusual(Exception):
    """JSON that a strict reader would not take."""


def parse_object(data: bytes, *, legacy: bool = False, optional: bool = False) -> Parsed:
    """Return the JSON object in `data` ({} where there is none) and the problems with it.

    Limits: of a repeated key the last value counts; the tokens NaN and Infinity are read as floats, and only
    `legacy` files may hold them unremarked. `null` is unremarked for an empty object where `optional`.
    """
    try:  # as good as every file: an object with nothing unusual in it, before it or behind it
        text = data.decode()
        value, end = _STRICT.raw_decode(text)
        is_usual = type(value) is dict and text[end:] in ("\n", "") and len(value) <= COLUMNS_LIMIT
        if is_usual and not _is_too_deep(value, data):
            return value, []
    except (ValueError, RecursionError, _Unusual):
        pass
    return parse_with_care(data, legacy=legacy, optional=optional)


def parse_with_care(data: bytes, *, legacy: bool = False, optional: bool = False) -> Parsed:
    """Do what `parse_object` does, slower, with a remark on all that is not as it should be."""
    problems: list[Remark] = []
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return {}, [("not-utf-8", f"not UTF-8 (byte {error.start})")]
    if text.startswith("\ufeff"):
        text = text[1:]
        problems.append(("byte-order-mark", "starts with a byte order mark"))
    if not text.strip():
        return {}, [*problems, ("empty", "empty")]
    try:
        value = _decode_unusual(text, problems, legacy)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        if error.pos >= len(text.rstrip()):
            return {}, [*problems, ("cut-off", f"cut off at {where}")]
        return {}, [*problems, ("not-json", f"not JSON: {error.msg} at {where}")]
    except RecursionError:
        return {}, [*problems, _TOO_DEEP]
    except ValueError as error:  # an integer with more digits than Python is willing to convert
        return {}, [*problems, ("too-large", f"not readable: {error}")]
    if _is_too_deep(value, data):
        return {}, [*problems, _TOO_DEEP]
    if isinstance(value, dict):
        if len(value) > COLUMNS_LIMIT:
            message = f"has {len(value):,} keys, of which a frame shows the first {COLUMNS_LIMIT:,}"
            problems.append(("too-many-keys", message))
        return value, problems
    if value is None and optional:
        return {}, problems
    return {}, [*problems, ("not-an-object", f"holds {_TYPES[type(value)]} where an object belongs")]


def parse_version(metadata: dict[str, Any]) -> tuple[str, Remark | None, bool]:
    """Return the format version, the problem with it, and whether this reader understands it.

    Without the key the folder is a legacy one, version "0". A newer minor version is understood.
    """
    if metadata.get("format", FORMAT_NAME) != FORMAT_NAME:
        message = f"of another format, {_shown(metadata['format'])}; nothing in it is read"
        return "", ("another-format", message), False
    if "format-version" not in metadata:
        return LEGACY, None, True
    version = metadata["format-version"]
    found = _VERSION.fullmatch(version) if isinstance(version, str) else None
    if not found:
        message = f"format-version is {_shown(version)}, not a version; read as {FORMAT_VERSION}"
        return "", ("not-a-version", message), True
    if int(found[1]) > _MAJOR:
        message = f"format version {version} is newer than this reader's {FORMAT_VERSION}"
        return version, ("newer-version", f"{message}: install a newer meticulous-read"), False
    return version, None, True


def wrong_types(metadata: dict[str, Any]) -> list[Remark]:
    """Return a problem for each key of the format whose value has another type, and so says nothing."""
    return [
        ("wrong-type", f"{key} is {_TYPES[type(value)]}, which says nothing there")
        for key, value in metadata.items()
        if type(value) not in METADATA_TYPES.get(key, _TYPES)
    ]


def parse_time(value: Any, *, legacy: bool = False) -> tuple[datetime | None, Remark | None]:
    """Return the moment in UTC that a JSON value names, and the problem with it.

    A time without an offset is taken in this machine's local time, and a number as seconds since 1970; both
    are unremarked only in `legacy` folders.
    """
    try:
        if isinstance(value, str) and (moment := _moment(value)):
            if not legacy and not moment.tzinfo:
                remark = ("time-form", "has no UTC offset; taken as this machine's local time")
                return moment.astimezone(timezone.utc), remark
            return moment.astimezone(timezone.utc), None
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            remark = ("time-form", "is a number; taken as seconds since 1970")
            return datetime.fromtimestamp(value, timezone.utc), None if legacy else remark
    except (ValueError, OverflowError, OSError):
        pass
    return None, ("not-a-time", f"{_shown(value)} is not a time")


def parse_status(data: bytes, *, legacy: bool = False) -> tuple[str, str, Remark | None]:
    """Return the word of a STATUS file, the message after it, and the problem with it.

    An unknown word is returned as it stands. In `legacy` folders `SUCESS`, and a traceback without a word
    before it, are read as what they mean.
    """
    if data == b"SUCCESS\n":
        return SUCCESS, "", None  # one string for all
    text = data.decode(errors="replace")
    if not text.strip():
        return "", "", ("empty", "empty")
    if legacy:
        text = text.strip()
        if text.startswith(_TRACEBACK):
            return ERROR, text, None
    word, _, message = text.partition("\n")
    word, message = word.removesuffix("\r"), message.strip("\r\n")
    if legacy:
        return SUCCESS if word.rstrip() == "SUCESS" else word.rstrip(), message, None
    if word in (RUNNING, SUCCESS, ERROR):
        return word, message, None
    return word, message, ("unknown-status", f"says {_shown(word)}, which is no known status")


def one_line(message: str) -> str:
    """Return the line of a STATUS message that says most: of a traceback, the one that names the exception.

    An exit code has what the program said of it behind it, as `sys.exit("no data")` does.

    An exception's own text may have many lines, of which the last says little: CUDA's end with "Compile with
    `TORCH_USE_CUDA_DSA` to enable device-side assertions".
    """
    # An exception group's own lines have a margin; those of what is in it have a wider one.
    lines = [line.removeprefix("  | ") for line in message.splitlines() if line.strip()]
    if not lines:
        return ""
    if lines[0].startswith("exit code "):
        return ": ".join(line.strip() for line in lines[:2])
    if lines[0].startswith("signal "):
        return lines[0]
    frames = [place for place, line in enumerate(lines) if line.startswith('  File "')]
    ends = (line for line in lines[frames[-1] :] if line[0] != " ") if frames else ()
    return next(iter(ends), lines[-1]).strip()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    share = _names.setdefault
    found = {share(key, key): value for key, value in pairs}
    if len(found) != len(pairs):
        raise _Unusual
    if len(_names) > _NAMES_LIMIT:
        _names.clear()
    return found


def _no_constant(token: str) -> Any:
    raise _Unusual(token)


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def _decode_unusual(text: str, problems: list[Remark], legacy: bool) -> Any:
    """Decode JSON that has repeated keys or bare NaN tokens, and remark each sort once."""
    repeated: list[str] = []
    tokens: list[str] = []

    def last_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            seen: set[str] = set()
            repeated.extend(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        return found

    def constant(token: str) -> float:
        tokens.append(token)
        return float(token)

    value = json.JSONDecoder(object_pairs_hook=last_of, parse_constant=constant).decode(text)
    if repeated:
        message = f"has the key {_shown(repeated[0])} more than once; the last value counts"
        problems.append(("repeated-key", message))
    if tokens and not legacy:
        problems.append(("bare-token", f"has the bare token {tokens[0]}, which is not JSON"))
    return value


def _is_too_deep(value: Any, data: bytes) -> bool:
    """Tell whether the value of some JSON nests deeper than the limit, without recursing itself."""
    if len(data) <= 2 * NESTING_LIMIT or data.count(b"[") + data.count(b"{") <= NESTING_LIMIT:
        return False
    level = [value]
    for _ in range(NESTING_LIMIT + 1):
        deeper: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                deeper.extend(item.values())
            elif isinstance(item, list):
                deeper.extend(item)
        if not deeper:
            return False
        level = deeper
    return True


def _moment(text: str) -> datetime | None:
    """Read RFC 3339, with or without an offset.

    `fromisoformat` takes other things on each Python, but on all the shape that recorders write; a time in
    any other is brought into that one.
    """
    if text.translate(_DIGITS) not in _SHAPES or text[11:13] == "24" or text[17:19] == "60":
        found = _TIME.fullmatch(text.strip())
        if not found:
            return None
        date, clock, fraction, offset = found.groups("")
        if clock.endswith("60"):  # a leap second, which datetime does not know
            clock, fraction = f"{clock[:-2]}59", "999999"
        if offset:
            offset = "+00:00" if offset in "Zz" else f"{offset[:3]}:{offset[-2:]}"
        text = f"{date}T{clock}.{fraction[:6]:0<6}{offset}"
    return datetime.fromisoformat(text)


def _shown(value: Any) -> str:
    """Return a value for a message: short, on one line, and whatever it is."""
    if isinstance(value, (list, dict)):
        return _TYPES[type(value)]
    text = ascii(value)
    return text if len(text) <= 60 else text[:59] + "…"
