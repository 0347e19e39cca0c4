"""What git knows of the commits of experiments: the only place that runs it, and only to read.

A folder of experiments may come from anybody, and a `.git` beside it as well. Git runs programs that such a
repository's configuration names; all that the commands below could be made to run is switched off, and what
they print is text to be shown by others, with care.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence

_TIMEOUT = 20
is_sha = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}").fullmatch
_FILTER = re.compile(r"filter\..*\.(clean|smudge|process|required)", re.DOTALL)
_SAFE = {
    "GIT_OPTIONAL_LOCKS": "0",  # the index of a repository in use is left alone
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",  # what a partial clone lacks is not fetched,
    "GIT_ALLOW_PROTOCOL": "none",  # by no transport, before git 2.45 knew the line above either
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_PAGER": "",
    "LC_ALL": "C.UTF-8",
}
_CONFIGURATION = {"core.fsmonitor": "false", "core.hooksPath": os.devnull, "core.quotePath": "false"}
# As os.fsdecode, but on Windows as well for what is no UTF-8, such as an old commit's message.
_CODEC = (sys.getfilesystemencoding(), "surrogateescape")


class Repository:
    """A git repository, by a folder in it.

    Attributes:
        folder: that folder.
        refused: whether git would not read it for somebody who does not own it.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.refused = False

    def has(self, shas: Iterable[str]) -> bool:
        """Return whether these commits are all in it; raise OSError if git cannot be run."""
        wanted = list(shas)
        return self._kinds(wanted) == ["commit"] * len(wanted)

    def holds(self, sha: str, paths: Sequence[str], patch: str = "") -> list[str]:
        """Return those of some paths, from the root, that a commit has, or a patch to it makes or changes."""
        asked = {path: path.replace(os.sep, "/") for path in paths if "\n" not in path}
        kinds = self._kinds([f"{sha}:{name}" for name in asked.values()])
        held = {path for path, kind in zip(asked, kinds, strict=False) if kind in ("blob", "tree")}
        listed = self._run(["apply", "--numstat", "-z", patch]) if patch else ""
        for file in [item.split("\t", 2)[-1] for item in (listed or "").split("\0")]:
            held.update(path for path, name in asked.items() if f"{file}/".startswith(f"{name}/"))
        return [path for path in asked if path in held]

    def root(self) -> str:
        """Return the root of the work tree."""
        found = (self._run(["rev-parse", "--show-toplevel"]) or "").removesuffix("\n")
        return os.path.normpath(found) if found else ""  # with the slashes of the system, which `pushd` needs

    def head(self) -> str:
        """Return the commit that is checked out, "" if none is."""
        return (self._run(["rev-parse", "--verify", "HEAD"]) or "").strip()

    def is_clean(self) -> bool:
        """Return whether tracked files are as in the commit; of submodules, only their commits count."""
        asked = ["status", "--porcelain", "--untracked-files=no", "--ignore-submodules=dirty"]
        return self._run(asked, filters=False) == ""

    def submodules(self, sha: str) -> list[str]:
        """Return the folders of a commit's submodules, from the root."""
        asked = ["config", "-z", f"--blob={sha}:.gitmodules", "--get-regexp", r"\.path$"]
        return [item.partition("\n")[2] for item in (self._run(asked) or "").split("\0") if item]

    def between(self, one: str, other: str) -> list[str] | None:
        """Return the commits that only one of two descends from, or is, newest first; None if git fails.

        Each is "<" (of the first only) or ">", and its abbreviated name and subject.
        """
        form = ["--left-right", "--format=%m%h  %s", "--abbrev=7", "--no-show-signature"]
        found = self._run(["log", *form, f"{one}...{other}"])
        return None if found is None else found.split("\n")[:-1]

    def changes(self, one: str, other: str) -> list[list[str]] | None:
        """Return the files in which the second of two commits differs from the first; None if git fails.

        Each is the number of lines that it got, and lost, "-" where it is no text, and its name.
        """
        form = ["-r", "--numstat", "-M", "--no-ext-diff", "--no-textconv"]
        found = self._run(["diff-tree", *form, one, other])
        return None if found is None else [line.split("\t", 2) for line in found.split("\n")[:-1]]

    def _kinds(self, objects: Sequence[str]) -> list[str]:
        """Return what kind of object each name is, something else for none."""
        given = "".join(f"{name}\n" for name in objects)
        found = self._run(["cat-file", "--batch-check=%(objecttype)"], given) or ""
        return [line.rpartition(" ")[2] for line in found.splitlines()]

    def _run(self, arguments: Sequence[str], given: str = "", *, filters: bool = True) -> str | None:
        """Return what git prints, None if it fails; raise OSError where it cannot even be started.

        Commands that read files of the work tree must not run the `filters` that attributes name for them.
        """
        settings = dict(_CONFIGURATION)
        if not filters:
            names = self._run(["config", "-z", "--name-only", "--list"]) or ""
            settings.update((name, "") for name in names.split("\0") if _FILTER.fullmatch(name))
        # Somebody's GIT_DIR would make every folder look like a part of that repository.
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        environment |= {**_SAFE, "GIT_CONFIG_COUNT": str(len(settings))}
        for number, (key, value) in enumerate(settings.items()):
            environment |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        try:
            done = subprocess.run(
                ["git", "-C", self.folder, *arguments],
                input=given.encode(*_CODEC),
                capture_output=True,
                env=environment,
                timeout=_TIMEOUT,
                check=False,
            )
        except (subprocess.TimeoutExpired, ValueError):  # or a name that no system takes
            return None
        self.refused = b"safe.directory" in done.stderr
        return done.stdout.decode(*_CODEC) if done.returncode == 0 else None


def find_repository(folders: Iterable[str], shas: Sequence[str]) -> tuple[Repository | None, str]:
    """Return the repository around one of some folders that has these commits, else why there is none."""
    # A recorded sha is anybody's text: one that is none could be an option.
    if not all(map(is_sha, shas)):
        return None, "not every experiment names a commit"
    refused = ""
    try:
        for folder in folders:
            repository = Repository(folder)
            if repository.has(shas):
                return repository, ""
            if repository.refused:
                refused = refused or os.path.abspath(folder)
    except OSError:
        return None, "git is not installed here"
    if refused:
        return None, f"git does not read the repository around {refused}, which is another user's"
    return None, f"no git repository around here has {'both commits' if len(shas) > 1 else 'that commit'}"
