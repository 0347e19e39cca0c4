"""Which code runs: the commits that hold it, and the patch that makes of them what runs.

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
from meticulous._start.loaded import find_script, loaded_code, spellings
from meticulous._start.repository import Repository, as_found, find_root, why_git_fails
from meticulous.errors import DirtyRepoException, RepositoryError

__all__ = ["Code", "inspect"]

# A full commit, which an image without its repository gets when it is built.
_CLAIM = "METICULOUS_COMMIT"


class Code(NamedTuple):
    """The commits that hold the code, and what they do not hold of it."""

    sha: str
    is_claimed: bool
    """Whether nobody could check `sha`: the environment told it."""
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
    known: dict[str, str | None] = {}

    def root_of(path: str) -> str | None:
        return find_root(os.path.dirname(path), known)

    with as_found() as pending:
        root = find_root(os.path.realpath(project), known)
        script = find_script(lambda path: root_of(path) is not None)
        homes = {root_of(path) for path in spellings(script, {})} - {None} if script else set()
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
                # Where upper and lower case are one, a repository has two names.
                same = root if home != root and os.path.samefile(home, root) else home
                code.setdefault(same, set()).add(_relative(path, home))
        sources = _look(root, os.path.realpath(experiments), code, pending)
        if script and not any(home == root or sources[0].has_submodule(str(home)) for home in homes):
            raise _elsewhere(script, root, *homes)
        _refuse(sources, allow_dirty=allow_dirty)
        return _record(sources)


class _Source:
    """One of the repositories that code came from, as it is."""

    def __init__(self, root: str, project: str, names: set[str], pending: ExitStack) -> None:
        self.repository = Repository(root, pending)
        self.directory = _relative(root, project)
        """From the project's root; "." for the project itself."""
        self.is_beside = self.directory.startswith("..") or os.path.isabs(self.directory)
        self.names = sorted(names)
        """The loaded code in it."""
        self.is_moved = False
        """Whether it is a submodule at another commit than the one that the commit around it names."""

    @property
    def prefix(self) -> str:
        """What stands before the names of its files, seen from the project's root."""
        return "" if self.directory == "." else f"{self.directory}/"

    def has_submodule(self, root: str) -> bool:
        """Whether the repository at `root` is a submodule, or one of a submodule's."""
        folders = _relative(root, self.repository.root).split("/")
        return any(self.repository.tracks("/".join(folders[: end + 1])) for end in range(len(folders)))

    def read(self, experiments: str) -> None:
        """Await git's answers."""
        self.repository.read()
        self.untracked = [name for name in self.names if not self.repository.tracks(name)]
        self.ignored = self.repository.ignored(self.untracked) if self.untracked else set()
        # A home directory under git has nothing to do with what it ignores all of.
        self.is_stranger = self.is_beside and bool(self.ignored) and self.names == sorted(self.ignored)
        self.untracked = [
            name for name in self.untracked if not (name in self.ignored and self._is_generated(name))
        ]
        folder = _relative(experiments, self.repository.root)
        is_inside = not folder.startswith("..") and folder != "." and not os.path.isabs(folder)
        self.excluded = f"{folder}/" if is_inside else None
        if self.excluded and any(name.startswith(self.excluded) for name in self.names):
            self.excluded = None
        self.changed = [
            name for name in self.repository.changed if not (self.excluded and name.startswith(self.excluded))
        ]

    def _is_generated(self, name: str) -> bool:
        """Whether an ignored file was made from others, and will be wherever these are installed.

        Extension modules that are built in place; setuptools-scm's `_version.py`, protobuf's `_pb2.py`.
        """
        if name.endswith((".so", ".pyd")):
            return True
        with open(os.path.join(self.repository.root, name), "rb") as file:
            return b"generated by" in file.read(200).lower()

    def uncommitted(self) -> dict[str, str]:
        """Return the files that are in no commit as they are, with a word on each."""
        found = {self.prefix + name: "" for name in sorted({*self.changed, *self.untracked})}
        found.update(
            {self.prefix + name: " (ignored by git)" for name in self.untracked if name in self.ignored}
        )
        return {self.directory: " (at another commit)", **found} if self.is_moved else found

    def patch(self) -> bytes:
        """Return what makes of its commit what runs."""
        if not self.changed and not self.untracked:
            return b""
        return self.repository.patch(self.prefix, self.excluded, self.untracked)

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
    sources[root].repository.ask_message()
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


def _refuse(sources: list[_Source], *, allow_dirty: bool) -> None:
    """Refuse code that is in no commit and in no patch."""
    for source in sources:
        if source.is_beside and source.uncommitted():
            root = source.repository.root
            advice = "Commit it there, or use --norecord: a git.diff can't hold what lies beside the project"
            raise _uncommitted(root, source.uncommitted(), advice)
    files = {name: word for source in sources for name, word in source.uncommitted().items()}
    if files and not allow_dirty:
        advice = "Commit it, or use --allow-dirty to record the changes as git.diff, or --norecord"
        raise _uncommitted(sources[0].repository.root, files, advice)


def _uncommitted(root: str, files: dict[str, str], advice: str) -> DirtyRepoException:
    shown = ", ".join(name + word for name, word in [*files.items()][:10])
    shown += f" and {len(files) - 10} more" if len(files) > 10 else ""
    return DirtyRepoException(
        f"the repository {root!r} does not hold the code that would run; changed or not added: {shown}. "
        f"{advice}",
        path=Path(root),
        found=[*files],
    )


def _record(sources: list[_Source]) -> Code:
    project, *others = sources
    patches = [source.patch() for source in sources]
    repositories = [
        source.facts(patch)
        for source, patch in zip(others, patches[1:])
        if source.names or source.is_moved or patch
    ]
    return Code(
        project.repository.sha,
        False,
        project.repository.message(),
        project.repository.branch,
        project.repository.remote(),
        sorted(repositories, key=str),
        b"".join(patches),
    )


def _claimed_commit() -> str | None:
    sha = os.environ.get(_CLAIM, "").strip()
    if sha and not re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", sha):
        raise RepositoryError(
            f"{_CLAIM}={sha!r} is not the full name of a commit: set it to what `git rev-parse HEAD` prints",
            found=sha,
        )
    return sha or None


def _why_no_repository(project: Path) -> str:
    for folder in (project, *project.parents):
        if (folder / "HEAD").is_file() and (folder / "objects").is_dir():
            return (
                f"the git repository at {str(project)!r} is bare, so no code can run from it: "
                "run the script in a clone of it, or use --norecord"
            )
    return (
        f"{str(project)!r} is in no git repository, so there is no commit to record: run the script in its "
        "repository, name that with --project-directory, make one with `git init`, use --norecord, or, in an "
        f"image without its repository, set {_CLAIM} to the commit that it was built from"
    )


def _elsewhere(script: str, root: str, home: str | None = None, *_: str | None) -> RepositoryError:
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
