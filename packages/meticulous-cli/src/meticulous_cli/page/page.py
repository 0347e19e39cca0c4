"""The page of one experiment: how it ended and why, what ran, and what came out."""

from __future__ import annotations

import functools
import itertools
import os
import re
import shlex
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

from meticulous_read import ExperimentReader

from meticulous_cli.page.rerun import run_again
from meticulous_cli.page.tail import last_lines
from meticulous_cli.paths import RECORDED
from meticulous_cli.show.cells import MISSING, alike, arguments, results, shown
from meticulous_cli.show.facts import Row, is_dirty, repositories_of, result, short, text_of
from meticulous_cli.show.shell import pasted
from meticulous_cli.show.style import GREEN, RED, YELLOW, Style, state_code
from meticulous_cli.show.text import cut, local, plain, shown_duration, shown_time, width

_INDENT = "  "
# Where values begin, unless a name is longer.
_NAMES = 11
_LONGEST_NAME = 32
_LINES = 8  # of a traceback, of output, and of the files
_DEFAULTS = 3  # lines of arguments at their default
_REASON = 4000  # characters
# An exception in a traceback, also in the margin of a group: lines of frames are indented.
_EXCEPTION = re.compile(r"(\s*\| )?\w")


def page(reader: ExperimentReader, style: Style) -> str:
    """Return the page as text; at a terminal, each line but the one to be pasted keeps to its width."""
    row = Row(reader)
    ongoing = row.state in ("RUNNING", "silent")
    sections = [
        ["", *_title(row, style), "", *_facts(reader, style)],
        ["args", *_arguments(row, style)] if row.args else [],
        ["summary so far" if ongoing else "summary", *_results(row, style)] if row.summary else [],
        ["files", *_files(str(reader.directory), style)],
        ["problems", *(style.paint(_line(str(each), style), YELLOW) for each in reader.problems)],
        _traceback(reader, style),
        *(_output(reader, name, style) for name in ("stdout", "stderr")),
        ["follow it", *_following(reader)] if ongoing else ["run it again", *_again(reader, style)],
    ]
    lines = []
    for title, *body in filter(lambda section: len(section) > 1, sections):
        lines += [*filter(None, [style.bold(style.cut(title))]), *body, ""]
    return "\n".join(lines[:-1])


def _title(row: Row, style: Style) -> Iterator[str]:
    """Yield id, state and how long it took; then the reason, whole."""
    reader, name, state = row.reader, plain(row.id), row.state
    more = _since(reader, state, style)
    if style.room:
        name, state = cut(name, max(style.room // 3, 8), style.ellipsis), cut(state, max(style.room // 3, 7))
    more = style.cut(_INDENT * bool(more) + more, width(name) + len(_INDENT) + width(state))
    code = GREEN if row.ended_well else state_code(row.state)
    yield f"{style.bold(name)}{_INDENT}{style.paint(state, code)}{more}"
    _, reason, rest = _reason_in(reader)
    for line in [reason, *rest[:_LINES]] if reason else []:
        text = cut(plain(line.expandtabs(4)), _REASON, style.ellipsis)
        code = RED if reader.status == "ERROR" else ""
        yield from (style.paint(each, code) for each in style.wrapped(text))
    if len(rest) > _LINES:
        yield style.dim(f"{style.ellipsis} {len(rest) - _LINES} more lines")


def _since(reader: ExperimentReader, state: str, style: Style) -> str:
    """Return how long it took or, of one that has not ended, for how long it has been as it is."""
    silence = reader.silent_for
    if silence is None:
        return "" if reader.duration is None else f"after {shown_duration(reader.duration)}"
    short = shown_duration(silence).partition(" ")[0]
    if state == "silent":
        return f"for {short}; it promised a sign of life each {reader.metadata.get('heartbeat-seconds')}s"
    if state == "lost":
        moment = shown_time(style.now - silence, style.now if style.terminal else None)
        return f"its process {shown(reader.metadata.get('pid'))} is gone; last sign of life {moment}"
    if reader.start_time is None:
        return ""
    return f"for {shown_duration(style.now - reader.start_time)}, last sign of life {short} ago"


def _reason_in(reader: ExperimentReader) -> tuple[list[str], str, list[str]]:
    """Return what stands in STATUS before the line that says most, that line, and what follows it.

    What an exception group holds follows it and is of the traceback.
    """
    lines = reader.status_message.strip("\n").splitlines()
    said = [line.strip().removeprefix("| ") for line in lines]
    place = said.index(reader.reason) if reader.reason in said else 0
    before, rest = lines[:place], lines[place + 1 :]
    if place and lines[place].startswith("  | "):
        before, rest = before + rest, []
    return before, "".join(said[place : place + 1]), rest


def _facts(reader: ExperimentReader, style: Style) -> Iterator[str]:
    metadata, text = reader.metadata, functools.partial(text_of, reader)
    facts = [("description", text("description")), ("command", _command(metadata.get("command")))]
    if reader.sha:
        subject, branch = text("githead-message").strip().partition("\n")[0], text("githead-branch")
        commit = short(reader.sha) + "+" * is_dirty(metadata)
        facts.append(("commit", "  ".join(filter(None, [commit, subject])) + f" ({branch})" * bool(branch)))
    if is_dirty(metadata):
        kept = os.path.isfile(reader.directory / "git.diff")
        facts.append(("", f"+ uncommitted changes, {'kept in git.diff' if kept else 'not kept'}"))
    if metadata.get("githead-claimed") is True:
        facts.append(("", "as the recorder was told: it had no repository to ask"))
    for folder, (sha, dirty, _) in repositories_of(reader).items():
        facts.append(("", f"with {folder} at {short(sha)}{'+' * dirty}"))
    if reader.start_time:
        ago = style.now - reader.start_time
        ended = f", {shown_duration(ago)} ago" if style.terminal and ago > timedelta(0) else ""
        facts.append(("start", f"{shown_time(reader.start_time)} {_offset(reader.start_time)}{ended}"))
    sessions = metadata.get("earlier-sessions")
    if isinstance(sessions, list) and sessions:
        facts.append(("sessions", f"{len(sessions) + 1}, of which this was the last"))
    facts.append(("host", ", ".join(filter(None, [text("hostname"), text("runtime")]))))
    facts.append(("folder", str(reader.directory)))
    for name, fact in facts:
        first, *more = style.wrapped(plain(fact), _NAMES + len(_INDENT))
        if fact:
            yield f"{style.dim(name)}{' ' * (_NAMES - len(name))}{_INDENT}{first}"
            yield from (" " * (_NAMES + len(_INDENT)) + line for line in more)


def _offset(moment: datetime) -> str:
    """Return the offset of this machine's clock; its name, on Windows, is a sentence."""
    moment = moment.replace(microsecond=0)
    return str(timezone(local(moment) - moment.replace(tzinfo=None))).removeprefix("UTC") or "UTC"


def _command(command: Any) -> str:
    """Return the command as a person would type it; the original tool wrote it as one string at first."""
    if isinstance(command, list):
        return shlex.join(str(part) for part in command)
    return command if isinstance(command, str) else ""


def _arguments(row: Row, style: Style) -> Iterator[str]:
    """Yield a line for each argument that was chosen, and a paragraph of those at their default."""
    defaults = row.default_args
    chosen = {n: v for n, v in row.args.items() if not alike(v, defaults.get(n, MISSING))}
    pairs = {name: arguments([value, defaults.get(name, MISSING)], 15) for name, value in chosen.items()}
    notes = {name: f"default {cells[1]}" for name, cells in pairs.items() if name in defaults}
    yield from _pairs({name: cells[0] for name, cells in pairs.items()}, notes, style)
    same = [f"{plain(n)}={cut(shown(v), _LONGEST_NAME)}" for n, v in row.args.items() if n not in chosen]
    text = style.listed("at the default", same, lines=_DEFAULTS, taken=2 * len(_INDENT))
    for line in style.wrapped(text, 2 * len(_INDENT)) if same else ():
        yield _INDENT + style.dim(line)


def _results(row: Row, style: Style) -> Iterator[str]:
    return _pairs({name: results([result(value)])[0] for name, value in row.summary.items()}, {}, style)


def _pairs(cells: dict[str, str], notes: dict[str, str], style: Style) -> Iterator[str]:
    names = {name: cut(plain(name) or "''", _LONGEST_NAME * 2, style.ellipsis) for name in cells}
    longest = max([_NAMES, *map(width, names.values())])
    widest = min(max([0, *(width(cells[name]) for name in notes)]), _LONGEST_NAME)
    for name, cell in cells.items():
        line = _line(f"{names[name]}{' ' * (longest - width(names[name]))}{_INDENT}{cell}", style)
        note = f"{' ' * (widest - width(cell))}{_INDENT}{notes[name]}" if name in notes else ""
        yield line + style.note(note, width(line))


def _files(directory: str, style: Style) -> Iterator[str]:
    """Yield a line for each file of the program's own, the largest number of them cut short."""
    with os.scandir(directory) as entries:
        found = [entry for entry in entries if entry.name[0] != "." and entry.name not in RECORDED]
    found.sort(key=lambda entry: entry.name)
    for entry in found if len(found) <= _LINES else found[: _LINES - 1]:
        try:
            size = "folder" if entry.is_dir() else _shown_size(entry.stat(follow_symlinks=False).st_size)
        except OSError:  # one that is gone by now
            size = "?"
        yield _line(f"{size:>7}{_INDENT}{entry.name}", style)
    if len(found) > _LINES:
        yield f"{_INDENT}{style.ellipsis} {len(found) - _LINES + 1} more"


def _shown_size(size: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def _traceback(reader: ExperimentReader, style: Style) -> list[str]:
    """Return the section with what stands in STATUS before the reason.

    Of a long one the frames in the middle are left out, not the exceptions that led to the last.
    """
    heading = "Traceback (most recent call last):"
    lines = [line for line in _reason_in(reader)[0] if line.strip() and heading not in line]
    said = [bool(_EXCEPTION.match(line)) for line in lines]
    ends = [n for n in range(1, len(lines)) if said[n] and not said[n - 1]]
    chosen = {0, 1, *range(len(lines) - _LINES + 2, len(lines))}
    for end in (*ends[:1], *ends[-_LINES:]):
        chosen |= {end, end + 1}
    chosen |= {n for n in range(len(lines)) if {n - 1, n + 1} <= chosen}
    body = []
    for is_chosen, numbers in itertools.groupby(range(len(lines)), chosen.__contains__):
        part = [style.cut(plain(lines[n].expandtabs(4))) for n in numbers]
        body += part if is_chosen else [style.dim(f"{_INDENT}{style.ellipsis} {len(part)} lines")]
    count = len(chosen.intersection(range(len(lines))))
    more = f", {count} of {len(lines)} lines (all in STATUS)" if count < len(lines) else ""
    return [f"traceback{more}", *body]


def _output(reader: ExperimentReader, name: str, style: Style) -> list[str]:
    """Return the section with the last lines of output, without what STATUS says already."""
    try:
        lines, more = last_lines(reader, name, _LINES)
    except FileNotFoundError:
        return []
    except OSError as error:
        return [name, _line(f"cannot be read: {(error.strerror or str(error)).lower()}", style)]
    said = [plain(line.expandtabs(8)) for line in reader.status_message.splitlines()]
    while lines and said and lines[-1] == said[-1]:
        lines.pop()
        said.pop()
    last = "the last line" if len(lines) == 1 else f"the last {len(lines)} lines"
    return [f"{name}, {last}" if more else name, *(_line(line, style) for line in lines)]


def _following(reader: ExperimentReader) -> list[str]:
    paths = [reader.directory / name for name in ("stdout", "stderr")]
    found = [str(path) for path in paths if path.is_file()]
    follow = ["tail", "-f"]
    if os.name == "nt":  # in PowerShell, which waits for one file only
        follow, found = ["Get-Content", "-Tail", "10", "-Wait"], found[:1]
    return [pasted([[*follow, *found]])] if found else []


def _again(reader: ExperimentReader, style: Style) -> Iterator[str]:
    notes, command = run_again(reader) or ([], "")
    for note in notes:
        yield from (_INDENT + style.dim(line) for line in style.wrapped(plain(note), len(_INDENT)))
    if command:
        yield command


def _line(text: str, style: Style) -> str:
    """Return a line of a section, as much of it as there is room for."""
    return style.cut(_INDENT + plain(text))
