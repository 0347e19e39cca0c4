"""What a check found, requirement by requirement, and how it is told. Standard library only."""

from __future__ import annotations

import argparse
import functools
import json
import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = ["Report", "arguments", "keys", "requirements"]

FORMAT = Path(__file__).resolve().parent.parent / "1.0" / "format.md"
TABLE = FORMAT.parent / "requirements.md"
SCHEMA = FORMAT.parent / "schemas" / "metadata.schema.json"


def requirements() -> dict[str, str]:
    """Each requirement of format 1.0 and its level: "MUST", "SHOULD" or "MAY", as the text has it."""
    items = re.findall(r"^- \*\*([A-Z]+-[0-9]+)\*\*(.*(?:\n  .*)*)", FORMAT.read_text("utf-8"), re.MULTILINE)
    return {name: re.findall(r"\b(MUST|SHOULD|MAY)\b", text)[0] for name, text in items}


@functools.cache
def keys() -> dict[str, bool]:
    """Each key of metadata.json, and whether it tells of a session, not of the whole experiment."""
    schema = json.loads(SCHEMA.read_text("utf-8"))
    session = schema["$defs"]["session"]["properties"]
    return {name: name in session for name in schema["properties"]}


class Report:
    """What was looked at, and what was found wrong; told as it comes, and counted at the end.

    Attributes:
        broken: the requirements that were broken, MUST and SHOULD.
        held: those that were looked at.
    """

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self.held: set[str] = set()
        self.levels = requirements()

    def check(self, requirement: str, where: str, expected: Any, found: Any, ok: bool | None = None) -> None:
        """Hold what was found against what was expected: by `ok`, or else they have to be equal."""
        self.held.add(requirement)
        if not (found == expected if ok is None else ok):
            self.tell([requirement], where, expected, found)

    def tell(self, requirements: list[str], where: str, expected: Any, found: Any) -> None:
        """Tell of something that breaks one or more requirements."""
        self.held.update(requirements)
        self.broken.update(requirements)
        word = "FAIL" if any(self.levels[name] == "MUST" for name in requirements) else "warn"
        print(f"{word}  {', '.join(requirements)}  {where}")
        print(f"      expected  {_shown(expected)}\n      found     {_shown(found)}")

    def end(self, left_out: Iterable[str] = ()) -> int:
        """Tell the sum of it; return the exit code, 1 where a MUST is broken."""
        broken = {name for name in self.broken if self.levels[name] == "MUST"}
        advised = self.broken - broken
        print(f"{len(self.held - self.broken)} requirements held, {len(broken)} broken", end="")
        print(f", {len(advised)} recommendations not kept" if advised else "", end="")
        print(f"; left out: {', '.join(sorted(left_out))}" if left_out else "")
        return 1 if broken or not self.held - self.broken else 0


def arguments(
    description: str, parts: dict[str, str], names: Iterable[str], copies: bool = False
) -> argparse.Namespace:
    """Parse the command line that both checks share; `command` is what follows `--`.

    With `copies` the command is run in a new repository, to which files can be copied.
    """
    parser = argparse.ArgumentParser(
        description=description,
        usage=f"%(prog)s {'[--copy FILE] ' * copies}[--without PART] [--only TEXT] [--list] -- COMMAND …",
        epilog="parts: " + "; ".join(f"{part}: {what}" for part, what in parts.items()),
    )
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        choices=parts,
        metavar="PART",
        help="leave out an optional part, several by repeating it",
    )
    parser.add_argument(
        "--only",
        metavar="TEXT",
        default="",
        help="only those with this in their name, or those that look at this requirement",
    )
    parser.add_argument("--list", action="store_true", help="print the names of what is checked, and stop")
    if copies:
        parser.add_argument(
            "--copy",
            action="append",
            default=[],
            metavar="FILE",
            help="a file that the adapter needs in the repository, several by repeating it",
        )
    words = sys.argv[1:]
    at = words.index("--") if "--" in words else len(words)
    options, unknown = parser.parse_known_args(words[:at])
    options.command = words[at + 1 :]
    if unknown:
        parser.error(f"unknown: {' '.join(unknown)}; the adapter's command stands after --")
    names = _matching(names, options.only)
    if options.list:
        print("\n".join(names))
        sys.exit(0)
    if not options.command:
        parser.error("no command: what is to be checked stands after --")
    command = Path(options.command[0])
    if copies and len(command.parts) > 1 and not command.is_absolute():
        if command.name not in [Path(path).name for path in options.copy]:
            parser.error(
                f"{command}: the command is run in a new repository: give its whole path, or --copy it"
            )
    elif shutil.which(command) is None:
        parser.error(f"there is no command {command}")
    for path in options.copy if copies else []:
        if not Path(path).is_file():
            parser.error(f"--copy {path}: there is no such file")
    if not names:
        parser.error(f"nothing has {options.only!r} in its name, and no such requirement; --list shows all")
    options.names = names
    return options


def _matching(names: Iterable[str], text: str) -> list[str]:
    """The names with this text in them; for a requirement, with those that its row of the table names."""
    if text not in requirements():
        return [name for name in names if text in name]
    row = next(line for line in TABLE.read_text("utf-8").splitlines() if line.startswith(f"| {text} |"))
    listed = tuple(re.findall("`([^`]+)`", row))
    whole = re.compile(rf"{text}(?![0-9])")
    return [name for name in names if whole.search(name) or name.removeprefix("1.0/") in listed]


def _shown(value: Any) -> str:
    text = (
        value
        if isinstance(value, str) and value.isprintable()
        else json.dumps(value, ensure_ascii=True, default=str)
    )
    return text if len(text) <= 300 else f"{text[:150]} … {text[-150:]}"
