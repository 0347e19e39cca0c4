"""The page of one experiment: what ran, how it ended, and what came out."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from meticulous_read import ExperimentReader

from meticulous_cli.page.rerun import command_again
from meticulous_cli.page.tail import last_lines
from meticulous_cli.show.facts import state_of
from meticulous_cli.show.style import Style
from meticulous_cli.show.text import (
    MISSING,
    alike,
    cut,
    number_of,
    plain,
    shown,
    shown_duration,
    shown_time,
    width,
)

__all__ = ["page"]

_REASON_LINES = 8
_FILES = 40
_OUTPUT_LINES = 8
_INDENT = "  "
# What shells and terminals take at once, and how much is shown of what is longer.
_LONGEST, _BEGINNING = 2**15, 60


def page(reader: ExperimentReader, style: Style) -> str:
    """Return the page as text; at a terminal, each line but the one to be copied is cut to its width."""
    again = command_again(reader)
    if len(again) > _LONGEST:
        words = f"({len(again):,} characters, too many to paste: see command in metadata.json)"
        again = f"{cut(again, _BEGINNING, style.ellipsis)}  {words}"
    sections = [
        _facts(reader, style),
        ["arguments", *_arguments(reader)] if reader.args else [],
        ["summary", *_pairs(reader.summary, summary=True)] if reader.summary else [],
        ["files", *_files(str(reader.directory))],
        ["problems", *map(plain, map(str, reader.problems))] if reader.problems else [],
        *(_output(reader, name) for name in ("stdout", "stderr")),
    ]
    lines = []
    for number, (title, *body) in enumerate(section for section in sections if section):
        short = title if number == 0 or style.room is None else cut(title, style.room, style.ellipsis)
        lines.append(style.bold(short) if number else title)
        room = style.room - len(_INDENT) if style.room else None
        cut_body = body if room is None else [cut(line, room, style.ellipsis) for line in body]
        lines.extend((_INDENT + line).rstrip() for line in cut_body)
        lines.append("")
    return "\n".join([*lines, style.bold("run it again"), again] if again else lines[:-1])


def _output(reader: ExperimentReader, name: str) -> list[str]:
    """Return the section with the last lines of output, without what the end's reason says already."""
    try:
        lines, more = last_lines(reader, name, _OUTPUT_LINES)
    except FileNotFoundError:
        return [name, "a link that leads nowhere"] if os.path.islink(reader.directory / name) else []
    except OSError as error:
        return [name, f"cannot be read: {(error.strerror or str(error)).lower()}"]
    told = [plain(line.expandtabs(8)) for line in reader.status_message.splitlines()]
    while lines and told and lines[-1] == told[-1]:
        lines.pop()
        told.pop()
    if not lines:
        return []
    last = "the last line" if len(lines) == 1 else f"the last {len(lines)} lines"
    return [f"{name}, {last}" if more else name, *lines]


def _facts(reader: ExperimentReader, style: Style) -> list[str]:
    metadata = reader.metadata
    now = datetime.now(timezone.utc)
    facts = []
    command = _command(metadata.get("command"))
    if command:
        facts.append(("command", command))
    if isinstance(metadata.get("description"), str) and metadata["description"]:
        facts.append(("description", plain(metadata["description"])))
    if reader.sha:
        message = metadata.get("githead-message")
        subject = plain(message.strip().partition("\n")[0]) if isinstance(message, str) else ""
        facts.append(("commit", f"{plain(reader.sha[:7])}  {subject}".rstrip()))
        place = [metadata.get(key) for key in ("githead-branch", "git-remote")]
        known = [plain(text) for text in place if isinstance(text, str) and text]
        if known:
            facts.append(("", ", ".join(known)))
        if metadata.get("git-dirty") is True:
            kept = os.path.lexists(reader.directory / "git.diff")
            facts.append(
                ("", f"with uncommitted changes, {'kept in' if kept else 'of which there is no'} git.diff")
            )
        if metadata.get("githead-claimed") is True:
            facts.append(("", "as claimed: there was no repository to ask"))
    if reader.start_time:
        ago = ""
        if style.terminal and reader.start_time < now:
            ago = f", {shown_duration(now - reader.start_time)} ago"
        facts.append(("start", f"{shown_time(reader.start_time)} {reader.start_time.astimezone():%Z}{ago}"))
    duration = reader.duration
    if duration is not None:
        facts.append(("duration", shown_duration(duration)))
    elif reader.start_time and state_of(reader) == "RUNNING":
        facts.append(("duration", f"{shown_duration(now - reader.start_time)} so far"))
    if isinstance(metadata.get("hostname"), str):
        facts.append(("host", plain(metadata["hostname"])))
    if isinstance(metadata.get("runtime"), str):
        facts.append(("runtime", plain(metadata["runtime"])))
    earlier = metadata.get("earlier-sessions")
    if isinstance(earlier, list) and earlier:
        facts.append(("sessions", f"{len(earlier) + 1}, of which this was the last"))
    name, state = plain(reader.experiment_id), state_of(reader)
    if style.room is not None:
        state = cut(state, style.room // 2, style.ellipsis)
        name = cut(name, style.room - width(state) - len(_INDENT), style.ellipsis)
    lines = [f"{style.bold(name)}  {style.state(state)}", *(f"{name:<11}  {text}" for name, text in facts)]
    remark = _liveness(reader)
    lines += ["", remark] if remark else []
    reason = [plain(line.expandtabs(4)) for line in reader.status_message.splitlines()]
    if reason:
        lines += ["", *reason[-_REASON_LINES:]]
        if len(reason) > _REASON_LINES:
            lines[-_REASON_LINES] = f"{style.ellipsis} {len(reason) - _REASON_LINES + 1} lines more in STATUS"
    return lines


def _liveness(reader: ExperimentReader) -> str:
    """Return what is known of a run that says RUNNING and may not be."""
    if reader.lost:
        return f"STATUS says RUNNING, but its process {shown(reader.metadata.get('pid'))} is gone"
    if reader.silent and reader.silent_for is not None:
        return f"STATUS says RUNNING, but there was no sign of life for {shown_duration(reader.silent_for)}"
    return ""


def _command(command: Any) -> str:
    """Return the command as a person would type it; the original tool wrote it as one string at first."""
    if isinstance(command, list):
        return plain(shlex.join(str(part) for part in command))
    return plain(command) if isinstance(command, str) else ""


def _arguments(reader: ExperimentReader) -> Iterator[str]:
    """Yield a line for each argument; those that differ from their default are marked."""
    defaults = reader.default_args
    marks = [
        bool(defaults) and not alike(value, defaults.get(name, MISSING))
        for name, value in reader.args.items()
    ]
    for line, marked, name in zip(_pairs(reader.args), marks, reader.args, strict=True):
        note = f"   (default: {shown(defaults[name])})" if marked and name in defaults else ""
        yield f"{'*' if marked else ' '} {line}{note}"


def _pairs(values: dict[str, Any], *, summary: bool = False) -> Iterator[str]:
    names = [plain(name) or "''" for name in values]
    longest = min(max(map(width, names)), 32)
    for name, value in zip(names, values.values(), strict=True):
        number = number_of(value) if summary else None
        yield f"{name}{' ' * (longest - width(name))}  {shown(value if number is None else number)}"


def _files(directory: str) -> Iterator[str]:
    """Yield a line for each file in the folder, the largest number of them cut short."""
    try:
        with os.scandir(directory) as entries:
            found = sorted(
                (entry for entry in entries if not entry.name.startswith(".")), key=lambda e: e.name
            )
    except OSError as error:
        yield f"cannot be listed: {error.strerror}"
        return
    for entry in found[:_FILES]:
        try:
            size = "folder" if entry.is_dir() else _shown_size(entry.stat(follow_symlinks=False).st_size)
        except OSError:
            size = "?"
        yield f"{size:>8}  {plain(entry.name)}"
    if len(found) > _FILES:
        yield f"and {len(found) - _FILES} more"


def _shown_size(size: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
