"""The code of a run that a work tree of the project's commit does not have, or leads past."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote, urlsplit

from meticulous_read import ExperimentReader

from meticulous_cli.git import Repository, is_sha
from meticulous_cli.show.facts import repositories_of, requirements_of, short
from meticulous_cli.show.shell import pasted

_EDITABLE = re.compile(r"^\S+ @ (file://\S+)$", re.MULTILINE)
# A record may be anybody's: each of its repositories and packages costs some runs of git.
_MOST = 50


def not_in_commit(
    reader: ExperimentReader, here: Repository, place: str, command: Sequence[str], patch: str
) -> list[str]:
    """Return the files and folders on a command line in the work tree that neither commit nor patch has."""
    root, found = os.path.realpath(here.folder), {}
    for word in command[1:]:
        name = word.partition("=")[2] if word.startswith("-") else word
        path = os.path.realpath(os.path.join(root, place, name))
        if name and path.startswith(root + os.sep) and os.path.exists(path):
            found[os.path.relpath(path, root)] = name
    found.pop(relative(os.path.realpath(reader.directory.parent), root), None)
    held = here.holds(reader.sha, list(found), patch) if found else []
    return [name for path, name in found.items() if path not in held]


def editable(reader: ExperimentReader, here: Repository, root: str, *, in_place: bool) -> list[str]:
    """Return the folders, from the root, with code of the project that was installed with `-e`.

    What imports them gets it from the path that was installed: below the `root` of then, or in another work
    tree or clone. Of a program that starts in place, those are left out that lie there.
    """
    urls = dict.fromkeys(_EDITABLE.findall(requirements_of(reader)))
    try:
        paths = [os.path.realpath(_path_of(url)) for url in [*urls][:_MOST]]
    except (OSError, ValueError):
        return []
    found = []
    for path in paths:
        other, is_ours = Repository(path), _is_below(path, root)
        if in_place and _is_below(path, os.path.realpath(here.folder)):
            continue
        if is_ours or other.has([reader.sha]):
            folder = relative(path, root if is_ours else os.path.realpath(other.root()))
            source = os.path.normpath(os.path.join(folder, "src"))
            # What lies in a submodule, the commit does not know.
            is_there = here.holds(reader.sha, [source]) or os.path.isdir(os.path.join(here.folder, source))
            found.append(source if is_there else folder)
    return found


def beside(reader: ExperimentReader, here: Repository) -> Iterator[str]:
    """Yield a note on each repository beside the project that is not at the commit of then."""
    for folder, sha, remote in _others(reader, inside=False):
        path = os.path.normpath(os.path.join(here.folder, folder))
        other, shown = Repository(path), path if os.path.isabs(folder) else relative(path, os.curdir)
        if other.head() != sha:
            origin = f"it is of {remote}" if remote else "it is not there"
            way = pasted([["git", "-C", shown, "checkout", "--detach", sha]]) if other.has([sha]) else origin
            yield f"{shown} has to be at {short(sha)}: {way}"


def is_checked_out(reader: ExperimentReader, here: Repository) -> bool:
    """Return whether the work tree is as in the commit, and the repositories inside of it are at theirs."""
    submodules = [os.path.join(here.folder, folder, ".git") for folder in here.submodules(reader.sha)]
    commits = [("", reader.sha, ""), *_others(reader, inside=True)]
    heads = (Repository(os.path.join(here.folder, folder)).head() == sha for folder, sha, _ in commits)
    return all(heads) and all(map(os.path.exists, submodules)) and here.is_clean()


def bring_inside(reader: ExperimentReader, here: Repository) -> tuple[list[list[str]], list[str]]:
    """Return the commands that bring the repositories inside into a new work tree, and notes."""
    submodules, notes = here.submodules(reader.sha), []
    steps = [["git", "submodule", "update", "--init", "--recursive"]] if submodules else []
    for folder, sha, remote in _others(reader, inside=True):
        if not any(f"{folder}/".startswith(f"{submodule}/") for submodule in submodules):
            now = os.path.join(here.folder, folder)
            source = now if Repository(now).has([sha]) else remote
            if not source:
                notes.append(
                    f"{folder} was a clone of its own at {short(sha)}, which is not here: put it there"
                )
                continue
            steps.append(["git", "clone", "--", source, folder])
        steps.append(["git", "-C", folder, "checkout", sha])
    return steps, notes


def relative(path: str, start: str) -> str:
    """Return the way from one folder to another; the whole path where there is none, as between drives."""
    try:
        return os.path.relpath(path, start)
    except ValueError:
        return path


def _others(reader: ExperimentReader, *, inside: bool) -> list[tuple[str, str, str]]:
    """Return folder, commit and URL of the other repositories inside of the project, or of those beside."""
    found = [
        (folder, sha, remote)
        for folder, (sha, _, remote) in repositories_of(reader).items()
        if is_sha(sha) and inside != (os.path.isabs(folder) or folder.startswith(os.pardir))
    ]
    return found[:_MOST]


def _path_of(url: str) -> str:
    path = unquote(urlsplit(url).path)
    return path.lstrip("/") if os.name == "nt" else path  # file:///C:/code


def _is_below(path: str, root: str) -> bool:
    return f"{path}{os.sep}".startswith(root + os.sep)
