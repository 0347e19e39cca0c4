"""Directories of experiments held against the format: what is wrong where, and how many are right."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from meticulous_cli.errors import DATA, USAGE, CommandError
from meticulous_cli.paths import is_experiment
from meticulous_cli.show.text import plain

__all__ = ["Report", "validate"]


class Report(NamedTuple):
    """What `--validate` prints, and its exit code: 1 where an experiment breaks what the format requires."""

    text: str
    code: int


def validate(paths: Sequence[str]) -> Report:
    """Hold experiments against format 1.0; each path is one, or a directory of them.

    What the format only recommends is a warning. Folders of the original tool and of newer versions are
    named, and not judged; nor are folders that may not be looked into, with an exit code of 1.

    Raises:
        CommandError: jsonschema is not installed, there is no such directory, or nothing in it.
    """
    try:
        from meticulous_cli.validate.folder import judge
    except ImportError:
        message = (
            "--validate needs jsonschema, which is not installed: pip install 'meticulous-cli[validate]'"
        )
        raise CommandError(message, USAGE) from None
    lines: list[str] = []
    good, broken, others, closed, warnings = 0, 0, 0, 0, 0
    for folder in [folder for path in paths for folder in _folders(path)]:
        try:
            is_experiment(folder)
        except CommandError as error:  # it may not be looked into, and that is all there is to say
            closed += 1
            lines.append(f"{error.message}: not judged")
            continue
        findings, other_version = judge(folder)
        if other_version:
            others += 1
            lines.append(f"{folder}: {other_version}: not judged")
            continue
        if folder in paths:  # whoever names a link means where it leads
            findings = [finding for finding in findings if finding.requirement != "DIR-1"]
        lines += [f"{folder}: {finding}" for finding in findings]
        warnings += sum(finding.warning for finding in findings)
        if all(finding.warning for finding in findings):
            good += 1
        else:
            broken += 1
    lines.append(_counts(good, broken, others, closed, warnings))
    return Report("\n".join(map(plain, lines)), DATA if broken or closed else 0)


def _folders(path: str) -> Iterator[str]:
    """Yield the folders of experiments at a path, numbers in their order and then names."""
    if is_experiment(path):
        yield path
        return
    try:
        with os.scandir(path) as entries:
            names = [entry.name for entry in entries if entry.name[0] != "." and _may_be_experiment(entry)]
    except FileNotFoundError:
        raise CommandError(f"no directory {path}", USAGE) from None
    except OSError as error:
        code = DATA if isinstance(error, PermissionError) else USAGE
        raise CommandError(f"{path}: {(error.strerror or str(error)).lower()}", code) from None
    if not names:
        raise CommandError(f"no experiments in {path}", DATA)
    for name in sorted(names, key=lambda name: (len(name) if name.isdecimal() else 256, name)):
        yield os.path.join(path, name)


def _may_be_experiment(entry: os.DirEntry[str]) -> bool:
    """Tell whether it is a folder, or a link that leads to one, or nowhere."""
    try:
        return entry.is_dir() or (entry.is_symlink() and not os.path.exists(entry.path))
    except OSError:  # a loop of links, or an entry that may not even be looked at
        return True


def _counts(good: int, broken: int, others: int, closed: int, warnings: int) -> str:
    judged = good + broken
    if broken:
        text = (
            f"{broken} of {_number(judged, 'experiment')} {'breaks' if broken == 1 else 'break'} format 1.0"
        )
    elif judged:
        text = f"ok: {_number(good, 'experiment')} {'keeps' if good == 1 else 'keep'} to format 1.0"
    else:
        text = "no experiment was judged" if closed else "no experiment is of format 1.0"
    if others:
        text += f"; {others} of another version"
    if closed:
        text += f"; {closed} that may not be read"
    return f"{text}; {_number(warnings, 'warning')}" if warnings else text


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
