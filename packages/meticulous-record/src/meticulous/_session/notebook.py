"""The cells of a notebook, and of IPython's prompt.

From 9 on IPython sets `write` on the streams for each cell, and afterwards puts back what it found before
the cell: so ours, if it came in the midst of one, is gone after it.
"""

from __future__ import annotations

import sys
from typing import Any, Callable

__all__ = ["unwatch", "watch"]

_watching: list[tuple[Any, str, Callable[..., None]]] = []


def watch(callback: Callable[[], None]) -> None:
    """Call `callback` in the beginning of each cell, and when it is over; only once for all calls of this."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None or _watching:
        return

    def begins(*_: Any) -> None:
        callback()

    def ends(*_: Any) -> None:
        # IPython is yet to put things back: after that, as the next thing that the kernel's loop does.
        import asyncio

        try:
            asyncio.get_running_loop().call_soon(callback)
        except RuntimeError:
            pass  # at the prompt there is no loop, and nothing that prints between cells

    for event, function in (("pre_run_cell", begins), ("post_run_cell", ends)):
        shell.events.register(event, function)
        _watching.append((shell.events, event, function))


def unwatch() -> None:
    """Call it no more."""
    while _watching:
        events, event, function = _watching.pop()
        events.unregister(event, function)
