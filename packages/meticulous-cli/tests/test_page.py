"""The page of one experiment: what ran, how it ended, and what came out."""

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meticulous_cli.page.tail import last_lines
from meticulous_cli.show.text import plain, width
from meticulous_read import ExperimentReader

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs links or pipes of POSIX")

TRACEBACK = "Traceback (most recent call last):\n  File 'x'\nValueError: no\n"
LONG = "RuntimeError: " + " ".join(f"word{number}" for number in range(60))


def section(printed, title):
    """The lines of a section of a page, without its title."""
    found = re.search(rf"(?m)^{re.escape(title)}[^\n]*\n((?:.+\n?)*)", printed)
    return found[1].splitlines() if found else []


def test_it_shows_what_ran_and_how_it_ended(make, run):
    folder = make(
        "3",
        {"lr": 0.1, "seed": 1, "model": {"name": "mlp"}},
        {"loss": 1 / 3, "val": {"acc": 0.5}},
        f"ERROR\n{TRACEBACK}",
        {"lr": 1.0, "seed": 1, "model": {"name": "mlp"}},
        description="a try",
        githead_branch="main",
        git_remote="git@example.org:ada/digits.git",
        hostname="node7",
        runtime="Python 3.11.7",
        git_dirty=True,
    )
    (folder / "stderr").write_text(f"careful\n{TRACEBACK}")
    (folder / "model.pt").write_bytes(bytes(4 * 2**20))
    (folder / "git.diff").write_text("x")
    (folder / "plots").mkdir()
    result = run("3")
    assert result.returncode == 0
    assert result.stdout.startswith(
        "3  ERROR  after 1m 30s\n"
        "ValueError: no\n"
        "\n"
        "description  a try\n"
        "command      train.py --name 'two words'\n"
        "commit       0123456+  Train longer (main)\n"
        "             + uncommitted changes, kept in git.diff\n"
        "start        2024-11-23 10:00:00 UTC\n"
        "host         node7, Python 3.11.7\n"
        f"folder       {Path('experiments/3')}\n"
        "\n"
        "args\n"
        "  lr           0.1  default 1.0\n"
        "  at the default: seed=1, model.name=mlp\n"
        "\n"
        "summary\n"
        "  loss         0.3333\n"
        "  val.acc      0.5\n"
        "\n"
        "files\n"
        "  4.0 MiB  model.pt\n"
        "   folder  plots\n"
        "\n"
        "traceback\n"
        "  File 'x'\n"
        "\n"
        "stdout\n"
        "  epoch 1\n"
        "\n"
        "stderr\n"
        "  careful\n"
        "\n"
        "run it again\n"
    )


@pytest.mark.parametrize("columns", [40, 80, 120])
@pytest.mark.parametrize("rest", ["", "\n  and what follows it", "\nat once\n" * 20])
def test_the_reason_stands_at_the_top_whole(make, screen, columns, rest):
    traceback = "Traceback (most recent call last):\n" + '  File "x.py", line 1, in f\n    g()\n' * 40
    make("1", status=f"ERROR\n{traceback}{LONG}{rest}\n")
    lines = screen("1", columns=columns, NO_COLOR="1").splitlines()
    place = lines.index("")
    assert "word59" in " ".join(lines[:place])
    assert "…" not in " ".join(lines[1 : place if len(rest) < 50 else 3])
    assert len(lines) < 60
    assert max(map(width, lines[: lines.index("run it again")])) <= columns


FRAMES = '  File "x.py", line 1, in f\n    g()\n'
HEADING = "Traceback (most recent call last):\n"


@pytest.mark.parametrize("frames", [1, 20])
@pytest.mark.parametrize(
    "between",
    [
        "\nDuring handling of the above exception, another exception occurred:\n\n",
        "\nThe above exception was the direct cause of the following exception:\n\n",
        "note: of the program\n\nDuring handling of the above exception, another exception occurred:\n\n",
    ],
)
@pytest.mark.parametrize("parts", [2, 5, 40])
def test_the_exceptions_that_led_to_the_last_are_not_cut(make, run, parts, between, frames):
    part = HEADING + FRAMES * frames
    causes = [f"ZeroDivisionError: number {number}" for number in range(parts - 1)]
    make(
        "1", status=f"ERROR\n{''.join(f'{part}{cause}{chr(10)}{between}' for cause in causes)}{part}{LONG}\n"
    )
    lines = section(run("1").stdout, "traceback")
    assert len(lines) < 60
    for cause in causes if parts < 9 else [causes[0], *causes[-5:]]:
        assert lines.count(cause) == 1
    hidden = sum(int(re.search(r"\d+", line)[0]) for line in lines if line.startswith("  …"))
    whole = len(FRAMES.splitlines()) * frames * parts + (2 + between.startswith("note")) * (parts - 1)
    assert len([line for line in lines if not line.startswith("  …")]) + hidden == whole


def test_the_exceptions_of_a_group_are_not_cut(make, run):
    frames = "".join(f"    | {line}\n" for line in (FRAMES * 5).splitlines())
    inner = [f"    | ValueError: number {number}" for number in range(4)]
    parts = "".join(
        f"    +---------------- {number} ----------------\n    | {HEADING}{frames}{line}\n"
        for number, line in enumerate(inner, 1)
    ).replace("    +", "  +-+", 1)
    own = "".join(f"  | {line}\n" for line in FRAMES.splitlines())
    make(
        "1", status=f"ERROR\n  + Exception Group {HEADING}{own}  | ExceptionGroup: many\n{parts}    +-----\n"
    )
    printed = run("1").stdout
    assert printed.splitlines()[1:3] == ["ExceptionGroup: many", ""]
    lines = section(printed, "traceback")
    assert set(inner) <= set(lines)
    assert len(lines) < 40


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("ERROR\nexit code 3\n", "exit code 3"),
        ("ERROR\nsignal SIGTERM\nin train.py\n", "signal SIGTERM"),
        ("SUCCESS\nafter signal SIGTERM\n", "after signal SIGTERM"),
        ("SUCCESS\n", ""),
        ("ERROR\n", ""),
    ],
)
def test_what_status_says_behind_its_word_is_the_second_line(make, run, status, reason):
    make("1", status=status)
    assert run("1").stdout.splitlines()[1] == reason


def test_forty_arguments_at_their_defaults_are_a_paragraph(make, screen, run):
    defaults = {f"option_{number}": number for number in range(45)}
    make("1", {**defaults, "option_3": 5}, defaults=defaults)
    lines = section(screen("1", NO_COLOR="1"), "args")
    assert lines[0].split() == ["option_3", "5", "default", "3"]
    assert 1 < len(lines) <= 4
    assert re.search(r"… \d+ more$", lines[-1])
    assert "option_44=44" in run("1").stdout


@pytest.mark.parametrize("defaults", [{}, None])
def test_without_defaults_each_argument_has_a_line(make, run, defaults):
    folder = make("1", {"lr": 0.1, "seed": 1})
    if defaults is None:
        (folder / "default_args.json").unlink()
    assert section(run("1").stdout, "args") == ["  lr           0.1", "  seed         1"]


@pytest.mark.parametrize(("one", "other"), [(0.000123451, 0.000123453), (0.3, 0.30000000000000004), (1, "1")])
def test_an_argument_never_looks_like_its_default(make, run, one, other):
    make("1", {"x": one}, defaults={"x": other})
    _, value, _, default = section(run("1").stdout, "args")[0].split()
    assert value != default


def test_a_broken_experiment_names_its_problems(make, run):
    folder = make("7", {"a": 1})
    (folder / "summary.json").write_text('{"loss": ')
    (folder / "metadata.json").write_text(json.dumps({"command": "train.py --old"}))
    result = run(folder)
    assert result.returncode == 0
    assert "command      train.py --old\n" in result.stdout
    assert section(result.stdout, "problems")[0].startswith("  summary.json: ")
    assert "run it again" not in result.stdout


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"git_dirty": True}, "+ uncommitted changes, not kept"),
        ({"githead_claimed": True}, "as the recorder was told"),
        ({"git_repositories": [{"directory": "../lab", "githead-sha": "a" * 40}]}, "with ../lab at aaaaaaa"),
        ({"earlier_sessions": [{}, {}]}, "3, of which this was the last"),
        ({"runtime": "julia 1.10.4"}, "julia 1.10.4"),
    ],
)
def test_a_fact_is_shown_where_it_is_known(make, run, metadata, words):
    make("1")
    assert words not in run("1").stdout
    make("2", **metadata)
    assert words in run("2").stdout


@pytest.mark.parametrize(
    "moment", ["1900-11-21T10:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"]
)
def test_any_time_can_be_shown(make, run, screen, moment):
    make("1", start_time=moment)
    assert run("1", TZ="Asia/Tokyo").returncode == 0
    assert moment[:4] in screen("1", TZ="America/New_York")


def test_a_person_is_told_how_long_ago_and_sees_no_line_cut_that_is_to_be_copied(make, screen):
    start = datetime.now(timezone.utc) - timedelta(days=3, hours=2)
    long = "--name=" + "x" * 200
    make("1", start_time=start.isoformat(), command=["train.py", long])
    lines = screen("1", NO_COLOR="1").splitlines()
    assert any("3d 02h ago" in line for line in lines)
    assert max(map(len, lines[:-1])) <= 80
    assert lines[-1].endswith(f"python train.py {long}")


def running(make, **metadata):
    start = datetime.now(timezone.utc) - timedelta(minutes=10)
    return make("1", status="RUNNING\n", start_time=start.isoformat(), end_time=None, **metadata)


def test_what_goes_on_is_followed_and_not_repeated(make, run):
    running(make)
    printed = run("1").stdout
    assert re.match(r"1  RUNNING  for 10m \d\ds, last sign of life \S+ ago\n", printed)
    assert "run it again" not in printed
    line = "tail -f experiments/1/stdout experiments/1/stderr"
    if sys.platform == "win32":
        line = r"Get-Content -Tail 10 -Wait experiments\1\stdout"
    assert section(printed, "follow it") == [line]


def test_a_silent_one_says_since_when(make, run):
    os.utime(running(make, hostname="elsewhere", heartbeat_seconds=60) / "STATUS", (0, 0))
    assert re.match(r"1  silent  for \d+d; it promised a sign of life each 60s\n", run("1").stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="a process is told from its number there")
def test_a_lost_one_says_which_process_is_gone_and_runs_again(make, run):
    host = os.uname().nodename
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    space = os.stat("/proc/self/ns/pid").st_ino
    running(make, hostname=host, pid=2**22 - 1, process_start=f"linux:{boot}:{space}:1")
    printed = run("1").stdout
    assert printed.startswith(f"1  lost  its process {2**22 - 1} is gone; last sign of life ")
    assert "run it again" in printed


@pytest.mark.parametrize(
    ("written", "lines"),
    [
        (b"", []),
        (b"\n\n", []),
        (b"one\ntwo\n", ["one", "two"]),
        (b"10%\r50%\r100%\ndone", ["100%", "done"]),
        (b"10%\r\x1b[K50%\r\x1b[K", ["50%"]),
        (b"windows\r\nlines\r\n", ["windows", "lines"]),
        (b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07text", ["red text"]),
        (b"\xff \x07 \x1b", ["\ufffd \\x07 \\x1b"]),
        (b"".join(b"%d\n" % n for n in range(20)), ["the last 8 lines", *map(str, range(12, 20))]),
        (b"x" * 200_000 + b"\nlast", ["the last line", "last"]),
        (b"".join(b"\r%d%%" % n for n in range(50_000)), ["the last line", "49999%"]),
    ],
)
def test_the_last_lines_of_output_are_as_a_terminal_shows_them_in_the_end(make, run, written, lines):
    folder = make("1", githead_sha=None)
    (folder / "stdout").write_bytes(written)
    page = run(folder).stdout
    found = page.partition("\n\nstdout")[2].removeprefix(",").strip("\n").splitlines()
    assert [line.strip() for line in found] == lines


@pytest.mark.parametrize(
    ("put", "reason"),
    [
        (lambda path: path.mkdir(), "cannot be read: a folder"),
        pytest.param(
            lambda path: path.symlink_to("/etc/hostname"),
            "cannot be read: leads out of the experiment's folder",
            marks=posix,
        ),
        pytest.param(lambda path: os.mkfifo(path), "cannot be read: a named pipe", marks=posix),
    ],
)
def test_output_that_cannot_be_read_is_said_to_be_so(make, run, put, reason):
    folder = make("1")
    (folder / "stdout").unlink()
    assert "\nstdout\n" not in run(folder).stdout
    put(folder / "stdout")
    done = run(folder)
    assert done.returncode == 0
    assert f"\nstdout\n  {reason}\n" in done.stdout


@pytest.mark.skipif(
    os.name != "posix" or (os.geteuid() == 0 and sys.platform != "linux"), reason="root may read everything"
)
def test_output_that_may_not_be_read_is_said_to_be_so(make, run):
    folder = make("1")
    (folder / "stderr").chmod(0)
    assert "\nstderr\n  cannot be read: permission denied\n" in run(folder, barred=True).stdout


def test_a_line_of_megabytes_is_none_to_paste(make, run):
    make("1", command=["train.py", "x" * 2**20])
    found = section(run("1").stdout, "run it again")
    assert len(found[-1]) < 100
    assert "metadata.json" in found[-1]


@given(st.binary(max_size=200))
def test_any_output_becomes_lines_that_are_safe(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("experiment")
    (folder / "stdout").write_bytes(data)
    lines, _ = last_lines(ExperimentReader(folder), "stdout", 8)
    assert len(lines) <= 8
    assert all(plain(line) == line for line in lines)


def test_recorded_text_reaches_a_terminal_as_text(make, screen):
    hostile = "\x1b]0;x\x07\u202e\x9b31m"
    make(
        "1",
        {hostile: hostile},
        {hostile: hostile},
        f"ERROR\n{hostile}\n",
        {hostile: 1},
        description=hostile,
        command=["t.py", hostile],
        githead_message=hostile,
        git_remote=hostile,
        hostname=hostile,
        runtime=hostile,
    )
    assert screen("1", NO_COLOR="1").replace("\n", "").isprintable()


def test_the_names_of_a_draft_mean_nothing(make, run):
    make("1", python_version="3.11.7", resumes=[{"start-time": "2024-11-23T09:00:00Z", "status": "RUNNING"}])
    printed = run("experiments/1").stdout
    assert "3.11.7" not in printed
    assert "sessions" not in printed
    make("2", runtime="Python 3.11.7")
    assert "Python 3.11.7" in run("experiments/2").stdout


@pytest.mark.skipif(not shutil.which("strace"), reason="strace, which counts calls, is not installed")
def test_a_page_takes_few_calls_of_a_slow_file_system(make, tmp_path, environment):
    folder = make("1", {"lr": 0.1}, {"loss": 0.5}, defaults={"lr": 0.1})
    log = tmp_path / "calls"
    strace = ["strace", "-f", "-y", "-e", "trace=%file,%desc", "-o", log]
    done = subprocess.run(
        [*strace, sys.executable, "-m", "meticulous_cli", folder],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        timeout=120,
    )
    if done.returncode and b"ptrace" in done.stderr:
        pytest.skip("this system does not let strace look")
    # Each takes a millisecond or more on a network; `ioctl` and `lseek` do not leave the machine.
    calls = [line for line in log.read_text(errors="replace").splitlines() if f"{folder}" in line]
    assert 30 < len([line for line in calls if not re.search(r" (execve|ioctl|lseek)\(", line)]) <= 40
