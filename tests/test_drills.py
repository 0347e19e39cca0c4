"""The drills, made small."""

import importlib.util
import sys
from pathlib import Path

import pytest

DRILLS = Path(__file__).parent / "drills"
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals, terminals and file systems of POSIX")


@pytest.fixture
def drill(monkeypatch, capsys):
    """Run a drill by its name; what it prints, as lines."""
    monkeypatch.syspath_prepend(DRILLS)

    def drill(name, *arguments):
        spec = importlib.util.spec_from_file_location(name, DRILLS / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.main(*arguments)
        return capsys.readouterr().out.splitlines()

    return drill


def test_many_starts_at_a_time_each_get_a_folder_and_lose_nothing(drill):
    new, resuming = drill("starts", 24, 12)
    assert new.startswith("24 starts, 12 at a time: 24 folders without a gap, 24 sessions")
    assert resuming.startswith("24 starts with --resume, 12 at a time")


@posix
def test_kills_at_any_moment_leave_nothing_half_there(drill):
    kills, left, _ = drill("kills", 20)
    assert kills.startswith("20 kills in ")
    assert left.startswith("what they left: ")


@posix
def test_signals_end_a_program_as_they_would_without_us(drill):
    *ends, sum_of_it = drill("signals", "SIGTERM while it runs")
    assert sum_of_it.startswith("7 cases in ")
    assert sum(int(line.split()[0]) for line in ends) == 7


@posix
@pytest.mark.parametrize("disk", ["full", "read-only", "removed", "EIO", "permissions", "network"])
def test_a_hostile_disk_stops_no_training(drill, disk):
    if sys.platform != "linux":
        pytest.skip("namespaces are Linux's")
    told = drill("disk", disk)
    assert len(told) == (1 if disk == "network" else 2)  # one for each way to capture
    for line in told:
        assert (
            "left out" in line
            or "exit code 0, its whole output shown, one warning" in line
            or "32 starts" in line
        )


@posix
@pytest.mark.parametrize(
    "program", ["fork with", "os._exit", "spawn", "C code", "child processes", "progress"]
)
def test_programs_of_several_processes_are_shown_and_end_as_without_us(drill, program):
    (told,) = drill("processes", program)
    assert "in terminal and file" in told


@posix
@pytest.mark.parametrize(("name", "state"), [("", "dirty"), ("submodule", "untracked")])
def test_records_of_many_repositories_are_made_again_or_were_refused(drill, name, state):
    *layouts, total = drill("repositories", name, [state])
    assert total.startswith(f"{len(layouts)} layouts, {2 * len(layouts)} runs: ")


@posix
def test_file_systems_with_quirks_are_recorded_on_as_any_other(drill):
    (told,) = drill("filesystems", "nfd")
    assert "10 checks" in told or "left out, as it cannot be mounted here" in told


@posix
def test_file_systems_that_cannot_be_mounted_are_left_out_with_a_word(drill, monkeypatch):
    monkeypatch.setenv("FUSE_LIBRARY_PATH", "nowhere")
    (left_out,) = drill("filesystems", "nfd")
    assert "left out, as it cannot be mounted here (" in left_out
