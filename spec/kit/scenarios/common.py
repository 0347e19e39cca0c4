"""What scenarios are made of: steps, and checks that several share. Standard library only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from watch import Event, Watch

from scenarios.stage import RECORDED, Stage

__all__ = [
    "EARLIER",
    "SCENARIOS",
    "WAIT",
    "Scenario",
    "arguments",
    "exits",
    "replaced",
    "say",
    "scenario",
    "summary",
]

EARLIER = "earlier-sessions"
REPLACED = RECORDED - {"stdout", "stderr"}
WAIT = {"do": "wait"}


class Scenario(NamedTuple):
    """A situation that a recorder is put into.

    Attributes:
        play: what plays it.
        parts: the parts without which it is left out.
        judged: whether the folders that it leaves are held against the format.
        leaves: whether it leaves any.
    """

    play: Callable[[Stage], None]
    parts: tuple[str, ...]
    judged: bool
    leaves: bool


SCENARIOS: dict[str, Scenario] = {}


def scenario(
    *parts: str, judged: bool = True, leaves: bool = True
) -> Callable[[Callable[[Stage], None]], Callable[[Stage], None]]:
    """Enter a function into the list, by its name."""

    def enter(play: Callable[[Stage], None]) -> Callable[[Stage], None]:
        SCENARIOS[play.__name__.replace("_", "-")] = Scenario(play, parts, judged, leaves)
        return play

    return enter


def say(text: str, to: str = "stdout") -> dict[str, Any]:
    """The step that prints."""
    return {"do": "print", "to": to, "text": text}


def summary(**values: Any) -> dict[str, Any]:
    """The step that gives a summary."""
    return {"do": "summary", "values": values}


def exits(code: int) -> dict[str, Any]:
    """The step that ends with an exit code."""
    return {"do": "exit", "code": code}


def replaced(stage: Stage, where: str, events: Iterable[Event]) -> None:
    """WRITE-1 and DIR-7: recorded files appear by renaming only, and what is renamed has a dot in front."""
    if not Watch.able:
        return
    for event in events:
        file = f"{where}: {event.name}"
        if event.name in REPLACED:
            in_place = event.kind in ("created", "modified", "deleted")
            stage.check("WRITE-1", file, "renamed over the old one", event.kind, ok=not in_place)
        elif event.name in RECORDED:
            kept = event.kind not in ("moved to", "deleted")
            stage.check("OUT-2", file, "appended to", event.kind, ok=kept)
        elif event.name and event.kind == "created":
            stage.check("DIR-7", f"{where}: other names", "a dot in front", event.name, event.name[0] == ".")


def arguments(stage: Stage, args: dict[str, Any], defaults: dict[str, Any], name: str = "1") -> None:
    """Hold args.json and default_args.json against what they have to hold."""
    found = stage.json("args.json", name)
    extra = sorted(set(found) - set(args))
    stage.check("ARGS-2", "args.json: keys that are not the program's", [], extra)
    found = {key: value for key, value in found.items() if key in args}
    if "types" in stage.left_out:
        args = {key: str(value) for key, value in args.items()}
        found = {key: str(value) for key, value in found.items()}
    stage.check("ARGS-1", "args.json", args, found)
    if "defaults" in stage.left_out:
        stage.check("ARGS-4", "default_args.json", None, stage.bytes("default_args.json", name))
    else:
        stage.check("ARGS-3", "default_args.json", defaults, stage.json("default_args.json", name))
