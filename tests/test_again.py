"""The line that `meticulous experiments/1` ends with runs it again, in a shell, in a fresh clone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TRAIN = """
import argparse
from meticulous import Experiment
from lab.model import answer
parser = argparse.ArgumentParser()
parser.add_argument("--name")
parser.add_argument("words", nargs="*")
Experiment.add_argument_group(parser)
with Experiment.from_parser(parser) as experiment:
    experiment.summary({"answer": answer})
"""
ODD = ["it's", 'a "word"', "$HOME", "`id`", "*", "", "a b", "naïve ☕", "-1;exit", "!!", "\\n", "--resume=no"]


@pytest.fixture
def environment():
    folder = Path(sys.executable).parent
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "PYTHONUTF8": "1"}


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    (folder / "lab").mkdir(parents=True)
    (folder / "lab" / "train.py").write_text(TRAIN)
    (folder / "lab" / "__init__.py").touch()
    (folder / "lab" / "model.py").write_text("answer = 1\n")
    (folder / ".gitignore").write_text("__pycache__\n")
    commit(folder, "first")
    return folder


def commit(folder, message):
    user = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    for command in (["init", "-q"], ["add", "."], [*user, "commit", "-q", "-m", message]):
        subprocess.run(["git", *command], cwd=folder, check=True)


def summary_and_args(experiment):
    return [json.loads((experiment / name).read_text("utf-8")) for name in ("summary.json", "args.json")]


@pytest.mark.skipif(os.name != "posix", reason="the line is for a POSIX shell")
@pytest.mark.parametrize("dirty", [False, True])
def test_the_line_runs_it_again(project, environment, tmp_path, dirty):
    if dirty:
        (project / "lab" / "model.py").write_text("from lab.new import answer\n")
        (project / "lab" / "new.py").write_text("answer = 2\n")
    run = ["-m", "lab.train", "--experiment-id", "first", "--name", "-", "--allow-dirty", "--", *ODD]
    subprocess.run([sys.executable, *run], cwd=project, check=True, env=environment)
    recorded = project / "experiments" / "first"
    assert (recorded / "git.diff").exists() == dirty
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", project, clone], check=True)
    page = subprocess.run(
        [sys.executable, "-m", "meticulous_cli", recorded],
        cwd=clone,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    line = page.stdout.splitlines()[-1]
    subprocess.run(["sh", "-c", line], cwd=clone, check=True, env=environment, timeout=60)
    # A patch is for a work tree beside it.
    again = tmp_path / ("clone-first" if dirty else "clone") / "experiments" / "1"
    assert summary_and_args(again) == summary_and_args(recorded)
    metadata = [json.loads((folder / "metadata.json").read_text("utf-8")) for folder in (recorded, again)]
    assert metadata[0]["githead-sha"] == metadata[1]["githead-sha"]
    if dirty:
        assert (again / "git.diff").read_bytes() == (recorded / "git.diff").read_bytes()


@pytest.mark.skipif(os.name != "posix", reason="the line is for a POSIX shell")
@pytest.mark.parametrize("dirty", [False, True])
def test_the_line_runs_it_again_from_a_folder_that_is_no_repository(project, environment, tmp_path, dirty):
    (project / "train.py").write_text(TRAIN)
    commit(project, "second")
    model = project / "lab" / "model.py"
    if dirty:
        model.write_text("answer = 2\n")
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    options = ["--project-directory", "../project", "--allow-dirty", "--name", "x"]
    subprocess.run(
        [sys.executable, "../project/train.py", *options], cwd=elsewhere, check=True, env=environment
    )
    recorded = project / "experiments" / "1"
    assert (recorded / "git.diff").exists() == dirty
    model.write_text("answer = 3\n")
    commit(project, "third")
    page = subprocess.run(
        [sys.executable, "-m", "meticulous_cli", recorded],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    line = page.stdout.splitlines()[-1]
    subprocess.run(["sh", "-c", line], cwd=tmp_path, check=True, env=environment, timeout=60)
    # The project has another commit by now, so it ran in a work tree beside it.
    again = tmp_path / "project-1" / "experiments" / "1"
    assert summary_and_args(again) == summary_and_args(recorded)
    metadata = [json.loads((folder / "metadata.json").read_text("utf-8")) for folder in (recorded, again)]
    assert metadata[0]["githead-sha"] == metadata[1]["githead-sha"]
