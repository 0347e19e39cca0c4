"""The tables that peers.py writes."""

from collections.abc import Callable
from typing import Any

from figures import duration, size, table

IN_README = ("bare", "floor", "meticulous", "sacred", "mlflow_files", "wandb", "trackio")


class Tables:
    """What was measured of these recorders, in Markdown."""

    def __init__(self, recorders: list[Any], measured: Any) -> None:
        self._recorders = recorders
        self._size = measured
        self._files = f"in {measured.files:,} files"
        self._counts = measured.counts
        self._ours = next(recorder for recorder in recorders if recorder.name == "meticulous")
        self._shown = [one for one in recorders if not {"install", "prepare"} & one.words.keys()]

    def whole(self) -> str:
        """Return all of it: recording, reading, what a write is, and what could not be measured."""
        recording = {
            "": lambda one: f"{one.label} {one.version}".strip(),
            "a script, start to finish": lambda one: self._time(one, "start small"),
            self._files: lambda one: self._time(one, "start large"),
            "a line": self._line,
            "a write": self._write,
            "and at the end": lambda one: (
                _cost_at_the_end(one.median("write_end")) if one.setting("WRITES") else ""
            ),
            "there after SIGKILL": lambda one: _kept(one),
            "memory": lambda one: size(one.median("peak")),
            "files of a run": lambda one: f"{one.files:.1f}" if one.files else "",
            "their size": lambda one: size(one.bytes),
        }
        reading: dict[str, Callable[[Any], str]] = {"": lambda one: one.label}
        for count in self._counts:
            reading[f"{count:,}"] = lambda one, count=count: self._time(one, f"read {count}")
        slow = self._size.slow
        reading[f"{slow:,} at 1 ms a call"] = lambda one: self._time(one, f"slow {slow}")
        for count in self._counts[1:]:
            reading[f"memory for {count:,}"] = lambda one, count=count: size(one.median(f"peak {count}"))
        for count in self._counts[1:]:
            reading[f"command, {count:,}"] = lambda one, count=count: self._time(one, f"list {count}")
        readers = [
            one for one in self._shown if any(key.startswith(("read", "list")) for key in one.measured)
        ]
        words = [
            f"- {one.label}, {stage}: {word}."
            for one in self._recorders
            for stage, word in {**one.words, "reading": one.setting("UNREAD", "")}.items()
            if word
        ]
        parts = [
            "### Recording",
            _table(recording, self._shown),
            "What a run keeps by itself:",
            _list(self._shown, "KEEPS"),
            "A write is",
            _list(self._shown, "WRITES"),
            "### Reading",
            _table(reading, readers),
            *(["Not measured:", "\n".join(words)] if words else []),
        ]
        return "\n\n".join(parts)

    def short(self) -> str:
        """Return the table of the README."""
        count = self._counts[min(1, len(self._counts) - 1)]
        columns = {
            "": lambda one: f"{one.label} {one.version}".strip(),
            "a script, start to finish": lambda one: self._time(one, "start small"),
            "there after SIGKILL": lambda one: _kept(one),
            f"{count:,} runs to a frame": lambda one: self._time(one, f"read {count}"),
        }
        return _table(columns, [one for one in self._shown if one.name in IN_README])

    def _line(self, recorder: Any) -> str:
        return self._time(recorder, "line") if recorder.setting("CAPTURES", False) else ""

    def _write(self, recorder: Any) -> str:
        return self._time(recorder, "write") if recorder.setting("WRITES") else ""

    def _time(self, recorder: Any, key: str) -> str:
        """A median and its ratio to ours."""
        median, ours = recorder.median(key), self._ours.median(key)
        if median is None:
            return "-"
        if not ours or recorder is self._ours:
            return duration(median)
        ratio = median / ours
        return f"{duration(median)} ({ratio:{'.2g' if ratio < 100 else '.0f'}} x)"


def _table(columns: dict[str, Callable[[Any], str]], rows: list[Any]) -> str:
    return table(columns, [[cell(row) for cell in columns.values()] for row in rows])


def _list(recorders: list[Any], setting: str) -> str:
    return "\n".join(f"- {one.label}: {one.setting(setting)}." for one in recorders if one.setting(setting))


def _kept(recorder: Any) -> str:
    kinds = {"line": recorder.setting("CAPTURES"), "write": recorder.setting("WRITES")}
    words = {True: "yes", False: "no", None: "?"}
    return ", ".join(f"{kind} {words[recorder.kept.get(kind)]}" for kind, has in kinds.items() if has)


def _cost_at_the_end(seconds: float | None) -> str:
    # What is less than a call of the kind can cost lies within what two empty ends differ by.
    return "-" if seconds is None else duration(seconds) if seconds > 1e-6 else "< 1 µs"
