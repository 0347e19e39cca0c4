"""The line that runs an experiment's program again: what a person pastes into a shell."""

from __future__ import annotations

import itertools
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence

from meticulous_read import ExperimentReader

__all__ = ["command_again"]

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# The recorder's options that lead back into this experiment, and whether a value follows.
_LEADING_BACK = {"experiment-id": True, "resume": False}
# The one that says where the repository is.
_PROJECT = {"project-directory": True}


def command_again(reader: ExperimentReader) -> str:
    """Return a line for a POSIX shell in a clone of the repository; "" where too little is known for one.

    It checks out the commit, applies the uncommitted changes that were recorded, and starts the program with
    the same arguments, as an experiment of its own. Where the command named the repository, git works there.
    """
    command, sha = reader.metadata.get("command"), reader.sha
    if not (isinstance(command, list) and command and all(isinstance(part, str) for part in command)):
        return ""  # the original tool wrote one string at first, which cannot be told apart again
    if not _SHA.fullmatch(sha) or command[0] in ("", "-", "-c"):
        return ""  # the program came from standard input, or stood in the command line
    project = _project_directory(reader, command)
    git = ["git", "-C", project] if project else ["git"]
    steps = [[*git, "checkout", sha]]
    where = reader.metadata.get("working-directory")
    if isinstance(where, str) and os.path.isdir(where):
        if not os.path.samefile(where, os.curdir):
            steps.insert(0, ["cd", where])
    elif not project and isinstance(where, str) and os.path.isabs(where) and (root := _root_above(where)):
        steps = [["cd", root], *steps, ["cd", where]]  # another commit than the present one has it
    line = " && ".join(map(shlex.join, steps))
    if reader.metadata.get("git-dirty") is True:
        # From within a subfolder, git would silently leave out what lies above it.
        patch = os.path.abspath(os.path.join(reader.directory, "git.diff"))
        if not os.path.isfile(patch):
            return ""  # how the code differed from the commit is not known
        patch = shlex.quote(patch)
        line += f' && git -C "$({shlex.join(git)} rev-parse --show-toplevel)" apply {patch}'
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
    python = str(reader.metadata.get("runtime")).startswith("Python ")
    return ["python"] if python or first.endswith(".py") else []


def _project_directory(reader: ExperimentReader, command: Sequence[str]) -> str:
    """Return where the command said that the repository is, "" if it did not: then it ran there."""
    values = [value for _, value in _split(command, _flags(reader, _PROJECT)) if value is not None]
    return values[-1] if values else ""


def _own(reader: ExperimentReader, command: Sequence[str]) -> list[str]:
    """Return a command without the options that would resume this experiment instead of starting another."""
    parts = _split(command, _flags(reader, _LEADING_BACK))
    return [part for written, value in parts if value is None for part in written]


def _flags(reader: ExperimentReader, options: Mapping[str, bool]) -> dict[str, bool]:
    """Return how some of the recorder's options may be written here, and whether a value follows."""
    theirs = {name.replace("_", "-") for name in reader.args}
    return {
        f"--{prefix}{name}": has_value
        for name, has_value in options.items()
        for prefix in ("", "meticulous-")
        # Else it is an option of the program's own, or short for one.
        if prefix or not any(their.startswith(name) for their in theirs)
    }


def _split(command: Sequence[str], flags: Mapping[str, bool]) -> Iterator[tuple[list[str], str | None]]:
    """Yield the parts of a command, an option among `flags` as a whole, each with its value.

    The value is "" for one of these options that has none, and None for all that is none of them.
    """
    parts = iter(command)
    for part in parts:
        name, equals, value = part.partition("=")
        if part == "--":  # what follows are no options
            yield [part, *parts], None
        elif name not in flags or (equals and not flags[name]):
            yield [part], None
        elif flags[name] and not equals:
            following = list(itertools.islice(parts, 1))
            yield [part, *following], "".join(following)
        else:
            yield [part], value
