"""Folders held against format 1.0: `python spec/kit/folder.py FOLDER …`.

It needs the schemas in `spec/1.0`, Python and jsonschema, and nothing else. It sees a folder at rest; in
which order files were written, and how ids were claimed, is for `recorder.py`.
"""

from __future__ import annotations

import datetime
import json
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, ValidationError, validators

__all__ = ["problems", "warnings"]

SCHEMAS = Path(__file__).resolve().parent.parent / "1.0" / "schemas"
REQUIRED_FILES = ("metadata.json", "args.json", "default_args.json", "STATUS", "stdout", "stderr")
OPTIONAL_FILES = ("summary.json", "requirements.txt", "git.diff")

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_DEVICE = re.compile(r"(CON|PRN|AUX|NUL|(COM|LPT)[0-9])(\.|\Z)", re.IGNORECASE)
_EXIT_CODE = re.compile(r"exit code [1-9][0-9]*")
_SIGNAL = re.compile(r"signal SIG[A-Z0-9]+([+-][1-9][0-9]*)?")
_REQUIREMENT = re.compile(r"[^\s=]+==\S+")
_NORMALISED = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_VENDOR = re.compile(r"[^:]+:.")
_ESCAPES = re.compile(r"\\(?:u[dD][89a-fA-F][0-9a-fA-F]{2}|u00[01][0-9a-fA-F]|u007[fF]|[^u])")
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9][-+.0-9eE]*', re.DOTALL)
_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}):(\d{2})(?:\.(\d+))?(?:Z|([+-]\d{2}:\d{2}))", re.ASCII)

_WARNING = "warning: "
_LARGE = 16 * 2**20
_DEEP = 100

# The requirement behind each part of metadata.json's schema that is not META-2's "as the table says".
_KEY_REQUIREMENT = {
    "githead-sha": "META-5",
    "git-remote": "META-7",
    "timestamp": "META-3",
    "start-time": "META-3",
    "end-time": "META-3",
    "resumes": "RESUME-11",
}


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[ValidationError]:
    # A schema's `$` is the very end, as in ECMAScript; Python's would let a line feed follow.
    if isinstance(value, str) and not re.search(pattern.replace("$", r"\Z"), value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


_Validator = validators.extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]


def problems(folder: Path) -> list[str]:
    """Every breach of a MUST that can be seen in `folder`, as lines `ID: file: message`; [] if none.

    The identifier is that of the requirement in `spec/1.0/format.md`; the file is `.` for the folder itself.
    Never raises for what lies in the folder.
    """
    return [line for line in _problems(folder) if not line.startswith(_WARNING)]


def warnings(folder: Path) -> list[str]:
    """Every breach of a SHOULD, as `problems` gives those of a MUST."""
    return [line.removeprefix(_WARNING) for line in _problems(folder) if line.startswith(_WARNING)]


def _problems(folder: Path) -> Iterator[str]:
    name = folder.absolute().name
    if folder.is_symlink():
        yield "DIR-1: .: a symbolic link"
    if not _ID.fullmatch(name):
        yield f"ID-1: .: {name!r} is no id"
    if len(name) > 128:
        yield f"ID-2: .: the id has {len(name)} characters"
    if name.endswith(".") or _DEVICE.match(name):
        yield f"ID-3: .: {name!r} can't be a folder on Windows"
    contents: dict[str, bytes] = {}
    for file in (*REQUIRED_FILES, *OPTIONAL_FILES):
        try:
            if not stat.S_ISREG((folder / file).lstat().st_mode):
                yield f"DIR-5: {file}: not a regular file"
                continue
            if (folder / file).stat().st_size > _LARGE and file.endswith(".json"):
                yield f"{_WARNING}JSON-11: {file}: larger than 16 MiB"
                continue
            contents[file] = b"" if file in ("stdout", "stderr") else (folder / file).read_bytes()
        except FileNotFoundError:
            if file in REQUIRED_FILES:
                requirement = "OUT-1" if file in ("stdout", "stderr") else "START-1"
                yield f"{requirement}: {file}: missing"
        except OSError as error:
            yield f"START-1: {file}: {error.strerror}"
    objects: dict[str, dict[str, Any]] = {}
    for file in ("metadata.json", "args.json", "default_args.json", "summary.json"):
        if file in contents:
            found, objects[file] = _object(contents[file])
            yield from (f"{requirement}: {file}: {message}" for requirement, message in found)
            if not found:
                yield from _schema(file, objects[file])
                yield from _layout(file, contents[file].decode(), objects[file])
    metadata = objects.get("metadata.json", {})
    yield from _times(metadata)
    if "STATUS" in contents:
        reasons = list(_status(contents["STATUS"]))
        yield from reasons
        if not reasons and metadata:
            yield from _end(folder, contents["STATUS"].decode(), metadata)
    yield from _code(contents, metadata)


def _object(data: bytes) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    found: list[tuple[str, str]] = []
    repeated: list[str] = []
    tokens: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        once = dict(pairs)
        if len(once) != len(keys):
            repeated.extend(key for key in once if keys.count(key) > 1)
        return once

    if data.startswith(b"\xef\xbb\xbf"):
        found.append(("JSON-2", "starts with a byte order mark"))
    try:
        value = json.loads(data.decode("utf-8-sig"), object_pairs_hook=unique, parse_constant=tokens.append)
    except UnicodeDecodeError as error:
        return [*found, ("JSON-6" if _has_surrogate(data) else "JSON-1", f"not UTF-8: {error.reason}")], {}
    except RecursionError:
        return [*found, (f"{_WARNING}JSON-11", "nests too deep to be judged")], {}
    except ValueError as error:
        return [*found, ("JSON-1", f"not JSON: {error}")], {}
    found += [("JSON-4", f"has the key {key!r} more than once") for key in repeated]
    found += [("JSON-5", f"the token {token} is not JSON") for token in tokens]
    if not isinstance(value, dict):
        return [*found, ("JSON-3", "has no object at its top level")], {}
    if not data.endswith(b"}\n"):
        found.append(("JSON-7", "does not end with one line feed after the object"))
    return found, value


def _has_surrogate(data: bytes) -> bool:
    try:
        return any("\ud800" <= character <= "\udfff" for character in data.decode(errors="surrogatepass"))
    except UnicodeDecodeError:
        return False


def _layout(file: str, text: str, value: dict[str, Any]) -> Iterator[str]:
    """What people and other readers find hard to read."""
    depth, inner = 0, [value]
    while inner and depth <= _DEEP:
        lists = [item.values() if isinstance(item, dict) else item for item in inner]
        inner = [item for items in lists for item in items if isinstance(item, (dict, list))]
        depth += 1
    if depth > _DEEP:
        yield f"{_WARNING}JSON-11: {file}: nests deeper than {_DEEP} levels"
        return

    def bare(text: str) -> str:
        return _TOKENS.sub(lambda token: token[0][0].replace("-", "0") if token[0][0] in '"-' else "0", text)

    escaped = any("\\u" in _ESCAPES.sub("", token) for token in _TOKENS.findall(text) if token[0] == '"')
    if escaped or bare(text) != bare(json.dumps(value, indent=4, ensure_ascii=False) + "\n"):
        yield f"{_WARNING}JSON-8: {file}: not indented by four spaces, or escapes in place of characters"


def _schema(file: str, value: dict[str, Any]) -> Iterator[str]:
    schema = json.loads((SCHEMAS / file.replace(".json", ".schema.json")).read_text("utf-8"))
    for error in _Validator(schema).iter_errors(value):
        path = [str(part) for part in error.absolute_path]
        if len(path) == 1 and (error.instance is None or error.instance == ""):
            requirement = "META-4"
        elif path:
            requirement = _KEY_REQUIREMENT.get(path[0], "META-2")
        elif error.validator == "additionalProperties":
            names = [key for key in value if key not in error.schema["properties"] and not _VENDOR.match(key)]
            for name in names:
                yield f"{'VENDOR-1' if ':' in name else 'META-9'}: {file}: the key {name!r}"
            continue
        else:
            requirement = "META-1" if error.validator == "required" else "META-2"
        where = "/".join(path) + ": " if path else ""
        message = "holds a secret" if error.validator == "not" else f"{error.message:.200}"
        yield f"{requirement}: {file}: {where}{message}"


def _times(metadata: dict[str, Any]) -> Iterator[str]:
    """Times that a pattern lets pass and no calendar has; and of two that must agree."""
    for key in ("timestamp", "start-time", "end-time"):
        value = metadata.get(key)
        if isinstance(value, str) and _TIME.fullmatch(value) and _moment(value) is None:
            yield f"META-3: metadata.json: {key}: {value} is on no calendar"
    if "resumes" not in metadata and metadata.get("timestamp") != metadata.get("start-time"):
        yield "META-6: metadata.json: timestamp and start-time of a first session differ"


def _moment(text: Any) -> datetime.datetime | None:
    match = _TIME.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    day, minute, second, fraction, offset = match.groups()
    try:
        # What fromisoformat takes since Python 3.7; a leap second counts as the one before.
        plain = f"{day}T{minute}:{min(int(second), 59):02}.{((fraction or '') + '000000')[:6]}"
        return datetime.datetime.fromisoformat(plain + (offset or "+00:00"))
    except ValueError:
        return None


def _status(data: bytes) -> Iterator[str]:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        yield "STATUS-1: STATUS: not UTF-8"
        return
    if text.startswith("\ufeff"):
        yield "STATUS-1: STATUS: starts with a byte order mark"
        return
    word, _, reason = text.partition("\n")
    if word in ("RUNNING", "SUCCESS"):
        if text != word + "\n":
            requirement = "STATUS-2" if word == "RUNNING" else "STATUS-3"
            yield f"{requirement}: STATUS: not just {word} and a line feed"
    elif word != "ERROR":
        yield f"STATUS-4: STATUS: starts with {word[:40]!r}"
    elif not reason.strip() or not reason.endswith("\n"):
        yield "STATUS-4: STATUS: no reason and line feed after ERROR"
    else:
        first = reason.partition("\n")[0]
        if first.startswith("exit code ") and not _EXIT_CODE.fullmatch(first):
            yield f"STATUS-5: STATUS: {first[:40]!r} is not exit code N"
        if first.startswith("signal ") and not _SIGNAL.fullmatch(first):
            yield f"STATUS-6: STATUS: {first[:40]!r} is not signal NAME"


def _end(folder: Path, status: str, metadata: dict[str, Any]) -> Iterator[str]:
    """Whether end-time and STATUS tell of the same session."""
    if "end-time" in metadata:
        start, end = _moment(metadata.get("start-time")), _moment(metadata["end-time"])
        if status == "RUNNING\n" and start and end and end < start:
            yield "RESUME-12: metadata.json: an earlier session's end-time in one that runs"
        return
    foreseen = status.startswith("ERROR\nsignal ")  # then STATUS may be all (END-3)
    being_resumed = (folder / ".resume").exists()  # then it has just been taken out
    if status != "RUNNING\n" and not foreseen and not being_resumed:
        yield "END-1: metadata.json: no end-time although STATUS tells of an end"


def _code(contents: dict[str, bytes], metadata: dict[str, Any]) -> Iterator[str]:
    if "requirements.txt" in contents:
        lines = contents["requirements.txt"].decode(errors="replace").split("\n")
        if lines.pop() or not all(map(_REQUIREMENT.fullmatch, lines)):
            yield "REQ-1: requirements.txt: has lines that are not name==version"
        names = [line.partition("==")[0] for line in lines]
        if names != sorted(set(names)):
            yield "REQ-1: requirements.txt: not sorted by names, each once"
        if "python-version" in metadata and not all(map(_NORMALISED.fullmatch, names)):
            yield "REQ-2: requirements.txt: has names that are not normalised"
    patch = contents.get("git.diff")
    if patch is not None and b"diff --git " not in patch:
        yield "GIT-2: git.diff: no patch"
    if metadata and (patch is not None) != (metadata.get("git-dirty") is True):
        there = "absent" if patch is None else "there"
        yield f"META-8: metadata.json: git-dirty says otherwise than git.diff, which is {there}"
    if metadata and not {"hostname", "pid"} <= metadata.keys():
        yield f"{_WARNING}LIVE-3: metadata.json: no hostname and pid"


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print("usage: python folder.py FOLDER …", file=sys.stderr)
        sys.exit(2)
    broken = False
    for folder in sys.argv[1:]:
        if not Path(folder).is_dir():
            print(f"{folder}: no such folder", file=sys.stderr)
            sys.exit(2)
        for line in _problems(Path(folder)):
            print(f"{folder}: {line}")
            broken = broken or not line.startswith(_WARNING)
    sys.exit(1 if broken else 0)
