"""The screens of pages and comparisons, drawn from real folders and a real repository at a set time.

`screens/` has what they are compared with; METICULOUS_SCREENS=write writes them anew, to be looked at.
"""

import json
import os
import re
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from meticulous_cli.__main__ import main
from meticulous_cli.show import style
from meticulous_cli.show.text import width

SCREENS = Path(__file__).parent / "screens"
CODES = re.compile(r"\x1b\[[0-9;]*m")
NOW = datetime(2026, 11, 26, 6, 17, 42, tzinfo=timezone.utc)
FRAMES = "".join(
    f'  File "/home/ada/digits/lib/layer{n}.py", line {200 + n}, in forward\n    return self.inner(x)\n'
    for n in range(29)
)
ERROR = (
    "ERROR\nTraceback (most recent call last):\n"
    f'  File "/home/ada/digits/train.py", line 88, in <module>\n    main(experiment.args)\n{FRAMES}'
    "RuntimeError: Expected all tensors to be on the same device, but found at least two devices, cuda:0 and"
    " cpu! (when checking argument for argument mat1 in method wrapper_CUDA_addmm)\n"
)
DEFAULTS = {
    "lr": 0.1,
    "model": "mlp",
    "seed": 0,
    "epochs": 10,
    "batch_size": 128,
    "data": "/data/digits/train.npz",
    "optimizer": "sgd",
}
NEW = {"weight_decay": 0, "mixup": 0, "clip_grad": 1.0, "warmup_steps": 5}
PROMPT = "You are a helpful assistant. Answer in one word, and be "
BAR = "epoch 5:   3%|3   | 12/391\repoch 5:  42%|####2     | 164/391 [01:22<01:53,  2.00it/s]"
FILES = {
    "model.py": ["w = 0\n", "w = 0\n" + "w += 1\n" * 10, "w = 0\n" + "w += 1\n" * 10],
    "train.py": ["lr = 1\n", "lr = 1\n", "lr = 1\n" + "lr /= 2\n" * 10],
    ".gitignore": ["experiments\n"] * 3,
}


class Clock(datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW.astimezone(tz)


@pytest.fixture
def project(tmp_path, monkeypatch, make, in_utc):
    """Make a repository, always with the same commits, and in it the experiments that the screens show."""
    folder = tmp_path / "digits"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(style, "datetime", Clock)
    monkeypatch.setattr(time, "time", NOW.timestamp)
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm-256color", "LINES": "60"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    git("init", "-q", "-b", "main")
    shas = []
    for number, message in enumerate(("Train on digits", "Offer Adam", "Normalise the pictures")):
        for name, contents in FILES.items():
            (folder / name).write_text(contents[number])
        git("add", "-A")
        git("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "commit", "-q", "-m", message)
        shas.append(git("rev-parse", "HEAD"))
    common = {"githead_branch": "main", "hostname": "node7", "runtime": "Python 3.11.7"}

    def run(name, start, took, sha, status="SUCCESS\n", files=(), **more):
        moment = NOW - start
        end = {"end_time": (moment + took).isoformat()} if took else {}
        times = {"timestamp": moment.isoformat(), "start_time": moment.isoformat(), **end}
        folder = make(name, status=status, githead_sha=sha, **{**common, **times, **more})
        if not took:
            metadata = json.loads((folder / "metadata.json").read_text())
            metadata.pop("end-time")
            (folder / "metadata.json").write_text(json.dumps(metadata))
        for file, content in dict(files).items():
            (folder / file).write_bytes(content)
        os.utime(folder / "STATUS", (NOW.timestamp() - 12,) * 2)

    run(
        "1",
        timedelta(hours=3),
        timedelta(minutes=30, seconds=4),
        shas[2],
        ERROR,
        {
            "stdout": b"epoch 1\nepoch 2\nepoch 3: loss 0.5000\n",
            "model.pt": bytes(4 * 2**20),
            "log.csv": b"x" * 812,
            "git.diff": b"diff --git a/train.py b/train.py\n",
        },
        args={**DEFAULTS, "lr": 0.3, "model": "transformer"},
        defaults=DEFAULTS,
        summary={"epoch": 3, "train_loss": 0.61},
        command=["train.py", "--lr", "0.3", "--model", "transformer"],
        description="does it run on two GPUs?",
        githead_message="Normalise the pictures",
        git_dirty=True,
    )
    run(
        "2",
        timedelta(minutes=41, seconds=54),
        None,
        shas[2],
        "RUNNING\n",
        {"stdout": b"", "stderr": BAR.encode()},
        args={**DEFAULTS, "lr": 0.3},
        defaults=DEFAULTS,
        summary={"epoch": 4, "train_loss": 0.2914},
        command=["train.py", "--lr", "0.3"],
        githead_message="Normalise the pictures",
    )
    for name, other in (("3", False), ("7", True)):
        more = {"lr": 0.001, "optimizer": "adam", **NEW, "ema": 0.999} if other else {}
        versions = ["1.26.4", "2.2.3", "2.5.1"] if other else ["1.24.0", "2.1.0", "2.1.0"]
        packages = "".join(
            f"{package}=={version}\n"
            for package, version in zip(("numpy", "pandas", "torch"), versions, strict=True)
        )
        run(
            name,
            timedelta(days=1 if other else 3, hours=20),
            timedelta(seconds=84 if other else 70),
            shas[2] if other else shas[0],
            files={"requirements.txt": packages.encode()},
            args={
                **DEFAULTS,
                "data": f"/scratch{1 + other}/users/ada/projects/digits/data/imagenet/train",
                "prompt": PROMPT + ("frank." if other else "polite."),
                "wd": 0.000123453 if other else 0.000123451,
                **more,
            },
            defaults={**DEFAULTS, "ema": 0.9, **(NEW if other else {})},
            summary={
                "loss": 0.10417 if other else 0.29032,
                "accuracy": 0.96893 if other else 0.9217,
                "auc": 0.99949 if other else 0.99951,
                **({"ece": 0.031} if other else {}),
                "epoch": 10,
            },
            description="Adam, normalised pictures" if other else "baseline",
            **({"hostname": "gpu-box", "runtime": "Python 3.12.1"} if other else {}),
        )
    (tmp_path / "experiments").rename("experiments")


def git(*arguments):
    dates = {f"GIT_{who}_DATE": "2026-11-20T09:00:00Z" for who in ("AUTHOR", "COMMITTER")}
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_") or "GLOBAL" in key}
    done = subprocess.run(
        ["git", *arguments], env={**kept, **dates}, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


@pytest.fixture
def look(project, monkeypatch, capsys):
    """Return a function that shows what the command prints on a terminal of some width."""

    def look(*arguments, columns=80, **environment):
        for name, value in {"COLUMNS": columns, **environment}.items():
            monkeypatch.setenv(name, str(value))
        code = main(arguments)
        out, err = capsys.readouterr()
        assert (code, err) == (0, "")
        return out

    return look


SHOWN = [("i-failed", ("1",)), ("j-running", ("2",)), ("k-two", ("3", "7")), ("k-four", ("1", "2", "3", "7"))]


@pytest.mark.parametrize("columns", [80, 120, 200])
@pytest.mark.parametrize(("name", "arguments"), SHOWN)
def test_the_screens_are_these(look, name, arguments, columns):
    printed = portable(CODES.sub("", look(*arguments, columns=columns)))
    kept = SCREENS / f"{name}-{columns}.txt"
    if os.environ.get("METICULOUS_SCREENS") == "write":
        kept.write_text(printed, encoding="utf-8")
    assert printed == portable(kept.read_text(encoding="utf-8"))


def portable(page):
    """A page, on Windows without the commands at its end: cmd and PowerShell get others (test_rerun)."""
    if sys.platform != "win32":
        return page
    return re.split(r"\n(?=run it again\n|follow it\n)", page)[0].replace("\\", "/")


@pytest.mark.parametrize(("name", "arguments"), SHOWN)
def test_they_are_no_wider_than_the_terminal_and_the_same_without_colour(look, name, arguments):
    for columns in range(20, 221, 12):
        printed = look(*arguments, columns=columns)
        plain = CODES.sub("", printed)
        again = plain.partition("\nrun it again\n")[0].partition("\nfollow it\n")[0]
        assert max(map(width, again.splitlines())) <= columns
    assert look(*arguments, columns=80, NO_COLOR="1") == CODES.sub(
        "", look(*arguments, columns=80, NO_COLOR="")
    )


def test_colour_is_only_for_what_needs_somebody(look):
    failed, running, two = look("1"), look("2"), look("3", "7")
    assert failed.startswith("\x1b[1m1\x1b[0m  \x1b[31mERROR\x1b[0m  after 30m 04s\n\x1b[31mRuntimeError")
    assert "\x1b[36mRUNNING\x1b[0m" in running
    assert set(re.findall(r"\x1b\[(\d+)m", two)) == {"0", "1", "2"}
    assert look("3").startswith("\x1b[1m3\x1b[0m  \x1b[32mSUCCESS\x1b[0m")
    # Bright is what differs within a text; dim is a value at its default.
    assert "\x1b[1mpolite\x1b[0m" in two
    assert "\x1b[2m0.1\x1b[0m" in two


def test_the_page_in_colour_is_the_readmes_picture(look, picture):
    picture("page", "meticulous 1", look("1", columns=80), 80)
