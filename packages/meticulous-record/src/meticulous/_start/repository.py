"""One git repository: its commit, and what of its work tree differs. The only module that needs GitPython.

Two git processes tell all of it, whatever its size, and run at once: `status` (which commit and branch, what
differs) and `ls-files` (what is tracked, and what git was told to overlook).
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator

from meticulous.errors import RepositoryError

__all__ = ["Repository", "as_found", "find_root", "why_git_fails", "without_credentials"]

# `status --no-ahead-behind` came with it; `--porcelain=v2` with 2.11, GIT_OPTIONAL_LOCKS with 2.15.
_LEAST_GIT = (2, 17)

# What leads git to another repository, as hooks do, and what changes the meaning of paths and the form of
# diffs. `git rev-parse --local-env-vars` lists the former; it has settings as well, which git itself keeps on
# its way into a submodule: in containers they say which repository is safe.
_MISLEADING = (
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_DIR", "GIT_GRAFT_FILE", "GIT_INDEX_FILE"),
    *("GIT_IMPLICIT_WORK_TREE", "GIT_INTERNAL_SUPER_PREFIX", "GIT_NAMESPACE", "GIT_NO_REPLACE_OBJECTS"),
    *("GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE", "GIT_WORK_TREE"),
    *("GIT_GLOB_PATHSPECS", "GIT_ICASE_PATHSPECS", "GIT_LITERAL_PATHSPECS", "GIT_NOGLOB_PATHSPECS"),
    *("GIT_ATTR_SOURCE", "GIT_DIFF_OPTS", "GIT_EXTERNAL_DIFF"),
)

# The same patch whatever the user's diff.* says. A submodule's commit in it would be applied to nothing.
_DIFF = (
    *("--binary", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames"),
    *("--unified=3", "--inter-hunk-context=0", "--diff-algorithm=myers", "--indent-heuristic"),
    *("--ignore-submodules=all", "-O/dev/null", "HEAD"),
)

# Names and patches as git writes them, on every system.
_BYTES = ("utf-8", "surrogateescape")

# What git says, and what helps.
_REMEDIES = (
    (
        "dubious ownership|unsafe repository",
        "it belongs to another user: if you trust it, run `git config --global --add safe.directory {root}`",
    ),
    ("clean filter|external filter", "install what this filter of .gitattributes runs (git-lfs?)"),
    (
        "promisor|could not fetch",
        "go online once and run `git diff`: this partial clone lacks what it compares with",
    ),
    ("bad config", "repair that file"),
    ("", "repair the repository"),
)


@contextlib.contextmanager
def as_found() -> Iterator[contextlib.ExitStack]:
    """Let git and GitPython find each repository where it lies, whatever they inherited from a hook.

    An environment of one's own can't be handed to GitPython: it reads `os.environ`, and adds to it. What is
    yielded waits at the end for the questions whose answers nobody wanted.
    """
    taken = {name: os.environ.pop(name) for name in _MISLEADING if name in os.environ}
    try:
        with contextlib.ExitStack() as pending:
            yield pending
    finally:
        os.environ.update(taken)


def find_root(folder: str, known: dict[str, str | None]) -> str | None:
    """Return the root of the innermost work tree around a real path; `known` remembers answers."""
    if folder not in known:
        parent, entry = os.path.dirname(folder), os.path.join(folder, ".git")
        ceilings = os.environ.get("GIT_CEILING_DIRECTORIES", "").split(os.pathsep)
        if os.path.isfile(entry) or os.path.lexists(os.path.join(entry, "HEAD")):
            known[folder] = folder
        elif parent == folder or parent in ceilings:
            known[folder] = None
        else:
            known[folder] = find_root(parent, known)
    return known[folder]


def why_git_fails() -> str | None:
    """Return in words why git cannot be run at all; None if it can."""
    try:
        import git  # noqa: F401 - GitPython runs git when it's imported
    except ModuleNotFoundError:
        raise
    except ImportError:
        return _why_git_fails()
    return None


def _why_git_fails() -> str:
    command = os.environ.get("GIT_PYTHON_GIT_EXECUTABLE") or "git"
    try:
        done = subprocess.run([command, "version"], stderr=subprocess.PIPE, check=False)
    except OSError:
        return (
            "git cannot be run, so there is no commit to record: install git or put it on PATH "
            "(GIT_PYTHON_GIT_EXECUTABLE may name it), or use --norecord"
        )
    said = _last_words(done.stderr, done.returncode)
    return f"`git version` fails ({said}): repair what it names, or use --norecord"


def _last_words(said: bytes, code: int) -> str:
    """Return the line in which git says why it gave up."""
    lines = said.decode(errors="replace").strip().splitlines() or [f"exit code {code}"]
    return next((line for line in reversed(lines) if line.startswith("fatal: ")), lines[-1]).strip()


class Repository:
    """A work tree and the commit below it, as they are now. Nothing in it is changed, not even the index.

    What it is made for is asked at once; `read` awaits the answers.

    Raises:
        RepositoryError: git does not read it, or it has no commit.
    """

    def __init__(self, root: str, pending: contextlib.ExitStack) -> None:
        import git

        self.root = root
        self._pending = pending
        entry = os.path.join(root, ".git")
        if os.path.isfile(entry):
            with open(entry, encoding="utf-8", errors="surrogateescape") as file:
                target = os.path.join(root, file.read().partition("gitdir:")[2].strip())
            if not os.path.exists(target):
                raise self._error(
                    f"the work tree {root!r} belongs to the repository at {target!r}, which is not there: "
                    "mount or copy that as well, to the same place, or use --norecord"
                )
        self._repo = git.Repo(root, expand_vars=False)
        # A thousand jobs on one checkout must not fight over the index's lock.
        self._repo.git.update_environment(GIT_OPTIONAL_LOCKS="0")
        hide_nothing = ("--untracked-files=no", "--ignore-submodules=none")
        self._status = self._ask(
            "status", "--porcelain=v2", "--branch", "--no-ahead-behind", "-z", *hide_nothing
        )
        self._files = self._ask("ls-files", "-v", "-z")
        self.sha = ""
        self.branch: str | None = None
        """None where HEAD is detached."""
        self.changed: list[str] = []
        """Tracked files that differ from the commit."""
        self.submodules: dict[str, bool] = {}
        """Those that are not as the commit has them, and whether they are at another commit."""
        self._tracked: set[str] = set()
        self._overlooked: list[str] = []

    def ask_message(self) -> None:
        """Ask for the commit's message as well."""
        what = ("--max-count=1", "--format=%B", "--encoding=UTF-8", "HEAD", "--")
        self._message = self._ask("rev-list", *what)

    def message(self) -> str:
        """Await the commit's message; return it without the line feeds at its end."""
        return self._message().partition("\n")[2].rstrip("\n")

    def read(self) -> None:
        """Await the answers, and put them into the attributes."""
        facts: dict[str, str] = {}
        records = iter(self._status().split("\0"))
        for record in records:
            kind = record[:1]
            if kind == "#":
                key, _, facts[key] = record[2:].partition(" ")
            elif kind:
                *fields, name = record.split(" ", {"1": 8, "2": 9, "u": 10}[kind])
                if kind == "2":
                    next(records)  # the name it had before
                if not fields[2].startswith("S"):
                    self.changed.append(name)
                elif fields[1][0] != "." or fields[2][1] == "C":
                    self.submodules[name] = True
                elif fields[2][2] == "M":  # else it has files that are not tracked, or none
                    self.submodules[name] = False
        self.sha, branch = facts["branch.oid"], facts["branch.head"]
        if self.sha == "(initial)":
            raise self._error(
                f"the git repository {self.root!r} has no commit yet, so there is none to record: "
                "commit your code first, or use --norecord"
            )
        self.branch = None if branch == "(detached)" else branch
        entries = self._files().split("\0")
        self._tracked.update(entry[2:] for entry in entries)
        # By `git update-index --skip-worktree` or `--assume-unchanged`; a sparse checkout's are not there.
        hidden = (entry[2:] for entry in entries if entry[:1] == "S" or entry[:1].islower())
        self._overlooked = [name for name in hidden if os.path.lexists(os.path.join(self.root, name))]
        if self._overlooked:
            with self._index_without(self._overlooked) as index:
                names = self._ask("diff", "--name-only", "-z", *_DIFF, "--", *self._overlooked, **index)()
            self.changed += filter(None, names.split("\0"))

    def tracks(self, name: str) -> bool:
        """Return whether a file is tracked, by this name or another spelling of it."""
        if name in self._tracked:
            return True
        # Where upper and lower case are one, Python takes any spelling, and git knows one.
        path, folded = os.path.join(self.root, name), name.casefold()
        others = [os.path.join(self.root, other) for other in self._tracked if other.casefold() == folded]
        return any(os.path.exists(other) and os.path.samefile(other, path) for other in others)

    def ignored(self, names: list[str]) -> set[str]:
        """Return those of some untracked files that git ignores."""
        how = ("--others", "--exclude-standard", "-z", "--")
        return {*names}.difference(
            self._ask("ls-files", *how, *names, GIT_LITERAL_PATHSPECS="1")().split("\0")
        )

    def patch(self, prefix: str, excluded: str | None, untracked: list[str]) -> bytes:
        """Return what makes of the commit what is there, the names with `prefix`; empty if nothing differs.

        What lies in the folder `excluded` is left out; `untracked` files are put in.
        """
        prefixes = (f"--src-prefix=a/{prefix}", f"--dst-prefix=b/{prefix}")
        paths = [".", *([f":(exclude,literal){excluded}"] if excluded else [])]
        with self._index_without([*self._overlooked, *untracked]) as index:
            return self._ask("diff", *prefixes, *_DIFF, "--", *paths, **index)().encode(*_BYTES)

    def remote(self) -> str | None:
        """Return the URL of the branch's remote, or of origin, without credentials."""
        try:
            config = self._repo.config_reader()
            remote = config.get_value(f'branch "{self.branch}"', "remote", default="origin")
            url = config.get_value(f'remote "{remote}"', "url", default="")
        except Exception:  # noqa: BLE001 - GitPython's parser on whatever is in the user's configuration files
            return None
        return without_credentials(str(url)) or None

    @contextlib.contextmanager
    def _index_without(self, names: list[str]) -> Iterator[dict[str, str]]:
        """Yield the environment of a copy of the index in which git has to look at these files itself."""
        if not names:
            yield {}
            return
        with tempfile.TemporaryDirectory(prefix="meticulous-") as folder:
            index = {"GIT_INDEX_FILE": os.path.join(folder, "index")}
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(os.path.join(self._repo.git_dir, "index"), index["GIT_INDEX_FILE"])
            entries = []
            for name in names:
                mode = os.lstat(os.path.join(self.root, name)).st_mode
                kind = "120000" if stat.S_ISLNK(mode) else "100755" if mode & stat.S_IXUSR else "100644"
                # Any object will do: the entry has no time, so the file itself is compared with the commit.
                entries += ["--cacheinfo", f"{kind},{self.sha},{name}"]
            self._ask("update-index", "--add", *entries, **index)()
            yield index

    def _ask(self, command: str, *arguments: str, **environment: str) -> Callable[[], str]:
        """Start a git process; return what awaits its answer."""
        import git

        try:
            call = getattr(self._repo.git, command.replace("-", "_"))
            process = call(*arguments, as_process=True, env=environment)
        except git.GitCommandNotFound:
            raise self._error(_why_git_fails()) from None
        self._pending.callback(process.communicate)

        def answer() -> str:
            out, said = process.communicate()
            if process.returncode != 0:
                raise self._error(self._failure(command, _last_words(said, process.returncode)))
            return str(out, *_BYTES)

        return answer

    def _failure(self, command: str, said: str) -> str:
        """Return the sentence for a question that git did not answer: what, where, and what helps."""
        version = self._repo.git.version_info
        remedy = next(remedy for pattern, remedy in _REMEDIES if re.search(pattern, said))
        if version < _LEAST_GIT:
            remedy = "install git {}.{} or later; this is {}".format(*_LEAST_GIT, ".".join(map(str, version)))
        where = f"`git {command}` failed in the repository {self.root!r} ({said})"
        return f"{where}: {remedy.format(root=self.root)}, or use --norecord"

    def _error(self, sentence: str) -> RepositoryError:
        return RepositoryError(sentence, path=self.root)


def without_credentials(url: str) -> str:
    """Return a remote's URL as anybody may see it: no password, no token, no query."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url  # a path, or host:path, which has no place for a password
    authority, slash, path = rest.partition("/")
    if "@" not in authority and re.search(r":(?!\d*$)[^\]]*$", authority):
        authority, slash, path = rest.rpartition("@")[2].partition("/")  # a password with a slash in it
    user, at, host = authority.rpartition("@")
    if at:
        # The user of an ssh URL is no secret ("git"); over http a token often stands in its place.
        authority = host if "http" in scheme else f"{user.partition(':')[0]}@{host}"
    path = path.partition("?")[0].partition("#")[0]
    return f"{scheme}://{authority}{slash}{path}"
