"""The README's screens are what the command prints."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
SCREENS = re.findall(r"```\n\$ meticulous(.*)\n((?:.*\n)*?)```", README.read_text(encoding="utf-8"))
DEFAULTS = {"lr": 0.1, "hidden": 64, "optimizer": "sgd", "epochs": 10}
RUNS = [
    ({}, {"loss": 0.41666, "accuracy": 0.89246}, "10:00:00", "10:00:42"),
    ({"hidden": 128}, {"loss": 0.29032, "accuracy": 0.92168}, "10:05:00", "10:06:10"),
    ({"lr": 10.0, "hidden": 128}, {"loss": "NaN"}, "10:20:00", "10:20:17"),
    (
        {"lr": 0.001, "hidden": 128, "optimizer": "adam"},
        {"loss": 0.10417, "accuracy": 0.96893},
        "11:02:00",
        "11:03:12",
    ),
]
COMMITS = [
    ("Train a small network", {"train.py": "print('training')\n"}),
    ("Offer Adam", {"train.py": "import adam\nprint('training')\n", "adam.py": "beta = 0.9\n"}),
    ("Normalise the pictures", {"data.py": "mean, deviation = 0.1307, 0.3081\n"}),
]
NAN = 'Traceback (most recent call last):\n  File "train.py", line 31, in <module>\nValueError: loss is nan\n'


@pytest.fixture
def project(make, tmp_path, monkeypatch):
    """Make a repository, always with the same commits, and four experiments, the last with another commit."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    for who in ("AUTHOR", "COMMITTER"):
        for key, value in {
            "NAME": "Ada",
            "EMAIL": "ada@example.com",
            "DATE": "2024-11-23T09:00:00+00:00",
        }.items():
            monkeypatch.setenv(f"GIT_{who}_{key}", value)

    def git(*arguments):
        done = subprocess.run(["git", *arguments], cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init", "-q", "-b", "main")
    shas = []
    for message, files in COMMITS:
        for name, content in files.items():
            (tmp_path / name).write_text(content)
        git("add", *files)
        git("commit", "-q", "-m", message)
        shas.append(git("rev-parse", "HEAD"))
    for number, (args, summary, start, end) in enumerate(RUNS, 1):
        folder = make(
            str(number),
            {**DEFAULTS, **args},
            summary,
            f"ERROR\n{NAN}" if number == 3 else "SUCCESS\n",
            DEFAULTS,
            start_time=f"2024-11-23T{start}Z",
            end_time=f"2024-11-23T{end}Z",
            githead_sha=shas[-1 if number == 4 else 0],
            githead_message=COMMITS[-1 if number == 4 else 0][0],
            githead_branch="main",
            command=[
                "train.py",
                *(part for name, value in args.items() for part in (f"--{name}", str(value))),
            ],
        )
        (folder / "stdout").write_text(
            "".join(f"epoch {epoch}: loss {1 / epoch:.4f}\n" for epoch in range(1, 11))
        )
    git("checkout", "-q", shas[0])
    return tmp_path


@pytest.mark.parametrize(("arguments", "expected"), SCREENS)
def test_the_screen_in_the_readme_is_what_the_command_prints(project, screen, arguments, expected):
    """METICULOUS_SCREENS=write writes them anew, to be looked at."""
    printed = screen(*shlex.split(arguments), columns=100, NO_COLOR="1")
    printed = re.sub(r", \d+d \d\dh ago", ", 2d 03h ago", printed)
    printed = printed.replace(os.sep, "/")
    if os.environ.get("METICULOUS_SCREENS") == "write":
        text = README.read_text(encoding="utf-8")
        old, new = (f"$ meticulous{arguments}\n{shown}```" for shown in (expected, printed))
        README.write_text(text.replace(old, new), encoding="utf-8")
    assert printed == expected or f"{printed}```" in README.read_text(encoding="utf-8")
