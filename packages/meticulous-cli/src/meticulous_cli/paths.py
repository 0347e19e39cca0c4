"""The words that somebody typed → the directories and experiments that they stand for."""

from __future__ import annotations

import itertools
import os
import re
import stat
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from meticulous_cli.errors import DATA, USAGE, CommandError

__all__ = ["RECORDED", "Places", "has_record", "is_experiment", "likely_directories", "quoted", "resolve"]

_DIRECTORY = "experiments"
_LAST = "last"
_SIGNS = ("metadata.json", "STATUS", "args.json")
RECORDED = (
    *_SIGNS,
    "default_args.json",
    "summary.json",
    "stdout",
    "stderr",
    "requirements.txt",
    "git.diff",
)
# How many folders are searched for one that may have been meant, and how much of each.
_LOOKS, _ENTRIES, _HINTS = 100, 20, 3
# What other tools call their subcommands, with the command that does the same here.
_SUBCOMMANDS = {
    **dict.fromkeys(("show", "view", "info", "diff", "compare", "list", "ls", "table"), ""),
    "help": "--help",
    "validate": "--validate",
}
_DELETING = ("rm", "delete", "remove")


class Places(NamedTuple):
    """What a command is about.

    Attributes:
        directories: of experiments, whose table is asked for; empty where experiments were named.
        experiments: the folders of those that were named.
    """

    directories: list[str]
    experiments: list[str]


def resolve(words: Sequence[str]) -> Places:
    """Return the places that some words name; without any, the directory `experiments`, here or above.

    A word is a path or, where nothing here has that name, the id of an experiment in `experiments`; `last` is
    the newest one.

    Raises:
        CommandError: nothing has such a name, or directories and experiments are mixed.
    """
    if not words:
        return Places([_found_above()], [])
    paths = [word if _exists(word) else _by_id(word, words) for word in words]
    chosen = list(map(is_experiment, paths))
    if not any(chosen):
        return Places(paths, [])
    for path, is_one in zip(paths, chosen, strict=True):
        if not is_one:
            message = f"{path} is no experiment, as others here are"
            raise CommandError(f"{message}: name directories, or experiments", USAGE)
    seen: dict[str, str] = {}
    for path in paths:
        same = seen.setdefault(os.path.realpath(path), path)
        if same is not path:
            raise CommandError(f"{same} and {path} are the same experiment: name each once", USAGE)
    return Places([], paths)


def is_experiment(path: str) -> bool:
    """Return whether a folder has one of the files that only experiments have.

    A folder of that name does not count: an experiment's id may be `STATUS`.

    Raises:
        CommandError: the folder may not be searched.
    """
    try:
        return any(_is_file(path, name) for name in _SIGNS)
    except PermissionError:
        raise CommandError(f"{path}: permission denied", DATA) from None


def has_record(folder: str) -> bool:
    """Return whether a folder has any recorded file; one that may not be searched is assumed to."""
    try:
        return any(_is_file(folder, name) for name in RECORDED)
    except PermissionError:
        return True


def likely_directories(path: str) -> list[str]:
    """Return some folders in a directory that hold experiments: one of them may have been meant."""
    likely = (folder for folder in _folders(path, _LOOKS) if any(map(has_record, _folders(folder, _ENTRIES))))
    return [os.path.normpath(folder) for folder in itertools.islice(likely, _HINTS)]


def _found_above() -> str:
    """Return the nearest `experiments`, here or in a folder above, but not above the project."""
    above = ""
    while True:
        found = os.path.join(above, _DIRECTORY)
        if os.path.isdir(found):
            return found
        # A submodule's .git is a file: its experiments lie further up.
        folder = os.path.abspath(above)
        if os.path.isdir(os.path.join(folder, ".git")) or os.path.dirname(folder) == folder:
            break
        above = os.path.join(above, os.pardir)
    likely = likely_directories(os.curdir)
    if likely:
        raise CommandError("no experiments here", USAGE, _command(likely[:1]))
    raise CommandError("no experiments here or above; name their directory: meticulous PATH", USAGE)


def _by_id(word: str, words: Sequence[str]) -> str:
    """Return the folder of an experiment by its id, or of the newest."""
    if os.path.basename(word) != word or word in _DELETING:
        raise _nothing(word, words)
    try:
        directory = _found_above()
    except CommandError:
        raise _nothing(word, words) from None
    folder = os.path.join(directory, word)
    if os.path.isdir(folder):
        return folder
    if word != _LAST:
        raise _nothing(word, words, directory)
    from meticulous_read import Experiments

    found = [
        reader.directory for reader in Experiments(directory).values() if has_record(str(reader.directory))
    ]
    if not found:
        raise CommandError(f"no experiments in {directory} yet", DATA)
    return str(found[-1])


def _nothing(word: str, words: Sequence[str], directory: str = "") -> CommandError:
    """Return the error for a word that names nothing, with what to type instead."""
    others = [other for other in words if other is not word]
    if word in _DELETING:
        known = [os.path.join(_DIRECTORY, other) if other.isdecimal() else other for other in others]
        return CommandError("it deletes nothing", USAGE, " ".join(["rm -r", *map(quoted, known)]))
    numbers = [name for name in _names(directory) if re.fullmatch("[1-9][0-9]*", name)] if directory else []
    if word.isdecimal() and directory:
        newest = f": the newest is {max(numbers, key=int)}" if numbers else ""
        return CommandError(f"no experiment {word} in {directory}{newest}", USAGE)
    message = f"no experiment or directory {word!r}"
    if word in _SUBCOMMANDS:
        return CommandError(message, USAGE, _command([*filter(None, [_SUBCOMMANDS[word]]), *others]))
    return CommandError(message, USAGE)


def _command(words: Iterable[str]) -> str:
    return " ".join(["meticulous", *map(quoted, words)])


def quoted(word: str) -> str:
    """Return a word as any shell takes it, in double quotes if in any: cmd knows no others."""
    if re.fullmatch(r"[\w@%+=:,./-]+", word, re.ASCII):
        return word
    import shlex

    return shlex.quote(word) if re.search(r'["$`\\!]', word) or not word else f'"{word}"'


def _exists(path: str) -> bool:
    try:
        os.lstat(path)
    except PermissionError:
        raise CommandError(f"{path}: permission denied", DATA) from None
    except (OSError, ValueError):
        return False
    return True


def _is_file(folder: str, name: str) -> bool:
    try:
        return not stat.S_ISDIR(os.lstat(os.path.join(folder, name)).st_mode)
    except PermissionError:
        raise
    except (OSError, ValueError):
        return False


def _folders(path: str, most: int) -> list[str]:
    return [folder for name in _names(path)[:most] if os.path.isdir(folder := os.path.join(path, name))]


def _names(path: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(path) if not name.startswith("."))
    except OSError:
        return []
