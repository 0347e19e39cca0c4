"""The page of one experiment: how it ended and why, what ran, and what came out."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from meticulous_read import ExperimentReader

from meticulous_cli.page.rerun import run_again
from meticulous_cli.page.shell import pasted
from meticulous_cli.page.tail import last_lines
from meticulous_cli.paths import RECORDED
from meticulous_cli.show.cells import MISSING, alike, arguments, number_of, results, shown
from meticulous_cli.show.facts import Row, state_of
from meticulous_cli.show.style import RED, YELLOW, Style
from meticulous_cli.show.text import cut, plain, shown_duration, shown_time, width, wrapped

__all__ = ["page"]

_INDENT = "  "
# Where values begin, unless a name is longer.
_NAMES = 11
_LONGEST_NAME = 32
_LINES = 8  # of a traceback, of output, and of the files
_DEFAULTS = 3  # lines of arguments at their default
_REASON = 4000  # characters
_PASTED = 2**15  # what shells and terminals take at once


def page(reader: ExperimentReader, style: Style) -> str:
    """Return the page as text; at a terminal, each line but the one to be pasted keeps to its width."""
    row, state = Row(reader), state_of(reader)
    ongoing = state in ("RUNNING", "silent")
    sections = [
        ["", *_title(reader, state, style), "", *_facts(reader, style)],
        ["args", *_arguments(row, style)] if row.args else [],
        ["summary so far" if ongoing else "summary", *_results(row, style)] if row.summary else [],
        ["files", *_files(str(reader.directory), style)],
        ["problems", *(_INDENT + style.paint(_short(str(each), style), YELLOW) for each in reader.problems)],
        _traceback(reader, style),
        *(_output(reader, name, style) for name in ("stdout", "stderr")),
        ["follow it", *_following(reader)] if ongoing else ["run it again", *_again(reader, style)],
    ]
    lines = []
    for name, *body in filter(lambda section: len(section) > 1, sections):
        title = cut(name, style.room, style.ellipsis) if style.room else name
        lines += [style.bold(title), *body, ""] if title else [*body, ""]
    return "\n".join(lines[:-1])


def _title(reader: ExperimentReader, state: str, style: Style) -> Iterator[str]:
    """Yield id, state and how long it took; then the reason, whole."""
    name, silence = plain(reader.experiment_id), reader.silent_for
    if style.room:
        name = cut(name, max(style.room // 3, 8), style.ellipsis)
        state = cut(state, max(style.room // 3, 7), style.ellipsis)
    more = "" if reader.duration is None else f"after {shown_duration(reader.duration)}"
    if state == "silent" and silence is not None:
        more = f"for {shown_duration(silence).partition(' ')[0]}; it promised a sign of life each "
        more += f"{shown(reader.metadata.get('heartbeat-seconds'))}s"
    elif reader.status == "RUNNING" and silence is not None:
        moment = shown_time(style.now - silence, style.now if style.terminal else None)
        if state == "lost":
            more = f"its process {shown(reader.metadata.get('pid'))} is gone; last sign of life {moment}"
        elif reader.start_time:
            more = f"for {shown_duration(style.now - reader.start_time)}, "
            more += f"last sign of life {shown_duration(silence).partition(' ')[0]} ago"
    if style.room:
        more = cut(more, max(style.room - width(name) - width(state) - 2 * len(_INDENT), 0), style.ellipsis)
    yield f"{style.bold(name)}{_INDENT}{style.state(state, title=True)}{_INDENT if more else ''}{more}"
    _, reason, rest = _reason_in(reader)
    for line in [reason, *rest[:_LINES]] if reason else []:
        text = cut(plain(line.expandtabs(4)), _REASON, style.ellipsis)
        code = RED if reader.status == "ERROR" else ""
        yield from (style.paint(each, code) for each in _wrapped(text, 0, style))
    if len(rest) > _LINES:
        yield style.dim(f"{style.ellipsis} {len(rest) - _LINES} more lines")


def _reason_in(reader: ExperimentReader) -> tuple[list[str], str, list[str]]:
    """Return what stands in STATUS before the line that says most, that line, and what follows it."""
    lines = reader.status_message.strip("\n").splitlines()
    place = next((place for place, line in enumerate(lines) if line.strip() == reader.reason), 0)
    return lines[:place], "".join(lines[place : place + 1]).strip(), lines[place + 1 :]


def _facts(reader: ExperimentReader, style: Style) -> Iterator[str]:
    metadata = reader.metadata
    facts: list[tuple[str, str]] = []

    def add(name: str, *parts: Any) -> None:
        text = "  ".join(plain(part) for part in parts if isinstance(part, str) and part)
        facts.extend([(name, text)] if text else [])

    add("description", metadata.get("description"))
    add("command", _command(metadata.get("command")))
    dirty = metadata.get("git-dirty") is True
    message, branch = metadata.get("githead-message"), metadata.get("githead-branch")
    subject = message.strip().partition("\n")[0] if isinstance(message, str) else ""
    place = " of ".join(
        each for each in (branch, metadata.get("git-remote")) if isinstance(each, str) and each
    )
    if reader.sha:
        add("commit", reader.sha[:7] + "+" * dirty, f"{subject} ({place})".strip() if place else subject)
    if dirty:
        kept = os.path.isfile(reader.directory / "git.diff")
        add("", f"+ uncommitted changes, {'kept in git.diff' if kept else 'not kept'}")
    if metadata.get("githead-claimed") is True:
        add("", "as the recorder was told: it had no repository to ask")
    others = metadata.get("git-repositories")
    for other in [each for each in others if isinstance(each, dict)] if isinstance(others, list) else []:
        sha = shown(other.get("githead-sha", ""))[:7] + "+" * (other.get("git-dirty") is True)
        add("", f"with {shown(other.get('directory'))} at {sha}")
    if reader.start_time:
        ago = style.now - reader.start_time
        ended = f", {shown_duration(ago)} ago" if style.terminal and ago > timedelta(0) else ""
        add("start", f"{shown_time(reader.start_time)} {_offset(reader.start_time)}{ended}")
    sessions = metadata.get("earlier-sessions")
    if isinstance(sessions, list) and sessions:
        add("sessions", f"{len(sessions) + 1}, of which this was the last")
    machine = [metadata.get("hostname"), metadata.get("runtime")]
    add("host", ", ".join(each for each in machine if isinstance(each, str) and each))
    add("folder", str(reader.directory))
    for name, text in facts:
        first, *more = _wrapped(text, _NAMES + len(_INDENT), style)
        yield f"{style.dim(name)}{' ' * (_NAMES - len(name))}{_INDENT}{first}"
        yield from (" " * (_NAMES + len(_INDENT)) + line for line in more)


def _offset(moment: datetime) -> str:
    """Return the offset of this machine's clock; its name, on Windows, is a sentence."""
    try:
        moment = moment.astimezone()
    except (OverflowError, ValueError, OSError):
        pass
    return moment.isoformat()[-6:] if moment.utcoffset() else "UTC"


def _command(command: Any) -> str:
    """Return the command as a person would type it; the original tool wrote it as one string at first."""
    if isinstance(command, list):
        return shlex.join(str(part) for part in command)
    return command if isinstance(command, str) else ""


def _arguments(row: Row, style: Style) -> Iterator[str]:
    """Yield a line for each argument that was chosen, and a paragraph of those at their default."""
    defaults = row.default_args
    chosen = {n: v for n, v in row.args.items() if not alike(v, defaults.get(n, MISSING))}
    pairs = {name: arguments([value, defaults.get(name, MISSING)]) for name, value in chosen.items()}
    notes = {name: f"default {cells[1]}" for name, cells in pairs.items() if name in defaults}
    yield from _pairs({name: cells[0] for name, cells in pairs.items()}, notes, style)
    same = [f"{plain(n)}={cut(shown(v), _LONGEST_NAME)}" for n, v in row.args.items() if n not in chosen]
    if not same:
        return
    room = style.room and style.room - 2 * len(_INDENT)
    count = len(same)
    while True:  # as many as there is room for
        left = f", {style.ellipsis} {len(same) - count} more" if count < len(same) else ""
        text = f"at the default: {', '.join(same[:count])}{left}"
        lines = wrapped(text, room) if room else [text]
        if len(lines) <= _DEFAULTS or count == 1:
            break
        count -= 1
    yield from (_INDENT + style.dim(line) for line in lines)


def _results(row: Row, style: Style) -> Iterator[str]:
    # There, "NaN" stands for the number.
    values = {n: v if number_of(v) is None else number_of(v) for n, v in row.summary.items()}
    return _pairs({name: results([value])[0] for name, value in values.items()}, {}, style)


def _pairs(cells: dict[str, str], notes: dict[str, str], style: Style) -> Iterator[str]:
    names = {name: cut(plain(name) or "''", _LONGEST_NAME * 2, style.ellipsis) for name in cells}
    longest = max([_NAMES, *map(width, names.values())])
    widest = min(max([0, *(width(cell) for name, cell in cells.items() if name in notes)]), _LONGEST_NAME)
    for name, cell in cells.items():
        line = f"{names[name]}{' ' * (longest - width(names[name]))}{_INDENT}{cell}"
        note = " " * (widest - width(cell)) + _INDENT + notes[name] if name in notes else ""
        short = _short(line, style)
        room = style.room - width(short) - len(_INDENT) if style.room else None
        yield _INDENT + short + style.dim(note if room is None else cut(note, max(room, 0), style.ellipsis))


def _files(directory: str, style: Style) -> Iterator[str]:
    """Yield a line for each file of the program's own, the largest number of them cut short."""
    try:
        with os.scandir(directory) as entries:
            found = sorted(
                (entry for entry in entries if entry.name[0] != "." and entry.name not in RECORDED),
                key=lambda entry: entry.name,
            )
    except OSError as error:
        yield _INDENT + _short(f"cannot be listed: {error.strerror}", style)
        return
    for entry in found if len(found) <= _LINES else found[: _LINES - 1]:
        try:
            size = "folder" if entry.is_dir() else _shown_size(entry.stat(follow_symlinks=False).st_size)
        except OSError:
            size = "?"
        yield _INDENT + _short(f"{size:>7}{_INDENT}{entry.name}", style)
    if len(found) > _LINES:
        yield f"{_INDENT}{style.ellipsis} {len(found) - _LINES + 1} more"


def _shown_size(size: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def _traceback(reader: ExperimentReader, style: Style) -> list[str]:
    """Return the section with what stands in STATUS before the reason, cut in its middle."""
    body = [line for line in _reason_in(reader)[0] if not line.startswith("Traceback (most recent")]
    lines = [_short(line.expandtabs(4), style) for line in body]
    if len(lines) <= _LINES:
        return ["traceback", *lines]
    cut_out = style.dim(f"{_INDENT}{style.ellipsis} {len(lines) - _LINES} lines")
    return [
        f"traceback, {_LINES} of {len(lines)} lines (all in STATUS)",
        *lines[:2],
        cut_out,
        *lines[2 - _LINES :],
    ]


def _output(reader: ExperimentReader, name: str, style: Style) -> list[str]:
    """Return the section with the last lines of output, without what STATUS says already."""
    try:
        lines, more = last_lines(reader, name, _LINES)
    except FileNotFoundError:
        broken = os.path.islink(reader.directory / name)
        return [name, _INDENT + _short("a link that leads nowhere", style)] if broken else []
    except OSError as error:
        reason = f"cannot be read: {(error.strerror or str(error)).lower()}"
        return [name, _INDENT + _short(reason, style)]
    said = [plain(line.expandtabs(8)) for line in reader.status_message.splitlines()]
    while lines and said and lines[-1] == said[-1]:
        lines.pop()
        said.pop()
    last = "the last line" if len(lines) == 1 else f"the last {len(lines)} lines"
    return [f"{name}, {last}" if more else name, *(_INDENT + _short(line, style) for line in lines)]


def _following(reader: ExperimentReader) -> list[str]:
    paths = [str(reader.directory / name) for name in ("stdout", "stderr")]
    follow = ["Get-Content", "-Wait"] if os.name == "nt" else ["tail", "-f"]
    found = list(filter(os.path.isfile, paths))
    return [pasted([[*follow, *found]])] if found else []


def _again(reader: ExperimentReader, style: Style) -> list[str]:
    again = run_again(reader)
    if again is None:
        return []
    notes, command = again.notes, again.command
    if len(command) > _PASTED:
        notes = [*notes, f"{len(command):,} characters, too many to paste: see command in metadata.json"]
        command = ""
    lines = [line for note in notes for line in _wrapped(plain(note), len(_INDENT), style)]
    return [*(_INDENT + style.dim(line) for line in lines), *([command] if command else [])]


def _short(text: str, style: Style) -> str:
    """Return a line of the record as it has room behind the indent."""
    text = plain(text)
    return cut(text, style.room - len(_INDENT), style.ellipsis) if style.room else text


def _wrapped(text: str, taken: int, style: Style) -> list[str]:
    return wrapped(text, style.room - taken) if style.room else [text]
