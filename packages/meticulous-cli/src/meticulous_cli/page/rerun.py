"""The command that runs an experiment's program again: what a person pastes into a shell.

It must run the code that ran then, and leave the reader's own work tree and branch as they are. Where the
commit is checked out already, and nothing is changed, the program is started there. Elsewhere a work tree
beside the repository gets the commit: a checkout would leave a detached HEAD, on which whoever goes on to
work commits to no branch, and fails where files are changed.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from meticulous_read import ExperimentReader

from meticulous_cli.git import Repository, find_repository
from meticulous_cli.page.shell import pasted

__all__ = ["RunAgain", "run_again"]

_PROJECT = "project-directory"
# The recorder's options that lead back to this experiment or its repository, and whether a value follows.
_RECORDERS = {"experiment-id": True, "resume": False, _PROJECT: True}
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class RunAgain(NamedTuple):
    """What to paste, and what to know before.

    Attributes:
        notes: sentences: where it works, what it lacks, and the way back.
        command: a line for the shell; of Windows' two, which have no connective in common, one for each step.
    """

    notes: list[str]
    command: str


def run_again(reader: ExperimentReader) -> RunAgain | None:
    """Return how to run an experiment again, as an experiment of its own; None if too little is known."""
    command, sha = reader.metadata.get("command"), reader.sha
    if not (isinstance(command, list) and command and all(isinstance(part, str) for part in command)):
        return None  # the original tool wrote one string at first, which cannot be told apart again
    if command[0] in ("", "-", "-c") or not _SHA.fullmatch(sha):
        return None  # the program came from standard input, or stood in the command line
    where = reader.metadata.get("working-directory")
    where = where if isinstance(where, str) else ""
    notes, patch = [], ""
    if reader.metadata.get("git-dirty") is True:
        patch = os.path.join(os.path.abspath(reader.directory), "git.diff")
        if not os.path.isfile(patch):
            patch, notes = "", ["its uncommitted changes were not kept: this runs the commit without them"]
    folders = [os.curdir, where, os.path.join(where, os.path.dirname(command[0]))]
    repository, reason = find_repository(filter(os.path.isdir, folders), [sha])
    if repository is None:
        remote = reader.metadata.get("git-remote")
        notes.append(f"{reason}: run it in a clone{f' of {remote}' if isinstance(remote, str) else ''}")
        steps = [["git", "checkout", sha], *([["git", "apply", patch]] if patch else [])]
        own = _own(reader, command, os.curdir)
    else:
        root, head = repository.checked_out()
        here = Repository(root)
        place, own = _start(here, sha, where, command)
        own = _own(reader, own, os.path.relpath(os.curdir, place or os.curdir))
        outside = _not_in_commit(here, sha, place, own)
        clean = head == sha and here.is_clean()
        if clean or (patch and head == sha and here.has_applied(patch)):
            steps, more = _in_place(reader, here, place, patch if clean else "")
            reason = "perhaps changed since"
        else:
            steps, more = _in_new_tree(reader, here, place, patch)
            reason = "to be copied to the new work tree"
        notes += [f"not in the commit, and {reason}: {', '.join(outside)}"] if outside else []
        notes += more
    line = pasted([*steps, [*_interpreter(reader, command[0]), *own]])
    if not line:
        notes.append("no shell takes its arguments as they are: see command in metadata.json")
    return RunAgain(notes, line)


def _in_place(
    reader: ExperimentReader, here: Repository, place: str, patch: str
) -> tuple[list[list[str]], list[str]]:
    """Return the commands that lead from the checked out commit to what ran, and notes."""
    cwd, root = os.path.realpath(os.curdir), os.path.realpath(here.folder)
    git = ["git"] if cwd == root else ["git", "-C", os.path.relpath(root, cwd)]
    steps, notes = [], []
    if not all(os.path.exists(os.path.join(root, link, ".git")) for link in here.submodules(reader.sha)):
        steps.append([*git, "submodule", "update", "--init", "--recursive"])
    for folder, commit in _inside(reader):
        inner = os.path.join(root, folder)
        if steps or Repository(inner).checked_out()[1] != commit:
            steps.append(["git", "-C", os.path.relpath(inner, cwd), "checkout", commit])
    if patch:
        patch = os.path.relpath(patch, cwd) if cwd == root else patch
        steps.append([*git, "apply", patch])
        notes.append(f"the way back: {pasted([[*git, 'apply', '-R', patch]])}")
    target = os.path.realpath(os.path.join(root, place))
    return [*steps, *([["cd", os.path.relpath(target, cwd)]] if target != cwd else [])], notes


def _in_new_tree(
    reader: ExperimentReader, here: Repository, place: str, patch: str
) -> tuple[list[list[str]], list[str]]:
    """Return the commands that make a work tree of what ran, and notes."""
    git, root = ["git", "-C", here.folder], here.folder
    if os.path.realpath(os.curdir) == os.path.realpath(root):
        git, root = ["git"], os.path.join(os.pardir, os.path.basename(root))
    name = f"{root}-{os.path.basename(reader.experiment_id)}"
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    tree = next(name for name in names if not os.path.lexists(name))
    steps = [[*git, "worktree", "add", "--detach", tree, reader.sha], ["cd", tree]]
    if here.submodules(reader.sha):
        steps.append(["git", "submodule", "update", "--init", "--recursive"])
    steps += [["git", "-C", folder, "checkout", commit] for folder, commit in _inside(reader)]
    steps += [["git", "apply", patch]] if patch else []
    steps += [["cd", place]] if place else []
    back = pasted([[*git, "worktree", "remove", tree]])
    folder = os.path.normpath(os.path.join(tree, place))
    return steps, [f"it records in {folder}; once that is moved, the way back: {back}"]


def _start(here: Repository, sha: str, where: str, command: list[str]) -> tuple[str, list[str]]:
    """Return the folder below the root where the program starts, and the command as it is there.

    The record has the folder in which the experiment started. The program may have changed to it before, and
    in another clone it has another path: the place is where the commit has the script.
    """
    root, script = os.path.realpath(here.folder), command[0]
    parts = [part for part in re.split(r"[\\/]", where) if part]
    inside = os.path.relpath(os.path.realpath(where), root) if os.path.isdir(where) else os.pardir
    known = inside.split(os.sep)[0] != os.pardir
    if known:
        parts = [part for part in inside.split(os.sep) if part != os.curdir]
    elif os.path.isdir(where) and script != "-m":
        script = os.path.join(where, script)
    default = "/".join(parts) if known else ""
    if os.path.isabs(script):  # perhaps in another work tree than that in which it will run
        tails = os.path.normpath(script).strip("/").split("/")
        for path in here.holds(sha, ["/".join(tails[first:]) for first in range(len(tails))])[:1]:
            place = os.path.relpath(where or os.curdir, script.removesuffix(path))
            place = place if here.holds(sha, [place]) else ""
            return place, [os.path.relpath(path, place or os.curdir), *command[1:]]
        return default, command
    module = command[1].replace(".", "/") if script == "-m" and len(command) > 1 else ""
    scripts = [f"{module}.py", f"{module}/__main__.py"] if module else [script]
    # From the folder that is recorded upwards, each from the longest path that may be one in the repository.
    places = [
        "/".join(parts[first:last])
        for last in range(len(parts), -1, -1)
        for first in range(1 if known else last + 1)
    ]
    paths: dict[str, str] = {}
    for place in places:
        for each in scripts:
            paths.setdefault(os.path.normpath(os.path.join(place, each)), place)
    held = here.holds(sha, [path for path in paths if path.split(os.sep)[0] != os.pardir])
    return (paths[held[0]] if held else default), command


def _not_in_commit(here: Repository, sha: str, place: str, own: Sequence[str]) -> list[str]:
    """Return the files and folders on a command line that lie in the work tree and not in the commit."""
    root, found = os.path.realpath(here.folder), {}
    for word in own[1:]:
        name = word.partition("=")[2] if word.startswith("-") else word
        path = os.path.realpath(os.path.join(root, place, name))
        if name and path.startswith(root + os.sep) and os.path.exists(path):
            found[os.path.relpath(path, root)] = name
    held = here.holds(sha, list(found)) if found else []
    return [name for path, name in found.items() if path not in held]


def _inside(reader: ExperimentReader) -> Iterator[tuple[str, str]]:
    """Yield folder and commit of the other repositories inside of the project."""
    others = reader.metadata.get("git-repositories")
    for other in others if isinstance(others, list) else []:
        known = other if isinstance(other, dict) else {}
        folder, sha = str(known.get("directory", os.pardir)), str(known.get("githead-sha"))
        beside = os.path.isabs(folder) or folder.startswith(os.pardir)
        if _SHA.fullmatch(sha) and not beside:
            yield folder, sha


def _interpreter(reader: ExperimentReader, first: str) -> list[str]:
    """Return what stands before a recorded command: Python leaves itself out of its own command line."""
    python = str(reader.metadata.get("runtime")).startswith("Python ")
    return ["python"] if python or first.endswith(".py") else []


def _own(reader: ExperimentReader, command: Sequence[str], root: str) -> list[str]:
    """Return a command as it is for an experiment of its own, in a work tree with this root.

    It loses the recorder's options that would resume the recorded one, and does not lead to its repository.
    """
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
        name = flags.get(flag, "")
        if part == "--":  # what follows are no options
            own += [part, *parts]
        elif not name or (equals and not _RECORDERS[name]):
            own.append(part)
        else:
            if _RECORDERS[name] and not equals:
                next(parts, None)
            own += [flag, root] if name == _PROJECT and root else []
    return own
