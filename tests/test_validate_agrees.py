"""`meticulous --validate` and the repository's own check find the same in any folder, in a broken one too."""

import importlib.util
import json
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meticulous_cli.validate.rules import judge
from meticulous_cli.validate.validate import validate

ROOT = Path(__file__).parent.parent
SPEC = ROOT / "spec" / "1.0"
EXAMPLES = SPEC / "examples" / "experiments"
SCHEMA = json.loads((SPEC / "schemas" / "metadata.schema.json").read_bytes())
FILES = ("metadata.json", "args.json", "summary.json", "STATUS", "stdout", "requirements.txt", "git.diff")


def breaches(folder):
    judgement = judge(str(folder))
    return judgement, {(found.requirement, found.file) for found in judgement.findings if not found.warning}


def same_as(problems, folder):
    """Hold both against each other; returns what the command found."""
    judgement, found = breaches(folder)
    expected = {tuple(line.split(": ", 2)[:2]) for line in problems(folder)}
    if (
        judgement.other_version
    ):  # where the command refuses to judge, the version is what the other objects to
        assert found == set()
        assert not expected or any(file == "metadata.json" for _, file in expected)
        return None
    assert found == expected, judgement.findings
    return found


def test_the_schemas_of_the_command_are_those_of_the_format():
    package = ROOT / "packages/meticulous-cli/src/meticulous_cli/schemas/1.0"
    assert {path.name: path.read_bytes() for path in package.iterdir()} == {
        path.name: path.read_bytes() for path in (SPEC / "schemas").iterdir()
    }


def test_the_examples_are_right_without_a_warning():
    text, code = validate([str(EXAMPLES)])
    assert (text, code) == ("ok: 7 experiments keep to format 1.0", 0)


@pytest.fixture(scope="module")
def cases():
    """The tests of the other check, whose data are good here, too."""
    path = Path(__file__).parent / "test_kit_folder.py"
    spec = importlib.util.spec_from_file_location("cases_of_kit_folder", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_they_agree_on_each_case_of_the_others_tests(cases, problems, tmp_path):
    metadata = cases.read("resumed")
    changed = [(change, None) for change in cases.RIGHT_METADATA]
    changed += [(change, requirement) for requirement, change in cases.WRONG_METADATA]
    contents = [
        ("metadata.json", json.dumps({**metadata, **change}).encode() + b"\n", why) for change, why in changed
    ]
    contents += [("STATUS", data, why) for why, data in cases.WRONG_STATUS]
    contents += [("summary.json", data, why) for why, data in cases.WRONG_JSON]
    for number, (file, data, requirement) in enumerate(contents):
        folder = shutil.copytree(EXAMPLES / "resumed", tmp_path / str(number))
        (folder / file).write_bytes(data)
        found = same_as(problems, folder)
        if found is not None and requirement not in (None, "STATUS-3"):
            assert (requirement, file) in found


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)
TIMES = st.datetimes().map(lambda moment: moment.isoformat() + "Z") | st.sampled_from(
    ["2026-02-30T17:26:10Z", "2026-11-23T17:26:60Z", "2026-11-23T17:26:10", "2026-11-23T17:26:10+01:00\n"]
)
KEYS = st.sampled_from(
    [*SCHEMA["properties"], "lab:gpu", ":gpu", "lab:\n", "colour", "timestamp", "start-time"]
)
SESSION = st.fixed_dictionaries(
    {"start-time": TIMES, "status": st.sampled_from(["RUNNING", "SUCCESS\n", "ERROR\nx", 1])},
    optional={"end-time": TIMES, "pid": st.integers(-1, 2), "colour": JSON, "lab:x": JSON},
)
VALUES = (
    JSON | TIMES | st.lists(SESSION, max_size=2) | st.sampled_from(["0" * 40, "1.0", "1.1", "https://a@b/c"])
)
LINES = ["", "RUNNING", "SUCCESS", "ERROR", "exit code 3", "exit code 0", "signal SIGTERM", "signal 9", "x"]
LINES += ["numpy==2.0", "attrs==1", "A_b==1", "pip", "diff --git a b", "{}", "[]", '{"a": 1, "a": NaN}']


@st.composite
def mutations(draw):
    """What is done to a folder: a file deleted, replaced or spliced, or a key of metadata.json changed."""
    kind = draw(st.sampled_from(["delete", "lines", "splice", "set", "set", "set", "drop", "folder"]))
    if kind in ("set", "drop"):
        return kind, "metadata.json", draw(KEYS), draw(VALUES)
    file = draw(st.sampled_from(FILES))
    if kind == "lines":
        lines = draw(st.lists(st.sampled_from(LINES), max_size=4))
        return kind, file, "\n".join(lines) + draw(st.sampled_from(["", "\n"])), None
    return kind, file, draw(st.floats(0, 1)), draw(st.binary(max_size=3))


def mutate(folder, kind, file, first, second):
    path = folder / file
    if kind in ("set", "drop"):
        metadata = json.loads(
            (EXAMPLES / "resumed" / file).read_bytes() if not path.is_file() else path.read_bytes()
        )
        if kind == "set":
            metadata[first] = second
        else:
            metadata.pop(first, None)
        path.write_text(json.dumps(metadata) + "\n", "utf-8")
        return
    data = path.read_bytes() if path.exists() else b""
    path.unlink(missing_ok=True)
    if kind == "folder":
        path.mkdir()
    elif kind == "lines":
        path.write_bytes(first.encode())
    elif kind == "splice":
        place = int(first * len(data))
        path.write_bytes(data[:place] + second + data[place + 1 :])


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(sorted(path.name for path in EXAMPLES.iterdir())), st.data())
def test_they_agree_on_any_folder(problems, example, data):
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(shutil.copytree(EXAMPLES / example, Path(directory, example)))
        changed = set()
        for mutation in data.draw(st.lists(mutations(), min_size=1, max_size=3)):
            if mutation[1] not in changed or mutation[0] in ("set", "drop"):
                try:
                    mutate(folder, *mutation)
                except (ValueError, AttributeError, TypeError, OSError):
                    continue  # what an earlier mutation left can't be changed so
                changed.add(mutation[1])
        same_as(problems, folder)


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_they_agree_on_any_name(problems, name):
    folder = Path("/nowhere", name) if name not in (".", "..") else Path("/nowhere/1")
    same_as(problems, folder)
