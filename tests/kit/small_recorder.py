"""A recorder that keeps to format 1.0, made to be broken by single edits: `small_recorder.py SCENARIO`.

It is its own adapter for spec/kit/recorder.py, and shares no code with the packages.
"""

import contextlib
import json
import math
import os
import re
import select
import signal
import stat
import subprocess
import sys
import sysconfig
import threading
import time
import traceback
import uuid
from datetime import datetime
from pathlib import Path

JSON_FILES = ("metadata.json", "args.json", "default_args.json", "summary.json")
RECORDED = (*JSON_FILES, "requirements.txt", "git.diff", "stdout", "stderr", "STATUS")
FORMAT = "Meticulous experiment folder"
JOB = {
    "slurm-job-id": "SLURM_JOB_ID",
    "slurm-array-task-id": "SLURM_ARRAY_TASK_ID",
    "slurm-restart-count": "SLURM_RESTART_COUNT",
}
SESSION_KEYS = {"start-time", "end-time", "command", "recorder", "githead-branch", "git-remote", "hostname"}
SESSION_KEYS |= {"pid", "process-start", "heartbeat-seconds", "working-directory", "runtime", *JOB}
DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)
PATCH = [
    "--unified=3",
    "--binary",
    "--full-index",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--no-relative",
]
PATCH.append("--ignore-submodules=all")


class Refused(Exception):
    """Nothing is recorded, and this is why."""


class Signalled(BaseException):
    """A signal that ends the program."""


def now():
    return datetime.now().astimezone().isoformat()


# JSON


def plain(value, level=1):
    """The value as JSON has it."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, (dict, list)) and level > 100:
        return "deeper than 100 levels"
    if isinstance(value, dict):
        return {plain(key): plain(item, level + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item, level + 1) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if value is None or isinstance(value, (int, float)):
        return value
    return f"<{type(value).__name__}>"


def encode(value):
    text = json.dumps(plain(value), indent=4, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


# Code


def git(*words, where=".", ok=True, **environment):
    """The output of git; "" where it fails and `ok` says that it may."""
    command = ["git", "-C", where, *words]
    others = ("GIT_DIFF", "GIT_EXT", "GIT_DIR")
    known = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    done = subprocess.run(command, capture_output=True, env={**known, **environment}, check=False)
    if done.returncode and ok:
        raise Refused(f"git {' '.join(words)}: {done.stderr.decode(errors='replace')}")
    return done.stdout.decode("utf-8", "surrogateescape")


def changes(where, directory, prefix=""):
    """The patch of tracked files, by an index that hides none of them."""
    index = os.path.abspath(f".git/index-{uuid.uuid4().hex}")
    try:
        git("read-tree", "HEAD", where=where, GIT_INDEX_FILE=index)
        options = [*PATCH, f"--src-prefix=a/{prefix}", f"--dst-prefix=b/{prefix}"]
        return git(
            "diff",
            *options,
            "HEAD",
            "--",
            ".",
            f":(exclude){directory}",
            where=where,
            GIT_INDEX_FILE=index,
        )
    finally:
        Path(index).unlink(missing_ok=True)


def submodules():
    """The folders of submodules that are there."""
    links = [
        line.partition("\t")[2] for line in git("ls-files", "-s").splitlines() if line.startswith("160000")
    ]
    return [folder for folder in links if Path(folder, ".git").exists()]


def untracked(file):
    """A file as the patch that adds it; "" if git knows it."""
    if git("ls-files", "--", file):
        return ""
    return git(
        "diff", "--no-index", *PATCH, "--src-prefix=a/", "--dst-prefix=b/", "--", "/dev/null", file, ok=False
    )


def without_secrets(url):
    """A URL without password, token and query."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url
    host, slash, path = rest.partition("/")
    user, at, host = host.rpartition("@")
    user = "" if scheme.lower() in ("http", "https") else user.partition(":")[0] + at
    return f"{scheme}://{user}{host}{slash}{path}".partition("?")[0]


def code(directory, allowed):
    """The keys that tell of the commit, and the patch."""
    sha = git("rev-parse", "--verify", "HEAD").strip()
    patch = changes(".", directory)
    inside = []
    for where in submodules():
        own, at = changes(where, directory, f"{where}/"), git("rev-parse", "HEAD", where=where).strip()
        if own or at != git("rev-parse", f"HEAD:{where}").strip():
            inside.append({"directory": where, "githead-sha": at, "git-dirty": bool(own)})
        patch += own
    if (patch or inside) and not allowed:
        raise Refused("there are uncommitted changes")
    new = untracked(os.path.basename(__file__))
    patch += new if allowed else ""
    branch = git("symbolic-ref", "-q", "HEAD", ok=False).strip().removeprefix("refs/heads/")
    upstream = git("config", f"branch.{branch}.remote", ok=False).strip() or "origin"
    url = git("config", f"remote.{upstream}.url", ok=False).strip()
    found = {
        "githead-sha": sha,
        "githead-message": git("log", "-1", "--format=%B", "--encoding=UTF-8", "--no-show-signature").rstrip(
            "\r\n"
        ),
        "githead-branch": branch,
        "git-remote": without_secrets(url),
        "git-dirty": bool(patch),
        "git-repositories": inside,
    }
    return found, patch.encode("utf-8", "surrogateescape")


def requirements():
    names = [path.name for path in Path(sysconfig.get_path("purelib")).glob("*.dist-info")]
    found = dict(re.fullmatch(r"(.+?)-([^-]+)\.dist-info", name).groups() for name in names)
    found = {re.sub("[-_.]+", "-", name).lower(): version for name, version in found.items()}
    return "".join(f"{name}=={version}\n" for name, version in sorted(found.items())).encode()


# The process


def start_of(pid):
    """What tells a process from all others; None if there is none, or it can't be told."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else fields[19].decode()


def this_place():
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"linux:{boot}:{os.readlink('/proc/self/ns/pid')[5:-1]}:"


def lost(metadata):
    """The procedure of section 16, for a process of this machine, and "unknown" for all others."""
    told = str(metadata.get("process-start"))
    if metadata.get("hostname") != os.uname().nodename or not told.startswith(this_place()):
        return "unknown"
    return "no" if start_of(metadata["pid"]) == told.rpartition(":")[2] else "yes"


# The folder


def replace(folder, name, data):
    """Replace a file whole, or leave it as it was."""
    new = folder / f".{name}.{uuid.uuid4().hex}"
    try:
        with open(new, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(new, folder / name)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def read(folder, name):
    try:
        return (folder / name).read_bytes()
    except FileNotFoundError:
        return None


def highest(directory):
    """The highest number in the experiments directory; 0 if there is none."""
    names = os.listdir(directory) if directory.is_dir() else []
    return max([int(name) for name in names if re.fullmatch("[1-9][0-9]{0,17}", name)], default=0)


def new_folder(directory, name):
    """Claim an id: the one that is given, or the number after the highest."""
    with contextlib.suppress(FileExistsError):
        directory.mkdir(parents=True)
        (directory / ".gitignore").write_bytes(b"*\n")
    if name is None:
        number = highest(directory)
        while True:
            number = number + 1
            with contextlib.suppress(FileExistsError):
                (directory / str(number)).mkdir()
                return directory / str(number)
    try:
        (directory / name).mkdir()
    except FileExistsError:
        raise Refused(f"{name} is taken") from None
    return directory / name


def check_id(name):
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise Refused("letters, digits and . _ - make an id")
    if len(name) > 128:
        raise Refused("the id is too long")
    if name.endswith(".") or DEVICE.match(name):
        raise Refused("Windows can't have such a folder")


class Session:
    """What is recorded of one run."""

    def __init__(self, scenario, args, defaults):
        self.pid = os.getpid()
        directory = Path(scenario["experiments-directory"])
        name = scenario["id"]
        if name is not None:
            check_id(name)
        self.code, self.patch = code(scenario["experiments-directory"], scenario["allow-dirty"])
        self.named = name is not None
        self.beat = scenario.get("heartbeat-seconds", 60)
        self.args, self.defaults, self.description = args, defaults, scenario["description"]
        if scenario["resume"] and (name or highest(directory)):
            self.folder = directory / (name or str(highest(directory)))
            self.resume()
        else:
            self.folder = new_folder(directory, name)
            self.start()
        self.stop = threading.Event()
        threading.Thread(target=self.live, daemon=True).start()

    def session_keys(self):
        start = now()
        keys = {
            "start-time": start,
            "command": sys.argv,
            "recorder": "small-recorder 1.0",
            "working-directory": os.getcwd(),
            "runtime": "Python " + ".".join(map(str, sys.version_info[:3])),
            "hostname": os.uname().nodename,
            "pid": self.pid,
            "process-start": this_place() + start_of(self.pid),
            "heartbeat-seconds": self.beat,
            **{key: os.environ.get(variable) for key, variable in JOB.items()},
            **{key: value for key, value in self.code.items() if key in SESSION_KEYS},
        }
        return {key: value for key, value in keys.items() if value not in (None, "")}

    def start(self):
        """Write the files of a new experiment, STATUS last."""
        try:
            session = self.session_keys()
            self.metadata = {
                "format": FORMAT,
                "format-version": "1.0",
                "uuid": str(uuid.uuid4()),
                **{key: value for key, value in self.code.items() if key not in SESSION_KEYS and value != []},
                "description": self.description,
                "timestamp": session["start-time"],
                **session,
            }
            self.write("metadata.json", encode(self.metadata))
            self.write_others()
            self.write("requirements.txt", requirements())
            self.write("STATUS", b"RUNNING\n")
        except OSError as error:
            for name in os.listdir(self.folder):
                (self.folder / name).unlink()
            self.folder.rmdir()
            raise Refused(f"nothing can be written: {error}") from None

    def write_others(self):
        """Write those that are not there yet."""
        for name, data in (
            ("args.json", encode(self.args)),
            ("default_args.json", None if self.defaults is None else encode(self.defaults)),
            ("git.diff", self.patch or None),
        ):
            if data is not None and not (self.folder / name).exists():
                self.write(name, data)
        self.streams = {name: self.append_to(name) for name in ("stdout", "stderr")}

    def append_to(self, name):
        return os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)

    def write(self, name, data):
        replace(self.folder, name, data)

    # Resuming

    def resume(self):
        for name in RECORDED:
            if os.path.lexists(self.folder / name) and not stat.S_ISREG(os.lstat(self.folder / name).st_mode):
                raise Refused(f"{name} is no regular file")
        claim = self.folder / ".resume"
        try:
            os.close(os.open(claim, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            raise Refused("another recorder is just resuming it") from None
        try:
            self.go_on()
        finally:
            claim.unlink()

    def go_on(self):
        before = json.loads(read(self.folder, "metadata.json") or b"{}")
        gone = lost(before)
        data = read(self.folder, "STATUS")
        before = json.loads(read(self.folder, "metadata.json") or b"{}")
        status = "RUNNING" if data is None else data.decode().strip()
        if before.get("format") != FORMAT or before.get("format-version") != "1.0":
            raise Refused("it is of another version")
        if not self.named and before.get("git-dirty") and not (self.folder / "git.diff").exists():
            raise Refused("nobody knows its code")
        if before.get("githead-sha") != self.code["githead-sha"]:
            raise Refused("it ran from another commit")
        if data is not None and (read(self.folder, "git.diff") or b"") != self.patch:
            raise Refused("it had other uncommitted changes")
        if json.loads(read(self.folder, "args.json") or encode(self.args)) != plain(self.args):
            raise Refused("it has other arguments")
        if status == "RUNNING" and not self.has_ended(before, gone):
            raise Refused("it may be running")
        past = {key: value for key, value in before.items() if key in SESSION_KEYS}
        earlier = [*before.get("earlier-sessions", []), {**past, "status": status}]
        kept = {key: value for key, value in before.items() if key not in SESSION_KEYS}
        if self.description:
            kept["description"] = self.description
        self.metadata = {**kept, **self.session_keys(), "earlier-sessions": earlier}
        self.write("metadata.json", encode(self.metadata))
        self.write_others()
        self.write("requirements.txt", requirements())
        self.write("STATUS", b"RUNNING\n")

    def has_ended(self, before, gone):
        path = self.folder / ("STATUS" if (self.folder / "STATUS").exists() else "metadata.json")
        silence = time.time() - path.stat().st_mtime
        silent = gone == "unknown" and silence > 5 * before.get("heartbeat-seconds", math.inf)
        return gone == "yes" or silent

    # While it runs, and the end

    def live(self):
        while not self.stop.wait(0.8 * self.beat):
            os.utime(self.folder / "STATUS")

    def print(self, stream, data):
        os.write(("stdout", "stderr").index(stream) + 1, data)
        os.write(self.streams[stream], data)

    def summary(self, values):
        with contextlib.suppress(OSError):
            self.write("summary.json", encode(values))

    def open(self, name):
        inner = os.path.normpath(name).lower()
        if inner in map(str.lower, RECORDED) or inner.startswith((".", "/", "git.", "recorded-")):
            raise Refused(f"{name} is not the program's")
        return open(self.folder / name, "w", encoding="utf-8")

    def end(self, status):
        if os.getpid() != self.pid:
            return
        self.stop.set()
        self.metadata["end-time"] = now()
        self.write("metadata.json", encode(self.metadata))
        self.write("STATUS", status.encode("utf-8", "backslashreplace") + b"\n")

    def foresee(self, number):
        """A signal that the program itself handles may be its end, or not."""
        self.write("STATUS", f"ERROR\nsignal {signal.Signals(number).name}\n".encode())
        os.write(1, b"handled\n")
        self.write("STATUS", b"RUNNING\n")


# The program


class Thing:
    """A value that JSON does not have."""


def value(said):
    if isinstance(said, dict) and set(said) == {"$number"}:
        return float(said["$number"])
    if isinstance(said, dict) and set(said) == {"$object"}:
        return Thing()
    if isinstance(said, dict):
        return {key: value(item) for key, item in said.items()}
    return [value(item) for item in said] if isinstance(said, list) else said


def perform(session, step):
    what = step["do"]
    if what == "print":
        session.print(step["to"], step["text"].encode())
    elif what == "write":
        session.print(step["to"], bytes.fromhex(step["hex"]))
    elif what == "wait":
        session.print("stdout", b"ready\n")
        select.select([0], [], [])
        os.read(0, 100)
    elif what == "summary":
        session.summary(value(step["values"]))
    elif what == "handle":
        signal.signal(getattr(signal, step["signal"]), lambda number, _: session.foresee(number))
    elif what == "fork":
        if os.fork() == 0:
            sys.exit(0)
        os.wait()
    elif what == "file":
        with contextlib.suppress(Refused, OSError), session.open(step["name"]) as file:
            file.write("the program's\n")
    elif what == "exit":
        sys.exit(step["code"])
    elif what == "raise":
        raise ValueError(step["text"])


def end_by_signal(number, _):
    raise Signalled(number)


def main(scenario):
    try:
        session = Session(scenario, value(scenario["args"]), value(scenario["defaults"]))
    except Refused as error:
        sys.exit(f"small_recorder.py: {error}")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end_by_signal)
    for name in scenario["handlers"]:
        perform(session, {"do": "handle", "signal": name})
    try:
        for step in scenario["steps"]:
            perform(session, step)
        session.end("SUCCESS")
    except SystemExit as error:
        session.end(f"ERROR\nexit code {error.code & 255}" if error.code else "SUCCESS")
        raise
    except Signalled as error:
        session.end(f"ERROR\nsignal {signal.Signals(error.args[0]).name}")
        signal.signal(error.args[0], signal.SIG_DFL)
        os.kill(os.getpid(), error.args[0])
    except Exception:
        session.end(f"ERROR\n{traceback.format_exc().strip()}")
        raise


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text("utf-8")))
