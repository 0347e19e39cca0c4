"""The code of a run that a work tree of the project's commit does not have, or leads past."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote, urlsplit

from meticulous_read import ExperimentReader

from meticulous_cli.git import Repository, is_sha
from meticulous_cli.show.facts import repositories_of
from meticulous_cli.show.shell import pasted

_EDITABLE = re.compile(r"^\S+ @ (file://\S+)$", re.MULTILINE)
# A record may be anybody's: each of its repositories and packages costs some runs of git.
_LARGEST = 2**20
_MOST = 50


def not_in_commit(
    reader: ExperimentReader, here: Repository, place: str, command: Sequence[str]
) -> list[str]:
    """Return the files and folders on a command line that lie in the work tree and not in the commit."""
    root, found = os.path.realpath(here.folder), {}
    experiments = os.path.realpath(reader.directory.parent)
    for word in command[1:]:
        name = word.partition("=")[2] if word.startswith("-") else word
        path = os.path.realpath(os.path.join(root, place, name))
        if name and path.startswith(root + os.sep) and os.path.exists(path) and path != experiments:
            found[os.path.relpath(path, root)] = name
    held = here.holds(reader.sha, list(found)) if found else []
    return [name for path, name in found.items() if path not in held]


def editable(reader: ExperimentReader, here: Repository, root: str, *, in_place: bool) -> list[str]:
    """Return the folders, from the root, with code of the project that was installed with `-e`.

    What imports them gets it from the path that was installed: below the `root` of then, or in another work
    tree or clone. Of a program that starts in place, those are left out that lie there.
    """
    try:
        with reader.open("requirements.txt", errors="replace") as file:
            urls = dict.fromkeys(_EDITABLE.findall(file.read(_LARGEST)))
        paths = [os.path.realpath(_path_of(url)) for url in [*urls][:_MOST]]
    except (OSError, ValueError):
        return []
    found = []
    for path in paths:
        other = Repository(path)
        if in_place and _is_below(path, os.path.realpath(here.folder)):
            continue
        if _is_below(path, root) or other.has([reader.sha]):
            folder = relative(path, root if _is_below(path, root) else os.path.realpath(other.root()))
            source = os.path.normpath(os.path.join(folder, "src"))
            if folder != os.curdir and os.path.exists(os.path.join(path, ".git")):  # a submodule
                is_there = os.path.isdir(os.path.join(path, "src"))
            else:
                is_there = bool(here.holds(reader.sha, [source]))
            found.append(source if is_there else folder)
    return found


def beside(reader: ExperimentReader, here: Repository) -> Iterator[str]:
    """Yield a note on each repository beside the project that is not at the commit of then."""
    for folder, sha in _others(reader):
        if _is_inside(folder):
            continue
        path = os.path.normpath(os.path.join(here.folder, folder))
        other, shown = Repository(path), path if os.path.isabs(folder) else relative(path, os.curdir)
        head = other.head()
        if head != sha and other.has([sha]):
            way = pasted([["git", "-C", shown, "checkout", "--detach", sha]])
            yield f"{shown} is now at {head[:7]}, not at {sha[:7]}: {way}"
        elif head != sha:
            yield f"{shown} has to be at {sha[:7]}, which is not there{_of(reader, folder)}"


def inside(reader: ExperimentReader) -> Iterator[tuple[str, str]]:
    """Return folder and commit of the other repositories inside of the project."""
    return ((folder, sha) for folder, sha in _others(reader) if _is_inside(folder))


def bring_inside(reader: ExperimentReader, here: Repository) -> tuple[list[list[str]], list[str]]:
    """Return the commands that bring the repositories inside into a new work tree, and notes."""
    submodules, notes = here.submodules(reader.sha), []
    steps = [["git", "submodule", "update", "--init", "--recursive"]] if submodules else []
    for folder, sha in inside(reader):
        if not any(f"{folder}/".startswith(f"{submodule}/") for submodule in submodules):
            now = os.path.join(here.folder, folder)
            source = now if Repository(now).has([sha]) else _remote(reader, folder)
            if not source:
                notes.append(f"{folder} was a clone of its own at {sha[:7]}, which is not here: put it there")
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


def _others(reader: ExperimentReader) -> list[tuple[str, str]]:
    found = repositories_of(reader).items()
    return [(folder, sha) for folder, (sha, _) in found if is_sha(sha)][:_MOST]


def _path_of(url: str) -> str:
    path = unquote(urlsplit(url).path)
    return path.lstrip("/") if os.name == "nt" else path  # file:///C:/code


def _is_below(path: str, root: str) -> bool:
    return f"{path}{os.sep}".startswith(root + os.sep)


def _is_inside(folder: str) -> bool:
    return not (os.path.isabs(folder) or folder.startswith(os.pardir))


def _remote(reader: ExperimentReader, folder: str) -> str:
    """Return the recorded URL of another repository, "" where there is none."""
    found = [each for each in reader.metadata["git-repositories"] if isinstance(each, dict)]
    return next(str(each.get("git-remote") or "") for each in found if each.get("directory") == folder)


def _of(reader: ExperimentReader, folder: str) -> str:
    remote = _remote(reader, folder)
    return f": it is of {remote}" if remote else ""
