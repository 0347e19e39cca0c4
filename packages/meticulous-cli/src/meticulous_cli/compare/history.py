"""How the code of several experiments differs: the commits and files that lie between them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from meticulous_read import ExperimentReader

from meticulous_cli.git import Change, Commit, Repository, find_repository
from meticulous_cli.show.style import Style
from meticulous_cli.show.text import cut, plain

__all__ = ["digest", "history", "uncommitted"]

_LOST = "not known"

_INDENT = "  "
_MOST = 12


def history(readers: Sequence[ExperimentReader], titles: Sequence[str], style: Style) -> Iterator[list[str]]:
    """Yield a section on what lies between the commits of each experiment and of the next one to start."""
    named = sorted(
        ((reader, title) for reader, title in zip(readers, titles, strict=True) if reader.sha),
        key=lambda item: item[0].start_time.timestamp() if item[0].start_time else 0.0,
    )
    folders = [*(os.path.dirname(os.path.abspath(reader.directory)) for reader, _ in named), os.curdir]
    for (one, title), (other, other_title) in pairwise(named):
        if one.sha != other.sha:
            which = f" from {title} to {other_title}" if len(named) > 2 else ""
            name = f"code{which}, {plain(one.sha[:7])}..{plain(other.sha[:7])}"
            repository, reason = find_repository(dict.fromkeys(folders), [one.sha, other.sha])
            found = _between(repository, one.sha, other.sha, title, style) if repository else ()
            yield [
                style.bold(_line(name, style, "")),
                *found,
                *([style.dim(_line(plain(reason), style))] if reason else []),
            ]


def uncommitted(readers: Sequence[ExperimentReader], titles: Sequence[str]) -> list[str]:
    """Return a sentence on those that ran with uncommitted changes, if there are any."""
    patches = dict(zip(titles, map(digest, readers), strict=True))
    lost = [title for title, patch in patches.items() if patch.startswith(_LOST)]
    kept = [title for title, patch in patches.items() if patch and title not in lost]
    same = ""
    if len(kept) > 1:
        same = ", the same" if len({patches[title] for title in kept}) == 1 else ", not the same"
    sentences = [f"+ uncommitted changes, kept in git.diff{same}: {', '.join(kept)}"] if kept else []
    return [*sentences, *([f"+ uncommitted changes, not kept: {', '.join(lost)}"] if lost else [])]


def digest(reader: ExperimentReader) -> str:
    """Return what tells one experiment's uncommitted changes from another's, "" where it has none."""
    if reader.metadata.get("git-dirty") is not True:
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
        lost = "commits" if commits is None else "files"
        yield style.dim(
            _line(f"git could not list the {lost}: the repository lacks some, or it took long", style)
        )
    if commits:
        commits.sort(key=lambda commit: commit.side, reverse=True)  # what came first, then what went
        yield from _some(commits, _commit_line, "commits", style)
        if any(commit.side == "<" for commit in commits):
            yield style.dim(_line(f"- is in {title} only", style))
        if repository.is_shallow():
            words = "the clone is shallow: there may be more commits, and - may be in both"
            yield style.dim(_line(words, style))
    if changes:
        yield from _some(changes, _change_line, "files", style)
    elif changes is not None:
        yield _line("no file differs", style)


def _some(items: Sequence[Any], line: Callable[[Any], str], what: str, style: Style) -> Iterator[str]:
    some = items if len(items) <= _MOST else items[: _MOST - 1]
    yield from (_line(plain(line(item)), style) for item in some)
    if len(some) < len(items):
        yield style.dim(_line(f"{style.ellipsis} {len(items) - len(some)} more {what}", style))


def _line(text: str, style: Style, indent: str = _INDENT) -> str:
    return indent + text if style.room is None else cut(indent + text, style.room, style.ellipsis)


def _commit_line(commit: Commit) -> str:
    return f"{'-' if commit.side == '<' else '+'} {commit.sha[:7]}  {commit.subject}"


def _change_line(change: Change) -> str:
    if change.added is None:
        return f"{'binary':>8}  {change.name}"
    return f"{f'+{change.added}':>3}{f'-{change.deleted}':>5}  {change.name}"
