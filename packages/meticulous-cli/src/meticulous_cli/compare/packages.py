"""The packages and the language that an experiment ran with."""

from __future__ import annotations

import re
from collections.abc import Sequence

from meticulous_read import ExperimentReader

from meticulous_cli.show.facts import requirements_of, text_of
from meticulous_cli.show.text import plain

_LINE = re.compile(r"([^\s=@#]+)\s*(?:==|@)\s*(\S+)")


def packages_of(reader: ExperimentReader) -> dict[str, str]:
    """Return the version, or the URL, of each package; none where nothing is recorded or readable."""
    lines = requirements_of(reader).splitlines()
    return {plain(found[1]): plain(found[2]) for line in lines if (found := _LINE.fullmatch(line.strip()))}


def runtimes_of(readers: Sequence[ExperimentReader]) -> tuple[str, list[str]]:
    """Return what the language is called, and the version that each experiment ran with."""
    known = [text_of(reader, "runtime") for reader in readers]
    languages = {runtime.rpartition(" ")[0] for runtime in known if runtime}
    if len(languages) != 1:
        return "runtime", list(map(plain, known))
    return plain(languages.pop().lower()), [plain(runtime.rpartition(" ")[2]) for runtime in known]
