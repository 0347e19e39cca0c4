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
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import NamedTuple

from meticulous_read import ExperimentReader

from meticulous_cli.git import Repository, find_repository, is_sha
from meticulous_cli.page.outside import beside, bring_inside, editable, inside, not_in_commit, relative
from meticulous_cli.show.facts import is_dirty, text_of
from meticulous_cli.show.shell import pasted

# The recorder's options that lead back to this experiment or its repository; a value follows all but _RESUME.
_RESUME = "resume"
_RECORDERS = ("experiment-id", "project-directory", _RESUME)
# Programs whose command starts no such run (seen: ipykernel 7, Ray 2.60, submitit 1.5, dask), and what does.
_STARTED_ELSEWHERE = {
    r"\bipykernel(_launcher|/__main__)\.py$": "a notebook recorded it: run its cells",
    r"\b(ray/_private/workers|submitit/core)/\w+\.py$|\bdask(-worker)?$": (
        "a launcher's worker recorded it, and its command starts no such run: pass args.json to your function"
    ),
}
_NOT_PASTED = "no shell takes its arguments as they are: see command in metadata.json"


class Start(NamedTuple):
    """How a program is started in a work tree of its commit."""

    place: str
    """The folder, from the root; "" for the root itself."""
    command: list[str]
    installed: str
    """The program, where it is none of the commit's; else ""."""
    root: str
    """Of the work tree in which it was started then."""


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
    python = text_of(reader, "runtime").startswith("Python ") or command[0].endswith(".py")
    where = text_of(reader, "working-directory")
    own, search, patch = _own(reader, command), "", ""
    notes: list[str] = []
    more: list[str] = []
    if is_dirty(reader.metadata):
        patch = os.path.join(os.path.realpath(reader.directory), "git.diff")
        if not os.path.isfile(patch):
            patch, notes = "", ["its uncommitted changes were not kept: this runs the commit without them"]
    folders = [os.curdir, where, os.path.join(where, os.path.dirname(command[0]))]
    repository, reason = find_repository(filter(os.path.isdir, folders), [sha])
    if repository is None:
        remote = text_of(reader, "git-remote")
        notes.append(f"{reason}: run it in a clone{f' of {remote}' if remote else ''}")
        steps = [["git", "checkout", sha], *([["git", "apply", patch]] if patch else [])]
    else:
        here = Repository(repository.root())
        start = _start(here, sha, where, own)
        own = start.command
        is_ready = here.has_applied(patch) if patch else here.is_clean()
        in_place = is_ready and _is_checked_out(reader, here)
        if in_place:
            steps = _in_place(here, start.place)
        else:
            steps, more = _in_new_tree(reader, here, start.place, patch)
        folders = editable(reader, here, start.root, in_place=in_place)
        search = os.pathsep.join(relative(folder, start.place or os.curdir) for folder in folders)
        outside = not_in_commit(reader, here, start.place, own)
        if start.installed and not (in_place or search):
            outside = [start.installed, *outside]
        notes += [f"not in the commit, so perhaps not what it was: {', '.join(outside)}"] if outside else []
        notes += [*beside(reader, here), *more]
    if python:
        own = ["python", *own]
    if search:
        notes.append(f"PYTHONPATH={search}: else what was installed with -e runs as it is now")
        own = own if os.name == "nt" else ["env", f"PYTHONPATH={search}", *own]
    line = pasted([*steps, own])
    return [*notes, *([] if line else [_NOT_PASTED])], line


def _is_checked_out(reader: ExperimentReader, here: Repository) -> bool:
    """Return whether the work tree has the commit, and the repositories inside of it theirs."""
    inner = [os.path.join(here.folder, folder, ".git") for folder in here.submodules(reader.sha)]
    commits = [(here.folder, reader.sha)]
    commits += [(os.path.join(here.folder, folder), sha) for folder, sha in inside(reader)]
    return all(map(os.path.exists, inner)) and all(Repository(each).head() == sha for each, sha in commits)


def _in_place(here: Repository, place: str) -> list[list[str]]:
    """Return the commands that lead to where the program starts."""
    cwd, target = os.path.realpath(os.curdir), os.path.realpath(os.path.join(here.folder, place))
    return [["cd", relative(target, cwd)]] if target != cwd else []


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
    # By force: git keeps a tree in mind that somebody has simply deleted.
    steps = [[*git, "worktree", "add", "--force", "--detach", tree, reader.sha], ["cd", tree]]
    inner, notes = bring_inside(reader, here)
    steps += inner
    if patch.startswith(os.path.realpath(root) + os.sep):
        patch = os.path.relpath(patch, os.path.realpath(tree))
    steps += [["git", "apply", patch]] if patch else []
    steps += [["cd", place]] if place else []
    # By force: what ran there has left byte code and the like.
    back = pasted([[*git, "worktree", "remove", "--force", tree]])
    folder = os.path.normpath(os.path.join(tree, place))
    return steps, [*notes, f"it records in {folder}; once that is moved, the way back: {back}"]


def _start(here: Repository, sha: str, where: str, command: list[str]) -> Start:
    """Return how the program is started in a work tree of a commit.

    The record has the folder in which the experiment started. The program may have changed to it before, and
    another clone has another path: of the paths that may be the script's, the longest in the commit is.
    """
    root = os.path.realpath(here.folder)
    where = os.path.realpath(os.path.join(os.sep, where.replace("\\", "/")))
    known = f"{where}{os.sep}".startswith(root + os.sep)
    module = command[1].replace(".", "/") if command[0] == "-m" and len(command) > 1 else ""
    scripts = [f"{module}.py", f"{module}/__main__.py"] if module else command[:1]
    paths: dict[str, tuple[str, str]] = {}  # in the commit → the folder of the start, and the root
    for base in (where, *map(str, PurePath(where).parents)):
        for script in scripts:
            for top, path in _splits(os.path.normpath(os.path.join(base, script))):
                if top == root or not known:
                    paths.setdefault(path, (base, top))
    held = here.holds(sha, list(paths))
    if not held:  # an installed program: only its folder is known
        folders = {path: top for top, path in _splits(where) if top == root or not known}
        place = "".join(here.holds(sha, list(folders))[:1])
        program = command[1] if module else command[0]
        return Start(place, command, program, folders.get(place, root if known else where))
    path = max(held, key=lambda path: path.count("/"))
    base, top = paths[path]
    place = os.path.relpath(base, top)
    place = place if here.holds(sha, [place]) else ""
    own = command if module else [os.path.relpath(path, place or os.curdir), *command[1:]]
    return Start(place, own, "", top)


def _splits(path: str) -> Iterator[tuple[str, str]]:
    """Yield each folder above a path, and the path from there, the longest first."""
    parts = path.split(os.sep)
    for first in range(1, len(parts)):
        yield os.sep.join(parts[:first]) or os.sep, "/".join(parts[first:])


def _own(reader: ExperimentReader, command: Sequence[str]) -> list[str]:
    """Return a command without the recorder's options that would resume the recorded experiment."""
    theirs = {name.replace("_", "-") for name in reader.args}
    flags = {
        f"--{prefix}{name}": name
        for name in _RECORDERS
        for prefix in ("", "meticulous-")
        # Else it is an option of the program's own, or short for one.
        if prefix or not any(their.startswith(name) for their in theirs)
    }
    own = []
    parts = iter(command)
    for part in parts:
        flag, equals, _ = part.partition("=")
        name = flags.get(flag)
        if part == "--":  # what follows are no options
            own += [part, *parts]
        elif name is None or (name == _RESUME and equals):
            own.append(part)
        elif name != _RESUME and not equals:
            next(parts, None)
    return own
