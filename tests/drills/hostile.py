"""Folders of experiments as nobody should have written them: good ones, broken at random."""

import json
import os
import random
import re
import socket
import struct
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = (ROOT / "spec/1.0/examples/experiments", ROOT / "packages/meticulous-read/tests/legacy")
KEYS = ("format-version", "githead-sha", "githead-message", "description", "timestamp", "start-time")
KEYS += (
    "end-time",
    "command",
    "git-remote",
    "git-dirty",
    "working-directory",
    "hostname",
    "pid",
    "earlier-sessions",
)
KEYS += ("process-start", "heartbeat-seconds", "runtime", "githead-branch")
# What would leave a file of this name in the current directory, if anything ran it.
CANARY = "CANARY"

# fmt: off
TEXTS = [  # what ends a line, obeys a terminal, or is no character
    "", " ", "\n", "\r", "\t", "\0", "\x1b[2J\x1b[H", "\x1b]0;title\x07", "\x9b31m", "a\x08b\x7f", "\u2028",
    "\u202egpj.exe", "e\u0301\u200d\ufe0f", "\u7687\U0001f600", "\ud800", "\udcff", "\ufeff", "\uff1d1+1",
]
TEXTS += [  # starts a formula
    "=cmd()", "=1+1", "@SUM(A1)", "+1|cmd", "-1+cmd", "\t=1", "\r=1", "\n=1", "'=1", '"=1', "=1,=1\n=1", "-",
    f"=cmd|' /C touch {CANARY}'!A0",
]
TEXTS += [  # is run, or opened, by whoever is careless
    f"$(touch {CANARY})", f"`touch {CANARY}`", f"';touch {CANARY};'", f"ext::sh -c touch% {CANARY}", "--help",
    f"__import__('os').system('touch {CANARY}')", f"--upload-pack=touch {CANARY}", f"--output={CANARY}",
    f"-oProxyCommand=touch {CANARY}", "..", "../..", "/dev/zero", "/proc/self/environ", "~", "HEAD",
    "main..HEAD",
]
TEXTS += [  # looks like something else
    "NaN", "nan", "Infinity", "-Infinity", "null", "True", "not", "lr", "1", "01", "\u00b2", "\u0663",
    "1e999", "1_0", "0x1", "a.b", "a.b.c", ".", "*", "[", "a,b", "|", "\\", "\\input{x}", "<script>",
    "%s%n{0}", "&amp;", "$x$", "RUNNING", "SUCCESS", "ERROR", "1.9", "2.0", "9" * 30 + ".0", "0" * 40,
    "linux:a:b:c", "x" * 300, "\u7687" * 5000, "y" * 70000,
]
TEXTS += [  # times at the ends of the calendar, or beyond
    "2026-02-30T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "1969-12-31T23:59:59Z",
    "1970-01-01T00:00:00+99:99", "2026-11-23T10:00:60.9999999999Z", "2026-11-23T10:00:00",
]
NUMBERS = [
    0, -0.0, 1, -1, 0.1, 1e-320, 1e308, -1e308, 2**31, 2**53 + 1, 2**63, -(2**63), 2**64, 10**400, -(10**400),
    10**4000, float("nan"), float("inf"), float("-inf"), 1e300, -1e15, 253402300800,
]
BYTES = [
    b"", b"\0", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xf4\x90\x80\x80", b"[" * 500, b"1" * 5000,
    b"{}", b'{"a":' * 300, b"NaN", b"-Infinity", b"1e999999", b'"\\ud800"', b"null", b"\r\n", b"\x1b[31m",
    b"SUCCESS", b'{"a": 1, "a": 2}', b"\n" * 3000, b"\r5%" * 30000, b"Traceback (most recent call last)",
]
NAMES = [
    "new\nline", "\x1b[2Jclear", "=cmd()", "@x", "-rf", "--export", " ", "a b", "$(touch CANARY)", "*", "CON",
    "~", os.fsdecode(b"bad\xff"), os.fsdecode(b"\xc3"), "x" * 255, "\u7687" * 80, "\u202ex", "e\u0301", "1.",
    "007", "'", "9" * 200, "\u0663", "a,b", '"', "\\", "STATUS", "metadata.json", "a\rb", "\x85", "\t=",
]
# fmt: on


class Maker:
    """Makes folders; the same seed makes the same ones. `shas` are the commits that they name."""

    def __init__(self, seed: str, shas: list[str]) -> None:
        self._random = random.Random(seed)
        self._texts = TEXTS + shas
        self._good = [
            {path.name: path.read_bytes() for path in folder.parent.iterdir()}
            for source in SOURCES
            for folder in sorted(source.rglob("STATUS"))
        ]
        self._pieces = [data for files in self._good for data in files.values()]
        self._shas = shas

    def fill(self, directory: Path, count: int) -> None:
        """Make an experiments directory with so many folders."""
        directory.mkdir()
        names = self._random.sample(NAMES, min(len(NAMES), count // 4))
        names += map(str, range(1, count - len(names) + 1))
        for name in names:
            folder = directory / name
            folder.mkdir()
            files = self._files()
            for file, data in files.items():
                (folder / file).write_bytes(data)
            for _ in range(self._random.choice((0, 0, 1, 2))):
                self.break_file(folder)
        (directory / "stray.txt").touch()
        (directory / ".hidden").mkdir()

    def break_file(self, folder: Path) -> None:
        """Put something else in the place of a recorded file, or make its times impossible."""
        pick = self._random.choice
        path = folder / pick([*self._good[0], "git.diff", "notes"])
        kind = pick(
            ("gone", "folder", "pipe", "link", "link", "socket", "sparse", "time", "time", "mode", "stray")
        )
        if not os.access(folder, os.W_OK | os.X_OK) or (path.is_dir() and not path.is_symlink()):
            return
        if kind in ("time", "mode"):
            if path.is_symlink() or not path.exists():  # what a link leads to is not ours
                path = folder
            if kind == "mode":
                path.chmod(0)
            else:
                times = pick((-(2**31), 0, 2**33, 2**34 - 1, 4 * 10**9))
                os.utime(path, (times, times))
            return
        if kind == "stray":
            path = folder / os.fsdecode(os.fsencode(pick(NAMES))[:250] + b"~")
        path.unlink(missing_ok=True)
        if kind == "folder":
            path.mkdir()
        elif kind == "pipe":
            os.mkfifo(path)
        elif kind == "link":
            path.symlink_to(
                pick(["/dev/zero", "/nowhere", path.name, "..", "args.json", "/etc/passwd", "/proc"])
            )
        elif kind == "socket":
            with socket.socket(socket.AF_UNIX) as server:
                here = os.open(".", os.O_RDONLY)
                os.chdir(folder)  # the whole path may be longer than a socket's name can be
                server.bind(path.name)
                os.fchdir(here)
                os.close(here)
        elif kind != "gone":
            path.touch()
            if kind == "sparse":
                os.truncate(path, 2 ** pick((24, 25, 30)))

    def text(self) -> str:
        """Return a hostile text, or some together."""
        return "".join(self._random.choices(self._texts, k=self._random.choice((1, 1, 1, 2, 3))))

    def _files(self) -> dict[str, bytes]:
        files = dict(self._random.choice(self._good))
        sha = b'"githead-sha": "%s"' % self._random.choice(self._shas).encode()
        files["metadata.json"] = re.sub(rb'"githead-sha": "[0-9a-f]+"', sha, files["metadata.json"])
        for _ in range(self._random.choice((0, 1, 1, 2, 3, 5))):
            name = self._random.choice(list(files))
            if name.endswith(".json") and self._random.random() < 0.6:
                files[name] = self._with_other_values(files[name], KEYS if name == "metadata.json" else ())
            else:
                files[name] = self._with_other_bytes(files[name])
        return files

    def _with_other_bytes(self, data: bytes) -> bytes:
        pick, place = self._random.choice, self._random.randint
        start = place(0, len(data))
        kind = pick(("flip", "flip", "cut", "splice", "insert", "text", "replace"))
        if kind == "flip" and data:
            changed = bytearray(data)
            for _ in range(place(1, 4)):
                changed[place(0, len(data) - 1)] ^= 1 << place(0, 7)
            return bytes(changed)
        if kind == "cut":
            return data[:start]
        if kind == "splice":
            other = pick(self._pieces)
            return data[:start] + other[place(0, len(other)) :]
        if kind == "replace":
            return pick(BYTES)
        given = pick(BYTES) if kind == "insert" else self.text().encode(errors="surrogatepass")
        return data[:start] + given + data[start:]

    def _with_other_values(self, data: bytes, keys: tuple[str, ...]) -> bytes:
        try:
            value = json.loads(data)
        except ValueError:
            return self._with_other_bytes(data)
        if not isinstance(value, dict) or self._random.random() < 0.05:
            return json.dumps(self._value(2)).encode()
        for _ in range(self._random.randint(1, 3)):
            key = self._random.choice([*value, *keys, self.text(), f"lab:{self.text()}"])
            if self._random.random() < 0.2:
                value.pop(key, None)
            else:
                value[key] = self._value(3)
        indent = self._random.choice((None, 4))
        text = json.dumps(value, ensure_ascii=self._random.random() < 0.5, indent=indent)
        return text.encode(errors="surrogatepass")

    def _value(self, levels: int) -> object:
        kind = self._random.random()
        if kind < 0.35 or levels == 0:
            return self.text()
        if kind < 0.6:
            return self._random.choice(NUMBERS)
        if kind < 0.7:
            number = struct.unpack("d", self._random.randbytes(8))[0]
            return self._random.choice((None, True, False, [], {}, number))
        if kind < 0.73:
            deep: object = self.text()
            for _ in range(self._random.choice((90, 150, 198, 300))):
                deep = [deep] if self._random.random() < 0.5 else {"deep": deep}
            return deep
        items = [self._value(levels - 1) for _ in range(self._random.randint(0, 3))]
        return items if kind < 0.85 else {self.text(): item for item in items}
