"""The benchmarks, made small: beside the floors, and beside others as far as these are not needed."""

import os
import shutil
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent / "benchmarks"
MODULES = [path.stem for path in BENCHMARKS.glob("*.py")]


@pytest.fixture
def peers(monkeypatch):
    """The driver as a module."""
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    import peers

    yield peers
    for name in [*sys.modules]:
        if name.partition(".")[0] in (*MODULES, "recorders"):
            del sys.modules[name]


def test_a_small_round_fills_each_cell_that_is_ours(peers, tmp_path, monkeypatch):
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    size = peers.Size(files=3, rounds=1, lines=2, writes=2, counts=(2,), slow=2, pause=0)
    recorders = [peers.Recorder(name, tmp_path, Path(sys.executable)) for name in peers.OURS]
    peers.measure(recorders, size)
    bare, floor, ours, _ = recorders
    why_not = sys.modules["latency"].why_not()
    words = {"2 at 1 ms a call": why_not} if why_not else {}
    assert [recorder.words for recorder in recorders] == [words] * 4
    assert {"start small", "start large", "line", "write", "write_end"} < bare.measured.keys()
    for recorder in (floor, ours):
        assert {"read 2", *([] if why_not else ["slow 2"])} < recorder.measured.keys()
        assert recorder.kept == {"line": True, "write": True}
    assert ours.files >= 8
    assert "list 2" in ours.measured

    from peers_tables import Tables

    header, _, *rows = Tables(recorders, size).whole().split("### Reading")[0].splitlines()[2:8]
    assert [row.split(" | ")[0].strip("| ").split()[0] for row in rows] == [
        "bare",
        "the",
        "Meticulous",
        "the",
    ]
    assert {row.count("|") for row in rows} == {header.count("|")}
    assert len(Tables(recorders, size).short().splitlines()) == 5


def test_a_peer_that_fails_is_skipped_with_its_last_word(peers, tmp_path):
    peer = peers.Recorder("trackio", tmp_path, Path(sys.executable))
    ours = peers.Recorder("meticulous", tmp_path, Path(sys.executable))
    peers.measure([ours, peer], peers.Size(files=0, rounds=1, lines=1, writes=1, counts=(1,)))
    assert peer.measured == {}
    assert "PackageNotFoundError" in peer.words["prepare"]

    from peers_tables import Tables

    assert "- trackio, prepare: `python` ended with 1" in Tables([ours, peer], peers.Size()).whole()


@pytest.fixture
def ours(monkeypatch):
    """The other driver as a module."""
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    import ours

    yield ours
    for name in [*sys.modules]:
        if name in MODULES:
            del sys.modules[name]


@pytest.mark.timeout(600)  # a hundred processes one after the other
@pytest.mark.skipif(not hasattr(os, "wait4"), reason="what a process took is asked for by wait4")
def test_our_benchmark_fills_each_cell_and_the_files_that_show_them(ours, tmp_path, monkeypatch):
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    checkout = BENCHMARKS.parents[1]
    files = (
        "tests/benchmarks/RESULTS.md",
        "packages/meticulous-read/README.md",
        "packages/meticulous-cli/README.md",
    )
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True)
        shutil.copy(checkout / name, tmp_path / name)
    (tmp_path / "work").mkdir()
    parts = ours.measure(tmp_path / "work", ours.SMALL, checkout, [sys.executable])
    ours.write(tmp_path, "measured in a test", parts)
    why_not = sys.modules["latency"].why_not()
    rows = {}
    for title, part in parts.items():
        lines = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("|")]
        rows[title] = len(lines)
        if title != "Recording":  # which has two tables
            assert len({len(line) for line in lines}) <= 1  # there is no table where it could not be measured
        assert all(cell for line in lines for cell in line)
    slowly = 0 if why_not else 8
    assert rows == {
        "Recording": 2 + 10 + 2 + 4,
        "Reading": 2 + 5,
        "The command": 4,
        "A slow file system": slowly,
    }
    for name in files:
        text = (tmp_path / name).read_text("utf-8")
        tables = ["Reading"] if "read/" in name else ["The command"] if "cli/" in name else [*parts]
        rows = "\n".join(parts[title] for title in tables).splitlines()
        if "README" in name:
            rows = [row for row in rows if ", before" not in row]
        assert [row for row in rows if row not in text.splitlines()] == []
        assert (", before |" in text) == ("README" not in name)
        assert text.count("measured in a test") == 1


def test_a_table_goes_between_the_markers_and_leaves_the_rest(peers, tmp_path):
    from figures import replace

    for path in (BENCHMARKS / "RESULTS.md", BENCHMARKS.parents[1] / "README.md"):
        text = path.read_text("utf-8")
        copy = tmp_path / path.name
        copy.write_text(text, "utf-8")
        replace(copy, "peers.py", "the table")
        before, _, rest = text.partition("<!-- peers.py writes what follows -->")
        after = rest.partition("<!-- here peers.py ends -->")[2]
        assert before.strip()
        found = copy.read_text("utf-8")
        assert found.startswith(before)
        assert found.endswith(after)
        assert found[len(before) : len(found) - len(after)].split("\n\n")[1:-1] == ["the table"]
