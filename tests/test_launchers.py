"""The recipes in examples/launchers: each records experiments at once, complete, and each its own."""

import importlib.util
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

LAUNCHERS = Path(__file__).parents[1] / "examples" / "launchers"
README = (LAUNCHERS / "README.md").read_text("utf-8")
AT_ONCE = 8
STEPS = 20
RECIPES = {  # what each needs, and how many experiments it records
    "dask_cluster.py": ("distributed", 8),
    "hydra_multirun.py": ("hydra_plugins.hydra_joblib_launcher", 8),
    "joblib_workers.py": ("joblib", 8),
    "multiprocessing_pool.py": ("multiprocessing", 8),
    "optuna_study.py": ("optuna", 16),
    "ray_tune.py": ("ray.tune", 8),  # 300 MB: not installed with the others
    "submitit_array.py": ("submitit", 8),
}
OWN_PROGRAMS = ("ray_tune.py", "submitit_array.py")

# In every process of a recipe: nobody writes a summary before as many have come this far as run at once.
GATE = """
import os, socket
from meticulous import Experiment

def summary(self, values, original=Experiment.summary):
    with socket.create_connection(("127.0.0.1", int(os.environ["TEST_GATE"]))) as gate:
        gate.recv(1)
    original(self, values)

Experiment.summary = summary
"""


class Gate:
    """Holds those who come until `width` are there; opens then, and stays open."""

    def __init__(self, width):
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._width = width
        self._thread = threading.Thread(target=self._serve)

    def _serve(self):
        waiting = []
        with self._server:
            while True:
                waiting.append(self._server.accept()[0])
                if self._width == 0:
                    break
                if len(waiting) >= self._width:
                    while waiting:
                        waiting.pop().close()
                    self._width = 1
        while waiting:
            waiting.pop().close()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._width = 0
        socket.create_connection(("127.0.0.1", self.port)).close()
        self._thread.join()


@pytest.fixture
def project(tmp_path):
    """A repository with the recipes in it."""
    folder = tmp_path / "project"
    shutil.copytree(
        LAUNCHERS, folder / "examples" / "launchers", ignore=shutil.ignore_patterns("__pycache__")
    )
    return folder


@pytest.fixture
def run(project, tmp_path):
    """Run a recipe by the command in its docstring, so many at once; the experiments that it recorded."""

    def run(recipe, *more, at_once=AT_ONCE):
        user = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        for command in (["init", "-q"], ["add", "."], [*user, "commit", "-q", "-m", "Train"]):
            subprocess.run(["git", *command], cwd=project, check=True)
        text = (project / "examples" / "launchers" / recipe).read_text("utf-8")
        (command,) = re.findall(r"^    python (.*)$", text, re.MULTILINE)
        (tmp_path / "sitecustomize.py").write_text(GATE)
        environment = {key: value for key, value in os.environ.items() if key not in ("RANK", "WORLD_SIZE")}
        with Gate(at_once) as gate:
            environment |= {"PYTHONPATH": str(tmp_path), "TEST_GATE": str(gate.port)}
            done = subprocess.run(
                [sys.executable, *shlex.split(command), *more],
                cwd=project,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
        assert done.returncode == 0, done.stdout + done.stderr
        return sorted(path for path in (project / "experiments").iterdir() if path.name != ".gitignore")

    return run


def read(path):
    return json.loads(path.read_text("utf-8"))


def output_of(lr):
    """What the recipes print in a training with this step, and its loss."""
    weight, lines = 4.0, ""
    for step in range(STEPS):
        weight -= lr * 2 * weight
        lines += f"lr {lr}, step {step}: loss {weight**2:.3g}\n"
    return lines, weight**2


def test_every_recipe_is_tested_and_listed():
    assert {path.name for path in LAUNCHERS.glob("*.py")} == set(RECIPES)
    assert set(re.findall(r"\]\((\w+\.py)\)", README)) == set(RECIPES)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_records_each_run_and_nothing_of_its_neighbours(recipe, run, problems):
    module, count = RECIPES[recipe]
    needs(module)
    experiments = run(recipe)
    assert sorted(int(path.name) for path in experiments) == list(range(1, count + 1))
    args = [read(path / "args.json") for path in experiments]
    if recipe == "optuna_study.py":  # which chooses them itself
        assert len({each["lr"] for each in args}) == count
    else:
        assert sorted(each["lr"] for each in args) == pytest.approx([0.05 * i for i in range(1, count + 1)])
        assert all(read(path / "default_args.json") == {"lr": 0.1, "steps": STEPS} for path in experiments)
    for path, each in zip(experiments, args):
        printed, loss = output_of(each["lr"])
        assert each["steps"] == STEPS
        assert (path / "STATUS").read_text() == "SUCCESS\n"
        assert (path / "stdout").read_text() == printed
        assert (path / "stderr").read_text() == ""
        assert read(path / "summary.json") == {"loss": loss}
        assert problems(path) == []
        # A worker that is a program of its own has its own command line: it does not start the run again.
        command = read(path / "metadata.json")["command"]
        assert command[0].endswith(recipe) == (recipe not in OWN_PROGRAMS), command


def test_hydra_may_change_the_directory(run, project):
    needs("hydra_plugins.hydra_joblib_launcher")
    experiments = run("hydra_multirun.py", "hydra.job.chdir=true")
    assert [path.parent for path in experiments] == [project / "experiments"] * 8
    for path in experiments:
        metadata = read(path / "metadata.json")
        assert metadata["working-directory"].startswith(str(project / "multirun"))
        assert metadata["command"][0].endswith("hydra_multirun.py")
        assert (path / "STATUS").read_text() == "SUCCESS\n"


def test_threads_share_what_is_printed_and_nothing_else(project, run):
    """As the recipes' README says; joblib's, with the change that it names."""
    needs("joblib")
    recipe = project / "examples" / "launchers" / "joblib_workers.py"
    change = 'prefer="threads"'
    assert change in README
    code = recipe.read_text().replace("n_jobs=8", f"n_jobs=8, {change}")
    assert change in code
    recipe.write_text(code)
    experiments = run(recipe.name)
    assert len(experiments) == 8
    for path in experiments:
        lr = read(path / "args.json")["lr"]
        printed, loss = output_of(lr)
        assert (path / "STATUS").read_text() == "SUCCESS\n"
        assert read(path / "summary.json") == {"loss": loss}
        recorded, end = (path / "stdout").read_text(), 0
        for line in printed.splitlines():  # in this order; `print` writes the end of a line by itself
            end = recorded.index(line, end) + len(line)
    assert any((path / "stdout").stat().st_size > 1.5 * len(printed) for path in experiments)


def needs(module):
    try:
        found = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        found = None
    if found is None:
        pytest.skip(f"{module} is not installed")
