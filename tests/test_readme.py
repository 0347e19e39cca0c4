"""What the README shows is what happens."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def block(start):
    """The content of the first fenced block that begins like this."""
    return re.search(r"```\w*\n(" + re.escape(start) + r".*?)```", README, re.DOTALL)[1]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A repository with the examples in it, as a clone of this one has them; the first of them has run."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "examples", folder / "examples")
    commit(folder, "init", "-q")
    environment = {key: value for key, value in os.environ.items() if key not in ("RANK", "WORLD_SIZE")}
    command = [sys.executable, "examples/quickstart.py"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    (folder / "printed").write_text(done.stdout)
    return folder


def commit(folder, *first):
    user = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for command in (first, ("add", "."), (*user, "commit", "-q", "-m", "Train")):
        if command:
            subprocess.run(["git", *command], cwd=folder, check=True)


def test_the_first_command_gives_the_table_that_is_shown(project):
    table = (project / "printed").read_text().rpartition("$ meticulous\n")[2].splitlines()
    shown = block("$ meticulous").splitlines()
    rows, shown_rows = (
        [dict(zip(re.split(r"  +", names.strip()), re.split(r"  +", line.strip()))) for line in lines]
        for names, lines in (
            (table[0], table[1:]),
            (shown[2], [line for line in shown if re.match(r" \d", line)]),
        )
    )
    assert len(rows) == len(shown_rows) == 4
    for row, shown_row in zip(rows, shown_rows):
        # The last digits of a training are its machine's.
        assert float(row["accuracy"]) == pytest.approx(float(shown_row["accuracy"]), abs=0.05)
        for name in ("id", "lr", "hidden", "optimizer", "description"):
            assert row[name] == shown_row[name]


def test_the_folder_holds_the_files_that_are_listed(project):
    listing = block("experiments/").splitlines()
    named = {name for line in listing[3:] for name in re.findall(r"[\w.]+", line[4:25])}
    recorded = set(os.listdir(project / "experiments" / "1"))
    assert recorded - {"epochs.csv"} == named - {"git.diff"}


def test_the_three_lines_record_with_the_commands_below_them(tmp_path):
    code = block("import argparse\nfrom meticulous import Experiment")
    assert len(re.findall(r"# \d", code)) == 3
    (tmp_path / "train.py").write_text("def train(args): return args.lr\n" + code)
    programs = {
        "git": ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org"],
        "python": [sys.executable],
        "meticulous": [sys.executable, "-m", "meticulous_cli"],
    }
    environment = {key: value for key, value in os.environ.items() if key not in ("RANK", "WORLD_SIZE")}
    for line in ["git init -q", *block("git add train.py").splitlines()]:
        program, *words = shlex.split(line)
        command = [*programs[program], *words]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
    assert re.search(r"^ *1 .* 0\.01 .* 0\.01 .*smaller steps$", done.stdout, re.MULTILINE)


def test_the_reading_reads(project, monkeypatch):
    monkeypatch.chdir(project)
    code = block("from meticulous_read import Experiments")
    names = {}
    exec(code, names)
    assert names["experiments"][3].args["lr"] == 0.01
    assert list(names["frame"][("args", "lr")]) == [0.001, 0.01, 0.01, 0.1]


def test_the_options_are_those_of_the_recorder():
    code = (
        "import argparse, meticulous\n"
        "parser = argparse.ArgumentParser(add_help=False)\n"
        "meticulous.Experiment.add_argument_group(parser)\n"
        "print(*sorted(option for action in parser._actions for option in action.option_strings))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == sorted(re.findall(r"^\| `(--[\w-]+)", README, re.MULTILINE))


def test_the_gate_runs_the_test_command_that_is_shown():
    assert len(re.findall(r"^.*uv run pytest -n auto$", README, re.MULTILINE)) == 1
    assert "uv run pytest -n auto$' README.md" in (ROOT / ".ci" / "run").read_text()
