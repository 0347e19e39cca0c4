"""The commits that hold the code that runs, and the patch that makes of them what runs.

All code that is loaded has to be tracked by the repository it lies in, and each of these is asked: the
project's, submodules and other clones inside of it, and those beside it, as of a library that was installed
with `-e`. What lies in no repository is not looked at; what is installed stands in requirements.txt.
"""

from __future__ import annotations

import os
import re
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from meticulous._disk.encode import JSON
from meticulous._start.code.loaded import find_script, loaded_code, spellings
from meticulous._start.code.process import undisturbed, why_git_fails
from meticulous._start.code.repository import Repository, find_root
from meticulous.errors import DirtyRepoException, RepositoryError, listed

__all__ = ["Code", "inspect"]

# The full name of a commit. An image that has no repository gets it when it is built.
_CLAIM = "METICULOUS_COMMIT"


class Code(NamedTuple):
    """The commits that hold the code, and what they do not hold of it."""

    sha: str
    is_claimed: bool
    """Whether nobody could check `sha`: it was in the environment."""
    message: str | None = None
    branch: str | None = None
    """None where HEAD is detached."""
    remote: str | None = None
    """The URL of the branch's remote, or of origin, without credentials."""
    repositories: list[JSON] = []  # noqa: RUF012 - nobody changes it
    """`git-repositories`: others that code came from, and submodules that are not as the commit has them."""
    patch: bytes = b""
    """What makes of the commits what runs, as `git apply` takes it; empty where nothing differs."""


def inspect(project: Path, experiments: Path, *, allow_dirty: bool) -> Code:
    """Look at the repository around `project`, and at all others that loaded code lies in.

    What lies in the folder `experiments` does not count as changed, unless code was loaded from there.

    Raises:
        RepositoryError: there is no repository, no commit, no git, or git refuses to read it.
        DirtyRepoException: code would run that is in no commit, and no patch shall have it, or can.
    """
    if not project.is_dir():
        raise RepositoryError(
            f"the project directory {str(project)!r} is not there, or not a directory: "
            "name another with --project-directory",
            path=project,
        )
    try:
        with undisturbed() as pending:
            return _inspect(project, os.path.realpath(experiments), pending, allow_dirty)
    except OSError as error:
        raise RepositoryError(
            f"cannot look at the code of {str(project)!r} ({error}): make it readable, or use --norecord",
            path=project,
        ) from None


def _inspect(project: Path, experiments: str, pending: ExitStack, allow_dirty: bool) -> Code:
    known: dict[str, str | None] = {}

    def root_of(path: str) -> str | None:
        return find_root(os.path.dirname(path), known)

    root = find_root(os.path.realpath(project), known)
    script = find_script(lambda path: root_of(path) is not None)
    homes = {home for path in spellings(script, {}) if (home := root_of(path))} if script else set()
    why = why_git_fails() if root else _why_no_repository(project)
    if root is None or why:
        # It never stands in the way of a repository that can be asked.
        sha = None if homes and not root else _claimed_commit()
        if sha is None:
            raise RepositoryError(str(why), path=project)
        return Code(sha, is_claimed=True)
    code: dict[str, set[str]] = {root: set()}
    for path in loaded_code(script):
        home = root_of(path)
        if home is not None:
            code.setdefault(home, set()).add(path[len(home) :].replace(os.sep, "/").lstrip("/"))
    sources = _look(root, experiments, code, pending)
    if script and not any(home == root or sources[0].has_submodule(home) for home in homes):
        raise _elsewhere(script, root, min(homes, default=None))
    _refuse(sources, allow_dirty)
    return _record(sources)


class _Source:
    """One of the repositories that code came from, as it is."""

    def __init__(self, root: str, project: str, names: set[str], pending: ExitStack) -> None:
        self.repository = Repository(root, pending, with_message=root == project)
        self.directory = _relative(root, project)
        """From the project's root; "." for the project itself."""
        self.prefix = "" if self.directory == "." else f"{self.directory}/"
        self.is_beside = not _is_inside(self.directory)
        self.names = sorted(names)
        """The loaded code in it."""
        self.is_moved = False
        """Whether it is a submodule at another commit than the one that the commit around it names."""

    def has_submodule(self, root: str) -> bool:
        """Whether the repository at `root` is a submodule, or one of a submodule's."""
        folders = _relative(root, self.repository.root).split("/")
        return any("/".join(folders[: end + 1]) in self.repository.tracked for end in range(len(folders)))

    def read(self, experiments: str) -> None:
        """Await git's answers."""
        self.repository.read()
        untracked = [name for name in self.names if name not in self.repository.tracked]
        self.ignored = self.repository.ignored(untracked) if untracked else set()
        # A home directory under git has nothing to do with what it ignores all of.
        self.is_stranger = self.is_beside and bool(self.ignored) and self.names == sorted(self.ignored)
        self.untracked = [name for name in untracked if name not in self.ignored or not self._is_made(name)]
        folder = _relative(experiments, self.repository.root)
        self.excluded = f"{folder}/" if _is_inside(folder) and folder != "." else None
        if self.excluded and any(name.startswith(self.excluded) for name in self.names):
            self.excluded = None
        self.changed = [
            name for name in self.repository.changed if not (self.excluded and name.startswith(self.excluded))
        ]

    def _is_made(self, name: str) -> bool:
        """Whether an ignored file is made from others that are tracked, as it says.

        setuptools-scm's `_version.py`, protobuf's `_pb2.py`; extension modules and links by their nature.
        """
        path = os.path.join(self.repository.root, name)
        if name.endswith((".so", ".pyd")) or os.path.islink(path):
            return True
        with open(path, "rb") as file:
            return b"generated by" in file.read(200).lower()

    def uncommitted(self) -> dict[str, str]:
        """Return the files that are in no commit as they are, with a word on each."""
        found = {self.directory: " (at another commit)"} if self.is_moved else {}
        for name in sorted({*self.changed, *self.untracked}):
            found[self.prefix + name] = " (ignored by git)" if name in self.ignored else ""
        return found

    def patch(self) -> bytes:
        """Return what makes of its commit what runs."""
        differs = self.changed or self.untracked
        return self.repository.patch(self.prefix, self.excluded, self.untracked) if differs else b""

    def facts(self, patch: bytes) -> JSON:
        """Return its object in `git-repositories`."""
        found: dict[str, JSON] = {
            "directory": self.directory,
            "githead-sha": self.repository.sha,
            "githead-branch": self.repository.branch,
            "git-remote": self.repository.remote(),
            "git-dirty": bool(patch),
        }
        return {key: value for key, value in found.items() if value is not None}


def _look(root: str, experiments: str, code: dict[str, set[str]], pending: ExitStack) -> list[_Source]:
    """Ask the repositories that code came from, the project's first, and submodules that differ."""
    sources = {path: _Source(path, root, names, pending) for path, names in code.items()}
    queue = [*sources]
    for path in queue:  # which grows
        source = sources[path]
        source.read(experiments)
        for name, is_moved in source.repository.submodules.items():
            inner = os.path.join(path, *name.split("/"))
            if inner not in sources and os.path.lexists(os.path.join(inner, ".git")):
                sources[inner] = _Source(inner, root, set(), pending)
                queue.append(inner)
            if inner in sources:
                sources[inner].is_moved = is_moved
    return [source for source in sources.values() if not source.is_stranger]


def _refuse(sources: list[_Source], allow_dirty: bool) -> None:
    """Refuse code that is in no commit and in no patch."""
    inside = {
        name: word
        for source in sources
        if not source.is_beside
        for name, word in source.uncommitted().items()
    }
    beside = [source for source in sources if source.is_beside and source.uncommitted()]
    if beside:
        root, files = beside[0].repository.root, beside[0].uncommitted()
        advice = "Commit it there, or use --norecord: no git.diff can hold what lies beside the project"
    elif inside and not allow_dirty:
        root, files = sources[0].repository.root, inside
        advice = "Commit it, or use --allow-dirty to record the changes as git.diff, or --norecord"
    else:
        return
    shown = listed(name + word for name, word in files.items())
    raise DirtyRepoException(
        f"the repository {root!r} does not hold the code that would run; changed or not added: {shown}. "
        f"{advice}",
        path=root,
        found=[*files],
    )


def _record(sources: list[_Source]) -> Code:
    patches = [source.patch() for source in sources]
    others = [
        source.facts(patch)
        for source, patch in [*zip(sources, patches)][1:]
        if source.names or source.is_moved or patch
    ]
    project = sources[0].repository
    facts = (project.sha, False, project.message, project.branch, project.remote())
    return Code(*facts, sorted(others, key=str), b"".join(patches))


def _claimed_commit() -> str | None:
    sha = os.environ.get(_CLAIM, "")
    if sha and not re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", sha):
        raise RepositoryError(
            f"{_CLAIM}={sha!r} is not the full name of a commit: set it to what `git rev-parse HEAD` prints",
            found=sha,
        )
    return sha or None


def _why_no_repository(project: Path) -> str:
    return (
        f"{str(project)!r} is in no git repository, so there is no commit to record: make one with `git "
        "init` and a commit, name yours with --project-directory, or use --norecord; in an image without its "
        f"repository, set {_CLAIM} to the commit that it was built from"
    )


def _elsewhere(script: str, root: str, home: str | None) -> RepositoryError:
    """Return the error for a script of which the project's commit would say nothing."""
    if home is None:
        advice = (
            "run it in its repository; for a copy of the code that later changes do not reach, make one with "
            "`git worktree add --detach DIRECTORY` and run it in there; or use --norecord"
        )
    else:
        advice = f"name its own with --project-directory {home}, or use --norecord"
    return RepositoryError(
        f"the script {script!r} is not in the repository {root!r}, whose commit would be recorded: {advice}",
        path=root,
        found=script,
    )


def _relative(path: str, root: str) -> str:
    """Return `path` as git names it, seen from `root`; absolute where no relative path leads there."""
    try:
        return os.path.relpath(path, root).replace(os.sep, "/")
    except ValueError:
        return path.replace(os.sep, "/")


def _is_inside(name: str) -> bool:
    return not os.path.isabs(name) and name != ".." and not name.startswith("../")
