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
from meticulous._start.code.git import undisturbed, why_git_fails
from meticulous._start.code.loaded import find_script, loaded_code, spellings
from meticulous._start.code.repository import Repository, find_root
from meticulous.errors import DirtyRepoException, RepositoryError, listed, quoted

__all__ = ["Code", "inspect"]

# The full name of a commit. An image that has no repository gets it when it is built.
_CLAIM = "METICULOUS_COMMIT"


class Code(NamedTuple):
    """The commits that hold the code, and what they do not hold of it."""

    facts: dict[str, JSON]
    """The keys of metadata.json, of `githead-` and `git-`."""
    patch: bytes
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
            f"the project directory {quoted(project)} is not there, or not a directory: "
            "name another with --project-directory",
            path=project,
        )
    try:
        with undisturbed() as pending:
            return _inspect(project, os.path.realpath(experiments), pending, allow_dirty)
    except OSError as error:
        raise RepositoryError(
            f"cannot look at the code at {quoted(error.filename or project)} ({error.strerror or error}): "
            "make it readable, or use --norecord",
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
        return Code({"githead-sha": sha, "githead-claimed": True}, b"")
    code: dict[str, set[str]] = {root: set()}
    for path in loaded_code(script):
        home = root_of(path)
        if home is not None:
            code.setdefault(home, set()).add(path[len(home) :].replace(os.sep, "/").lstrip("/"))
    repositories = _look(root, experiments, code, pending)
    if script and not any(home == root or repositories[0].has_submodule(home) for home in homes):
        raise _elsewhere(script, root, min(homes, default=None))
    _refuse(repositories, allow_dirty)
    return _record(repositories)


def _look(root: str, experiments: str, code: dict[str, set[str]], pending: ExitStack) -> list[Repository]:
    """Ask the repositories that code came from, the project's first, and submodules that differ."""
    found = {path: Repository(path, root, experiments, names, pending) for path, names in code.items()}
    queue = [*found]
    for path in queue:  # which grows
        found[path].read()
        for name, is_moved in found[path].submodules.items():
            inner = os.path.join(path, *name.split("/"))
            if inner not in found and os.path.lexists(os.path.join(inner, ".git")):
                found[inner] = Repository(inner, root, experiments, set(), pending)
                queue.append(inner)
            if inner in found:
                found[inner].is_moved = is_moved
    return [repository for repository in found.values() if not repository.is_stranger]


def _refuse(repositories: list[Repository], allow_dirty: bool) -> None:
    """Refuse code that is in no commit and in no patch."""
    inside: dict[str, str] = {}
    for repository in repositories:
        files = repository.uncommitted()
        if files and repository.is_beside:
            advice = "Commit it there, or use --norecord: no git.diff can hold what lies beside the project"
            raise _dirty(repository.root, files, advice)
        inside.update(files)
    if inside and not allow_dirty:
        advice = "Commit it, or use --allow-dirty to record the changes as git.diff, or --norecord"
        raise _dirty(repositories[0].root, inside, advice)


def _dirty(root: str, files: dict[str, str], advice: str) -> DirtyRepoException:
    names = listed(name + word for name, word in files.items())
    return DirtyRepoException(
        f"the repository {quoted(root)} does not hold the code that would run; changed or not added: "
        f"{names}. {advice}",
        path=root,
        found=[*files],
    )


def _record(repositories: list[Repository]) -> Code:
    patches = [repository.patch() for repository in repositories]
    project, *others = repositories
    further = [
        each.facts(is_dirty=bool(patch))
        for each, patch in zip(others, patches[1:])
        if each.code or each.is_moved or patch
    ]
    facts = {**project.facts(is_dirty=any(patches)), "githead-message": project.message}
    if further:
        facts["git-repositories"] = sorted(further, key=str)
    return Code(facts, b"".join(patches))


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
        f"{quoted(project)} is in no git repository, so there is no commit to record: make one with `git "
        "init` and a commit, name yours with --project-directory, or use --norecord; in an image without its "
        f"repository, set {_CLAIM} to the commit that it was built from"
    )


def _elsewhere(script: str, root: str, home: str | None) -> RepositoryError:
    """Return the error for a script of which the project's commit would say nothing."""
    own = f"name its own with --project-directory {home}" if home else "run it in its repository"
    return RepositoryError(
        f"the script {quoted(script)} is not in the repository {quoted(root)}, whose commit would be "
        f"recorded: {own}; for a copy of the code that later changes do not reach run `git worktree add "
        "--detach DIRECTORY` and start it in there; or use --norecord",
        path=root,
        found=script,
    )
