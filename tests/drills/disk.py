"""Hostile disks: the training goes on to its end, one warning is logged, and what was recorded stays whole.

    uv run tests/drills/disk.py            # all that this machine can play
    uv run tests/drills/disk.py full       # those with this in their name

A program prints and writes summaries; half way, the disk fills up, becomes read-only, and so on. Its output
and exit code are held against those it has without us, for each way to capture. File systems are mounted in
namespaces of the drill's own, which needs Linux with unprivileged namespaces, or root; a device that fails,
and a slow network with stale listings, are played by a few lines of C in front of the C library, which need
gcc. What can't be had is left out, with a word.
"""

import functools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from repository import make_repository, problems

sys.path.insert(0, str(Path(__file__).parents[1]))
import latency

SCRIPT = """
import argparse, sys
from meticulous import Experiment
parser = argparse.ArgumentParser()
parser.add_argument("--capture")
Experiment.add_argument_group(parser)
capture = parser.parse_args().capture
with Experiment.from_parser(parser, capture=capture) as experiment:
    for line in range(200):
        if line == 100:
            print("half way", flush=True)
            sys.stdin.readline()
        print(f"line {line} " + "x" * 5000)
        print(f"warning {line}", file=sys.stderr)
        experiment.summary({"line": line, "text": "y" * 5000})
"""
LINES = [f"line {line} {'x' * 5000}\n" for line in range(200)]
OUTPUT = "".join([*LINES[:100], "half way\n", *LINES[100:]])
WARNINGS = [f"warning {line}" for line in range(200)]

NAMESPACE = ["unshare", "--mount", *([] if os.getuid() == 0 else ["--map-root-user"])]

# Once the file in $BROKEN is there, what is written below $EXPERIMENTS fails with EIO.
EIO = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
ssize_t write(int file, const void *data, size_t size) {
    static ssize_t (*original)(int, const void *, size_t);
    char link[64], path[4096];
    if (!original) original = dlsym(RTLD_NEXT, "write");
    if (access(getenv("BROKEN"), F_OK) == 0) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", file);
        ssize_t length = readlink(link, path, sizeof path - 1);
        if (length > 0 && (path[length] = 0, strstr(path, getenv("EXPERIMENTS")) == path)) {
            errno = EIO;
            return -1;
        }
    }
    return original(file, data, size);
}
"""


# Listings lack numbers younger than three seconds.
STALE = r"""
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
struct dirent64 *readdir64(DIR *folder) {
    struct dirent64 *(*original)(DIR *) = dlsym(RTLD_NEXT, "readdir64");
    struct dirent64 *entry;
    struct stat status;
    while ((entry = original(folder))) {
        int is_number = '0' <= entry->d_name[0] && entry->d_name[0] <= '9';
        int is_there = !fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW);
        if (is_number && is_there && status.st_ctime >= time(0) - 3) continue;
        break;
    }
    return entry;
}
"""


def main(only: str = "") -> None:
    """Play every disk that has `only` in its name."""
    for name, play in CASES.items():
        if only in name:
            began = time.perf_counter()
            with tempfile.TemporaryDirectory() as folder:
                told = play(Path(folder))
            print(f"{name}: {told} ({time.perf_counter() - began:.1f} s)")


def can_mount() -> bool:
    try:
        return subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False  # not even `unshare`


def run(
    folder: Path,
    capture: str,
    break_it: str,
    *,
    mount: str = "true",
    environment: dict[str, str] | None = None,
) -> tuple[Path, str]:
    """Record in a directory made by the shell command `mount`, which `break_it` breaks half way.

    Return a copy of what was recorded before, and what the program said on standard error. Its output and
    exit code are looked at here.
    """
    repository, disk = folder / "repository", folder / "disk"
    make_repository(repository, SCRIPT)
    disk.mkdir()
    before = folder / "before"
    # What a shell mounts in a namespace of its own is gone with it.
    python = shlex.quote(sys.executable)
    shell = f"""
        set -e
        cd {repository}
        {mount}
        mkfifo {folder}/go
        {python} train.py --capture {capture} --experiments-directory {disk}/experiments \\
            <{folder}/go >{folder}/out 2>{folder}/err &
        exec 3>{folder}/go
        until grep -qs "half way" {folder}/out; do sleep 0.02; done
        until grep -qs "half way" {disk}/experiments/1/stdout; do sleep 0.02; done
        cp -r {disk}/experiments/1 {before}
        {break_it}
        echo >&3
        set +e
        wait $!
        echo $? >{folder}/code
        cp -r {disk}/experiments/1 {folder}/after 2>{folder}/lost
        true
    """
    paths = {"BROKEN": str(folder / "broken"), "EXPERIMENTS": str(disk)}
    done = subprocess.run(
        [*(NAMESPACE if mount != "true" else []), "sh", "-c", shell],
        env={**os.environ, **paths, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (folder / "code").read_text() == "0\n", (folder / "err").read_text()
    assert (folder / "out").read_text() == OUTPUT, "the program printed something else than it would have"
    return before, (folder / "err").read_text()


def hold(folder: Path, before: Path, said: str, *, words: str) -> str:
    """What was there before is whole, what came later is whole or absent, and one warning was logged."""
    told = [line for line in said.splitlines() if line not in WARNINGS]
    assert [line for line in said.splitlines() if line in WARNINGS] == WARNINGS, said
    assert len(told) == 1, said or "nothing was logged"
    assert re.search(words, told[0]), said
    after = folder / "after"
    if after.exists():
        for path in before.iterdir():
            now = (after / path.name).read_bytes()
            if path.suffix == ".json":
                assert isinstance(json.loads(now), dict), path.name
            elif path.name in ("stdout", "stderr"):
                assert now.startswith(path.read_bytes()), path.name
        assert json.loads((after / "summary.json").read_bytes())["line"] >= 99
        assert not [name for name in os.listdir(after) if name[0] == "."], "litter"
        status = (after / "STATUS").read_text()
        assert status in ("RUNNING\n", "SUCCESS\n")
        assert problems(after) == []
        left = f"every file whole, STATUS {status.strip()}"
    else:
        left = "nothing is left of the record"
    return f"exit code 0, its whole output shown, one warning, {left}"


def full(folder: Path, capture: str) -> str:
    """The disk fills up."""
    if not can_mount():
        return "left out: nothing can be mounted here"
    break_it = f"cat /dev/zero >{folder}/disk/fill 2>/dev/null || true"
    before, said = run(folder, capture, break_it, mount=f"mount -t tmpfs -o size=4m none {folder}/disk")
    told = hold(folder, before, said, words="No space left")
    assert (folder / "after" / "STATUS").read_text() == "SUCCESS\n", "it has room in its place"
    return told


def read_only(folder: Path, capture: str) -> str:
    """The file system is mounted anew, to be read only."""
    if not can_mount():
        return "left out: nothing can be mounted here"
    # A disk that has gone bad does so under open files; mount refuses that, so each file is opened anew.
    mount = f"mount -t tmpfs -o size=16m none {folder}/disk"
    break_it = f"mount --bind {folder}/disk {folder}/disk && mount -o remount,bind,ro {folder}/disk"
    before, said = run(folder, capture, break_it, mount=mount)
    return hold(folder, before, said, words="Read-only")


def removed(folder: Path, capture: str) -> str:
    """Somebody deletes the experiment."""
    before, said = run(folder, capture, f"rm -rf {folder}/disk/experiments")
    assert not (folder / "after").exists()
    return hold(folder, before, said, words="No such file")


def no_device(folder: Path, capture: str) -> str:
    """Every write fails with EIO."""
    if latency.why_not():
        return f"left out: {latency.why_not()}"
    shim = {"LD_PRELOAD": latency.compiled(folder, "eio", EIO)}
    before, said = run(folder, capture, f"touch {folder}/broken", environment=shim)
    return hold(folder, before, said, words="Input/output error")


def forbidden(folder: Path, capture: str) -> str:
    """The permissions are taken away."""
    if os.getuid() != 0 or shutil.which("setpriv") is None:
        return "left out: this needs root, and setpriv to become somebody else"
    somebody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable]
    asked = subprocess.run(
        [*somebody, "-c", "import meticulous.experiment, git"], capture_output=True, check=False
    )
    if asked.returncode != 0:
        return "left out: somebody else may not read Python and the recorder here"
    folder.chmod(0o755)
    inner = folder / "inner"
    inner.mkdir()
    os.chown(inner, 65534, 65534)
    repository = inner / "repository"
    make_repository(repository, SCRIPT)
    for path in [repository, *repository.rglob("*")]:
        os.chown(path, 65534, 65534)
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen(
            [*somebody, "train.py", "--capture", capture],
            cwd=repository,
            env={**os.environ, "HOME": str(inner)},
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.PIPE,
        )
    experiment = repository / "experiments" / "1"
    while "half way" not in (folder / "out").read_text():
        assert process.poll() is None, process.communicate()[1].decode()
        time.sleep(0.02)
    before = shutil.copytree(experiment, folder / "before")
    experiment.chmod(0o500)
    said = process.communicate(b"\n")[1].decode()
    assert process.returncode == 0, said
    assert (folder / "out").read_text() == OUTPUT
    shutil.copytree(experiment, folder / "after")
    (folder / "after").chmod(0o755)
    return hold(folder, before, said, words="Permission denied")


def network(folder: Path) -> str:
    """Calls take long, and listings do not show what is new: sixteen start at once, then sixteen more."""
    if latency.why_not():
        return f"left out: {latency.why_not()}"
    repository = folder / "repository"
    make_repository(repository, "from meticulous import Experiment\nwith Experiment({}): print('here')\n")
    environment = {**os.environ, **latency.slow_below(folder, repository / "experiments")}
    environment["LD_PRELOAD"] += f":{latency.compiled(folder, 'stale', STALE)}"
    how = {"cwd": repository, "env": environment, "text": True}
    listing = [sys.executable, "-c", "import os; print(*os.listdir('experiments'))"]
    for last in (16, 32):
        command = [sys.executable, "train.py"]
        processes = [subprocess.Popen(command, stdout=subprocess.DEVNULL, **how) for _ in range(16)]
        assert [process.wait() for process in processes] == [0] * 16
        listed = subprocess.run(listing, capture_output=True, check=True, **how).stdout.split()
        assert str(last) not in listed, "the listing is not stale"
    experiments = [path for path in (repository / "experiments").iterdir() if path.name[0] != "."]
    assert {path.name for path in experiments} == {str(number) for number in range(1, 33)}
    for path in experiments:
        assert problems(path) == []
        assert (path / "stdout").read_text() == "here\n"
    return "32 starts, 16 at a time, each with its own folder and without a gap"


DISKS: dict[str, Callable[[Path, str], str]] = {
    "a full disk": full,
    "a disk that is read-only": read_only,
    "a directory that is removed": removed,
    "a disk that fails (EIO)": no_device,
    "permissions taken away": forbidden,
}
CASES: dict[str, Callable[[Path], str]] = {
    **{
        f'{name}, capture="{capture}"': functools.partial(play, capture=capture)
        for name, play in DISKS.items()
        for capture in ("sys", "fd")
    },
    "a network with stale listings": network,
}

if __name__ == "__main__":
    main(*sys.argv[1:])
