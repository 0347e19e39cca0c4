"""Experiments to look at, and ways to look: through a pipe and in a real terminal."""

import ctypes
import io
import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Where SIGINT is ignored (`pytest … &` in a script, nohup), the programs of the tests would ignore it, too.
signal.signal(signal.SIGINT, signal.default_int_handler)
# The same examples everywhere, and a busy machine is no failure. The fuzzing drill looks for new ones.
settings.register_profile(
    "anywhere", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("anywhere")

METADATA = {
    "format-version": "1.0",
    "githead-sha": "0123456789abcdef0123456789abcdef01234567",
    "githead-message": "Train longer\n\nAnd why.",
    "description": "",
    "timestamp": "2024-11-23T10:00:00.000000+00:00",
    "start-time": "2024-11-23T10:00:00.000000+00:00",
    "end-time": "2024-11-23T10:01:30.500000+00:00",
    "command": ["train.py", "--name", "two words"],
}


@pytest.fixture
def make(tmp_path):
    """Return a function that writes an experiment below `experiments` and returns its folder."""

    def write(name, args=None, summary=None, status="SUCCESS\n", defaults=None, **metadata):
        folder = tmp_path / "experiments" / name
        folder.mkdir(parents=True)
        metadata = {**METADATA, **{key.replace("_", "-"): value for key, value in metadata.items()}}
        files = {"metadata": metadata, "args": args or {}, "default_args": defaults or {}, "summary": summary}
        for file, content in files.items():
            if content is not None:
                (folder / f"{file}.json").write_bytes(json.dumps(content, indent=4).encode())
        (folder / "STATUS").write_bytes(status.encode())
        (folder / "stdout").write_bytes(b"epoch 1\n")
        (folder / "stderr").touch()
        return folder

    return write


if sys.platform == "linux":
    _LIBC = ctypes.CDLL(None)


def _without_privileges():
    """Give up, in a process about to start a program, what root has over permissions (CAP_DAC_*)."""
    if os.geteuid() == 0:
        for capability in (1, 2):
            _LIBC.prctl(24, capability)  # PR_CAPBSET_DROP


@pytest.fixture
def environment():
    kept = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "NO_COLOR")}
    return {**kept, "TZ": "UTC", "TERM": "xterm-256color", "PYTHONUTF8": "1"}


@pytest.fixture
def in_utc(monkeypatch):
    """Local times, of whoever looks, are those of UTC."""
    monkeypatch.setenv("TZ", "UTC")
    if hasattr(time, "tzset"):
        time.tzset()
    elif time.timezone or time.daylight:
        pytest.skip("needs a zone of its own for a process, as POSIX has, or a machine in UTC")
    yield
    monkeypatch.undo()
    if hasattr(time, "tzset"):
        time.tzset()


@pytest.fixture
def run(tmp_path, environment):
    """Return a function that runs the command through pipes and returns what came of it.

    `barred` is by what permissions forbid, as root is not; for tests that are marked with `needs_bars`.
    """

    def run(*arguments, barred=False, cwd=tmp_path, **changes):
        return subprocess.run(
            [sys.executable, "-m", "meticulous_cli", *map(str, arguments)],
            cwd=cwd,
            env={**environment, **changes},
            capture_output=True,
            encoding="utf-8",
            preexec_fn=_without_privileges if barred else None,
            timeout=60,
        )

    return run


@pytest.fixture
def screen(tmp_path, environment):
    """Return a function that runs the command in a terminal of some width and returns all that it printed."""

    def piped(*arguments, columns=80, command=("-m", "meticulous_cli"), **changes):
        terminal = {"FORCE_COLOR": "1", "COLUMNS": str(columns), "LINES": "50"}
        done = subprocess.run(
            [sys.executable, *command, *map(str, arguments)],
            cwd=tmp_path,
            env={**environment, **terminal, **changes},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
        )
        return done.stdout.decode().replace("\r\n", "\n")

    if sys.platform == "win32":
        return piped  # what passes for a terminal, as Python has no other there
    import fcntl
    import pty
    import termios

    def screen(*arguments, columns=80, command=("-m", "meticulous_cli"), **changes):
        main, terminal = pty.openpty()
        try:
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
            process = subprocess.Popen(
                [sys.executable, *command, *map(str, arguments)],
                cwd=tmp_path,
                env={**environment, **changes},
                stdin=terminal,
                stdout=terminal,
                stderr=terminal,
            )
            os.close(terminal)
            printed = b""
            while True:
                try:
                    more = os.read(main, 65536)
                except OSError:  # Linux's word for a terminal that nobody writes to any more
                    break
                if not more:
                    break
                printed += more
            process.wait()
        finally:
            os.close(main)
        return printed.decode().replace("\r\n", "\n")

    return screen


@pytest.fixture
def readme():
    return (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


# Rich's own template without the fonts that it would load from elsewhere.
PICTURE = """<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" xml:space="preserve">
<style>.{unique_id}-matrix {{ font: {char_height}px monospace; white-space: pre; }} {styles}</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}</defs>{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}<g class="{unique_id}-matrix">{matrix}</g></g></svg>
"""


@pytest.fixture
def picture():
    """Return a function that compares what was shown in colour with a picture in `screens/`."""
    console = pytest.importorskip("rich.console", reason="rich, which draws the pictures, is not installed")
    text = pytest.importorskip("rich.text")

    def compare(name, command, shown, columns):
        screen = console.Console(record=True, width=columns, file=io.StringIO(), force_terminal=True)
        screen.print(text.Text.from_ansi(f"$ {command}\n{shown}".rstrip()))
        drawn = screen.export_svg(title="", code_format=PICTURE, unique_id=name)
        path = Path(__file__).parents[1] / "screens" / f"{name}.svg"
        if os.environ.get("METICULOUS_SCREENS") == "write":
            path.parent.mkdir(exist_ok=True)
            path.write_text(drawn, "utf-8")
        assert path.read_text("utf-8") == drawn

    return compare
