"""The commit that runs, and whether it is all that runs. The only module that needs GitPython.

Three git processes answer everything, whatever the repository's size: `log` (which commit), `status` or
`diff` (what differs from it), `ls-files` (is all code that is loaded in it).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from meticulous.errors import RepositoryError

if TYPE_CHECKING:
    import git

__all__ = ["Checkout", "inspect", "without_credentials"]


_STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep


class Checkout(NamedTuple):
    """What a repository's work tree holds at the moment."""

    root: Path
    sha: str
    message: str
    branch: str | None
    """None where HEAD is detached."""
    remote: str | None
    """The URL of the branch's remote, or of origin, without credentials."""
    changed: list[str]
    """Tracked files that differ from the commit; empty where `patch` was asked for instead."""
    unknown: list[str]
    """Files of loaded code that are neither tracked nor ignored."""
    patch: bytes
    """What turns the commit into what runs, as `git apply` takes it; empty unless asked for."""


def inspect(directory: Path, experiments_directory: Path, *, with_patch: bool) -> Checkout:
    """Look at the repository around `directory`, and change nothing in it, not even its index.

    What lies in `experiments_directory` does not count as changed.

    Raises:
        RepositoryError: there is no repository, no commit, no git, or git refuses to read it.
    """
    repository = _open(directory)
    root = Path(os.path.realpath(str(repository.working_tree_dir)))
    _require_script(root)
    # A thousand jobs on one checkout must not fight over the index's lock.
    repository.git.update_environment(GIT_OPTIONAL_LOCKS="0")
    log = _git(
        repository,
        "log",
        "-1",
        "--no-show-signature",
        "--decorate=full",
        "--encoding=UTF-8",
        "--format=%H%x00%D%x00%B",
    )
    sha, refs, message = log.split("\0", 2)
    branch = next((ref[len("HEAD -> refs/heads/") :] for ref in refs.split(", ") if "HEAD -> " in ref), None)
    excluded = _relative(experiments_directory, root)
    unknown = _unknown_code(repository, root, excluded)
    changed: list[str] = []
    patch = b""
    if with_patch:
        patch = _patch(repository, root, excluded, unknown)
    else:
        changed = _changed(repository, excluded)
    remote = _remote(repository, branch)
    return Checkout(root, sha, message.rstrip("\n"), branch, remote, changed, unknown, patch)


def _open(directory: Path) -> git.Repo:
    try:
        import git
    except ModuleNotFoundError:
        raise
    except ImportError:  # GitPython runs git when it's imported
        raise _no_git() from None
    if not directory.is_dir():
        raise RepositoryError(
            f"the project directory {str(directory)!r} is not there, or not a directory: "
            "name another with --project-directory",
            path=directory,
        )
    try:
        repository = git.Repo(directory, search_parent_directories=True)
    except (git.InvalidGitRepositoryError, git.NoSuchPathError):
        raise RepositoryError(
            f"{str(directory)!r} is in no git repository, so there is no commit to record: run the script in "
            "its repository, name that with --project-directory, make one with `git init`, or use --norecord",
            path=directory,
        ) from None
    if repository.bare or repository.working_tree_dir is None:
        raise RepositoryError(
            f"the git repository at {str(directory)!r} is bare, so no code can run from it: "
            "run the script in a clone of it, or use --norecord",
            path=directory,
        )
    return repository


def _require_script(root: Path) -> None:
    """Refuse a script from elsewhere: this repository's commit would say nothing about it."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    if not isinstance(script, str) or not script.endswith(".py") or _is_installed(script):
        return  # a prompt, a notebook, a command that was installed
    # Where it is called and where it is: it may be linked into the repository.
    folder = os.path.realpath(os.path.dirname(script))
    if _relative(Path(script), root) is None and _relative(Path(folder), root) is None:
        raise RepositoryError(
            f"the script {script!r} is not in the repository {str(root)!r}, whose commit would be recorded: "
            "run it in its own repository, name that with --project-directory, or use --norecord",
            path=root,
            found=script,
        )


def _is_installed(file: str) -> bool:
    return file.startswith(_STANDARD_LIBRARY) or "site-packages" in file or "dist-packages" in file


def _no_git() -> RepositoryError:
    return RepositoryError(
        "git cannot be run, so there is no commit to record: install git or put it on PATH "
        "(GIT_PYTHON_GIT_EXECUTABLE may name it), or use --norecord"
    )


def _git(repository: git.Repo, command: str, *arguments: str, **how: Any) -> Any:
    import git

    try:
        return getattr(repository.git, command)(*arguments, **how)
    except git.GitCommandNotFound:
        raise _no_git() from None
    except git.GitCommandError as error:
        root, said = str(repository.working_tree_dir), str(error.stderr)
        if "dubious ownership" in said or "unsafe repository" in said:
            sentence = (
                f"git does not read the repository {root!r} because it belongs to another user: "
                f"if you trust it, run `git config --global --add safe.directory {root}`, or use --norecord"
            )
        elif "not have any commits" in said or "bad default revision" in said:
            sentence = (
                f"the git repository {root!r} has no commit yet, so there is none to record: "
                "commit your code first, or use --norecord"
            )
        else:
            lines = said.replace("stderr:", "").strip(" '\n").splitlines() or [f"exit code {error.status}"]
            sentence = (
                f"`git {command}` failed in the repository {root!r} ({lines[-1].strip()}): "
                "repair the repository, or use --norecord"
            )
        raise RepositoryError(sentence, path=root, found=said) from None


def _changed(repository: git.Repo, excluded: str | None) -> list[str]:
    entries = iter(_git(repository, "status", "--porcelain", "-z", "--untracked-files=no").split("\0"))
    changed = []
    for entry in entries:
        state, name = entry[:2], entry[3:]
        if "R" in state or "C" in state:
            next(entries, None)  # the name it had before
        if name and not _inside(name, excluded):
            changed.append(name)
    return changed


def _unknown_code(repository: git.Repo, root: Path, excluded: str | None) -> list[str]:
    code = [name for name in _loaded_code(root) if not _inside(name, excluded)]
    if not code:
        return []
    unknown = _git(
        repository,
        "ls_files",
        *("--others", "--exclude-standard", "-z", "--full-name", "--", *code),
        env={"GIT_LITERAL_PATHSPECS": "1"},
    )
    return [name for name in unknown.split("\0") if name]


def _loaded_code(root: Path) -> list[str]:
    """The files below `root` that loaded modules, the script among them, came from; installed ones aside."""
    inside = os.path.join(root, "")
    real_folders: dict[str, str] = {}
    found = set()
    for module in list(sys.modules.values()):
        # Through `__dict__`: asking a lazy module for an attribute would load it.
        file = getattr(module, "__dict__", {}).get("__file__")
        # Environments are often kept inside the work tree; what is in them is in requirements.txt.
        if not isinstance(file, str) or _is_installed(file):
            continue
        folder, name = os.path.split(file)
        if folder not in real_folders:
            real_folders[folder] = os.path.realpath(folder)
        path = os.path.join(real_folders[folder], name)
        if path.startswith(inside) and os.path.isfile(path):
            found.add(path[len(inside) :].replace(os.sep, "/"))
    return sorted(found)


def _patch(repository: git.Repo, root: Path, excluded: str | None, unknown: list[str]) -> bytes:
    how = ("--binary", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv")
    prefixes = ("--src-prefix=a/", "--dst-prefix=b/")
    paths = ["."] + ([f":(exclude,literal){excluded}"] if excluded else [])
    raw = {"stdout_as_string": False, "strip_newline_in_stdout": False}
    patch: bytes = _git(repository, "diff", "HEAD", *how, *prefixes, "--", *paths, **raw)
    for name in unknown:  # in no index, so `diff HEAD` does not show them
        if (root / name).is_file():
            new_file = (
                "--no-index",
                *how,
                *prefixes,
                "--",
                "/dev/null",
                name,
            )  # git knows this name on Windows too
            # Two files that differ are exit code 1, which is no failure here.
            patch += _git(repository, "diff", *new_file, with_exceptions=False, **raw)
    return patch


def _remote(repository: git.Repo, branch: str | None) -> str | None:
    try:
        config = repository.config_reader()
        remote = config.get_value(f'branch "{branch}"', "remote", default="origin")
        url = config.get_value(f'remote "{remote}"', "url", default="")
    except Exception:  # noqa: BLE001 - GitPython's parser on whatever is in the user's configuration files
        return None
    return without_credentials(str(url)) or None


def without_credentials(url: str) -> str:
    """A remote's URL as anybody may see it: no password, no token, no query."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url  # a path, or host:path, which has no place for a password
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    if at:
        # The user of an ssh URL is no secret ("git"); over http a token often stands in its place.
        authority = f"{user.partition(':')[0]}@{host}" if "ssh" in scheme else host
    path = path.partition("?")[0].partition("#")[0]
    return f"{scheme}://{authority}{slash}{path}"


def _relative(path: Path, root: Path) -> str | None:
    """`path` as git names it in the work tree at `root`; None where it is outside of it."""
    try:
        name = Path(os.path.realpath(path)).relative_to(root).as_posix()
    except ValueError:
        return None
    return "" if name == "." else name


def _inside(name: str, folder: str | None) -> bool:
    return folder is not None and (name == folder or name.startswith(folder + "/"))
