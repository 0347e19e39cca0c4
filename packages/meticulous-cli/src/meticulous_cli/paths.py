"""The words that somebody typed → the directories and experiments that they stand for."""

from __future__ import annotations

import itertools
import os
import re
import stat
from collections.abc import Iterable, Sequence

from meticulous_cli.errors import DATA, USAGE, CommandError
from meticulous_cli.show.shell import command, pasted

_DIRECTORY = "experiments"
_LAST = "last"
_SIGNS = ("metadata.json", "STATUS", "args.json")
RECORDED = (*_SIGNS, "default_args.json", "summary.json", "stdout", "stderr", "requirements.txt", "git.diff")
_LOOKS = 50  # so many folders are searched for one that may have been meant
# What other tools call their subcommands, with what does the same here.
_SUBCOMMANDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("show", "view", "info", "diff", "compare", "list", "ls", "table"), ()),
    "help": ("--help",),
    "validate": ("--validate",),
}
_DELETING = ("rm", "delete", "remove")


def resolve(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the directories that some words name, or else (and then there are none) the experiments.

    A word is a path or, where nothing here has that name, the id of an experiment in `experiments`; `last` is
    the newest one. No words mean the directory `experiments`, here or above.

    Raises:
        CommandError: nothing has such a name, or directories and experiments are mixed.
    """
    if not words:
        return [_found_above()], []
    paths = [word if _mode(word) else _by_id(word, words) for word in words]
    others = [path for path in paths if not is_experiment(path)]
    if others and len(others) < len(paths):
        message = f"{others[0]} is no experiment, as others here are: name directories, or experiments"
        raise CommandError(message, USAGE)
    return (paths, []) if others else ([], paths)


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


def likely_command(paths: Iterable[str]) -> str:
    """Return the command for a folder in some directories that holds experiments, "" if none is found."""
    for folder in itertools.chain.from_iterable(map(_folders, paths)):
        if any(map(has_record, _folders(folder))):
            return command([os.path.normpath(folder)])
    return ""


def _found_above() -> str:
    """Return the nearest `experiments`, here or in a folder above, but not above the project."""
    above = ""
    while not os.path.isdir(found := os.path.join(above, _DIRECTORY)):
        # A submodule's .git is a file: its experiments lie further up.
        folder = os.path.abspath(above)
        if os.path.isdir(os.path.join(folder, ".git")) or os.path.dirname(folder) == folder:
            break
        above = os.path.join(above, os.pardir)
    else:
        return found
    if likely := likely_command([os.curdir]):
        raise CommandError("no experiments here", USAGE, likely)
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
    if _mode(folder) and os.path.isdir(folder):
        return folder
    if word != _LAST:
        raise _nothing(word, words, directory)
    from meticulous_read import Experiments, ExperimentsDirectoryError

    try:
        readers = Experiments(directory).values()
    except ExperimentsDirectoryError as error:
        raise CommandError(f"{error.path}: {error.reason}", DATA) from None
    found = [str(reader.directory) for reader in readers if has_record(str(reader.directory))]
    if not found:
        raise CommandError(f"no experiments in {directory} yet", DATA)
    return found[-1]


def _nothing(word: str, words: Sequence[str], directory: str = "") -> CommandError:
    """Return the error for a word that names nothing, with what to type instead."""
    others = [other for other in words if other is not word]
    if word in _DELETING:
        known = [os.path.join(_DIRECTORY, other) if other.isdecimal() else other for other in others]
        return CommandError("it deletes nothing", USAGE, pasted([["rm", "-r", *known]]))
    if word.isdecimal() and directory:
        # Folders without a record only keep their number from being taken (spec 1.0, ID-4).
        numbers = [name for name in _names(directory) if re.fullmatch("[1-9][0-9]{0,17}", name)]
        numbers = [name for name in numbers if has_record(os.path.join(directory, name))]
        highest = f": the highest is {max(numbers, key=int)}" if numbers else ""
        return CommandError(f"no experiment {word} in {directory}{highest}", USAGE)
    instead = command([*_SUBCOMMANDS[word], *others]) if word in _SUBCOMMANDS else ""
    return CommandError(f"no experiment or directory '{word}'", USAGE, instead)


def _is_file(folder: str, name: str) -> bool:
    mode = _mode(os.path.join(folder, name))
    return mode != 0 and not stat.S_ISDIR(mode)


def _mode(path: str) -> int:
    """Return the mode of a file or folder, 0 if there is none; raise PermissionError if nobody may know."""
    try:
        return os.lstat(path).st_mode
    except PermissionError:
        raise
    except (OSError, ValueError):
        return 0


def _folders(path: str) -> list[str]:
    return list(filter(os.path.isdir, (os.path.join(path, name) for name in _names(path)[:_LOOKS])))


def _names(path: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(path) if not name.startswith("."))
    except OSError:
        return []
