"""The command that runs an experiment's program again: what a person pastes into a shell.

It must run the code that ran then, and leave the reader's own work tree and branch as they are. Where just
that is checked out already, the program is started there. Elsewhere a work tree beside the repository gets
the commit and its patch: a checkout would leave a detached HEAD, on which whoever goes on to work commits to
no branch, and fails where files are changed.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import NamedTuple

from meticulous_read import ExperimentReader

from meticulous_cli.git import Repository, find_repository, is_sha
from meticulous_cli.page import outside
from meticulous_cli.show.facts import is_dirty, text_of
from meticulous_cli.show.shell import pasted

# The recorder's options that lead back to this experiment or its repository, with their values.
_RECORDERS = re.compile(
    r"--(?P<prefix>meticulous-)?((?P<name>experiment-id|project-directory|resume(?!=))(?P<value>=.*)?)", re.S
)
# Programs whose command starts no such run (seen: ipykernel 7, Ray 2.60, submitit 1.5, dask), and what does.
_STARTED_ELSEWHERE = {
    r"\bipykernel(_launcher|/__main__)\.py$": "a notebook recorded it: run its cells",
    r"\b(ray/_private/workers|submitit/core)/\w+\.py$|\bdask(-worker)?$": (
        "a launcher's worker recorded it, and its command starts no such run: pass args.json to your function"
    ),
}
_NOT_PASTED = "no shell takes its arguments as they are: see command in metadata.json"


class _Start(NamedTuple):
    """How a program is started in a work tree of its commit."""

    place: str
    """The folder, from the root; "" for the root itself."""
    command: list[str]
    root: str
    """Of the work tree in which it was started then."""
    installed: list[str]
    """The program, where it is none of the commit's."""


def run_again(reader: ExperimentReader) -> tuple[list[str], str] | None:
    """Return what to know before, in sentences, and the command that runs an experiment again, as a new one.

    The command is a line for the shell, on Windows one for each step, and "" where there is none.
    Where too little is known there is nothing (None).
    """
    command, sha = reader.metadata.get("command"), reader.sha
    if not (isinstance(command, list) and command and all(isinstance(part, str) for part in command)):
        return None  # the original tool wrote one string at first, which cannot be told apart again
    if command[0] in ("", "-", "-c") or not is_sha(sha):
        return None  # the program came from standard input, or stood in the command line
    for program, note in _STARTED_ELSEWHERE.items():
        if re.search(program, command[0].replace("\\", "/")):
            return [note], ""
    notes, patch, search = [], "", ""
    if is_dirty(reader.metadata):
        patch = os.path.join(os.path.realpath(reader.directory), "git.diff")
        if not os.path.isfile(patch):
            patch, notes = "", ["its uncommitted changes were not kept: this runs the commit without them"]
    where, own = text_of(reader, "working-directory"), _own(reader, command)
    folders = [os.curdir, where, os.path.join(where, os.path.dirname(command[0]))]
    repository, reason = find_repository(filter(os.path.isdir, folders), [sha])
    if repository is None:
        remote = text_of(reader, "git-remote")
        notes.append(f"{reason}: run it in a clone{f' of {remote}' if remote else ''}")
        steps = [["git", "checkout", sha], *([["git", "apply", patch]] if patch else [])]
    else:
        here = Repository(repository.root())
        start = _start(here, sha, where, own, patch)
        own, more = start.command, list[str]()
        in_place = not patch and outside.is_checked_out(reader, here)
        if in_place:
            target = outside.relative(os.path.realpath(os.path.join(here.folder, start.place)), os.curdir)
            steps = [["cd", target]] if target != os.curdir else []
        else:
            steps, more = _in_new_tree(reader, here, start.place, patch)
        found = outside.editable(reader, here, start.root, in_place=in_place)
        search = os.pathsep.join(outside.relative(folder, start.place or os.curdir) for folder in found)
        missing = outside.not_in_commit(reader, here, start.place, own, patch)
        missing = missing if in_place or search else [*start.installed, *missing]
        notes += [f"not in the commit, so perhaps not what it was: {', '.join(missing)}"] if missing else []
        notes += [*outside.beside(reader, here), *more]
        if search:
            notes.append(f"PYTHONPATH={search}: else what was installed with -e runs as it is now")
    if text_of(reader, "runtime").startswith("Python ") or command[0].endswith(".py"):
        own = ["python", *own]
    own = ["env", f"PYTHONPATH={search}", *own] if search and os.name != "nt" else own
    line = pasted([*steps, own])
    return [*notes, *([] if line else [_NOT_PASTED])], line


def _in_new_tree(
    reader: ExperimentReader, here: Repository, place: str, patch: str
) -> tuple[list[list[str]], list[str]]:
    """Return the commands that make a work tree of what ran, and notes: the last is the way back."""
    git, root = ["git", "-C", here.folder], here.folder
    if os.path.realpath(os.curdir) == os.path.realpath(root):
        git, root = ["git"], os.path.join(os.pardir, os.path.basename(root))
    name = f"{root}-{os.path.basename(reader.experiment_id)}"
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    tree = next(name for name in names if not os.path.lexists(name))
    inner, notes = outside.bring_inside(reader, here)
    if patch.startswith(os.path.realpath(root) + os.sep):
        patch = os.path.relpath(patch, os.path.realpath(tree))
    # By force: git keeps a tree in mind that somebody has simply deleted.
    steps = [[*git, "worktree", "add", "--force", "--detach", tree, reader.sha], ["cd", tree], *inner]
    steps += [["git", "apply", patch]] if patch else []
    steps += [["cd", place]] if place else []
    # By force: what ran there has left byte code and the like.
    back = pasted([[*git, "worktree", "remove", "--force", tree]])
    folder = os.path.normpath(os.path.join(tree, place))
    return steps, [*notes, f"it records in {folder}; once that is moved, the way back: {back}"]


def _start(here: Repository, sha: str, where: str, command: list[str], patch: str) -> _Start:
    """Return how the program is started in a work tree of a commit and its patch.

    The record has the folder in which the experiment started. The program may have changed to it before, and
    in another clone the root of then is not known: of the paths that may be the script's, the longest in the
    commit is.
    """
    known = PurePath(os.path.realpath(here.folder))
    folder = PurePath(os.path.realpath(os.path.join(os.sep, where.replace("\\", "/"))))
    is_known = folder.is_relative_to(known)
    module = command[1].replace(".", "/") if command[0] == "-m" and len(command) > 1 else ""
    scripts = [f"{module}.py", f"{module}/__main__.py"] if module else command[:1]
    starts: dict[str, tuple[PurePath, PurePath]] = {}  # path in the commit → where it was started, and root
    for base in (folder, *folder.parents):
        for script in scripts:
            path = PurePath(os.path.normpath(base / script))
            for root in [known] if is_known else path.parents:
                if path.is_relative_to(root):
                    starts.setdefault(path.relative_to(root).as_posix(), (base, root))
    held = here.holds(sha, list(starts), patch)
    script = max(held, key=lambda path: path.count("/"), default="")  # none of an installed program
    base, root = starts.get(script, (folder, known if is_known else folder))
    place = os.path.relpath(base, root)
    place = place if here.holds(sha, [place], patch) else ""
    if script and not module:
        command = [os.path.relpath(script, place or os.curdir), *command[1:]]
    return _Start(place, command, str(root), [] if script else [command[1] if module else command[0]])


def _own(reader: ExperimentReader, command: Sequence[str]) -> list[str]:
    """Return a command without the recorder's options that would resume the recorded experiment."""
    theirs = [name.replace("_", "-") for name in reader.args]
    own = list[str]()
    parts = iter(command)
    for part in parts:
        found = _RECORDERS.fullmatch(part)
        if part == "--":  # what follows are no options
            own += [part, *parts]
        # Without the prefix it may be an option of the program's own, or short for one.
        elif not found or (not found["prefix"] and any(their.startswith(found["name"]) for their in theirs)):
            own.append(part)
        elif found["name"] != "resume" and not found["value"]:
            next(parts, None)
    return own
