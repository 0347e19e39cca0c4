"""What scenarios are made of: steps, and checks that several share. Standard library only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from stage import Stage
from watch import Watch

__all__ = [
    "ORDER",
    "RECORDED",
    "REPLACED",
    "SCENARIOS",
    "WAIT",
    "Scenario",
    "arguments",
    "replaced",
    "say",
    "scenario",
    "summary",
]

ORDER = [
    "metadata.json",
    "args.json",
    "default_args.json",
    "requirements.txt",
    "git.diff",
    "stdout",
    "stderr",
    "STATUS",
]
REPLACED = {
    "metadata.json",
    "args.json",
    "default_args.json",
    "STATUS",
    "summary.json",
    "requirements.txt",
    "git.diff",
}
RECORDED = REPLACED | {"stdout", "stderr"}
WAIT = {"do": "wait"}


class Scenario(NamedTuple):
    """What plays it, the parts without which it is left out; are its folders judged, and are there any?"""

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


def replaced(stage: Stage, where: str, events: list[Any]) -> None:
    """WRITE-1 and DIR-7: recorded files appear by renaming only, and what is renamed has a dot in front."""
    if not Watch.able:
        return
    direct = sorted(
        {event.name for event in events if event.kind in ("created", "modified") and event.name in REPLACED}
    )
    stage.check("WRITE-1", f"{where}: files written in place", [], direct)
    others = sorted(
        {
            e.name
            for e in events
            if e.name and e.kind == "created" and e.name[0] != "." and e.name not in RECORDED
        }
    )
    stage.check("DIR-7", f"{where}: other names", [], others)
    rewritten = sorted(
        {event.name for event in events if event.kind == "moved to" and event.name in ("stdout", "stderr")}
    )
    stage.check("OUT-2", f"{where}: output files replaced", [], rewritten)


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
        stage.check("ARGS-4", "default_args.json", {}, stage.json("default_args.json", name))
    else:
        stage.check("ARGS-3", "default_args.json", defaults, stage.json("default_args.json", name))
