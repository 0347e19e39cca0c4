"""The benchmark beside other recorders, made small: ours and the floor, as they are installed here."""

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent / "benchmarks"


@pytest.fixture
def peers(monkeypatch):
    """The driver as a module."""
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    import peers

    yield peers
    for name in [*sys.modules]:
        if name.partition(".")[0] in ("peers", "peers_tables", "recorders"):
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


def test_a_table_goes_between_the_markers_and_leaves_the_rest(peers, tmp_path):
    from peers_tables import BEGIN, END, replace

    for path in (BENCHMARKS / "RESULTS.md", BENCHMARKS.parents[1] / "README.md"):
        text = path.read_text("utf-8")
        copy = tmp_path / path.name
        copy.write_text(text, "utf-8")
        replace(copy, "the table")
        before, after = text.partition(BEGIN)[0], text.partition(END)[2]
        assert before.strip()
        assert copy.read_text("utf-8") == f"{before}{BEGIN}\n\nthe table\n\n{END}{after}"
