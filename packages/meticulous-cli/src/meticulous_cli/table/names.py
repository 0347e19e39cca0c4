"""Objects in what was recorded → columns of their own, named as in the reader's frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from meticulous_read import ExperimentReader

__all__ = ["spread_objects"]


def spread_objects(readers: Sequence[ExperimentReader], levels: int) -> None:
    """Replace objects in what the readers hold by what is in them (`best` → `best.loss`), down to `levels`.

    One stays as it is where a name would be somebody else's already.
    """
    for group in ("args", "default_args", "metadata", "summary"):
        parts = [getattr(reader, group) for reader in readers]
        taken = {name for part in parts for name in part}
        for reader, part in zip(readers, parts, strict=True):
            if dict in set(map(type, part.values())):
                setattr(reader, group, _spread_part(part, taken, levels))


def _spread_part(part: dict[str, Any], taken: set[str], levels: int) -> dict[str, Any]:
    spread: dict[str, Any] = {}
    for name, value in part.items():
        items = list(_spread(name, value, levels))
        names = {longer for longer, _ in items}
        unclear = len(names) < len(items) or any(longer in taken or longer in spread for longer in names)
        spread.update([(name, value)] if unclear else items)
    return spread


def _spread(name: str, value: Any, levels: int) -> Iterator[tuple[str, Any]]:
    if levels <= 0 or not isinstance(value, dict) or not value:
        yield name, value
        return
    for key, item in value.items():
        yield from _spread(f"{name}.{key}", item, levels - 1)
