"""The distributions installed beside the program."""

from __future__ import annotations

import json
import os
import re
import sys
from typing import Any

from meticulous._start.code.repository import without_credentials

__all__ = ["requirements"]

# Names and versions as the packaging standards allow them: pip leaves `~name…` folders behind when it fails.
_METADATA_FOLDER = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9._]*)-(?P<version>[a-z0-9.!+_]+)(-py[0-9.]+)?\.(dist|egg)-info",
    re.ASCII | re.IGNORECASE,
)


def requirements() -> bytes:
    """The content of requirements.txt: a line for each distribution, names normalised (PEP 503) and sorted.

    It is `name==version`, or `name @ URL` where that tells more: the commit that was installed, or the folder
    where it can be edited. Read off the names of the metadata folders on `sys.path` (PyPA's "Recording
    installed projects") and PEP 610's file in them: opening each METADATA would take the longest.
    """
    found: dict[str, str] = {}
    for folder in sys.path:
        try:
            names = os.listdir(folder or os.curdir) if isinstance(folder, str) else []
        except (OSError, ValueError):
            continue  # zip files, and entries that do not exist
        for entry in names:
            match = _METADATA_FOLDER.fullmatch(entry)
            name = match and re.sub(r"[-_.]+", "-", match["name"]).lower()
            if match and name and name not in found:  # the first on the path is the one that is imported
                url = _origin(os.path.join(folder, entry, "direct_url.json"))
                found[name] = f"{name} @ {url}\n" if url else f"{name}=={match['version']}\n"
    return "".join(found[name] for name in sorted(found)).encode("utf-8", "replace")


def _origin(path: str) -> str | None:
    """Return the URL of a version control system's commit, or of a folder that can be edited."""
    try:
        with open(path, "rb") as file:
            told: dict[str, Any] = json.load(file)
        url, vcs = without_credentials(told["url"]), told.get("vcs_info")
        if vcs:
            folder = f"#subdirectory={told['subdirectory']}" if "subdirectory" in told else ""
            return f"{vcs['vcs']}+{url}@{vcs['commit_id']}{folder}"
        return url if told.get("dir_info", {}).get("editable") else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None  # most have none, and a broken one says nothing
