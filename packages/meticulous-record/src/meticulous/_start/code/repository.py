"""One git repository: its commit, and what of its work tree differs.

Two questions tell all of it, whatever its size: `status` (which commit and branch, what differs) and
`ls-files` (what is tracked, and what git was told to overlook). They are asked at once.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from meticulous._start.code.process import Git

__all__ = ["Repository", "find_root", "without_credentials"]

# The same patch whatever the user's diff.* says. A submodule's commit in it would be applied to nothing.
_DIFF = (
    *("--binary", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames"),
    *("--unified=3", "--inter-hunk-context=0", "--diff-algorithm=myers", "--indent-heuristic"),
    *("--ignore-submodules=all", "-O/dev/null", "HEAD"),
)


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


class Repository:
    """A work tree and the commit below it, as they are now. Nothing in it is changed, not even the index.

    Raises:
        RepositoryError: git does not read it, or it has no commit.
    """

    def __init__(self, root: str, pending: ExitStack, *, with_message: bool) -> None:
        self.root = root
        self._git = Git(root, pending)
        settings_off = ("--no-ahead-behind", "--untracked-files=no", "--ignore-submodules=none")
        self._status = self._git.ask("status", "--porcelain=v2", "--branch", "-z", *settings_off)
        self._files = self._git.ask("ls-files", "-v", "-z")
        what = ("--max-count=1", "--format=%B", "--encoding=UTF-8", "HEAD", "--")
        self._message = self._git.ask("rev-list", *what) if with_message else None
        self.sha = self.message = ""
        self.branch: str | None = None
        """None where HEAD is detached."""
        self.changed: list[str] = []
        """Tracked files that differ from the commit."""
        self.submodules: dict[str, bool] = {}
        """Those that are not as the commit has them, and whether they are at another commit."""
        self.tracked: set[str] = set()
        """Files and submodules."""
        self._overlooked: list[str] = []

    def read(self) -> None:
        """Await the answers, and put them into the attributes."""
        facts: dict[str, str] = {}
        records = iter(_names(self._status()))
        for record in records:
            if record.startswith("#"):
                key, _, facts[key] = record[2:].partition(" ")
                continue
            *fields, name = record.split(" ", {"1": 8, "2": 9, "u": 10}[record[0]])
            if record[0] == "2":
                next(records)  # the name it had before
            if fields[2][0] != "S":
                self.changed.append(name)
            elif fields[1][0] != "." or fields[2][1] == "C":
                self.submodules[name] = True
            elif fields[2][2] == "M":  # else it has files that are not tracked, and that is all
                self.submodules[name] = False
        self.sha, branch = facts["branch.oid"], facts["branch.head"]
        self.branch = None if branch == "(detached)" else branch
        if self.sha == "(initial)":
            raise self._git.error(
                f"the git repository {self.root!r} has no commit yet, so there is none to record: "
                "commit your code first, or use --norecord"
            )
        if self._message is not None:
            self.message = self._message().decode(errors="replace").partition("\n")[2].rstrip("\n")
        entries = _names(self._files())
        self.tracked.update(entry[2:] for entry in entries)
        # By `git update-index --skip-worktree` or `--assume-unchanged`; a sparse checkout's are not there.
        hidden = (entry[2:] for entry in entries if entry[0] == "S" or entry[0].islower())
        self._overlooked = [name for name in hidden if os.path.lexists(os.path.join(self.root, name))]
        if self._overlooked:
            with self._index_without(self._overlooked) as index:
                self.changed += _names(self._git.ask("diff", "--name-only", "-z", *_DIFF, "--", **index)())
                self.changed = sorted({*self.changed})

    def ignored(self, names: list[str]) -> set[str]:
        """Return those of some untracked files that git ignores."""
        how = ("--others", "--exclude-standard", "-z", "--")
        answer = self._git.ask("ls-files", *how, *names, GIT_LITERAL_PATHSPECS="1")
        return {*names}.difference(_names(answer()))

    def patch(self, prefix: str, excluded: str | None, untracked: list[str]) -> bytes:
        """Return what makes of the commit what is there, the names with `prefix`; empty if nothing differs.

        What lies in the folder `excluded` is left out; `untracked` files are put in.
        """
        prefixes = (f"--src-prefix=a/{prefix}", f"--dst-prefix=b/{prefix}")
        paths = [".", *([f":(exclude,literal){excluded}"] if excluded else [])]
        with self._index_without([*self._overlooked, *untracked]) as index:
            return self._git.ask("diff", *prefixes, *_DIFF, "--", *paths, **index)()

    def remote(self) -> str | None:
        """Return the URL of the branch's remote, or of origin, without credentials."""
        try:
            config = self._git.repo.config_reader()
            remote = config.get_value(f'branch "{self.branch}"', "remote", default="origin")
            url = config.get_value(f'remote "{remote}"', "url", default="")
        except Exception:  # noqa: BLE001 - GitPython's parser on whatever is in the user's configuration files
            return None
        return without_credentials(str(url)) or None

    @contextmanager
    def _index_without(self, names: list[str]) -> Iterator[dict[str, str]]:
        """Yield the environment of a copy of the index in which git has to look at these files itself."""
        if not names:
            yield {}
            return
        with tempfile.TemporaryDirectory(prefix="meticulous-") as folder:
            index = {"GIT_INDEX_FILE": os.path.join(folder, "index")}
            with suppress(FileNotFoundError):
                # With its time: git looks into files as old as the index, which may have changed since.
                shutil.copy2(os.path.join(self._git.repo.git_dir, "index"), index["GIT_INDEX_FILE"])
            entries = []
            for name in names:
                mode = os.lstat(os.path.join(self.root, name)).st_mode
                kind = "120000" if stat.S_ISLNK(mode) else "100755" if mode & stat.S_IXUSR else "100644"
                # Any object will do: the entry has no time, so the file itself is compared with the commit.
                entries += ["--cacheinfo", f"{kind},{self.sha},{name}"]
            self._git.ask("update-index", "--add", *entries, **index)()
            yield index


def _names(answer: bytes) -> list[str]:
    """Return what ends with null bytes in an answer; git writes names in UTF-8 on every system."""
    return [name for name in answer.decode("utf-8", "surrogateescape").split("\0") if name]


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
        authority = host if "http" in scheme.lower() else f"{user.partition(':')[0]}@{host}"
    path = path.partition("?")[0].partition("#")[0]
    return f"{scheme}://{authority}{slash}{path}"
