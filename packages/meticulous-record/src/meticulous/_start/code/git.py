"""git as a process: where it looks, what it answers, and what helps where it does not answer."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator

from meticulous.errors import RepositoryError, quoted

__all__ = ["Git", "undisturbed", "why_git_fails"]

# `status --no-ahead-behind` came with it; `--porcelain=v2` with 2.11, GIT_OPTIONAL_LOCKS with 2.15.
_LEAST_GIT = (2, 17)

# Of git's variables only these count: where its programs and settings are (in containers they say which
# repository is safe), and how it fetches what a partial clone has left out. The others lead it to another
# repository or index, as in hooks, or change the meaning of paths and the form of diffs.
_KEPT = (
    *("GIT_CONFIG", "GIT_PYTHON_", "GIT_EXEC_PATH", "GIT_CEILING_DIRECTORIES"),
    *("GIT_SSH", "GIT_SSL", "GIT_ASKPASS", "GIT_TERMINAL_PROMPT"),
)

_NO_GIT = (
    "git cannot be run, so there is no commit to record: `git version` says why; install git, put it on "
    "PATH (GIT_PYTHON_GIT_EXECUTABLE may name it), or use --norecord"
)

# What git says, and what helps.
_REMEDIES = {
    "dubious ownership|unsafe repository": "it belongs to another user: if you trust it, run "
    "`git config --global --add safe.directory {root}`",
    "clean filter|external filter|git-lfs": "install what this filter of .gitattributes runs (git-lfs?)",
    "promisor|could not fetch": "run `git diff` once where there is a network, as this is a partial clone",
    "bad config": "repair that file",
    "": "repair the repository",
}


@contextlib.contextmanager
def undisturbed() -> Iterator[contextlib.ExitStack]:
    """Let git and GitPython find each repository where it lies, whatever the process inherited from a hook.

    GitPython reads `os.environ` itself, and adds to it for git: it can't be given another environment. What
    is yielded waits at the end for the questions whose answers nobody wanted.
    """
    names = [name for name in os.environ if name.startswith("GIT_") and not name.startswith(_KEPT)]
    taken = {name: os.environ.pop(name) for name in names}
    try:
        with contextlib.ExitStack() as pending:
            yield pending
    finally:
        os.environ.update(taken)


def why_git_fails() -> str | None:
    """Return in words that git cannot be run at all; None if it can."""
    try:
        import git  # noqa: F401 - GitPython runs git when it's imported
    except ModuleNotFoundError:
        raise
    except ImportError:
        return _NO_GIT
    return None


class Git:
    """git in one work tree. It takes no locks: a thousand jobs on one checkout must not fight over them."""

    def __init__(self, root: str, pending: contextlib.ExitStack) -> None:
        import git

        self.root = root
        self._pending = pending
        entry = os.path.join(root, ".git")
        if os.path.isfile(entry):  # of a linked work tree, or a submodule
            with open(entry, encoding="utf-8", errors="surrogateescape") as file:
                target = os.path.join(root, file.read().partition("gitdir:")[2].strip())
            if not os.path.exists(target):
                raise self.error(
                    f"the work tree {quoted(root)} belongs to the repository at {quoted(target)}, which is "
                    "not there: mount or copy that as well, to the same place, or use --norecord"
                )
        try:
            self.repo = git.Repo(root, expand_vars=False)
        except (git.InvalidGitRepositoryError, git.NoSuchPathError):
            raise self.error(
                f"the repository {quoted(root)} is broken: repair it, or use --norecord"
            ) from None
        self.repo.git.update_environment(GIT_OPTIONAL_LOCKS="0")

    def ask(self, command: str, *arguments: str, **environment: str) -> Callable[[], bytes]:
        """Start a process, and return what awaits its answer."""
        import git

        try:
            call = getattr(self.repo.git, command.replace("-", "_"))
            process = call(*arguments, as_process=True, env=environment)
        except git.GitCommandNotFound:
            raise self.error(_NO_GIT) from None
        self._pending.callback(process.communicate)

        def answer() -> bytes:
            out, said = process.communicate()
            if process.returncode != 0:
                text = said.decode(errors="replace").strip()
                raise self._failed(command, text or f"exit code {process.returncode}")
            return bytes(out)

        return answer

    def error(self, sentence: str) -> RepositoryError:
        """Return an error of this repository."""
        return RepositoryError(sentence, path=self.root)

    def _failed(self, command: str, said: str) -> RepositoryError:
        version, lines = self.repo.git.version_info, said.splitlines()
        why = next((line for line in reversed(lines) if line.startswith("fatal: ")), lines[-1]).strip()
        remedy = next(remedy for pattern, remedy in _REMEDIES.items() if re.search(pattern, said))
        if version < _LEAST_GIT:
            remedy = "install git {}.{} or later; this is {}".format(*_LEAST_GIT, ".".join(map(str, version)))
        where = f"`git {command}` failed in the repository {quoted(self.root)} ({why})"
        return self.error(f"{where}: {remedy.format(root=self.root)}, or use --norecord")
