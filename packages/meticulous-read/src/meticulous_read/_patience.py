"""Do many things that may wait for a disk: one by one or, once waiting prevails, several at a time."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

__all__ = ["do_each"]

Result = TypeVar("Result")

# How many calls a slow file system is asked to answer at a time. Clients of NFS 4.1 have 64 slots; more
# threads keep them full while some compute.
_THREADS = 96
# After how many items the clocks are read, at most, and how long a wait must add up to before threads are
# worth it: longer than a tick of Windows' clock of processor time, which would otherwise pass for waiting.
_STRIDE = 32
_PATIENCE = 0.05
# How many items wait their turn at a time: the pool takes 1.6 kB for each.
_AHEAD = 100 * _THREADS


def do_each(function: Callable[..., Result], *arguments: Sequence[Any]) -> list[Result]:
    """Return the results of a function for each of some arguments (as `map` takes them), in order.

    Where reading computes more than it waits, as it does from a local disk, threads would only get in each
    other's way; where it waits for more than it computes, as on a network, the rest is done by several. What
    the function raises is raised here, once whatever has begun has ended.
    """
    results: list[Result] = []
    rest, stride = zip(*arguments), 1
    clock, computing = time.perf_counter(), time.thread_time()
    while some := list(itertools.islice(rest, stride)):
        results += itertools.starmap(function, some)
        computed = time.thread_time() - computing
        waited = time.perf_counter() - clock - computed
        stride = min(2 * stride, _STRIDE)
        if waited > max(computed, _PATIENCE):
            results += _several_at_a_time(function, rest)
    return results


def _several_at_a_time(function: Callable[..., Result], items: Iterator[tuple[Any, ...]]) -> list[Result]:
    from concurrent.futures import ThreadPoolExecutor  # late: who reads a local disk never needs it

    results: list[Result] = []
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="meticulous-read") as pool:
        while some := list(itertools.islice(items, _AHEAD)):
            # Once one raises, or Ctrl-C is pressed, this begins no more of them.
            results += pool.map(function, *zip(*some))
    return results
