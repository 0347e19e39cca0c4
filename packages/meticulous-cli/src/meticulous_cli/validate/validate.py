"""Directories of experiments held against the format: what is wrong where, and how many are right."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence

from meticulous_cli.errors import DATA, USAGE, CommandError
from meticulous_cli.paths import is_experiment
from meticulous_cli.show.text import counted, plain


def validate(paths: Sequence[str]) -> tuple[str, int]:
    """Hold experiments against format 1.0; each path is one, or a directory of them.

    What the format only recommends is a warning. Folders of the original tool and of newer versions are
    named, and not judged; nor are folders that may not be looked into.

    Returns:
        What is to be printed, and the exit code: 1 where an experiment breaks what the format requires, or
        may not be looked into.

    Raises:
        CommandError: jsonschema cannot be imported, or there are no experiments.
    """
    try:
        from meticulous_cli.validate.folder import judge
    except ImportError as error:
        remedy = 'pip install "meticulous-cli[validate]"'
        raise CommandError(
            f"--validate needs jsonschema, which cannot be imported ({error}): {remedy}", USAGE
        ) from None
    lines: list[str] = []
    counts = Counter[str]()
    for folder in [folder for path in paths for folder in _folders(path)]:
        try:
            is_experiment(folder)
        except CommandError as error:  # it may not be looked into, and that is all there is to say
            counts["closed"] += 1
            lines.append(f"{error.message}: not judged")
            continue
        findings, other_version = judge(folder)
        if other_version:
            counts["others"] += 1
            lines.append(f"{folder}: {other_version}: not judged")
            continue
        if folder in paths:  # whoever names a link means where it leads
            findings = [finding for finding in findings if finding.requirement != "DIR-1"]
        lines += [f"{folder}: {finding}" for finding in findings]
        recommended = sum(finding.warning for finding in findings)
        counts["warnings"] += recommended
        counts["good" if recommended == len(findings) else "broken"] += 1
    good, broken = counts["good"], counts["broken"]
    text = "no experiment was judged"
    if broken:
        text = f"{broken} of {counted(good + broken, 'experiment')} break{'s' * (broken == 1)} format 1.0"
    elif good:
        text = f"ok: {counted(good, 'experiment')} keep{'s' * (good == 1)} to format 1.0"
    for name, words in (("others", "of another version"), ("closed", "that may not be read")):
        text += f"; {counts[name]} {words}" if counts[name] else ""
    text += f"; {counted(counts['warnings'], 'warning')}" if counts["warnings"] else ""
    return "\n".join(map(plain, [*lines, text])), DATA if broken or counts["closed"] else 0


def _folders(path: str) -> Iterator[str]:
    """Yield the folders of experiments at a path."""
    if is_experiment(path):
        yield path
        return
    paths = [os.path.join(path, name) for name in os.listdir(path) if not name.startswith(".")]
    # A link that leads nowhere, or to itself, may have been one.
    folders = [each for each in paths if os.path.isdir(each) or not os.path.exists(each)]
    if not folders:
        raise CommandError(f"no experiments in {path}", DATA)
    # Numbers in their order, and of names the short ones first.
    yield from sorted(folders, key=lambda folder: (len(folder), folder))
