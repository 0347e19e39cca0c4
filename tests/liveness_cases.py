"""Is the process behind a record gone? Recorded and observed facts, and the verdict that follows from them.

Recorder and reader derive it by code of their own; `test_liveness.py` holds both against this table.
"""

from typing import Any, NamedTuple


class Case(NamedTuple):
    """A row of the table."""

    recorded: dict[str, Any]
    """The keys of metadata.json that matter."""
    observed: dict[str, Any]
    """What this machine shows; None is what the system does not say.

    `system` is `sys.platform`, and `scope` that within which a pid means one process at a time. `is_there`: a
    process has the pid, and has not ended and waits for its parent only. `start` is that process's, as the
    system measures it.
    """
    expected: str
    """`gone`, `alive` or `unknown`."""


BOOT, NAMESPACE = "6b0f3c52-8d6e-4c1b-9f0a-2e7d51c4a983", "4026531836"
LINUX = f"linux:{BOOT}:{NAMESPACE}"
MACOS = "darwin:2A55E0B5-5B0A-4B54-9E0C-9F0B3B1E7C11"
SYSTEMS = {
    "linux": (LINUX, "500943"),
    "win32": ("windows", "133777777777777777"),
    "darwin": (MACOS, "1764142000.123456"),
    "freebsd14": (None, None),
}
NOBODY = {"is_there": False, "start": None}


def row(expected: str, system: str, *, seen: dict[str, Any] | None = None, **recorded: Any) -> Case:
    """Return a case of process 17 on `node`, which runs, but for what `seen` and `recorded` say."""
    scope, start = SYSTEMS[system]
    facts = {"hostname": "node", "pid": 17, "process-start": scope and f"{scope}:{start}"}
    facts.update({key.replace("_", "-"): value for key, value in recorded.items()})
    observed = {"system": system, "hostname": "node", "scope": scope, "is_there": True, "start": start}
    known = {key: value for key, value in facts.items() if value is not None}
    return Case(known, {**observed, **(seen or {})}, expected)


CASES = {
    **{f"{system}: it runs": row("alive", system) for system in ("linux", "win32", "darwin")},
    **{f"{system}: nobody has the pid": row("gone", system, seen=NOBODY) for system in SYSTEMS},
    **{
        f"{system}: another has the pid": row("gone", system, seen={"start": "7"})
        for system in ("linux", "win32", "darwin")
    },
    **{
        f"{system}: its start is not shown": row("unknown", system, seen={"start": None})
        for system in ("linux", "win32", "darwin")
    },
    "linux: after another boot": row(
        "unknown", "linux", seen={**NOBODY, "scope": f"linux:other:{NAMESPACE}"}
    ),
    "linux: in another container": row(
        "unknown", "linux", seen={**NOBODY, "scope": f"linux:{BOOT}:4026532999"}
    ),
    "linux: without /proc": row("unknown", "linux", seen={"scope": None, "start": None}),
    "linux: no start recorded": row("unknown", "linux", process_start=None),
    "linux: no start recorded, nobody has the pid": row("unknown", "linux", seen=NOBODY, process_start=None),
    "darwin: after another boot": row("unknown", "darwin", seen={**NOBODY, "scope": "darwin:other"}),
    "darwin: no start recorded, nobody has the pid": row("gone", "darwin", seen=NOBODY, process_start=None),
    "darwin: no start recorded": row("unknown", "darwin", process_start=None),
    "win32: no start recorded, nobody has the pid": row("gone", "win32", seen=NOBODY, process_start=None),
    "win32: no start recorded": row("unknown", "win32", process_start=None),
    "win32: the system does not tell": row("unknown", "win32", seen={"is_there": None, "start": None}),
    "another system: it runs, or another has its pid": row("unknown", "freebsd14"),
    "another system's form": row("unknown", "darwin", seen=NOBODY, process_start=f"{LINUX}:500943"),
    "a form of a later version": row("unknown", "linux", seen=NOBODY, process_start="plan9:1:2"),
    "a form without a scope": row("unknown", "linux", seen=NOBODY, process_start="500943"),
    "a start that is no text": row("unknown", "linux", seen=NOBODY, process_start=500943),
    "another host": row("unknown", "linux", seen={**NOBODY, "hostname": "other"}),
    "the same host in another case": row("gone", "linux", seen={**NOBODY, "hostname": "NODE"}),
    "no host": row("unknown", "linux", seen=NOBODY, hostname=None),
    "a host that is no text": row("unknown", "linux", seen=NOBODY, hostname=["node"]),
    "no pid": row("unknown", "linux", seen=NOBODY, pid=None),
    **{
        f"the pid {pid!r}": row("unknown", "linux", seen=NOBODY, pid=pid)
        for pid in (0, -1, 2**31, 1099511627776, 10**30, True, 17.0, "17", [17], {})
    },
}
