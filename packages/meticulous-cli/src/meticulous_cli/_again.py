"""The line that runs an experiment's program again: what a person pastes into a shell."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence

from meticulous_read import ExperimentReader

__all__ = ["command_again"]

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# The recorder's options that lead back into this experiment, and whether a value follows.
_LEADING_BACK = {"experiment-id": True, "resume": False}


def command_again(reader: ExperimentReader) -> str:
    """Return a line for a POSIX shell in a clone of the repository; "" where too little is known for one.

    It checks out the commit, applies the uncommitted changes that were recorded, and starts the program with
    the same arguments, as an experiment of its own.
    """
    command, sha = reader.metadata.get("command"), reader.sha
    if not (isinstance(command, list) and command and all(isinstance(part, str) for part in command)):
        return ""  # the original tool wrote one string at first, which cannot be told apart again
    if not _SHA.fullmatch(sha) or command[0] in ("", "-c"):
        return ""
    steps = [["git", "checkout", sha]]
    where = reader.metadata.get("working-directory")
    if isinstance(where, str) and os.path.isdir(where):
        if not os.path.samefile(where, os.curdir):
            steps.insert(0, ["cd", where])
    elif isinstance(where, str) and os.path.isabs(where) and (root := _root_above(where)):
        steps = [["cd", root], *steps, ["cd", where]]  # another commit than the present one has it
    line = " && ".join(map(shlex.join, steps))
    if reader.metadata.get("git-dirty") is True:
        # From within a subfolder, git would silently leave out what lies above it.
        patch = shlex.quote(os.path.abspath(os.path.join(reader.directory, "git.diff")))
        line += f' && git -C "$(git rev-parse --show-toplevel)" apply {patch}'
    line += f" && {shlex.join([*_interpreter(reader, command[0]), *_own(reader, command)])}"
    # With a line feed or the like in it, what is shown would not be what ran.
    return line if line.isprintable() else ""


def _root_above(folder: str) -> str:
    """Return the folder of the repository in which a folder was that is not there; "" without one."""
    while (above := os.path.dirname(folder)) != folder:
        folder = above
        if os.path.exists(os.path.join(folder, ".git")):
            return folder
    return ""


def _interpreter(reader: ExperimentReader, first: str) -> list[str]:
    """Return what stands before a recorded command: Python leaves itself out of its own command line."""
    return ["python"] if "python-version" in reader.metadata or first.endswith(".py") else []


def _own(reader: ExperimentReader, command: Sequence[str]) -> list[str]:
    """Return a command without the options that would resume this experiment instead of starting another."""
    theirs = {name.replace("_", "-") for name in reader.args}
    dropped = {
        f"--{prefix}{name}": has_value
        for name, has_value in _LEADING_BACK.items()
        for prefix in ("", "meticulous-")
        if prefix or name not in theirs  # else it is an option of the program's own
    }
    kept: list[str] = []
    parts = iter(command)
    for part in parts:
        name, equals, _ = part.partition("=")
        if part == "--":  # what follows are no options
            return [*kept, part, *parts]
        if name not in dropped or (equals and not dropped[name]):
            kept.append(part)
        elif dropped[name] and not equals:
            next(parts, None)
    return kept
