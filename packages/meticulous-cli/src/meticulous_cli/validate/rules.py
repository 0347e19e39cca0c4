"""One experiment's folder → what in it breaks format 1.0, by the identifiers of the format's requirements.

It sees a folder at rest. In which order files were written, and how ids were claimed, it cannot see.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from meticulous_cli.validate.json_rules import Finding, judge_json

__all__ = ["Judgement", "judge"]

_STATUS, _METADATA, _REQUIREMENTS, _PATCH = "STATUS", "metadata.json", "requirements.txt", "git.diff"
_OUTPUT = ("stdout", "stderr")
_REQUIRED = (_STATUS, _METADATA, "args.json", "default_args.json", *_OUTPUT)
# STATUS first: it is written last, so what belongs to the end that it tells of is there.
_FILES = (*_REQUIRED, "summary.json", _REQUIREMENTS, _PATCH)

# What JSON-11 asks of recorders, and far more than the other files have.
_LIMIT = 16 * 2**20
_FLAGS = os.O_RDONLY
for _flag in ("O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "O_NOCTTY", "O_BINARY"):  # no system has all of them
    _FLAGS |= getattr(os, _flag, 0)
# How often a folder is looked at that changes meanwhile.
_LOOKS = 3

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_DEVICE = re.compile(r"(CON|PRN|AUX|NUL|(COM|LPT)[0-9])(\.|\Z)", re.IGNORECASE)
_EXIT_CODE = re.compile(r"exit code [1-9][0-9]*")
_SIGNAL = re.compile(r"signal SIG[A-Z0-9]+([+-][1-9][0-9]*)?")
_REQUIREMENT = re.compile(r"[^\s=]+==\S+")
_NORMALISED = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_VERSION = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(?:Z|([+-][0-9]{2}:[0-9]{2}))"
)


class Judgement(NamedTuple):
    """What was found in a folder, or of which other version it is: format 1.0 does not apply to that."""

    findings: list[Finding]
    other_version: str = ""


class _NotRegularError(Exception):
    """A link, a pipe, a folder or the like in the place of a recorded file."""


def judge(folder: str) -> Judgement:
    """Hold a folder against the format; whatever lies in it, this neither raises nor waits.

    Of breaches that are alike, the first hundred are found. A file beyond 16 MiB is not looked into.
    """
    for _ in range(_LOOKS):
        before = _stamp(folder)
        judgement = _judge(folder)
        if not judgement.findings or _stamp(folder) == before:  # else a session began or ended meanwhile
            break
    return judgement


def _judge(folder: str) -> Judgement:
    findings = list(_id(os.path.basename(os.path.abspath(folder))))
    contents: dict[str, bytes] = {}
    for file in _FILES:
        findings += _read(folder, file, contents)
    objects: dict[str, dict[str, Any]] = {}
    for file, data in contents.items():
        if file.endswith(".json"):
            found, objects[file] = judge_json(file, data)
            if file == _METADATA and (version := _other_version(objects[file])):
                return Judgement([], version)
            findings += found
    metadata = objects.get(_METADATA, {})
    findings += _times(metadata)
    findings += _status(folder, contents, metadata)
    findings += _code(contents, metadata)
    return Judgement(findings)


def _stamp(folder: str) -> tuple[int, int] | None:
    try:
        status = os.lstat(os.path.join(folder, _STATUS))
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino


def _id(name: str) -> Iterator[Finding]:
    if not _ID.fullmatch(name):
        yield Finding("ID-1", ".", f"{name!a} is no id: letters, digits, and within it also . _ -")
    if len(name) > 128:
        yield Finding("ID-2", ".", f"the id has {len(name)} characters, and may have 128")
    if name.endswith(".") or _DEVICE.match(name):
        yield Finding("ID-3", ".", f"{name!a} cannot be the name of a folder on Windows")


def _read(folder: str, file: str, contents: dict[str, bytes]) -> Iterator[Finding]:
    """Put a file's content among the others', where there is one to be judged, and yield what is wrong."""
    try:
        data = _beginning(os.path.join(folder, file), 0 if file in _OUTPUT else _LIMIT + 1)
    except FileNotFoundError:
        if file in _REQUIRED:
            yield Finding("OUT-1" if file in _OUTPUT else "START-1", file, "is missing")
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
    """Return at most so many bytes of a regular file; a link is not followed, and a pipe not waited for."""
    if not stat.S_ISREG(os.lstat(path).st_mode):
        raise _NotRegularError
    with open(os.open(path, _FLAGS), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise _NotRegularError
        return file.read(min(status.st_size, limit))


def _other_version(metadata: dict[str, Any]) -> str:
    """Return in words of which version a folder is, if that is one which format 1.0 does not speak of."""
    if metadata and "format-version" not in metadata:
        return "version 0 (legacy)"
    version = metadata.get("format-version")
    found = _VERSION.fullmatch(version) if isinstance(version, str) else None
    return f"version {version}, newer than 1.0" if found and (int(found[1]), int(found[2])) > (1, 0) else ""


def _times(metadata: dict[str, Any]) -> Iterator[Finding]:
    """Yield times that have the form of one and are on no calendar, and two that should be the same."""
    for key in ("timestamp", "start-time", "end-time"):
        text = metadata.get(key)
        if isinstance(text, str) and _TIME.fullmatch(text) and _moment(text) is None:
            yield Finding("META-3", _METADATA, f"{key}: {text} is on no calendar")
    if "resumes" not in metadata and metadata.get("timestamp") != metadata.get("start-time"):
        yield Finding("META-6", _METADATA, "timestamp and start-time of a first session differ")


def _moment(text: Any) -> datetime | None:
    found = _TIME.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    minute, second, fraction, offset = found.groups()
    try:
        # What fromisoformat takes in Python 3.10; a leap second counts as the one before.
        digits = f"{fraction or ''}000000"[:6]
        return datetime.fromisoformat(f"{minute}:{min(int(second), 59):02}.{digits}{offset or '+00:00'}")
    except ValueError:
        return None


def _status(folder: str, contents: dict[str, bytes], metadata: dict[str, Any]) -> Iterator[Finding]:
    if _STATUS not in contents:
        return
    try:
        text = contents[_STATUS].decode()
    except UnicodeDecodeError as error:
        yield Finding("STATUS-1", _STATUS, f"is not UTF-8 (byte {error.start})")
        return
    wrong = _wrong_status(text)
    if wrong:
        yield Finding(wrong[0], _STATUS, wrong[1])
    elif metadata:
        yield from _end(folder, text, metadata)


def _wrong_status(text: str) -> tuple[str, str] | None:
    word, _, reason = text.partition("\n")
    first = reason.partition("\n")[0]
    if text.startswith("\ufeff"):
        return "STATUS-1", "starts with a byte order mark"
    if word in ("RUNNING", "SUCCESS"):
        requirement = "STATUS-2" if word == "RUNNING" else "STATUS-3"
        return None if text == f"{word}\n" else (requirement, f"is not just {word} and a line feed")
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
    being_resumed = os.path.exists(os.path.join(folder, ".resume"))  # then it has just been taken out
    if not running and not foreseen and not being_resumed:
        yield Finding("END-1", _METADATA, "has no end-time although STATUS tells of an end")


def _code(contents: dict[str, bytes], metadata: dict[str, Any]) -> Iterator[Finding]:
    if _REQUIREMENTS in contents:
        lines = contents[_REQUIREMENTS].decode(errors="replace").split("\n")
        if lines.pop() or not all(map(_REQUIREMENT.fullmatch, lines)):
            yield Finding("REQ-1", _REQUIREMENTS, "has lines that are not name==version")
        names = [line.partition("==")[0] for line in lines]
        if names != sorted(set(names)):
            yield Finding("REQ-1", _REQUIREMENTS, "is not sorted by names, each once")
        if "python-version" in metadata and not all(map(_NORMALISED.fullmatch, names)):
            yield Finding("REQ-2", _REQUIREMENTS, "has names that are not normalised")
    patch = contents.get(_PATCH)
    if patch is not None and b"diff --git " not in patch:
        yield Finding("GIT-2", _PATCH, "is no patch")
    if metadata and (patch is not None) != (metadata.get("git-dirty") is True):
        there = "no git.diff" if patch is None else "a git.diff"
        yield Finding("META-8", _METADATA, f"git-dirty does not fit: there is {there}")
    if metadata and not {"hostname", "pid"} <= metadata.keys():
        yield Finding(
            "LIVE-3", _METADATA, "has no hostname and pid, so nobody can tell if it still runs", True
        )
