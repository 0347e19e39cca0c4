"""A recorded JSON file → its object, and what breaks format 1.0. The only module that imports jsonschema."""

from __future__ import annotations

import functools
import importlib.resources
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator, ValidationError, validators

__all__ = ["Finding", "judge_json"]

# Of breaches that are alike, as many are told. A hostile file may have a million.
_MOST = 100
_LEVELS = 100  # of nesting that every reader takes (READ-14)

# The requirement behind each key of metadata.json that has more to it than the table of keys says.
_REQUIREMENTS = {
    "githead-sha": "META-5",
    "git-remote": "META-7",
    "timestamp": "META-3",
    "start-time": "META-3",
    "end-time": "META-3",
    "resumes": "RESUME-11",
}
_VENDOR = re.compile("[^:]+:.")
_ESCAPES = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9][-+.0-9eE]*|-?Infinity', re.DOTALL)


class Finding(NamedTuple):
    """One breach of the format.

    Attributes:
        requirement: its identifier in the format's text.
        file: the file's name, "." for the folder itself.
        message: what is wrong, in one sentence.
        warning: whether the format says SHOULD there, not MUST.
    """

    requirement: str
    file: str
    message: str
    warning: bool = False

    def __str__(self) -> str:
        return f"{'warning: ' if self.warning else ''}{self.requirement}: {self.file}: {self.message}"


def judge_json(file: str, data: bytes) -> tuple[list[Finding], dict[str, Any]]:
    """Return what is wrong with a file of this name and content, and its object as far as there is one.

    What is no JSON as the format has it is not held against the schema.
    """
    findings = []
    if data.startswith(b"\xef\xbb\xbf"):
        findings.append(Finding("JSON-2", file, "starts with a byte order mark"))
    repeated: dict[str, None] = {}
    tokens: dict[str, None] = {}

    def last_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            seen: set[str] = set()
            repeated.update((key, None) for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        return found

    def constant(token: str) -> None:
        tokens[token] = None

    try:
        text = data.decode("utf-8-sig")
        value = json.loads(text, object_pairs_hook=last_of, parse_constant=constant)
    except UnicodeDecodeError as error:
        requirement = "JSON-6" if _has_surrogate(data) else "JSON-1"
        return [*findings, Finding(requirement, file, f"is not UTF-8 (byte {error.start})")], {}
    except RecursionError:
        return [*findings, Finding("JSON-11", file, "nests too deep to be judged", True)], {}
    except ValueError as error:
        return [*findings, Finding("JSON-1", file, f"is not JSON: {error}")], {}
    for key in itertools.islice(repeated, _MOST):
        findings.append(Finding("JSON-4", file, f"has the key {_shown(key)} more than once"))
    findings += [Finding("JSON-5", file, f"has the token {token}, which is not JSON") for token in tokens]
    if not isinstance(value, dict):
        return [*findings, Finding("JSON-3", file, "has no object at its top level")], {}
    if not data.endswith(b"}\n"):
        findings.append(Finding("JSON-7", file, "does not end with one line feed after the object"))
    if not findings:
        findings = [*_breaches(file, value), *_looks(file, text, value)]
    return findings, value


def _has_surrogate(data: bytes) -> bool:
    """Tell whether what UTF-8 has no form for is all that is wrong with a text."""
    try:
        data.decode(errors="surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[ValidationError]:
    # A schema's `$` is the very end, as in ECMAScript; Python's would let a line feed follow.
    if isinstance(value, str) and not re.search(pattern.replace("$", r"\Z"), value):
        yield ValidationError(f"{_shown(value)} is not of the form that the format asks for")


_Validator = validators.extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]


@functools.cache
def _validator(file: str) -> Any:
    schema = (
        importlib.resources.files("meticulous_cli") / "schemas/1.0" / file.replace(".json", ".schema.json")
    )
    return _Validator(json.loads(schema.read_text("utf-8")))


def _breaches(file: str, value: dict[str, Any]) -> Iterator[Finding]:
    for error in itertools.islice(_validator(file).iter_errors(value), _MOST):
        path = list(map(str, error.absolute_path))
        if error.validator == "additionalProperties" and not path:
            yield from _unknown_keys(file, value, error.schema["properties"])
            continue
        if len(path) == 1 and error.instance in (None, ""):
            requirement = "META-4"
        elif path:
            requirement = _REQUIREMENTS.get(path[0], "META-2")
        else:
            requirement = "META-1" if error.validator == "required" else "META-2"
        where = f"{'/'.join(path)}: " if path else ""
        yield Finding(requirement, file, where + _sentence(error, path))


def _unknown_keys(file: str, value: dict[str, Any], known: dict[str, Any]) -> Iterator[Finding]:
    unknown = [key for key in value if key not in known and not _VENDOR.match(key)]
    neither = "has keys that are neither the format's nor a vendor's"
    misspelt = "has keys that are no vendor's `name:key`"
    for requirement, why, colon in (("META-9", neither, False), ("VENDOR-1", misspelt, True)):
        keys = [key for key in unknown if (":" in key) is colon]
        if keys:
            yield Finding(requirement, file, f"{why}: {', '.join(map(_shown, keys[:5]))}")


def _sentence(error: ValidationError, path: list[str]) -> str:
    if error.validator == "not":  # the value stays unsaid: it holds a secret
        return "holds a password or token"
    if error.validator == "pattern" and path[-1].endswith(("-time", "timestamp")):
        return f"{_shown(error.instance)} is not a time with its offset, such as 2026-11-23T17:25:48+01:00"
    if error.validator == "pattern" and path == ["githead-sha"]:
        return f"{_shown(error.instance)} is not the full name of a commit"
    return f"{error.message:.200}"


def _looks(file: str, text: str, value: dict[str, Any]) -> Iterator[Finding]:
    """Yield what people and other readers would find hard to read."""
    if _too_deep(value):
        yield Finding("JSON-11", file, f"nests deeper than {_LEVELS} levels", True)
    elif _layout(text) != _layout(json.dumps(value, indent=4) + "\n"):
        yield Finding("JSON-8", file, "is not indented by four spaces, one member or item a line", True)
    elif _has_escaped_characters(text):
        yield Finding("JSON-8", file, "has escapes where characters could stand", True)


def _layout(text: str) -> str:
    """Return JSON with its strings empty and its numbers 0: many texts stand for one string or number."""
    return _TOKENS.sub(lambda token: '""' if token[0][0] == '"' else "0", text)


def _has_escaped_characters(text: str) -> bool:
    """Tell whether a string escapes more than quotes, control characters and surrogates."""
    codes = (int(escape[1], 16) for escape in _ESCAPES.finditer(text) if escape[1])
    return any(not (code < 0x20 or code == 0x7F or 0xD800 <= code < 0xE000) for code in codes)


def _too_deep(value: Any) -> bool:
    """Tell whether a value nests deeper than the limit, without recursing itself."""
    level = [value]
    for _ in range(_LEVELS):
        level = [
            item
            for inner in level
            for item in (inner.values() if isinstance(inner, dict) else inner)
            if isinstance(item, (dict, list))
        ]
        if not level:
            return False
    return True


def _shown(value: Any) -> str:
    """Return a value for a sentence, on one line and cut short."""
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:59]}..."
