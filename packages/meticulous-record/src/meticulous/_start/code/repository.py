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

from meticulous._disk.encode import JSON
from meticulous._start.code.git import Git
from meticulous.errors import quoted

__all__ = ["Repository", "find_root", "is_inside", "without_credentials"]

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
    """A work tree with loaded code, and the commit below it. Nothing in it is changed, not even the index.

    What lies in the folder `experiments` does not count as changed, unless code was loaded from there.

    Raises:
        RepositoryError: git does not read it, or it has no commit.
    """

    def __init__(self, root: str, project: str, experiments: str, code: set[str], pending: ExitStack) -> None:
        self.root = root
        self.directory = _relative(root, project)
        """From the project's root; "." for the project itself."""
        self._prefix = "" if root == project else f"{self.directory}/"
        self.is_beside = not is_inside(self.directory)
        self.code = sorted(code)
        """The names of the loaded code in it."""
        self.is_moved = False
        """Whether it is a submodule at another commit than the one that the commit around it names."""
        self.sha = self.message = ""
        self.branch: str | None = None
        """None where HEAD is detached."""
        self.changed: list[str] = []
        """Tracked files that differ from the commit."""
        self.untracked: list[str] = []
        """Loaded code that is not tracked."""
        self.ignored: set[str] = set()
        """Those of them that git ignores."""
        self.submodules: dict[str, bool] = {}
        """Those that are not as the commit has them, and whether they are at another commit."""
        self._tracked: set[str] = set()
        self._overlooked: list[str] = []
        self._paths = ["--", "."]
        folder = _relative(experiments, root)
        if folder != "." and is_inside(folder) and not any(name.startswith(f"{folder}/") for name in code):
            self._paths.append(f":(exclude,literal){folder}/")
        self._git = Git(root, pending)
        settings_off = ("--no-ahead-behind", "--untracked-files=no", "--ignore-submodules=none")
        self._status = self._git.ask(
            "status", "--porcelain=v2", "--branch", "-z", *settings_off, *self._paths
        )
        self._files = self._git.ask("ls-files", "-v", "-z")
        what = ("--max-count=1", "--format=%B", "--encoding=UTF-8", "HEAD", "--")
        self._message = self._git.ask("rev-list", *what) if root == project else None

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
                f"the git repository {quoted(self.root)} has no commit yet, so there is none to record: "
                "commit your code first, or use --norecord"
            )
        if self._message is not None:
            self.message = self._message().decode(errors="replace").partition("\n")[2].rstrip("\n")
        entries = _names(self._files())
        self._tracked.update(entry[2:] for entry in entries)
        # By `git update-index --skip-worktree` or `--assume-unchanged`; a sparse checkout's are not there.
        hidden = (entry[2:] for entry in entries if entry[0] == "S" or entry[0].islower())
        self._overlooked = [name for name in hidden if os.path.lexists(os.path.join(self.root, name))]
        if self._overlooked:
            with self._index_without(self._overlooked) as index:
                answer = self._git.ask("diff", "--name-only", "-z", *_DIFF, *self._paths, **index)
                self.changed = sorted({*self.changed, *_names(answer())})
        unknown = [name for name in self.code if not self._is_tracked(name)]
        if unknown:
            how = ("--others", "--exclude-standard", "-z", "--")
            answer = self._git.ask("ls-files", *how, *unknown, GIT_LITERAL_PATHSPECS="1")
            self.ignored = {*unknown}.difference(_names(answer()))
        self.untracked = [name for name in unknown if name not in self.ignored or not self._is_made(name)]

    def _is_tracked(self, name: str) -> bool:
        """Return whether git tracks a file; on Windows and macOS, `python Train.py` runs a `train.py`."""
        others = (other for other in self._tracked if other.lower() == name.lower())
        paths = (os.path.join(self.root, other) for other in others)
        path = os.path.join(self.root, name)
        return name in self._tracked or any(
            os.path.samefile(path, each) for each in paths if os.path.exists(each)
        )

    def _is_made(self, name: str) -> bool:
        """Return whether an ignored file is made from others that are tracked, as it says.

        setuptools-scm's `_version.py`, protobuf's `_pb2.py`; extension modules and links by their nature.
        """
        path = os.path.join(self.root, name)
        if name.endswith((".so", ".pyd")) or os.path.islink(path):
            return True
        with open(path, "rb") as file:
            return b"generated by" in file.read(200).lower()

    @property
    def is_stranger(self) -> bool:
        """Whether it ignores all the code in it, as a home directory under git does."""
        return self.is_beside and bool(self.ignored) and self.code == sorted(self.ignored)

    def has_submodule(self, root: str) -> bool:
        """Return whether the repository at `root` is a submodule, or one of a submodule's."""
        folders = _relative(root, self.root).split("/")
        return any("/".join(folders[: end + 1]) in self._tracked for end in range(len(folders)))

    def uncommitted(self) -> dict[str, str]:
        """Return the files that are in no commit as they are, with a word on each."""
        found = {self.directory: " (at another commit)"} if self.is_moved else {}
        for name in sorted({*self.changed, *self.untracked}):
            found[f"{self._prefix}{name}"] = " (ignored by git)" if name in self.ignored else ""
        return found

    def patch(self) -> bytes:
        """Return what makes of its commit what runs; empty if nothing differs."""
        if not self.changed and not self.untracked:
            return b""
        prefixes = (f"--src-prefix=a/{self._prefix}", f"--dst-prefix=b/{self._prefix}")
        with self._index_without([*self._overlooked, *self.untracked]) as index:
            return self._git.ask("diff", *prefixes, *_DIFF, *self._paths, **index)()

    def facts(self, *, is_dirty: bool) -> dict[str, JSON]:
        """Return its keys in metadata.json, or in the object of it in `git-repositories`."""
        found: dict[str, JSON] = {
            "directory": None if self.directory == "." else self.directory,
            "githead-sha": self.sha,
            "githead-branch": self.branch,
            "git-remote": self._remote(),
            "git-dirty": is_dirty,
        }
        return {key: value for key, value in found.items() if value is not None}

    def _remote(self) -> str | None:
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


def _relative(path: str, root: str) -> str:
    """Return `path` as git names it, seen from `root`; absolute where no relative path leads there."""
    try:
        return os.path.relpath(path, root).replace(os.sep, "/")
    except ValueError:
        return path.replace(os.sep, "/")  # on another drive


def is_inside(name: str) -> bool:
    """Return whether a name of `relative` leads to what lies below the root, or is it."""
    return not os.path.isabs(name) and name != ".." and not name.startswith("../")


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
