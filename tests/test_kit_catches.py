"""The kit can't rot into always passing: implementations that break one requirement each are caught by its name.

Each is our own package with a few words changed. A change that finds nothing to change fails, too.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
KIT = ROOT / "spec" / "kit"
ADAPTERS = ROOT / "tests" / "adapters"
SOURCES = {
    "reader": ROOT / "packages" / "meticulous-read" / "src" / "meticulous_read",
    "recorder": ROOT / "packages" / "meticulous-record" / "src" / "meticulous",
}

# requirement (and a word, where it is broken in several ways): scenario or fixture, then what is changed: file,
# old words, new words, and so on.
RECORDERS = {
    "DIR-1": (
        "success",
        "_disk/folder",
        "experiments_directory / str(number)",
        'experiments_directory / f"run{number}"',
    ),
    "DIR-2": ("the-directory", "_disk/folder", r'b"*\n"', 'b"*"'),
    "DIR-3": (
        "the-directory",
        "_disk/folder",
        "if path.is_dir():  #",
        r'if path.is_dir() and not atomic.replace(path / _format.GITIGNORE, b"*\n"):  #',
    ),
    "DIR-4": (
        "an-id-that-is-taken",
        "_disk/folder",
        "                path.mkdir()\n                return cls(path)",
        "                __import__('shutil').rmtree(path, True)\n                path.mkdir()\n                return cls(path)",
    ),
    "DIR-5": (
        "success",
        "_session/session",
        "path.touch()",
        "path.symlink_to(os.devnull) if path.name == 'stderr' else path.touch()",
    ),
    "DIR-6": ("files-of-its-own", "_disk/folder", "path.name.lower() in _RESERVED", "path.name in ()"),
    "DIR-7": ("success", "_disk/atomic", 'f".{path.name}.', 'f"{path.name}.'),
    "DIR-8": ("permissions", "_disk/atomic", "flags, 0o666", "flags, 0o600"),
    "ID-1": ("given-ids", "_disk/folder", "if not _ID.fullmatch(experiment_id)", "if False"),
    "ID-2": ("given-ids", "_disk/folder", "> _format.EXPERIMENT_ID_LENGTH", "> 200"),
    "ID-3": (
        "given-ids",
        "_disk/folder",
        "if experiment_id.partition",
        "if False and experiment_id.partition",
    ),
    "ID-4": ("numbers", "_disk/folder", "number = _highest_number(experiments_directory)", "number = 0"),
    "ID-5": (
        "a-number-that-is-taken",
        "_disk/folder",
        "path.mkdir()\n                except",
        "path.mkdir(exist_ok=True)\n                except",
    ),
    "ID-6": (
        "a-number-that-is-taken",
        "_disk/folder",
        "                    continue",
        "                    number = _highest_number(experiments_directory)\n                    continue",
    ),
    "ID-7": (
        "an-id-that-is-taken",
        "_start/start",
        "named = ExperimentFolder(directory / str(options.experiment_id))",
        "folder = ExperimentFolder.claim(directory)",
        "_start/start",
        "earlier = _resume.claim_named(named, args, checkout.sha, checkout.patch)",
        "pass",
    ),
    "JSON-1": ("success", "_disk/encode", r'allow_nan=False) + "\n"', r'allow_nan=False) + ",\n"'),
    "JSON-2": ("success", "_disk/encode", "return text.encode(", r"return b'\xef\xbb\xbf' + text.encode("),
    "JSON-3": (
        "no-defaults",
        "_start/start",
        "args)\n    folder.write_json(_format.DEFAULT_ARGS, default_args)",
        "args)\n    folder.write_json(_format.DEFAULT_ARGS, default_args or None)",
    ),
    "JSON-4": (
        "success",
        "_disk/encode",
        r'allow_nan=False) + "\n"',
        r'allow_nan=False).replace("{\n", "{\n    \"a\": 0,\n    \"a\": 1,\n", 1) + "\n"',
    ),
    "JSON-5": (
        "odd-values",
        "_disk/encode",
        "return _number(float(value))",
        "return float(value)",
        "_disk/encode",
        "allow_nan=False",
        "allow_nan=True",
    ),
    "JSON-6": (
        "unpaired",
        "_disk/encode",
        'encode("utf-8", "backslashreplace")\n\n\ndef canonical',
        'encode("utf-8", "surrogatepass")\n\n\ndef canonical',
    ),
    "JSON-7": ("success", "_disk/encode", r'allow_nan=False) + "\n"', "allow_nan=False)"),
    "JSON-8": ("success", "_disk/encode", "indent=4", "indent=2"),
    "JSON-9": ("odd-values", "_disk/encode", "indent=4", "indent=4, sort_keys=True"),
    "JSON-10": (
        "floats-that-are-whole",
        "_disk/encode",
        "return _number(float(value))",
        "return int(value) if value.is_integer() else _number(value)",
    ),
    "JSON-11": ("deep-values", "_disk/encode", "_DEPTH = 100", "_DEPTH = 400"),
    "META-1": ("success", "_start/start", '"command": _command(),', ""),
    "META-2": ("success", "_start/start", '"command": _command()', '"command": " ".join(_command())'),
    "META-3": ("success", "_session/session", "now().astimezone()", "now()"),
    "META-4": ("jobs", "_process", "if os.environ.get(name)", "if name in os.environ"),
    "META-5": ("success", "_start/start", '"githead-sha": checkout.sha', '"githead-sha": checkout.sha[:12]'),
    "META-6": ("success", "_start/start", '"timestamp": start', '"timestamp": now()'),
    "META-7": ("success", "_start/repository", "return without_credentials(str(url))", "return str(url)"),
    "META-8": ("a-patch", "_start/start", "bool(checkout.patch)", "False"),
    "META-9": ("success", "_start/start", '"git-dirty"', '"dirty"'),
    "META-10": (
        "resumed",
        "_start/start",
        "if key not in _format.SESSION_KEYS}",
        "if key not in _format.SESSION_KEYS and ':' not in key}",
    ),
    "VENDOR-1": ("success", "_start/start", '"recorder": f', '":recorder": f'),
    "ARGS-1": (
        "success",
        "_start/start",
        "metadata)\n    folder.write_json(_format.ARGS, args)",
        "metadata)\n    folder.write_json(_format.ARGS, {})",
    ),
    "ARGS-2": (
        "success",
        "_start/start",
        "metadata)\n    folder.write_json(_format.ARGS, args)",
        'metadata)\n    folder.write_json(_format.ARGS, {**args, "resume": options.resume})',
    ),
    "ARGS-3": (
        "success",
        "_start/start",
        "args)\n    folder.write_json(_format.DEFAULT_ARGS, default_args)",
        "args)\n    folder.write_json(_format.DEFAULT_ARGS, {})",
    ),
    "ARGS-4": (
        "no-defaults",
        "_start/start",
        "args)\n    folder.write_json(_format.DEFAULT_ARGS, default_args)",
        "args)\n    folder.write_json(_format.DEFAULT_ARGS, default_args or args)",
    ),
    "ARGS-5": ("objects", "_disk/encode", 'text = _ADDRESS.sub("", text)', "pass"),
    "SUMMARY-1": ("summaries", "_session/session", "if update else dict(values)", "if values else {}"),
    "STATUS-1": (
        "odd-exception",
        "_disk/folder",
        '"utf-8", "backslashreplace"',
        '"utf-8", "surrogateescape"',
    ),
    "STATUS-2": (
        "success",
        "_session/session",
        "write_status(_format.RUNNING)",
        'write_status("RUNNING\\nsince noon")',
    ),
    "STATUS-3": (
        "exit-codes",
        "_session/status",
        'return f"{_format.ERROR}\\nexit code {number}" if number else _format.SUCCESS',
        'return f"{_format.ERROR}\\nexit code {number}"',
    ),
    "STATUS-4": ("exceptions", "_session/status", 'return f"{_format.ERROR}\\n{lines}"', "return lines"),
    "STATUS-5": ("exit-codes", "_session/status", "exit code {number}", "sys.exit({number})"),
    "STATUS-6": ("signals", "_session/signals", "signal {signal.Signals(number).name}", "signal {number}"),
    "STATUS-7": (
        "exceptions",
        "_session/status",
        'return "".join(lines)',
        'return "an error" or "".join(lines)',
    ),
    "STATUS-8": (
        "exceptions",
        "_session/status",
        'return "".join(lines)',
        'return str(error) or "".join(lines)',
    ),
    "OUT-1": ("success", "_session/session", "path.touch()", "path.name == 'stderr' or path.touch()"),
    "OUT-2": ("resumed", "_session/streams", "os.O_CREAT | os.O_APPEND", "os.O_CREAT | os.O_TRUNC"),
    "OUT-2 append": ("success", "_session/streams", "os.O_CREAT | os.O_APPEND", "os.O_CREAT"),
    "OUT-3": ("output", "_session/streams", "str.encode(text)", r'str.encode(text.replace("\r", ""))'),
    "GIT-1": ("changed-code", "_start/start", "if allowed or not files", "if True"),
    "GIT-2": ("a-patch", "_start/repository", '"--binary", ', ""),
    "GIT-2 untracked": (
        "code-that-is-not-tracked",
        "_start/repository",
        "for name in unknown:",
        "for name in ():",
    ),
    "GIT-3": ("a-patch", "_start/start", "if checkout.patch:", "if options.allow_dirty:"),
    "REQ-1": ("success", "_start/environment", "sorted(found.items())", "reversed(sorted(found.items()))"),
    "REQ-2": ("success", "_start/environment", 'match["name"]).lower()', 'match["name"]).upper()'),
    "WRITE-1": (
        "summaries",
        "_disk/atomic",
        "_rename(temporary, path)",
        "path.write_bytes(data), _unlink(temporary)",
    ),
    "WRITE-1 names": (
        "names-of-temporary-files",
        "_disk/atomic",
        '.{os.urandom(6).hex()}"',
        '.tmp"',
        "_disk/atomic",
        "os.O_CREAT | os.O_EXCL",
        "os.O_CREAT | os.O_TRUNC",
    ),
    "WRITE-1 life": (
        "heartbeat",
        "_session/session",
        "os.utime(self.folder.status_path)",
        'self.folder.status_path.write_text("RUNNING\\n")',
    ),
    "WRITE-4": (
        "no-room",
        "_disk/atomic",
        "    _unfinished.add(temporary)",
        "    path.write_bytes(data[:100])\n    _unfinished.add(temporary)",
    ),
    "WRITE-5": (
        "forked-child",
        "_session/session",
        "not self._ended and os.getpid() == self._process",
        "not self._ended",
        "_session/ending",
        "if os.getpid() != _process:",
        "if False:",
        "_session/ending",
        "    if _watching:\n        _watching.clear()\n        _uninstall()\n",
        "    pass\n",
    ),
    "WRITE-7": ("no-room", "_disk/atomic", "        _unlink(temporary)\n        raise", "        raise"),
    "START-1": (
        "the-order-of-a-start",
        "_start/start",
        "    folder.write_json(_format.METADATA, metadata)\n    folder.write_json(_format.ARGS, args)",
        "    folder.write_json(_format.ARGS, args)\n    folder.write_json(_format.METADATA, metadata)",
    ),
    "START-2": ("no-room-at-all", "_start/start", "folder.remove()", "pass"),
    "LIVE-1": ("heartbeat", "_session/session", "self._heartbeat.start()", "pass"),
    "LIVE-2": ("heartbeat", "_session/session", "self._heartbeat.start()", "pass"),
    "LIVE-3": ("success", "_process", '"hostname": platform.node()', '"hostname": "localhost"'),
    "LIVE-4": ("success", "_process", "fields[19]", "fields[20]"),
    "END-1": (
        "success",
        "_session/session",
        '        self._metadata["end-time"] = now()',
        '        self._try(_format.STATUS, lambda: self.folder.write_status(status))\n        self._metadata["end-time"] = now()',
    ),
    "END-2": ("success", "_start/start", '"start-time": start,', '"start-time": start, "end-time": start,'),
    "END-4": ("handled-signal", "_session/signals", "self._note(_format.RUNNING)", "pass"),
    "RESUME-1": (
        "while-it-runs",
        "_start/resume",
        "(status.splitlines()[0] == _format.RUNNING and not ended)",
        "False",
    ),
    "RESUME-3": (
        "not-resumed",
        "_start/resume",
        'return metadata.get("format-version") == _format.FORMAT_VERSION',
        "return True",
    ),
    "RESUME-4": ("not-resumed", "_start/resume", 'if metadata.get("githead-sha") != sha:', "if False:"),
    "RESUME-5": ("not-resumed", "_start/resume", "if folder.read_patch() != patch and", "if False and"),
    "RESUME-6": (
        "not-resumed",
        "_start/resume",
        "if canonical(recorded) != canonical(dict(args)):",
        "if False:",
    ),
    "RESUME-7": ("not-resumed", "_start/resume", "os.O_CREAT | os.O_EXCL", "os.O_CREAT"),
    "RESUME-8": (
        "resumed",
        "_start/resume",
        "    status = folder.read_status() or _format.RUNNING\n    metadata = folder.read_json(_format.METADATA)",
        "    metadata = folder.read_json(_format.METADATA)\n    status = folder.read_status() or _format.RUNNING",
    ),
    "RESUME-9": ("resumed-after-half", "_start/start", "if not folder.has(_format.DEFAULT_ARGS)", "if False"),
    "RESUME-10": ("resumed", "_start/start", "_resume.release(earlier.claim)", "pass"),
    "RESUME-11": (
        "resumed",
        "_start/resume",
        'session["status"] = status',
        'session["status"] = status.split()[0]',
    ),
    "RESUME-12": ("resumed", "_start/start", "if key not in _format.SESSION_KEYS}", "}"),
    "RESUME-13": ("resumed", "_start/start", "if key in _format.SESSION_KEYS or", "if True or"),
    "RESUME-14": (
        "resumed",
        "_start/start",
        "    if not folder.has(_format.DEFAULT_ARGS):\n        folder.write_json(_format.DEFAULT_ARGS, default_args)",
        "    folder.write_json(_format.DEFAULT_ARGS, {})",
    ),
}

READERS = {
    "READ-1": ("READ-1-what", "experiments", 'if entry.name[0] != "."', "if entry.name"),
    "READ-2": (
        "READ-2-names",
        "_disk/folder",
        "        if not self._problems:",
        "        for name in os.listdir(self._path):\n            if name[0] == '.':\n                self.note(name, 'unknown')\n        if not self._problems:",
    ),
    "READ-3": ("VENDOR-1-vendors", "experiment", "METADATA, *found, problem)", "METADATA, *found, 'x' if 'a:b:c' in self.metadata else problem)"),
    "READ-4": ("JSON-1-empty", "_parse", 'return {}, [*problems, "empty"]', "raise RuntimeError"),
    "READ-5": ("JSON-1-cut", "_parse", '[*problems, f"cut off at {where}"]', "problems"),
    "READ-6": ("READ-6-no", "experiment", "if name == SUMMARY and", "if False and"),
    "READ-7": (
        "the order of reading",
        "experiment",
        "        status = self._folder.read(STATUS)\n        data = self._folder.read(METADATA)",
        "        data = self._folder.read(METADATA)\n        status = self._folder.read(STATUS)",
    ),
    "READ-8": ("in motion: changes", "_files", "        return Content(None, None, MISSING)", "        raise"),
    "READ-9": ("JSON-4-repeated", "_parse", "        found = dict(pairs)\n        if len(found) != len(pairs):\n            seen", "        found = dict(reversed(pairs))\n        if len(found) != len(pairs):\n            seen"),
    "READ-10": ("JSON-5-bare", "_parse", "return float(token)", "return 0.0"),
    "READ-11": ("JSON-2-byte", "_parse", "text = text[1:]", "pass"),
    "READ-12": ("JSON-8-compact", "_parse", "if not text.strip():", r'if not text.startswith(("{\n    ", "{}")):'),
    "READ-13": ("JSON-6-unpaired", "_parse", "value = _STRICT.decode(text)", "value = _STRICT.decode(text)\n            json.dumps(value, ensure_ascii=False).encode()"),
    "READ-14": ("READ-14-16-MiB", "_files", "JSON_LIMIT = 16 * 2**20", "JSON_LIMIT = 8 * 2**20"),
    "READ-16": ("STATUS-4-unknown", "_parse", "return word, message.strip(\"\\r\\n\"), f\"says", "return ERROR, message.strip(\"\\r\\n\"), f\"says"),
    "READ-17": ("OUT-3-bytes", "_disk/folder", 'data.decode(errors="replace")', 'data.decode(errors="ignore")'),
    "STATE-1": ("STATE-1-end-time", "experiment", 'self.end_time = self._time("end-time")', 'self.end_time = self._time("end-time")\n        self.status = "SUCCESS" if self.end_time else self.status'),
    "STATE-2": ("STATE-2-another-namespace", "_liveness", "st_ino) == namespace", "st_ino) != ''"),
    "STATE-3": ("STATE-3-not-yet", "experiment", "> SILENT_HEARTBEATS * beat > 0", "> beat > 0"),
    "STATE-4": ("STATUS-3-success", "experiment", "self._folder = Folder(directory)", "self._folder = Folder(directory)\n        open(os.path.join(directory, '.seen'), 'w').close()"),
    "VERSION-1": ("newer-minor", "_parse", "if int(found[1]) > _MAJOR:", "if version != FORMAT_VERSION:"),
    "VERSION-2": ("newer-major", "_parse", "if int(found[1]) > _MAJOR:", "if False:"),
    "VERSION-3": ("0/2024", "_parse", 'return LEGACY, "", True', 'return FORMAT_VERSION, "", True'),
    "VERSION-4": ("VERSION-4-a-number", "_parse", "read as {FORMAT_VERSION}\", True", "read as {FORMAT_VERSION}\", False"),
    "VERSION-5": ("VERSION-5-a", "experiment", "self.summary = self._read_object(SUMMARY)\n\n    @property", "self.summary = self._read_object(SUMMARY) | self._read_object('metrics.json')\n\n    @property"),
    "VERSION-6": ("misspelt", "_parse", 'if word == "SUCESS":', "if False:"),
    "SAFE-1": ("SAFE-1-a-link-for-args", "_files", '_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)', "_NOFOLLOW = 0", "_files", "and os.path.islink(path)", "and False"),
    "SAFE-2": ("SAFE-2-a-pipe-for-summary", "_files", 'getattr(os, "O_NONBLOCK", 0)', "0"),
    "SAFE-3": ("SAFE-3-a-link", "experiments", "if entry.is_symlink():", "if False:"),
    "SAFE-4": ("SAFE-4-endless", "_files", "OUTPUT_LIMIT = 64 * 2**20", "OUTPUT_LIMIT = 1500 * 2**20"),
    "SAFE-7": ("SAFE-7-nothing", "experiment", "self._folder = Folder(directory)", "self._folder = Folder(directory)\n        os.system(\"echo ran > ran\")"),
}  # fmt: skip

# What nobody can see from outside; what holds it instead stands in the table of requirements.
UNSEEN = {
    "LIVE-5", "WRITE-2", "WRITE-3", "WRITE-6",
    "READ-15", "SAFE-5", "SAFE-6",
}  # fmt: skip


def levels():
    listed = subprocess.run(
        [sys.executable, "-c", "import json, report; print(json.dumps(report.requirements()))"],
        cwd=KIT,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(listed.stdout)


def test_there_is_a_broken_implementation_of_each_requirement_that_can_be_seen_broken():
    must = {name for name, level in levels().items() if level != "MAY"}
    caught = {name.split()[0] for name in RECORDERS} | READERS.keys()
    assert caught | UNSEEN == must | {"SAFE-3"}
    assert not UNSEEN & caught


def broken(tmp_path, which, changes):
    """A copy of a package with the changes made."""
    package = shutil.copytree(SOURCES[which], tmp_path / "broken" / SOURCES[which].name)
    for file, old, new in zip(*[iter(changes)] * 3):
        path = package / f"{file}.py"
        text = path.read_text("utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}.py"
        path.write_text(text.replace(old, new), "utf-8")
    return {**os.environ, "PYTHONPATH": str(tmp_path / "broken"), "PYTHONDONTWRITEBYTECODE": "1"}


def breaches(tmp_path, kit, environment, only, command):
    """The requirements that the kit names. It waits for little time only, as some never end."""
    start = (
        f"import sys; sys.path.insert(0, {str(KIT)!r}); import {kit}, stage; {kit}.SECONDS = stage.SECONDS = 5; "
        f"sys.argv[1:] = {['--only', only, *command]!r}; sys.exit({kit}.main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", start],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    told = re.findall(r"^(?:FAIL|warn)  (\S+(?:, \S+)*)  ", done.stdout, re.MULTILINE)
    return {name for names in told for name in names.split(", ")}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kit sees less")
@pytest.mark.parametrize("requirement", RECORDERS)
def test_a_broken_recorder_is_caught(requirement, tmp_path):
    only, *changes = RECORDERS[requirement]
    environment = broken(tmp_path, "recorder", changes)
    copy = ["--copy", str(ADAPTERS / "record.py")]
    assert requirement.split()[0] in breaches(
        tmp_path, "recorder", environment, only, [*copy, "--", sys.executable, "record.py"]
    )


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kit sees less")
@pytest.mark.parametrize("requirement", READERS)
def test_a_broken_reader_is_caught(requirement, tmp_path):
    only, *changes = READERS[requirement]
    environment = broken(tmp_path, "reader", changes)
    command = ["--", sys.executable, str(ADAPTERS / "read.py")]
    assert requirement in breaches(tmp_path, "reader", environment, only, command)
