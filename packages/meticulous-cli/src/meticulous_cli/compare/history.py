"""How the code of several experiments differs: the commits and files that lie between them."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from meticulous_read import ExperimentReader

from meticulous_cli.git import Change, Commit, Repository, find_repository
from meticulous_cli.show.style import Style
from meticulous_cli.show.text import cut, plain, width

__all__ = ["history"]

_INDENT = "  "
_COMMITS, _FILES = 12, 12
_FAILED = "git could not list the {}: something is missing in the repository, or it took too long"


def history(readers: Sequence[ExperimentReader], titles: Sequence[str], style: Style) -> Iterator[str]:
    """Yield lines on what lies between the commit of each experiment and that of the next one to start."""
    known = [(reader, title) for reader, title in zip(readers, titles, strict=True) if reader.sha]
    if len(known) < len(readers):
        yield from style.footnotes(["commits: not known of each"])
    known.sort(key=lambda item: item[0].start_time.timestamp() if item[0].start_time else -math.inf)
    steps = [(one, other) for one, other in pairwise(known) if one[0].sha != other[0].sha]
    if not steps and len(known) == len(readers):
        yield from style.footnotes([f"all ran commit {plain(readers[0].sha[:7])}"])
    folders = list(
        dict.fromkeys(
            [*(os.path.dirname(os.path.abspath(reader.directory)) for reader, _ in known), os.curdir]
        )
    )
    reasons: dict[str, None] = {}
    for (one, title), (other, other_title) in steps:
        name, shas = f"from {title} to {other_title}", f"  {plain(one.sha[:7])}..{plain(other.sha[:7])}"
        if style.room is not None:
            shas = cut(shas, style.room, style.ellipsis)
            name = cut(name, style.room - width(shas), style.ellipsis)
        yield style.bold(name) + shas
        repository, reason = find_repository(folders, [one.sha, other.sha])
        if repository is None:
            reasons[reason] = None
        else:
            yield from _between(repository, one.sha, other.sha, title, style)
    yield from style.footnotes(
        f"{plain(reason)}, so what lies between them is not known" for reason in reasons
    )
    yield from _uncommitted(readers, titles, style)


def _between(repository: Repository, one: str, other: str, title: str, style: Style) -> Iterator[str]:
    commits, changes = repository.between(one, other), repository.changes(one, other)
    if commits is None:
        yield from style.footnotes([f"{_INDENT}{_FAILED.format('commits')}"])
    else:
        commits.sort(key=lambda commit: commit.side, reverse=True)  # what came first, then what went
        yield from _some(commits, _COMMITS, _commit_line, "commits", style)
        if any(commit.side == "<" for commit in commits):
            yield from style.footnotes([f"{_INDENT}- is in {title} only"])
        if repository.is_shallow():
            yield from style.footnotes(
                [f"{_INDENT}the clone is shallow: there may be more commits, and - may be in both"]
            )
    if changes is None:
        yield from style.footnotes([f"{_INDENT}{_FAILED.format('files')}"])
    elif not changes:
        yield f"{_INDENT}no file differs"
    else:
        yield from _some(changes, _FILES, _change_line, "files", style)


def _some(
    items: Sequence[Any], most: int, line: Callable[[Any], str], what: str, style: Style
) -> Iterator[str]:
    shown_items = items if len(items) <= most else items[: most - 1]
    for item in shown_items:
        text = _INDENT + plain(line(item))
        yield text if style.room is None else cut(text, style.room, style.ellipsis)
    if len(shown_items) < len(items):
        yield from style.footnotes([f"{_INDENT}and {len(items) - len(shown_items)} {what} more"])


def _commit_line(commit: Commit) -> str:
    return f"{'-' if commit.side == '<' else '+'} {commit.sha[:7]}  {commit.subject}"


def _change_line(change: Change) -> str:
    if change.added is None:
        return f"{'binary':>12}  {change.name}"
    return f"{f'+{change.added}':>6}{f'-{change.deleted}':>6}  {change.name}"


def _uncommitted(readers: Sequence[ExperimentReader], titles: Sequence[str], style: Style) -> Iterator[str]:
    patches = {
        title: _digest(reader)
        for reader, title in zip(readers, titles, strict=True)
        if reader.metadata.get("git-dirty") is True
    }
    if patches:
        same = ""
        if len(patches) > 1 and None not in patches.values():
            same = ", the same in each" if len(set(patches.values())) == 1 else ", not the same in each"
        yield from style.footnotes(
            [f"with uncommitted changes, kept in git.diff{same}: {', '.join(patches)}"]
        )


def _digest(reader: ExperimentReader) -> bytes | None:
    """Return what tells one patch from another; None for one that cannot be read."""
    digest = hashlib.sha256()
    try:
        with reader.open("git.diff", "rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    except (OSError, ValueError):
        return None
    return digest.digest()
