"""Hostile folders through the reader and the command: no exception, no hang, no folder that is not listed.

    uv run tests/drills/fuzz.py              # 10,000 folders
    uv run tests/drills/fuzz.py 500 7        # of another seed

Nothing that was recorded may run, reach a terminal as anything but text, or start a formula in a spreadsheet.
Prints what was done and how long it took. What is not as it should be ends it with an AssertionError that
names the call, and what hangs with a traceback of where.
"""

import csv
import faulthandler
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pandas as pd
from meticulous_cli.__main__ import main as command
from meticulous_cli.export.export import EXPORT_KINDS
from meticulous_cli.paths import has_record
from meticulous_cli.show.text import width
from meticulous_read import ExperimentReader, Experiments

sys.path.insert(0, str(Path(__file__).parent))
from hostile import CANARY, Maker
from hostile_git import make_repository
from watched import seen, watch, without_privileges

# What may be wider than the terminal.
UNFITTED = {"--export", "all", "--list-columns", "--validate"}
PATIENCE = 60  # seconds that one call may take, and much longer than any does
AT_A_TIME = 40
TESTS = (
    "{} < 1",
    "{} == 'x' or not {} > 0",
    "{} in (1, 'a')",
    "'a' in {}",
    "{} * 2 ** 10 >= {}",
    "{} == None",
)


class Screen(io.TextIOWrapper):
    """Standard output as a terminal that keeps what was printed."""

    def __init__(self, terminal: bool) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", newline="")
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def text(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode()


class Drill:
    """The calls on one experiments directory after the other.

    Attributes:
        calls: how many there were.
        commits: how many comparisons told of commits in a repository that somebody hostile prepared.
    """

    def __init__(self, seed: int) -> None:
        self.calls = self.commits = 0
        self._seed = seed
        self._random = random.Random(seed)
        self._shas = make_repository()

    def run(self, folders: int) -> None:
        for number, start in enumerate(range(0, folders, AT_A_TIME)):
            directory = Path(f"runs{number}")
            maker = Maker(f"{self._seed}.{number}", self._shas)
            maker.fill(directory, min(AT_A_TIME, folders - start))
            names = {name for name in os.listdir(directory) if name[0] != "." and (directory / name).is_dir()}
            assert len(names) == min(AT_A_TIME, folders - start)
            columns = self.read(directory, names, maker)
            self.show(directory, names, columns)
            self.export(directory, names, columns)
            subprocess.run(["chmod", "-R", "u+rwX", directory], check=True)
            subprocess.run(["rm", "-rf", directory], check=True)
            assert not Path(CANARY).exists(), "recorded text was run"

    def read(self, directory: Path, names: set[str], maker: Maker) -> list[str]:
        """Take all that the reader gives; return the full names of the columns."""
        experiments = self.call("read", Experiments, directory)
        for _ in range(2):
            assert set(experiments) == names, "a folder is not listed"
            for reader in experiments.values():
                for name in ("lost", "silent", "duration", "problems", "stdout", "stderr", "row", "__repr__"):
                    self.call(name, taken, reader, name)
            for levels in (50, 1, 0):
                frame = self.call("frame", experiments.as_dataframe, levels)
                assert set(frame.index) == names, "a folder has no row"
            for name in self._random.sample(sorted(names), 3):
                maker.break_file(directory / name)
            self.call("refresh", experiments.refresh_experiments)
        return [f"{group}.{name}" for group, name in frame.columns if group != "header"]

    def show(self, directory: Path, names: set[str], columns: list[str]) -> None:
        """Show it in each way, at a terminal and through a pipe."""
        table = self.meticulous(directory)
        recorded = [name for name in names if has_record(str(directory / name))]
        assert table.count("\n") == 1 + len(recorded), "a folder has no line, or more than one"
        for options in (["--args", "all"], ["--args", "none"], ["--list-columns"], ["--validate"], []):
            self.meticulous(directory, *options, terminal=True, codes=(0, 1))
        for levels in (1, 9):
            self.meticulous(directory, "--normalize-json-values", levels)
        for name in columns if len(columns) < 20 else self._random.sample(columns, 20):
            ticked = f"`{name}`"
            test = self._random.choice(TESTS).replace("{}", ticked)
            self.meticulous(directory, "--filter", test, codes=(0, 1, 2), terminal=True)
            self.meticulous(directory, "--sort", name, "--tail", 3, "--columns", name, codes=(0, 2))
            self.meticulous(directory, "--groupby", name, codes=(0, 2), terminal=True)
        paths = [directory / name for name in sorted(names)]
        for path in paths:
            self.meticulous(path, codes=(0, 1, 2), terminal=self._random.random() < 0.5)
        self._random.shuffle(paths)
        for one, other in zip(paths[::2], paths[1::2]):
            shown = self.meticulous(one, other, codes=(0, 1, 2), terminal=self._random.random() < 0.5)
            self.commits += "\n  + " in shown
        self.meticulous(*paths[:3], codes=(0, 1, 2))
        self.meticulous(directory, directory)
        process = [sys.executable, "-m", "meticulous_cli", directory]
        ended = subprocess.run(process, capture_output=True, timeout=PATIENCE, check=False)
        assert (ended.returncode, ended.stderr) == (0, b""), ended.stderr
        assert ended.stdout.decode() == table, "a process shows something else"

    def export(self, directory: Path, names: set[str], columns: list[str]) -> None:
        """Export it as each kind, and read that again."""
        recorded = {name for name in names if has_record(str(directory / name))}
        for kind in EXPORT_KINDS:
            target = f"{directory}.{kind}"
            flat = self._random.choice((["--flat-cols"], ["--no-flat-cols"], []))
            self.meticulous(directory, "--args", "all", "--export", target, "--export-format", kind, *flat)
            data = Path(target).read_bytes()
            if kind == "csv":
                rows = list(csv.reader(io.StringIO(data.decode(), newline="")))
                assert len(rows) == len(recorded) + 1 + ("--no-flat-cols" in flat)
                formulas = [cell for row in rows for cell in row if starts_a_formula(cell)]
                assert not formulas, f"cells of the csv start a formula: {formulas}"
            elif kind == "json":
                read = json.loads(data, parse_constant=not_json)
                assert {row["expid"] for row in read} == recorded
            elif kind in ("md", "tex"):
                check_text(data.decode())
            else:
                frame = (pd.read_parquet if kind == "parquet" else pd.read_pickle)(target)
                assert len(frame) == len(recorded)
            os.unlink(target)
        for kind in ("csv", "json", "md", "tex"):
            grouped = ("--groupby", self._random.choice(columns))
            self.meticulous(
                directory, *grouped, "--export", "-", "--export-format", kind, codes=(0, 2), terminal=True
            )

    def meticulous(self, *arguments: object, codes: tuple[int, ...] = (0,), terminal: bool = False) -> str:
        """Run the command in this process and hold all that it prints against what it may print."""
        given = list(map(str, arguments))
        os.environ["COLUMNS"] = str(self._random.choice((20, 21, 25, 30, 40, 60, 80, 120, 200)))
        out, err = Screen(terminal), Screen(False)
        with redirect_stdout(out), redirect_stderr(err):
            code = self.call(f"meticulous {given}", command, given)
        shown = f"meticulous {given} → {code}, {err.text()!r}"
        assert code in codes, shown
        assert (code == 0) == (not err.text()) or "--validate" in given, shown
        assert err.text().count("\n") <= 2, shown
        check_text(err.text())
        if terminal or "--export" not in given:
            check_text(out.text())
        if terminal and not UNFITTED.intersection(given):
            # What is there to be copied is never broken.
            shown_part = out.text().partition("\nrun it again\n")[0].partition("\nfollow it\n")[0]
            lines = shown_part.split("\n")
            wide = [line for line in lines if width(line) > int(os.environ["COLUMNS"])]
            assert not wide, f"{shown}: wider than the terminal: {wide}"
        return out.text()

    def call(self, what: str, function: Callable, *arguments: object) -> Any:
        """Call a function that must neither raise, nor take long, nor do anything but read."""
        self.calls += 1
        faulthandler.dump_traceback_later(PATIENCE, exit=True, file=sys.__stderr__)
        seen.clear()
        try:
            return function(*arguments)
        except Exception as error:
            raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
        finally:
            faulthandler.cancel_dump_traceback_later()
            assert not seen, f"{what}: {seen}"


def not_json(token: str) -> None:
    raise AssertionError(f"{token} is not JSON")


def taken(reader: ExperimentReader, name: str) -> object:
    """Return an attribute, or what the method of this name returns."""
    value = getattr(reader, name)
    return value() if callable(value) else value


def starts_a_formula(cell: str) -> bool:
    """Tell whether a spreadsheet would compute a cell; a number with its sign is one it just shows."""
    if not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")):
        return False
    try:
        float(cell)
    except ValueError:
        return True
    return False


def check_text(text: str) -> None:
    """Hold text against what a terminal only prints."""
    bad = {char for char in text if not (char.isprintable() or char in "\n\t")}
    assert not bad, f"reached the output: {bad}"


def main(folders: int = 10_000, seed: int = 1) -> None:
    """Drill with so many folders."""
    warnings.simplefilter("error")
    csv.field_size_limit(2**30)
    watch()
    os.environ |= {"NO_COLOR": "1", "TERM": "xterm"}
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        drill = Drill(seed)
        drill.run(folders)
        os.chdir("/")
    assert drill.commits, "git was never asked for commits"
    seconds = time.perf_counter() - began
    what = f"{folders:,} folders of seed {seed}: each listed, {drill.calls:,} calls"
    print(f"{what}, {drill.commits:,} comparisons with commits, {seconds:.0f} s")


if __name__ == "__main__":
    without_privileges()
    main(*map(int, sys.argv[1:]))
