"""The page of one experiment: what ran, how it ended, what came out, and the line that runs it again."""

import json
import os
import re
import shlex
import sys
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meticulous_cli.show.text import plain
from meticulous_read import ExperimentReader

SHA = "0123456789abcdef0123456789abcdef01234567"
FILES = ["STATUS", "args.json", "default_args.json", "metadata.json", "stderr", "stdout", "summary.json"]


def test_it_shows_what_ran_and_how_it_ended(make, run):
    status = "ERROR\nTraceback (most recent call last):\n  File 'x'\nValueError: no\n"
    folder = make(
        "3",
        {"lr": 0.1, "seed": 1},
        {"loss": 1 / 3},
        status,
        {"lr": 1.0, "seed": 1},
        description="a try",
        githead_branch="main",
        git_remote="git@example.org:ada/digits.git",
        hostname="node7",
    )
    (folder / "stderr").write_text(
        "careful\nTraceback (most recent call last):\n  File 'x'\nValueError: no\n"
    )
    result = run("experiments/3")
    assert result.returncode == 0
    printed = re.sub(r" +\d+ B  ", "  # B  ", result.stdout)
    assert printed == (
        "3  ERROR\n"
        "  command      train.py --name 'two words'\n"
        "  description  a try\n"
        "  commit       0123456  Train longer\n"
        "               main, git@example.org:ada/digits.git\n"
        "  start        2024-11-23 10:00:00 UTC\n"
        "  duration     1m 30s\n"
        "  host         node7\n"
        "\n"
        "  Traceback (most recent call last):\n"
        "    File 'x'\n"
        "  ValueError: no\n"
        "\n"
        "arguments\n"
        "  * lr    0.1   (default: 1.0)\n"
        "    seed  1\n"
        "\n"
        "summary\n"
        "  loss  0.3333\n"
        "\n"
        "files\n" + "".join(f"  # B  {name}\n" for name in FILES) + "\n"
        "stdout\n"
        "  epoch 1\n"
        "\n"
        "stderr\n"
        "  careful\n"
        "\n"
        "run it again\n"
        f"git checkout {SHA} && python train.py --name 'two words'\n"
    )


def test_a_broken_experiment_names_its_problems(make, run):
    folder = make("7", {"a": 1})
    (folder / "summary.json").write_text('{"loss": ')
    (folder / "metadata.json").write_text(json.dumps({"command": "train.py --old"}))
    result = run(folder)
    assert result.returncode == 0
    assert "command      train.py --old\n" in result.stdout
    assert "problems\n  summary.json: cut off at line 1, column 10\n" in result.stdout
    assert "run it again" not in result.stdout


def test_a_person_is_told_how_long_ago_and_sees_no_line_cut_that_is_to_be_copied(make, screen):
    start = datetime.now(timezone.utc) - timedelta(days=3, hours=2)
    long = "--name=" + "x" * 200
    make("1", start_time=start.isoformat(), command=["train.py", long], githead_sha=SHA)
    lines = screen("experiments/1", NO_COLOR="1").splitlines()
    assert any("3d 02h ago" in line for line in lines)
    assert max(map(len, lines[:-1])) <= 80
    assert lines[-1] == f"git checkout {SHA} && python train.py {long}"


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
    folder = make("1", githead_sha="")
    (folder / "stdout").write_bytes(written)
    page = run(folder).stdout
    found = page.partition("\n\nstdout")[2].removeprefix(",").strip("\n").splitlines()
    assert [line.strip() for line in found] == lines


@pytest.mark.parametrize(
    ("put", "reason"),
    [
        (lambda path: path.mkdir(), "cannot be read: a folder"),
        (
            lambda path: path.symlink_to("/etc/hostname"),
            "cannot be read: leads out of the experiment's folder",
        ),
        (lambda path: path.symlink_to("nowhere"), "a link that leads nowhere"),
        (lambda path: os.mkfifo(path), "cannot be read: a named pipe"),
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


@pytest.mark.skipif(os.geteuid() == 0 and sys.platform != "linux", reason="root may read everything")
def test_output_that_may_not_be_read_is_said_to_be_so(make, run):
    folder = make("1")
    (folder / "stderr").chmod(0)
    assert "\nstderr\n  cannot be read: permission denied\n" in run(folder, barred=True).stdout


def test_a_line_of_megabytes_is_none_to_paste(make, run):
    make("1", command=["train.py", "x" * 2**20])
    found = run("experiments/1").stdout.partition("run it again\n")[2]
    assert found.startswith(f"git checkout {SHA}")
    assert re.search(
        r"…  \(1,048,[0-9]{3} characters, too many to paste: see command in metadata.json\)\n$", found
    )
    assert len(found) < 200


@pytest.mark.parametrize(
    ("metadata", "line"),
    [
        (
            {"command": ["-m", "lab.train", "--lr", "0.1"], "runtime": "Python 3.12"},
            "python -m lab.train --lr 0.1",
        ),
        ({"command": ["./train", "a b", "$HOME", "it's"]}, """./train 'a b' '$HOME' 'it'"'"'s'"""),
        ({"command": ["/usr/bin/tool"], "runtime": "Python 3.12"}, "python /usr/bin/tool"),
        ({"command": ["t.py", "--experiment-id", "3", "--resume", "--lr=1"]}, "python t.py --lr=1"),
        ({"command": ["t.py", "--experiment-id=3", "--meticulous-resume"]}, "python t.py"),
        ({"command": ["t.py", "--experiment-id"]}, "python t.py"),
        ({"command": ["t.py", "--resume", "--", "--resume"]}, "python t.py -- --resume"),
        ({"command": "t.py --lr 1"}, None),
        ({"command": ["-c"], "runtime": "Python 3.12"}, None),
        ({"command": ["-"], "runtime": "Python 3.12"}, None),
        ({"command": []}, None),
        ({"command": ["t.py", 3]}, None),
        ({"command": ["t.py", "a\nb"]}, None),
        ({"command": ["t.py"], "githead_sha": "main; rm -rf ."}, None),
        ({"command": ["t.py"], "working_directory": "/nowhere"}, "python t.py"),
    ],
)
def test_the_line_that_runs_it_again(make, run, metadata, line):
    make("1", **metadata)
    found = run("experiments/1").stdout.partition("run it again\n")[2]
    assert found == (f"git checkout {SHA} && {line}\n" if line else "")


def test_options_of_the_programs_own_stay_in_that_line(make, run):
    make(
        "1",
        {"resume": "model.pt", "experiment_id": "x"},
        command=["t.py", "--resume", "model.pt", "--experiment-id", "x", "--meticulous-experiment-id", "1"],
    )
    assert run("experiments/1").stdout.endswith("python t.py --resume model.pt --experiment-id x\n")


def test_that_line_leads_to_a_folder_that_only_the_commit_has(make, run, tmp_path):
    (tmp_path / "clone" / ".git").mkdir(parents=True)
    make("1", working_directory=str(tmp_path / "clone" / "lab" / "old"))
    assert run("experiments/1").stdout.endswith(
        f"\ncd {tmp_path}/clone && git checkout {SHA} && cd {tmp_path}/clone/lab/old && "
        "python train.py --name 'two words'\n"
    )


def test_that_line_leads_to_where_it_ran_and_applies_the_patch(make, run, tmp_path):
    (tmp_path / "a b").mkdir()
    folder = make("1", working_directory=str(tmp_path / "a b"), git_dirty=True)
    (folder / "git.diff").touch()
    found = run("experiments/1").stdout.partition("run it again\n")[2]
    assert found == (
        f"cd '{tmp_path}/a b' && git checkout {SHA} && "
        f'git -C "$(git rev-parse --show-toplevel)" apply {folder}/git.diff && '
        "python train.py --name 'two words'\n"
    )


@pytest.mark.parametrize(
    ("options", "project"),
    [
        (["--project-directory", "../a b"], "../a b"),
        (["--project-directory=x", "--project-directory=../proj"], "../proj"),
        (["--meticulous-project-directory", "-x"], "-x"),
        (["--project-directory", ""], ""),
        (["--project-directory"], ""),
        (["--", "--project-directory", "../proj"], ""),
    ],
)
def test_git_works_where_the_command_says_that_the_repository_is(make, run, options, project):
    folder = make("1", command=["t.py", *options], git_dirty=True)
    (folder / "git.diff").touch()
    git = shlex.join(["git", *(["-C", project] if project else [])])
    assert run("experiments/1").stdout.partition("run it again\n")[2] == (
        f'{git} checkout {SHA} && git -C "$({git} rev-parse --show-toplevel)" apply {folder}/git.diff && '
        f"{shlex.join(['python', 't.py', *options])}\n"
    )


def test_a_project_directory_of_the_programs_own_is_no_repository(make, run):
    make("1", {"project_directory": "../data"}, command=["t.py", "--project-directory", "../data"])
    found = run("experiments/1").stdout.partition("run it again\n")[2]
    assert found == f"git checkout {SHA} && python t.py --project-directory ../data\n"


@given(st.binary(max_size=200))
def test_any_output_becomes_lines_that_are_safe(tmp_path_factory, data):
    from meticulous_cli.page.tail import last_lines

    folder = tmp_path_factory.mktemp("experiment")
    (folder / "stdout").write_bytes(data)
    lines, _ = last_lines(ExperimentReader(folder), "stdout", 8)
    assert len(lines) <= 8
    assert all(plain(line) == line for line in lines)
