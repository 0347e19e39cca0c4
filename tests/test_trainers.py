"""The recipes in examples/trainers: each program records one complete experiment, and is not changed."""

import importlib.util
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

TRAINERS = Path(__file__).parents[1] / "examples" / "trainers"


class Recipe(NamedTuple):
    """What a recipe needs, and what its record holds."""

    modules: list[str]
    arg: tuple[str, float, float]
    """One of the arguments: its name, what the command passes, and its default."""
    summary: str
    files: list[str]
    prints: str
    """What stands in the recorded output."""


RECIPES = {
    "huggingface_trainer.py": Recipe(
        ["torch", "transformers", "accelerate"],
        ("learning_rate", 0.01, 5e-5),
        "eval_loss",
        ["checkpoints/checkpoint-8/trainer_state.json"],
        "100%|",
    ),
    "keras_fit.py": Recipe(
        ["torch", "keras"], ("lr", 0.05, 0.01), "loss", ["epochs.csv", "model.keras"], "Epoch 3/3"
    ),
    "lightgbm_train.py": Recipe(
        ["lightgbm"], ("learning_rate", 0.2, 0.1), "binary_logloss", ["model.txt"], "[LightGBM] [Info]"
    ),
    "lightning_cli.py": Recipe(
        ["lightning", "jsonargparse"], ("model", {"lr": 0.05}, {"lr": 0.1}), "loss", [], "Trainable params"
    ),
    "lightning_trainer.py": Recipe(
        ["lightning"],
        ("lr", 0.05, 0.1),
        "loss",
        ["logs/metrics.csv", "logs/checkpoints/epoch=1-step=16.ckpt"],
        "Trainable params",
    ),
    "pytorch_loop.py": Recipe(["torch"], ("lr", 0.05, 0.1), "loss", ["checkpoint.pt"], "epoch 3: loss"),
    "xgboost_train.py": Recipe(
        ["xgboost"], ("eta", 0.2, 0.3), "logloss", ["model.json", "rounds.json"], "[7]\ttrain-logloss"
    ),
}

KILLED = """
import os, signal
from meticulous import Experiment

def summary(self, values, original=Experiment.summary, calls=[]):
    original(self, values)
    calls.append(values)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)

Experiment.summary = summary
"""


@pytest.fixture
def start(tmp_path):
    """Start a recipe in a repository by the command in its docstring: the process when it has ended."""
    project = tmp_path / "project"
    shutil.copytree(TRAINERS, project / "examples" / "trainers", ignore=shutil.ignore_patterns("__pycache__"))
    user = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for command in (["init", "-q"], ["add", "."], [*user, "commit", "-q", "-m", "Train"]):
        subprocess.run(["git", *command], cwd=project, check=True, timeout=30)

    def start(recipe, *more, path=""):
        (command,) = re.findall(r"^    python (.*)$", (TRAINERS / recipe).read_text("utf-8"), re.MULTILINE)
        environment = {key: value for key, value in os.environ.items() if key not in ("RANK", "WORLD_SIZE")}
        environment |= {"KERAS_BACKEND": "torch", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
        environment |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(path)}
        return subprocess.run(
            [sys.executable, *shlex.split(command), *more],
            cwd=project,
            env=environment,
            capture_output=True,
            check=False,
            timeout=200,
        )

    return start


@pytest.fixture
def experiments(tmp_path):
    """The folders that were recorded."""
    return lambda: sorted((tmp_path / "project" / "experiments").glob("[0-9]*"))


def read(path):
    return json.loads(path.read_text("utf-8"))


def needs(recipe):
    missing = [module for module in RECIPES[recipe].modules if importlib.util.find_spec(module) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


def test_every_recipe_is_tested_listed_and_short():
    recipes = {path.name: path.read_text("utf-8") for path in TRAINERS.glob("*.py")}
    assert set(recipes) == set(RECIPES)
    assert set(re.findall(r"\]\((\w+\.py)\)", (TRAINERS / "README.md").read_text("utf-8"))) == set(recipes)
    code = [text.split('"""', maxsplit=2)[2] for text in recipes.values()]
    assert max(len(text.splitlines()) for text in code) < 40


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_records_one_complete_experiment(recipe, start, experiments, problems):
    needs(recipe)
    done = start(recipe)
    assert done.returncode == 0, done.stderr.decode()
    (path,) = experiments()
    modules, (name, passed, default), summary, files, prints = RECIPES[recipe]
    assert (path / "STATUS").read_text() == "SUCCESS\n"
    assert (read(path / "args.json")[name], read(path / "default_args.json")[name]) == (passed, default)
    assert isinstance(read(path / "summary.json")[summary], float)
    assert [file for file in files if not (path / file).is_file()] == []
    printed = {stream: (path / stream).read_bytes() for stream in ("stdout", "stderr")}
    assert prints in (printed["stdout"] + printed["stderr"]).decode("utf-8")
    # What was shown, byte for byte; but not before the start (LightningCLI) or after the end (XGBoost).
    assert printed["stdout"] in done.stdout
    assert printed["stderr"] in done.stderr
    requirements = (path / "requirements.txt").read_text().lower()
    assert [each for each in modules if not re.search(rf"^{each}(-cpu)?==", requirements, re.MULTILINE)] == []
    assert problems(path) == []


def test_the_pytorch_loop_goes_on_where_it_was_killed(start, experiments, tmp_path, problems):
    needs("pytorch_loop.py")
    (tmp_path / "sitecustomize.py").write_text(KILLED)
    assert start("pytorch_loop.py", path=tmp_path).returncode == -signal.SIGKILL
    assert start("pytorch_loop.py", "--resume").returncode == 0
    (path,) = experiments()
    assert (path / "STATUS").read_text() == "SUCCESS\n"
    epochs = re.findall(r"^epoch (\d): loss", (path / "stdout").read_text(), re.MULTILINE)
    assert epochs == ["0", "1", "2", "3"]
    assert problems(path) == []
