"""The README's code runs, and prints what stands below it."""

import contextlib
import io
import itertools
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```\n(?:```\n(.*?)^```\n)?", README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def sweep(make, directory, tmp_path, monkeypatch):
    """Make the experiments that the README speaks of: a sweep of three arguments, and one that failed."""
    monkeypatch.chdir(tmp_path)
    defaults = {"optimizer": "sgd", "lr": 0.1, "seed": 0, "layers": [64]}
    settings = itertools.product(["sgd", "adam"], [0.1, 0.01], [0, 1])
    for number, (optimizer, lr, seed) in enumerate(settings, 1):
        loss = (0.2 if optimizer == "adam" else 0.3) + lr * (2 if optimizer == "adam" else -1) + 0.004 * seed
        make(
            str(number),
            metadata={
                "start-time": f"2026-11-23T10:{number:02}:00Z",
                "end-time": f"2026-11-23T10:{number + 1:02}:30Z",
            },
            args={**defaults, "optimizer": optimizer, "lr": lr, "seed": seed},
            default_args=defaults,
            summary={"accuracy": round(1 - loss, 3), "best": {"epoch": 3, "loss": round(loss, 3)}},
            **{
                "curve.csv": "epoch,loss\n"
                + "".join(f"{epoch},{loss + 1 / epoch:.3f}\n" for epoch in (1, 2, 3))
            },
        )
    make(
        "9",
        metadata={"start-time": "2026-11-23T10:09:00Z", "end-time": "2026-11-23T10:09:05Z"},
        args={**defaults, "lr": 10.0},
        default_args=defaults,
        status="ERROR\nexit code 3\n",
        **{"curve.csv": "epoch,loss\n"},
    )
    shutil.copytree(directory, tmp_path / "runs")


def test_the_readme_prints_what_it_says(sweep):
    assert len(BLOCKS) > 8
    names = {}
    with pd.option_context("display.width", 100):
        for code, expected in BLOCKS:
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(compile(code, "README.md", "exec"), names)
            if expected:  # without the spaces that pandas puts at the ends of lines
                printed = [line.rstrip() for line in output.getvalue().splitlines()]
                assert printed == expected.splitlines()


def test_a_curve_that_a_killed_run_left_empty_or_unwritten_breaks_no_recipe(sweep, make):
    killed = {"metadata": {"start-time": "2026-11-23T10:10:00Z"}, "status": "RUNNING\n"}
    make("10", **killed, **{"curve.csv": ""})
    make("11", **killed)
    names = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for code, _ in BLOCKS:
            exec(compile(code, "README.md", "exec"), names)
    lowest = names["df"]["curve", "lowest"]
    assert lowest.round(3)["8"] == 0.557
    assert lowest[["9", "10", "11"]].isna().all()


def test_a_subclass_needs_less_than_ten_lines():
    (subclass,) = [code for code, _ in BLOCKS if "class " in code]
    lines = subclass.partition("class ")[2].partition("\n\n\n")[0].splitlines()
    assert len([line for line in lines if line]) < 10
