"""Folders held against format 1.0: `python spec/kit/folder.py FOLDER …`.

It needs the schemas of `spec/1.0`, Python and jsonschema, and nothing else. It sees a folder at rest; in
which order files were written, and how ids were claimed, is for `recorder.py`. `meticulous --validate` runs
this very file.
"""

from __future__ import annotations

import functools
import itertools
import json
import math
import os
import re
import stat
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator, ValidationError, validators

__all__ = ["Finding", "Judgement", "judge", "problems", "warnings"]

FORMAT, VERSION = "Meticulous experiment folder", "1.0"
_HERE = Path(__file__).resolve().parent
# Beside this file in a package that carries it; else where the specification has them.
SCHEMAS = next(path for path in (_HERE / "schemas", _HERE.parent / VERSION / "schemas") if path.is_dir())

_STATUS, _METADATA, _REQUIREMENTS, _PATCH = "STATUS", "metadata.json", "requirements.txt", "git.diff"
_OUTPUT = ("stdout", "stderr")
# STATUS first: it is written last, so what belongs to the end that it tells of is there.
_REQUIRED = (_STATUS, _METADATA, "args.json")
_FILES = (*_REQUIRED, "default_args.json", *_OUTPUT, "summary.json", _REQUIREMENTS, _PATCH)

_LIMIT = 16 * 2**20
_LEVELS = 100
_DIGITS = 400
# Of breaches that are alike, as many are found. A hostile file may have a million.
_MOST = 100
# How often a folder is looked at that changes meanwhile.
_LOOKS = 3
_FLAGS = os.O_RDONLY
for _flag in ("O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "O_NOCTTY", "O_BINARY"):  # no system has all of them
    _FLAGS |= getattr(os, _flag, 0)

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_DEVICE = re.compile(r"(CON|PRN|AUX|NUL|(COM|LPT)[0-9])(\.|\Z)", re.IGNORECASE)
_EXIT_CODE = re.compile(r"exit code [1-9][0-9]*")
_SIGNAL = re.compile(r"signal SIG[A-Z0-9]+([+-][1-9][0-9]*)?")
_REQUIREMENT = re.compile(r"(?P<name>[^\s=@#]+)(==\S+| @ \S.*)")
# What META-7 forbids in a URL, as in the schema, wherever it stands in a line.
# In bounds, as a line may have megabytes.
_SECRET = re.compile(
    r"(?i)https?://[^/?#\s]{0,999}@|[^:/?#\s]://[^/?#\s:]{0,999}:[^/?#\s]{0,999}@|[^:/?#\s]://[^?\s]{0,999}[?]"
)
_GITLINK = re.compile(rb"^(index .* 160000|(new|deleted) file mode 160000)$", re.MULTILINE)
_NORMALISED = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_VENDOR = re.compile(r"[^:]+:.")
_VERSION = re.compile(r"(0|[1-9][0-9]{0,99})\.(0|[1-9][0-9]{0,99})")
_ESCAPES = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9][-+.0-9eE]*|-?Infinity', re.DOTALL)
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(?:Z|([+-][0-9]{2}:[0-9]{2}))"
)

# The requirement behind each key of metadata.json that has more to it than the table of keys says.
_KEY_REQUIREMENT = {
    "githead-sha": "META-5",
    "git-remote": "META-7",
    "timestamp": "META-3",
    "start-time": "META-3",
    "end-time": "META-3",
    "process-start": "META-12",
    "git-repositories": "GIT-5",
    "earlier-sessions": "RESUME-11",
}
_OF_ONE_TYPE = ("process-start", "git-repositories", "earlier-sessions")


class Finding(NamedTuple):
    """One breach of the format."""

    requirement: str
    """Its identifier in the format's text."""
    file: str
    """The file's name, "." for the folder itself."""
    message: str
    """One sentence."""
    warning: bool = False
    """Whether the format says SHOULD there, not MUST."""

    def __str__(self) -> str:
        return f"{'warning: ' if self.warning else ''}{self.requirement}: {self.file}: {self.message}"


class Judgement(NamedTuple):
    """The breaches of one folder."""

    findings: list[Finding]
    other_version: str = ""
    """In words, of which other version the folder is. Then it is not judged."""


class _NotRegularError(Exception):
    """A link, a pipe, a folder or the like in the place of a recorded file."""


def judge(folder: str | os.PathLike[str]) -> Judgement:
    """Hold a folder against the format.

    Never raise, nor wait, for what lies in it. Of breaches that are alike, find the first hundred; look into
    no file beyond 16 MiB.
    """
    path = os.fspath(folder)
    for _ in range(_LOOKS):
        before = _stamp(path)
        judgement = _judge(path)
        if not judgement.findings or _stamp(path) == before:  # else a session began or ended meanwhile
            break
    return judgement


def problems(folder: str | os.PathLike[str]) -> list[str]:
    """Return each breach of a MUST as a line `ID: file: message`; another version is one for whoever asks."""
    findings, other_version = judge(folder)
    if other_version:
        return [str(Finding("META-2", _METADATA, f"{other_version}: not judged"))]
    return [str(finding) for finding in findings if not finding.warning]


def warnings(folder: str | os.PathLike[str]) -> list[str]:
    """Return each breach of a SHOULD, as `problems` those of a MUST."""
    return [str(finding)[len("warning: ") :] for finding in judge(folder).findings if finding.warning]


def _stamp(folder: str) -> tuple[int, int] | None:
    try:
        status = os.lstat(os.path.join(folder, _STATUS))
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino


def _judge(folder: str) -> Judgement:
    findings = list(_id(folder))
    contents: dict[str, bytes] = {}
    for file in _FILES:
        findings += _read(folder, file, contents)
    objects: dict[str, dict[str, Any]] = {}
    for file, data in contents.items():
        if file.endswith(".json"):
            found, objects[file] = _json(file, data)
            if file == _METADATA and (version := _other_version(objects[file])):
                return Judgement([], version)
            findings += found
    metadata = objects.get(_METADATA, {})
    findings += _times(metadata)
    if _STATUS in contents:
        findings += _status(folder, contents[_STATUS], metadata)
    findings += _code(contents, metadata)
    return Judgement(findings)


def _id(folder: str) -> Iterator[Finding]:
    name = os.path.basename(os.path.abspath(folder))
    if os.path.islink(folder):
        yield Finding("DIR-1", ".", "is a symbolic link, not a folder")
    if not _ID.fullmatch(name):
        yield Finding("ID-1", ".", f"{name!a} is no id: letters, digits, and within it also . _ -")
    if len(name) > 128:
        yield Finding("ID-2", ".", f"the id has {len(name)} characters, and may have 128")
    if name.endswith(".") or _DEVICE.match(name):
        yield Finding("ID-3", ".", f"{name!a} cannot be the name of a folder on Windows")


def _read(folder: str, file: str, contents: dict[str, bytes]) -> Iterator[Finding]:
    """Put a file's content among the others', where there is one to be judged; yield what is wrong."""
    try:
        data = _beginning(os.path.join(folder, file), 0 if file in _OUTPUT else _LIMIT + 1)
    except FileNotFoundError:
        if file in _REQUIRED:
            yield Finding("START-1", file, "is missing")
    except _NotRegularError:
        yield Finding("DIR-5", file, "is not a regular file")
    except OSError as error:
        yield Finding("START-1", file, f"cannot be read: {error.strerror}")
    else:
        if len(data) <= _LIMIT or file == _PATCH:
            contents[file] = data
        else:
            requirement = "JSON-11" if file.endswith(".json") else "READ-4"
            yield Finding(requirement, file, "is larger than 16 MiB, so it was not looked into", True)


def _beginning(path: str, limit: int) -> bytes:
    """Return at most so many bytes of a regular file. A link is not followed, and a pipe not waited for."""
    if not stat.S_ISREG(os.lstat(path).st_mode):
        raise _NotRegularError
    with open(_open(path), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise _NotRegularError
        return file.read(min(status.st_size, limit))


def _open(path: str, tries: int = 20) -> int:
    try:
        return os.open(path, _FLAGS)
    except PermissionError:
        if os.name != "nt" or not tries:
            raise
    time.sleep(0.005)  # Windows refuses a file that is just being replaced, for up to 23 ms
    return _open(path, tries - 1)


def _other_version(metadata: dict[str, Any]) -> str:
    """Return in words of which version or format a folder is, if those are not this file's."""
    if metadata.get("format", FORMAT) != FORMAT:
        return f"of another format, {_shown(metadata['format'])}"
    if metadata and "format-version" not in metadata:
        return "version 0 (legacy)"
    version = metadata.get("format-version")
    found = _VERSION.fullmatch(version) if isinstance(version, str) else None
    newer = found and (int(found[1]), int(found[2])) > tuple(map(int, VERSION.split(".")))
    return f"version {version}, newer than {VERSION}" if newer else ""


# JSON


def _json(file: str, data: bytes) -> tuple[list[Finding], dict[str, Any]]:
    """Return what is wrong with a JSON file, and its object as far as there is one.

    What is no JSON as the format has it is not held against the schema.
    """
    findings = []
    repeated: dict[str, None] = {}
    tokens: list[str] = []
    beyond: list[str] = []

    def number(token: str) -> float:
        if math.isfinite(float(token)):
            return float(token)
        beyond.append(token)
        return 0.0

    def last_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            seen: set[str] = set()
            for key, _ in pairs:
                if key in seen:
                    repeated[key] = None
                seen.add(key)
        return found

    if data.startswith(b"\xef\xbb\xbf"):
        findings.append(Finding("JSON-2", file, "starts with a byte order mark"))
    try:
        text = data.decode("utf-8-sig")
        value = json.loads(
            text,
            object_pairs_hook=last_of,
            parse_constant=tokens.append,
            parse_float=number,
            parse_int=lambda token: int(token[:_DIGITS]),  # of which Python refuses to convert thousands
        )
    except UnicodeDecodeError as error:
        requirement = "JSON-6" if _has_surrogate(data) else "JSON-1"
        return [*findings, Finding(requirement, file, f"is not UTF-8 (byte {error.start})")], {}
    except RecursionError:
        return [*findings, Finding("JSON-11", file, "nests too deep to be judged", True)], {}
    except ValueError as error:
        return [*findings, Finding("JSON-1", file, f"is not JSON: {error}")], {}
    for key in itertools.islice(repeated, _MOST):
        findings.append(Finding("JSON-4", file, f"has the key {_shown(key)} more than once"))
    findings += [
        Finding("JSON-5", file, f"has the token {token}, which is not JSON")
        for token in dict.fromkeys(tokens)
    ]
    for token in beyond[:_MOST]:
        findings.append(Finding("JSON-12", file, f"has the number {_shown(token)}, beyond a double"))
    if _has_unpaired(value):
        findings.append(Finding("JSON-6", file, "has the escape of an unpaired surrogate"))
    if not isinstance(value, dict):
        return [*findings, Finding("JSON-3", file, "has no object at its top level")], {}
    if not findings:
        findings = [*_schema(file, value), *_layout(file, text, value)]
    return findings, value


def _has_surrogate(data: bytes) -> bool:
    """Return whether what UTF-8 has no form for is all that is wrong with a text."""
    try:
        data.decode(errors="surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def _has_unpaired(value: Any) -> bool:
    """Return whether a text of the value has no form in UTF-8."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    except RecursionError:
        pass
    return False


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[ValidationError]:
    # A schema's `$` is the very end, as in ECMAScript; Python's would let a line feed follow.
    if isinstance(value, str) and not re.search(pattern.replace("$", r"\Z"), value):
        yield ValidationError(f"{_shown(value)} is not of the form that the format asks for")


_Validator = validators.extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]


@functools.cache
def _validator(file: str) -> Any:
    return _Validator(json.loads((SCHEMAS / file.replace(".json", ".schema.json")).read_text("utf-8")))


def _schema(file: str, value: dict[str, Any]) -> Iterator[Finding]:
    for error in itertools.islice(_validator(file).iter_errors(value), _MOST):
        path = list(map(str, error.absolute_path))
        if error.validator == "additionalProperties" and not path:
            yield from _unknown_keys(file, value, error.schema["properties"])
            continue
        if len(path) == 1 and error.instance in (None, ""):
            requirement = "META-4"
        elif path and not (error.validator == "type" and path[0] in _OF_ONE_TYPE and len(path) == 1):
            requirement = _KEY_REQUIREMENT.get(path[0], "META-2")
        else:
            requirement = {"required": "META-1", "dependentRequired": "META-5"}.get(error.validator, "META-2")
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


def _layout(file: str, text: str, value: dict[str, Any]) -> Iterator[Finding]:
    """Yield what people and other readers find hard to read."""
    level: list[Any] = [value]
    for _ in range(_LEVELS):
        items = (inner.values() if isinstance(inner, dict) else inner for inner in level)
        level = [item for inner in items for item in inner if isinstance(item, (dict, list))]
    if level:
        yield Finding("JSON-11", file, f"nests deeper than {_LEVELS} levels", True)
        return

    def bare(text: str) -> str:  # many texts stand for one string or number
        return _TOKENS.sub(lambda token: '""' if token[0][0] == '"' else "0", text)

    if not text.endswith("}\n") or text.endswith("\n\n"):
        yield Finding("JSON-7", file, "does not end with one line feed after the object", True)
    codes = [int(escape[1], 16) for escape in _ESCAPES.finditer(text) if escape[1]]
    if bare(text.strip()) != bare(json.dumps(value, indent=4)):
        yield Finding("JSON-8", file, "is not indented by four spaces, one member or item a line", True)
    elif not all(code < 0x20 or code == 0x7F for code in codes):
        yield Finding("JSON-8", file, "has escapes where characters could stand", True)


# What no schema can say


def _times(metadata: dict[str, Any]) -> Iterator[Finding]:
    """Yield times that have the form of one and are on no calendar."""
    form = re.compile(_validator(_METADATA).schema["$defs"]["time"]["pattern"])
    for key in ("timestamp", "start-time", "end-time"):
        text = metadata.get(key)
        if isinstance(text, str) and form.match(text) and _moment(text) is None:  # else the schema tells
            yield Finding("META-3", _METADATA, f"{key}: {text} is on no calendar")


def _moment(text: Any) -> datetime | None:
    found = _TIME.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    minute, second, fraction, offset = found.groups()
    try:
        # What fromisoformat takes in Python 3.10.
        digits = f"{fraction or ''}000000"[:6]
        return datetime.fromisoformat(f"{minute}:{second}.{digits}{offset or '+00:00'}")
    except ValueError:
        return None


def _status(folder: str, data: bytes, metadata: dict[str, Any]) -> Iterator[Finding]:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        yield Finding("STATUS-1", _STATUS, f"is not UTF-8 (byte {error.start})")
        return
    if wrong := _wrong_status(text):
        yield Finding(wrong[0], _STATUS, wrong[1])
    elif metadata:
        yield from _end(folder, text, metadata)
        if text == "RUNNING\n" and not {"hostname", "pid"} <= metadata.keys():
            message = "has no hostname and pid, so nobody can tell if it still runs"
            yield Finding("LIVE-3", _METADATA, message, True)


def _wrong_status(text: str) -> tuple[str, str] | None:
    word, _, reason = text.partition("\n")
    first = reason.partition("\n")[0]
    if text.startswith("\ufeff"):
        return "STATUS-1", "starts with a byte order mark"
    if word == "RUNNING":
        return None if text == "RUNNING\n" else ("STATUS-2", "is not just RUNNING and a line feed")
    if word == "SUCCESS":
        right = text == "SUCCESS\n" or (reason.strip() and reason.endswith("\n"))
        return None if right else ("STATUS-3", "is not just SUCCESS, or that and a note, and a line feed")
    if word != "ERROR":
        return "STATUS-4", f"starts with {word[:40]!a}, not RUNNING, SUCCESS or ERROR"
    if not reason.strip() or not reason.endswith("\n"):
        return "STATUS-4", "has no reason and line feed after ERROR"
    if first.startswith("exit code ") and not _EXIT_CODE.fullmatch(first):
        return "STATUS-5", f"{first[:40]!a} is not `exit code N` with a number other than 0"
    if first.startswith("signal ") and not _SIGNAL.fullmatch(first):
        return "STATUS-6", f"{first[:40]!a} is not `signal NAME`, as in signal SIGTERM"
    return None


def _end(folder: str, status: str, metadata: dict[str, Any]) -> Iterator[Finding]:
    """Yield where end-time and STATUS tell of different sessions."""
    running = status == "RUNNING\n"
    if "end-time" in metadata:
        start, end = _moment(metadata.get("start-time")), _moment(metadata["end-time"])
        if running and start and end and end < start:
            yield Finding("RESUME-12", _METADATA, "has an earlier session's end-time in one that runs")
        return
    foreseen = status.startswith("ERROR\nsignal ")  # then STATUS may be all (END-3)
    being_resumed = os.path.lexists(os.path.join(folder, ".resume"))  # then it has just been taken out
    if not running and not foreseen and not being_resumed:
        yield Finding("END-1", _METADATA, "has no end-time although STATUS tells of an end")


def _code(contents: dict[str, bytes], metadata: dict[str, Any]) -> Iterator[Finding]:
    if _REQUIREMENTS in contents:
        yield from _packages(contents[_REQUIREMENTS], str(metadata.get("runtime")).startswith("Python "))
    patch = contents.get(_PATCH)
    if patch == b"":
        yield Finding("GIT-3", _PATCH, "is empty")
    elif patch and b"diff --git " not in patch:
        yield Finding("GIT-2", _PATCH, "is no patch")
    elif patch and _GITLINK.search(patch):
        yield Finding("GIT-2", _PATCH, "changes a submodule's commit, which git applies to nothing")
    if metadata and patch:
        if "githead-sha" not in metadata:
            yield Finding("META-5", _PATCH, "is there without a githead-sha")
        elif "githead-claimed" not in metadata and metadata.get("git-dirty") is not True:
            yield Finding("META-8", _METADATA, "git-dirty is not true, and there is a git.diff")
    if metadata.get("githead-claimed") is True:
        beside = [name for name in ("git-dirty", _PATCH) if name in metadata or name in contents]
        if beside:
            yield Finding("META-11", _METADATA, f"githead-claimed stands beside {beside[0]}")
    yield from _repositories(metadata.get("git-repositories"))


def _packages(data: bytes, python: bool) -> Iterator[Finding]:
    try:
        lines = data.decode().removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        yield Finding("REQ-1", _REQUIREMENTS, f"is not UTF-8 (byte {error.start})")
        return
    lines = [line for line in lines if data and not line.startswith("#")]
    found = [_REQUIREMENT.fullmatch(line) for line in lines]
    if not all(found):
        yield Finding("REQ-1", _REQUIREMENTS, "has lines that are not name==version or name @ URL")
    names = [line["name"] for line in found if line]
    if names != sorted(names):
        yield Finding("REQ-3", _REQUIREMENTS, "is not sorted by name", True)
    if any(map(_SECRET.search, lines)):
        yield Finding("META-7", _REQUIREMENTS, "holds a password or token")
    if python and not all(map(_NORMALISED.fullmatch, names)):
        yield Finding("REQ-2", _REQUIREMENTS, "has names that are not normalised")


def _repositories(value: Any) -> Iterator[Finding]:
    """Yield what no schema can say of `git-repositories`; what has another type is the schema's affair."""
    objects = [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
    directories = [item["directory"] for item in objects if isinstance(item.get("directory"), str)]
    if len(set(directories)) != len(directories):
        yield Finding("GIT-5", _METADATA, "git-repositories: has a directory more than once")
    for item in objects:
        directory = str(item.get("directory", ".."))
        if not re.match(r"\.\.(/|\Z)|/|[A-Za-z]:", directory) and "githead-sha" not in item:
            yield Finding("GIT-5", _METADATA, f"git-repositories: {_shown(directory)} has no githead-sha")


def _shown(value: Any) -> str:
    """Return a value for a sentence, on one line and cut short."""
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:59]}..."


def _main(folders: list[str]) -> int:
    """Print the breaches of these folders; return 1 where a MUST is broken, 2 for what is not judged."""
    if not folders:
        print("usage: python folder.py FOLDER …", file=sys.stderr)
        return 2
    code = 0
    for folder in folders:
        if not os.path.isdir(folder):
            print(f"{folder}: no such folder", file=sys.stderr)
            return 2
        findings, other_version = judge(folder)
        if other_version:
            print(f"{folder}: {other_version}: not judged")
            code = code or 2
        for finding in findings:
            print(f"{folder}: {finding}")
            code = code if finding.warning else 1
    return code


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
