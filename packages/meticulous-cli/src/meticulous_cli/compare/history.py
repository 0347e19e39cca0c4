"""How the code of several experiments differs: the commits and files that lie between them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from itertools import pairwise

from meticulous_read import ExperimentReader

from meticulous_cli.git import Repository, find_repository
from meticulous_cli.show.facts import is_dirty, short
from meticulous_cli.show.style import Style
from meticulous_cli.show.text import plain

_LOST = "not known"

_INDENT = "  "
_MOST = 12


def history(readers: Sequence[ExperimentReader], titles: Sequence[str], style: Style) -> Iterator[list[str]]:
    """Yield a section on what lies between the commits of each experiment and of the next one to start."""
    named = sorted(
        ((reader, title) for reader, title in zip(readers, titles, strict=True) if reader.sha),
        key=lambda item: started(item[0]),
    )
    folders = [*(os.path.dirname(os.path.abspath(reader.directory)) for reader, _ in named), os.curdir]
    for (one, title), (other, other_title) in pairwise(named):
        if one.sha != other.sha:
            which = f" from {title} to {other_title}" if len(named) > 2 else ""
            name = f"code{which}, {short(one.sha)}..{short(other.sha)}"
            repository, reason = find_repository(dict.fromkeys(folders), [one.sha, other.sha])
            found = _between(repository, one.sha, other.sha, title, style) if repository else [reason]
            yield [style.bold(style.cut(name)), *(style.cut(_INDENT + plain(line)) for line in found)]


def started(reader: ExperimentReader) -> float:
    """Return when an experiment started, as a number; 0 where that is not known."""
    return reader.start_time.timestamp() if reader.start_time else 0.0


def uncommitted(readers: Sequence[ExperimentReader], titles: Sequence[str]) -> list[str]:
    """Return a sentence on those that ran with uncommitted changes, if there are any."""
    patches = dict(zip(titles, map(digest, readers), strict=True))
    lost = [title for title, patch in patches.items() if patch.startswith(_LOST)]
    kept = {title: patch for title, patch in patches.items() if patch and title not in lost}
    same = ", the same" if len(set(kept.values())) == 1 else ", not the same"
    sentences = [("kept in git.diff" + same * (len(kept) > 1), kept), ("not kept", lost)]
    return [f"+ uncommitted changes, {how}: {', '.join(which)}" for how, which in sentences if which]


def digest(reader: ExperimentReader) -> str:
    """Return what tells one experiment's uncommitted changes from another's, "" where it has none."""
    if not is_dirty(reader.metadata):
        return ""
    found = hashlib.sha256()
    try:
        with reader.open("git.diff", "rb") as file:
            while block := file.read(2**20):
                found.update(block)
    except (OSError, ValueError):
        return f"{_LOST} of {reader.directory}"
    return found.hexdigest()


def _between(repository: Repository, one: str, other: str, title: str, style: Style) -> Iterator[str]:
    commits, changes = repository.between(one, other), repository.changes(one, other)
    if commits is None or changes is None:
        yield "git could not list all of it: the repository lacks some, or it took long"
    if commits:
        # What came first, then what went.
        lines = [f"+ {commit[1:]}" for commit in commits if commit[0] == ">"]
        gone = [f"- {commit[1:]}" for commit in commits if commit[0] == "<"]
        yield from _some([*lines, *gone], "commits", style)
        if gone:
            yield f"- is in {title} only"
    if changes is not None:
        yield from _some([_change_line(*change) for change in changes] or ["no file differs"], "files", style)


def _some(lines: list[str], noun: str, style: Style) -> list[str]:
    if len(lines) <= _MOST:
        return lines
    return [*lines[: _MOST - 1], f"{style.ellipsis} {len(lines) - _MOST + 1} more {noun}"]


def _change_line(added: str, deleted: str, name: str) -> str:
    return f"{'binary':>8}  {name}" if added == "-" else f"{f'+{added}':>3}{f'-{deleted}':>5}  {name}"
