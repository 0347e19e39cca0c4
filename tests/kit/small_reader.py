"""A reader that keeps to format 1.0, made to be broken by single edits: `small_reader.py DIRECTORY`.

It prints what spec/kit/reader.py asks for, and shares no code with the packages.
"""

import json
import math
import os
import re
import stat
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

JSON_FILES = ("metadata.json", "args.json", "default_args.json", "summary.json")
REQUIRED = ("metadata.json", "args.json", "STATUS")
LEGACY = (*REQUIRED, "default_args.json", "stdout", "stderr")
JSON_BYTES = 16 * 2**20
LEVELS = 100
OUTPUT_BYTES = 4000
FORMAT = "Meticulous experiment folder"
WORDS = ("RUNNING", "SUCCESS", "ERROR")
VERSION = re.compile(r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)", re.ASCII)
TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?", re.ASCII)


TIMES = ("timestamp", "start-time", "end-time")
TEXTS = "recorder githead-branch git-remote working-directory hostname process-start slurm-job-id lsf-job-id"
TEXTS += (
    " slurm-array-job-id slurm-array-task-id slurm-cluster-name slurm-restart-count pbs-job-id lsf-job-index"
)
FORMS = dict.fromkeys(TEXTS.split(), r"(?s).+")
FORMS |= {"githead-sha": "[0-9a-f]{40}|[0-9a-f]{64}", "githead-message": "(?s).*", "description": "(?s).*"}
FORMS |= {"uuid": "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "runtime": r"\S(.*\S)? \S+"}


def is_list(kind):
    return lambda value: isinstance(value, list) and all(isinstance(item, kind) for item in value)


TYPES = {
    "command": is_list(str),
    "earlier-sessions": is_list(dict),
    "git-repositories": is_list(dict),
    "git-dirty": lambda value: isinstance(value, bool),
    "githead-claimed": lambda value: value is True,
    "pid": lambda value: type(value) is int and value > 0,
    "heartbeat-seconds": lambda value: type(value) in (int, float) and value > 0,
}


class Unreadable(Exception):
    """Why nothing of a file can be given."""


# Files


def read(path, limit=JSON_BYTES, end=False):
    """All of a file, or its end; links are not followed, and pipes not waited for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError as error:
        raise Unreadable("missing" if isinstance(error, FileNotFoundError) else str(error)) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable("not a regular file")
        os.lseek(descriptor, max(0, status.st_size - limit) if end else 0, os.SEEK_SET)
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(limit + 1)
    finally:
        os.close(descriptor)
    if len(data) > limit and not end:
        raise Unreadable("too large")
    return data


# JSON


def parse(data, tell, legacy=False):
    """The object in a JSON file; {} where there is none."""

    def unique(pairs):
        found = dict(pairs)
        if len(found) != len(pairs):
            tell("a key that is repeated")
        return found

    def constant(token):
        if not legacy:
            tell(f"the token {token}")
        return float(token)

    try:
        text = data.decode("utf-8")
        if text.startswith("\ufeff"):
            tell("a byte order mark")
            text = text[1:]
        value = json.loads(text, object_pairs_hook=unique, parse_constant=constant)
    except RecursionError:
        tell("too deep")
        return {}
    except ValueError as error:
        tell(f"no JSON: {error}")
        return {}
    if not isinstance(value, dict):
        tell("no object at its top")
        return {}
    if depth(value) > LEVELS:
        tell("too deep")
        return {}
    return value


def depth(value):
    count, level = 0, [value]
    while level:
        inner = (item.values() if isinstance(item, dict) else item for item in level)
        level = [item for items in inner for item in items if isinstance(item, (dict, list))]
        count += 1
    return count


def moment(value, tell, legacy=False):
    """A time in UTC; None where there is none."""
    found = TIME.fullmatch(value) if isinstance(value, str) else None
    if legacy and type(value) in (int, float):
        return datetime.fromtimestamp(value, timezone.utc).isoformat()
    if value is not None and (found is None or not (found[5] or legacy)):
        tell(f"{value!r} is no time")
        return None
    if value is None:
        return None
    day, minute, second, fraction, offset = found.groups()
    second = min(int(second), 59)
    offset = "" if offset is None else offset.replace("Z", "+00:00")
    try:
        time = datetime.fromisoformat(f"{day}T{minute}:{second:02}.{(fraction or '0'):0<6.6}{offset}")
    except ValueError:
        tell(f"{value!r} is no time")
        return None
    return time.astimezone(timezone.utc).isoformat()


# STATUS


def state(data, tell, legacy):
    """The first line of STATUS, and what follows."""
    text = data.decode(errors="replace")
    if legacy and text.startswith("Traceback"):
        return "ERROR", text.strip()
    word, _, reason = text.partition("\n")
    word = word.removesuffix("\r")
    if legacy and word == "SUCESS":
        word = "SUCCESS"
    if word not in WORDS:
        tell("no known word")
    return word.strip() or None, reason.strip()


def start_of(pid):
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return "unknown"
    return "dead" if fields[0] in (b"Z", b"X") else fields[19].decode()


def is_there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def lost(metadata):
    """The procedure of section 16."""
    host, pid, start = (metadata.get(key) for key in ("hostname", "pid", "process-start"))
    if not isinstance(host, str) or host.lower() != os.uname().nodename.lower():
        return "unknown"
    if type(pid) is not int or not 0 < pid < 2**31:
        return "unknown"
    if start is None:
        return "unknown" if sys.platform == "linux" or is_there(pid) else "yes"
    form = re.fullmatch("linux:([^:]*):([^:]*):([^:]*)", str(start))
    if not form or sys.platform != "linux":
        return "unknown"
    if form[1] != Path("/proc/sys/kernel/random/boot_id").read_text().strip():
        return "unknown"
    if f"pid:[{form[2]}]" != os.readlink("/proc/self/ns/pid"):
        return "unknown"
    if not is_there(pid):
        return "yes"
    found = start_of(pid)
    return "unknown" if found == "unknown" else "no" if found == form[3] else "yes"


def life(folder, metadata):
    """Whether an experiment whose STATUS says RUNNING is lost or silent."""
    found = lost(metadata)
    try:
        if not read(folder / "STATUS").startswith(b"RUNNING"):
            return None
        silence = time.time() - os.lstat(folder / "STATUS").st_mtime
    except (Unreadable, OSError):
        return None
    if found == "yes":
        return "lost"
    beat = metadata.get("heartbeat-seconds")
    known = isinstance(beat, (int, float)) and beat > 0
    return "silent" if found == "unknown" and known and silence > 5 * beat else None


# An experiment


def experiment(folder):
    problems = set()

    def teller(name):
        return lambda message: problems.add(name)

    contents, missing = {}, []
    for name in ("STATUS", *JSON_FILES):
        try:
            contents[name] = read(folder / name)
        except Unreadable as error:
            missing += [name] if str(error) == "missing" else []
            if str(error) != "missing":
                teller(name)(str(error))
    metadata, version, legacy, newer = version_of(contents.get("metadata.json"), teller("metadata.json"))
    objects = {name: {} for name in JSON_FILES[1:]}
    for name in objects.keys() & contents.keys():
        if not newer and not (legacy and contents[name].strip() == b"null"):
            objects[name] = parse(contents[name], teller(name), legacy)
    status, reason = None, ""
    if "STATUS" in contents and not newer:
        status, reason = state(contents["STATUS"], teller("STATUS"), legacy)
    times = {
        key: moment(metadata.get(key), teller("metadata.json"), legacy)
        for key in ("timestamp", "start-time", "end-time")
    }
    times["timestamp"] = times["timestamp"] or times["start-time"]
    times["start-time"] = times["start-time"] or times["timestamp"]
    output = {}
    for name in ("stdout", "stderr"):
        try:
            output[name] = read(folder / name, OUTPUT_BYTES, end=True).decode(errors="replace")[-1000:]
        except Unreadable as error:
            output[name] = ""
            missing += [name] if str(error) == "missing" else []
            if str(error) != "missing":
                teller(name)(str(error))
    problems.update(set(missing) & set(LEGACY if legacy else REQUIRED))
    return {
        "format-version": version,
        "status": status,
        "reason": reason,
        **times,
        "metadata": metadata,
        "args": objects["args.json"],
        "default_args": objects["default_args.json"],
        "summary": objects["summary.json"],
        **output,
        "life": life(folder, metadata) if status == "RUNNING" else None,
        "problems": sorted(problems),
    }


def version_of(data, tell):
    """metadata.json and its version; whether that is the legacy format's, and whether a newer major one."""
    if data is None:
        return {}, None, False, False
    told = []
    metadata = parse(data, told.append)
    if metadata.get("format", FORMAT) != FORMAT:
        tell("another format")
        return {"format": metadata["format"]}, None, False, True
    if metadata and "format-version" not in metadata:
        return metadata, "0", True, False
    for message in told:
        tell(message)
    found = metadata.get("format-version")
    form = VERSION.fullmatch(found) if isinstance(found, str) else None
    form = None if form and form[1] == "0" else form
    if metadata and form is None:
        tell("no version")
    if form and int(form[1]) > 1:
        tell("a newer version")
        return {"format-version": found}, found, False, True
    for key in [key for key, value in metadata.items() if not is_right(key, value)]:
        tell(f"{key} has another type or form")
        if key not in TIMES:
            del metadata[key]
    return metadata, form and found, False, False


def is_right(key, value):
    """Whether the value of a key has the type and form that version 1.0 gives it."""
    if key in FORMS:
        return isinstance(value, str) and re.fullmatch(FORMS[key], value) is not None
    if key in TYPES:
        check = TYPES[key]
        return check(value)
    return True


def plain(value):
    """Numbers that are not finite have names."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def main(directory):
    found = {}
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                found[entry.name] = experiment(Path(entry.path))
    print(json.dumps({"experiments": plain(found)}))


if __name__ == "__main__":
    main(sys.argv[1])
