"""The distributions installed beside the program."""

from __future__ import annotations

import os
import re
import sys

__all__ = ["requirements"]

# Names and versions as the packaging standards allow them: pip leaves `~name…` folders behind when it fails.
_METADATA_FOLDER = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9._]*)-(?P<version>[a-z0-9.!+_]+)(-py[0-9.]+)?\.(dist|egg)-info",
    re.ASCII | re.IGNORECASE,
)


def requirements() -> bytes:
    """The content of requirements.txt: `name==version` lines, names normalised (PEP 503) and sorted.

    Read off the names of the metadata folders on `sys.path`, which hold both (PyPA's "Recording installed
    projects"): opening each one's METADATA would take longer than all the rest of a start.
    """
    found: dict[str, str] = {}
    for folder in sys.path:
        try:
            names = os.listdir(folder or os.curdir) if isinstance(folder, str) else []
        except (OSError, ValueError):
            continue  # zip files, and entries that do not exist
        for name in names:
            match = _METADATA_FOLDER.fullmatch(name)
            if match:  # the first on the path is the one that is imported
                found.setdefault(re.sub(r"[-_.]+", "-", match["name"]).lower(), match["version"])
    return "".join(f"{name}=={version}\n" for name, version in sorted(found.items())).encode()
