import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from meticulous_cli.validate.folder import judge
from meticulous_cli.validate.validate import validate

HERE = {"hostname": "node7", "pid": 1}


def dump(path, value):
    path.write_text(json.dumps(value, indent=4) + "\n", newline="\n")


@pytest.fixture
def good(make):
    """Return a function that writes an experiment which keeps to the format."""

    def good(name, **metadata):
        folder = make(name, {"lr": 0.1}, {"loss": 1.5}, **HERE, **metadata)
        for file in folder.glob("*.json"):
            file.write_text(file.read_text() + "\n", newline="\n")
        return folder

    return good


@pytest.fixture
def check(tmp_path):
    """Return a function that validates `experiments` and returns the lines, from the id on, and the code."""

    def check():
        text, code = validate([str(tmp_path / "experiments")])
        return text.replace(f"{tmp_path / 'experiments'}{os.sep}", "").split("\n"), code

    return check


def change(folder, file="metadata.json", **changes):
    value = json.loads((folder / file).read_bytes())
    dump(folder / file, {**value, **{key.replace("_", "-"): new for key, new in changes.items()}})


def test_what_is_right_is_counted(good, check):
    good("1")
    assert check() == (["ok: 1 experiment keeps to format 1.0"], 0)
    good("2")
    assert check() == (["ok: 2 experiments keep to format 1.0"], 0)


def test_each_breach_has_its_requirement_and_file_in_the_order_of_the_experiments(good, check):
    for name in ("b", "10", "9"):
        good(name)
    (Path(good("2")) / "STATUS").write_text("SUCESS\n", newline="\n")
    folder = good("11", end_time="noon")
    change(folder, colour="blue", githead_sha="39923da", git_remote="https://ada:secret@example.org/x.git")
    (folder / "args.json").unlink()
    lines, code = check()
    assert code == 1
    assert [line.split(": ")[:3] for line in lines[:-1]] == [
        ["2", "STATUS-4", "STATUS"],
        ["11", "START-1", "args.json"],
        ["11", "META-5", "metadata.json"],
        ["11", "META-3", "metadata.json"],
        ["11", "META-7", "metadata.json"],
        ["11", "META-9", "metadata.json"],
    ]
    assert lines[0] == "2: STATUS-4: STATUS: starts with 'SUCESS', not RUNNING, SUCCESS or ERROR"
    assert lines[-1] == "2 of 5 experiments break format 1.0"
    assert "secret" not in "".join(lines)


def test_what_is_only_recommended_is_a_warning(good, check):
    folder = good("1")
    (folder / "args.json").write_text('{"lr": 0.1}\n', newline="\n")
    (folder / "summary.json").write_text("{" + '"a": {' * 100 + "}" * 101 + "\n", newline="\n")
    metadata = json.loads((folder / "metadata.json").read_bytes())
    del metadata["pid"], metadata["end-time"]
    dump(folder / "metadata.json", metadata)
    (folder / "STATUS").write_text("RUNNING\n", newline="\n")
    (folder / "default_args.json").write_text("{}", newline="\n")
    (*lines, total), code = check()
    assert [line.split(": ")[:4] for line in lines] == [
        ["1", "warning", "JSON-8", "args.json"],
        ["1", "warning", "JSON-7", "default_args.json"],
        ["1", "warning", "JSON-11", "summary.json"],
        ["1", "warning", "LIVE-3", "metadata.json"],
    ]
    assert (total, code) == ("ok: 1 experiment keeps to format 1.0; 4 warnings", 0)


@pytest.mark.parametrize(
    "text",
    [
        '{\n    "a": 1e3,\n    "b": -1E+300,\n    "c": "x\\"{ [1,\\n\\u001b",\n    "d": '
        + "9" * 5000
        + "\n}\n",
        '{\n    "a": [\n        1.50,\n        {}\n    ],\n    "b": []\n}\n',
        "{}\n",
    ],
)
def test_other_ways_to_write_a_value_are_no_other_layout(good, check, text):
    (good("1") / "args.json").write_text(text, newline="\n")
    assert check() == (["ok: 1 experiment keeps to format 1.0"], 0)


def test_other_versions_are_named_and_not_judged(good, make, check):
    for name, version in (("2", "1.1"), ("3", "2.0")):
        change(good(name), format_version=version, colour="blue")
    metadata = json.loads((good("1") / "metadata.json").read_bytes())
    for name in ("old", "older"):
        folder = make(name)
        dump(folder / "metadata.json", {key: metadata[key] for key in metadata if key != "format-version"})
    lines, code = check()
    assert (lines, code) == (
        [
            "2: version 1.1, newer than 1.0: not judged",
            "3: version 2.0, newer than 1.0: not judged",
            "old: version 0 (legacy): not judged",
            "older: version 0 (legacy): not judged",
            "ok: 1 experiment keeps to format 1.0; 4 of another version",
        ],
        0,
    )


def test_one_experiment_can_be_judged_and_several_directories(good, tmp_path):
    folder = good("1")
    assert validate([str(folder)])[0] == "ok: 1 experiment keeps to format 1.0"
    shutil.copytree(folder, tmp_path / "runs" / "7")
    assert validate([str(tmp_path / "experiments"), str(tmp_path / "runs")])[0].startswith("ok: 2 exp")


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there, and pipes are elsewhere")
def test_what_is_no_file_or_folder_is_neither_followed_nor_waited_for(good, check, tmp_path):
    folder = good("1")
    for file in ("args.json", "STATUS", "stdout", "summary.json"):
        (folder / file).unlink()
    (folder / "args.json").symlink_to("/dev/zero")
    os.mkfifo(folder / "STATUS")
    os.mkfifo(folder / "stdout")
    (folder / "summary.json").mkdir()
    os.mkfifo(tmp_path / "experiments" / "pipe")
    (tmp_path / "experiments" / "loop").symlink_to("loop")
    (tmp_path / "experiments" / "link").symlink_to(good("2"))
    (tmp_path / "experiments" / ".hidden").mkdir()
    lines, code = check()
    assert code == 1
    assert lines[:4] == [
        f"1: DIR-5: {file}: is not a regular file"
        for file in ("STATUS", "args.json", "stdout", "summary.json")
    ]
    assert [line for line in lines if line.startswith("link")] == [
        "link: DIR-1: .: is a symbolic link, not a folder"
    ]
    assert "loop: DIR-1: .: is a symbolic link, not a folder" in lines
    assert lines[-1] == "3 of 4 experiments break format 1.0"


def test_huge_files_are_not_loaded(good, check):
    folder = good("1")
    for file in ("args.json", "STATUS"):
        os.truncate(folder / file, 16 * 2**20 + 1)  # sparse: takes no room on the disk
    for file in ("stdout", "stderr"):
        os.truncate(folder / file, 2**40)
    assert check() == (
        [
            "1: warning: READ-4: STATUS: is larger than 16 MiB, so it was not looked into",
            "1: warning: JSON-11: args.json: is larger than 16 MiB, so it was not looked into",
            "ok: 1 experiment keeps to format 1.0; 2 warnings",
        ],
        0,
    )


@pytest.mark.parametrize(
    ("file", "data"),
    [
        ("args.json", b'{"a": ' + b"[" * 100_000),
        ("args.json", b"{" + b",".join(b'"a": 1, "%d": 1, "%d": 2' % (n, n) for n in range(20_000)) + b"}\n"),
        (
            "metadata.json",
            b"{" + b",".join(b'"%d": 1' % n for n in range(20_000)) + b', "format-version": "1.0"}\n',
        ),
        ("metadata.json", b'{"format-version": "1.0", "earlier-sessions": [' + b"1," * 20_000 + b"1]}\n"),
    ],
)
def test_hostile_content_gives_a_bounded_answer(good, check, file, data):
    (good("1") / file).write_bytes(data)
    lines, _ = check()
    assert len(lines) < 150
    assert max(map(len, lines)) < 500


def test_only_safe_text_is_printed(good, check):
    name, shown = ("\x1b[31m\n", "\\x1b[31m\\n") if sys.platform != "win32" else ("a b", "a b")
    folder = good(name)
    change(folder, **{"\x1b[2J\x9b": 1})
    lines, _ = check()
    assert f"{shown}: ID-1: .: " in lines[0]
    assert all(map(str.isprintable, lines))


def test_an_experiment_that_is_resumed_meanwhile_is_not_blamed(good):
    folder = good("1")
    metadata = json.loads((folder / "metadata.json").read_bytes())
    ended = {**metadata, "earlier-sessions": [{"start-time": metadata["start-time"], "status": "SUCCESS"}]}
    running = {key: value for key, value in ended.items() if key != "end-time"}

    def replace(name, text):
        (folder / ".new").write_text(text, newline="\n")
        while True:
            try:
                return os.replace(folder / ".new", folder / name)
            except PermissionError:  # Windows, while somebody reads it
                time.sleep(0.001)

    def resume():
        start.wait()
        (folder / ".resume").touch()
        replace("metadata.json", json.dumps(running) + "\n")
        replace("STATUS", "RUNNING\n")
        (folder / ".resume").unlink()

    for _ in range(50):
        replace("metadata.json", json.dumps(ended) + "\n")
        replace("STATUS", "SUCCESS\n")
        start = threading.Barrier(2)
        resuming = threading.Thread(target=resume)
        resuming.start()
        start.wait()
        assert [finding for finding in judge(str(folder)).findings if not finding.warning] == []
        resuming.join()


def test_what_cannot_be_judged_is_one_sentence(run, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(OSError) as caught:
        os.listdir(tmp_path / "file")
    for name, message, code in (
        ("nowhere", "no experiment or directory 'nowhere'", 2),
        ("file", f"file: {caught.value.strerror.lower()}", 1),
        ("empty", "no experiments in empty", 1),
    ):
        done = run("--validate", name)
        assert (done.stderr, done.returncode) == (f"meticulous: {message}\n", code)


def test_without_jsonschema_it_says_what_to_install(tmp_path, environment):
    (tmp_path / "jsonschema.py").write_text("raise ImportError('as if it were not there')", newline="\n")
    code = (
        "from meticulous_cli.errors import CommandError\n"
        "from meticulous_cli.validate.validate import validate\n"
        "try: validate(['.'])\nexcept CommandError as error: print(error.code, error.message)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert (result.stdout, result.stderr) == (
        "2 --validate needs jsonschema, which cannot be imported (as if it were not there): "
        'pip install "meticulous-cli[validate]"\n',
        "",
    )


def test_the_screen_in_the_readme_is_what_is_printed(good, make, readme, tmp_path, monkeypatch):
    for name in ("1", "2", "3"):
        folder = good(name)
        if name == "2":
            (folder / "STATUS").write_text("SUCESS\n", newline="\n")
    (folder / "args.json").write_text('{"lr": 0.1}\n', newline="\n")
    old = json.loads((make("old") / "metadata.json").read_bytes())
    del old["format-version"]
    dump(tmp_path / "experiments" / "old" / "metadata.json", old)
    monkeypatch.chdir(tmp_path)
    text, code = validate(["experiments"])
    text = text.replace(os.sep, "/")
    assert f"```\n{text}\n```" in readme
    assert code == 1
