"""Runs in MLflow's file store become experiment folders: `python mlflow_runs.py mlruns experiments`.

Standard library only, written from spec/ alone. A run that was converted before is left out, so this can
be repeated. What MLflow does not keep is absent: the command line, changes of the code, the machine,
output, why a run failed. It keeps parameters as texts; what looks like a number is written as one. Of a
metric, the summary has the latest value; the series stays in `mlflow/metrics/`. The user's name is left
out, and artifacts stay where they are.
"""

import json
import os
import re
import shutil
import sys
import uuid
from datetime import datetime, timezone
from pathlib import Path

# 1 and 2 are RUNNING and SCHEDULED: nobody can say whether such a run was killed.
STATUS = {"3": "SUCCESS\n", "4": "ERROR\nfailed, no reason kept\n", "5": "ERROR\nkilled, no signal kept\n"}
WORDS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,99})(\.[0-9]+)?([eE][-+]?[0-9]{1,2})?")


def read(file):
    return file.read_text("utf-8").rstrip("\n") if file.exists() else None


def read_yaml(file):  # flat, one key a line
    return dict(re.findall(r"^(\w+): '?(.*?)'?$", read(file) or "", re.MULTILINE))


def read_all(folder):  # a name with a slash is a file in a subfolder
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): read(path) for path in files}


def time(milliseconds):
    return datetime.fromtimestamp(int(milliseconds) / 1000, timezone.utc).isoformat(timespec="milliseconds")


def latest(lines):  # of `time value step`, by step and then by time
    found = max((line.split() for line in lines.splitlines()), key=lambda each: (int(each[2]), int(each[0])))
    value = float(found[1])
    return WORDS.get(str(value), value)


def write(folder, name, content):
    text = content if isinstance(content, str) else json.dumps(content, indent=4, ensure_ascii=False) + "\n"
    with open(folder / f".{name}.new", "wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    os.replace(folder / f".{name}.new", folder / name)


def convert(run, meta, experiment, folder):
    tags, params, metrics = (read_all(run / kind) for kind in ("tags", "params", "metrics"))
    commit = tags.get("mlflow.source.git.commit", "")
    facts = {
        "format": "Meticulous experiment folder",
        "format-version": "1.0",
        "uuid": str(uuid.UUID(meta["run_id"])),
        "githead-sha": commit if re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", commit) else None,
        "description": tags.get("mlflow.note.content") or meta.get("run_name"),
        "timestamp": time(meta["start_time"]),
        "start-time": time(meta["start_time"]),
        "recorder": "mlflow_runs.py 1",
        "end-time": time(meta["end_time"]) if meta["end_time"] != "null" else None,
        **{f"mlflow:{key}": meta.get(key) for key in ("run_id", "run_name", "artifact_uri")},
        **{f"mlflow:{tag}": tags.get(f"mlflow.{tag}") for tag in ("source.name", "parentRunId")},
        "mlflow:experiment": experiment,
    }
    write(folder, "metadata.json", {key: value for key, value in facts.items() if value})
    params = {key: json.loads(text) if NUMBER.fullmatch(text) else text for key, text in params.items()}
    write(folder, "args.json", params)
    if metrics:
        write(folder, "summary.json", {key: latest(lines) for key, lines in metrics.items()})
    but = shutil.ignore_patterns("artifacts", "mlflow.user", "meta.yaml")
    shutil.copytree(run, folder / "mlflow", ignore=but)
    write(folder, "STATUS", STATUS.get(meta["status"], "RUNNING\n"))


def claim(directory, number):
    try:
        (directory / str(number)).mkdir()
    except FileExistsError:
        return claim(directory, number + 1)
    return number


def main(store, directory):
    if not directory.exists():
        directory.mkdir(parents=True)
        (directory / ".gitignore").write_text("*\n")
    whole = [status.parent / "metadata.json" for status in directory.glob("*/STATUS")]
    known = {json.loads(read(file)).get("uuid") for file in whole}
    numbers = [int(name) for name in os.listdir(directory) if re.fullmatch("[1-9][0-9]{0,17}", name)]
    number = max(numbers, default=0)
    runs = [(read_yaml(file), file.parent) for file in store.glob("*/*/meta.yaml")]
    for meta, run in sorted(runs, key=lambda each: each[0]["start_time"]):
        if meta["lifecycle_stage"] == "deleted" or str(uuid.UUID(meta["run_id"])) in known:
            continue
        number = claim(directory, number + 1)
        convert(run, meta, read_yaml(run.parent / "meta.yaml").get("name"), directory / str(number))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
