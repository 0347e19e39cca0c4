"""The names in the packages' code are those of the specification, and both packages have the same."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SPEC = ROOT / "spec" / "1.0"
FORMAT = (SPEC / "format.md").read_text("utf-8")
SCHEMA = json.loads((SPEC / "schemas" / "metadata.schema.json").read_text("utf-8"))
FILES = {
    "recorder": ROOT / "packages/meticulous-record/src/meticulous/_format.py",
    "reader": ROOT / "packages/meticulous-read/src/meticulous_read/_format.py",
}


def load(path):
    spec = importlib.util.spec_from_file_location(f"names_of_{path.parent.name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


NAMES = {package: load(path) for package, path in FILES.items()}


def section(title):
    """The text below a heading, up to the next of any level."""
    return re.search(
        rf"^#+ (?:[0-9]+\. )?{re.escape(title)}\n(.*?)(?=^#|\Z)", FORMAT, re.MULTILINE | re.DOTALL
    )[1]


def test_both_have_the_same_names_for_the_same_things():
    recorder, reader = NAMES["recorder"], NAMES["reader"]
    common = {name for name in vars(recorder) if name.isupper()} & set(vars(reader))
    assert {"FORMAT_VERSION", "METADATA", "ARGS", "DEFAULT_ARGS", "STATUS", "SILENT_HEARTBEATS"} <= common
    for name in common:
        assert getattr(recorder, name) == getattr(reader, name), name


@pytest.fixture(params=NAMES)
def names(request):
    return NAMES[request.param]


def test_the_version_is_the_schemas(names):
    assert names.FORMAT_VERSION == SCHEMA["properties"]["format-version"]["const"] == SPEC.name


def test_the_name_is_the_schemas(names):
    assert SCHEMA["properties"]["format"]["const"] == names.FORMAT_NAME


def test_the_keys_of_a_session_are_those_of_the_table():
    rows = re.findall(r"^\| `([\w-]+)` \|.*\| 1\.0 \| session \|", FORMAT, re.MULTILINE)
    assert set(NAMES["recorder"].SESSION_KEYS) == set(rows)
    assert NAMES["recorder"].EARLIER_SESSIONS in SCHEMA["properties"]


def test_the_types_of_keys_are_those_of_the_schema():
    kinds = {
        "string": (str,),
        "array": (list,),
        "boolean": (bool,),
        "integer": (int,),
        "number": (int, float),
    }
    expected = {}
    for key, schema in SCHEMA["properties"].items():
        if "$ref" not in schema and key not in (
            "format",
            "format-version",
        ):  # times and versions have rules of their own
            expected[key] = (bool,) if schema.get("const") is True else kinds[schema["type"]]
    assert expected == NAMES["reader"].METADATA_TYPES


def test_the_files_are_those_of_the_text():
    listed = re.search(r"The \*recorded files\* are.*?\n\n", FORMAT, re.DOTALL)[0]
    recorder = NAMES["recorder"]
    assert set(recorder.RECORDED_FILES) == set(re.findall(r"`([\w.]+)`", listed))
    assert len(recorder.RECORDED_FILES) == 9
    single = ["METADATA", "ARGS", "DEFAULT_ARGS", "STATUS", "STDOUT", "STDERR", "SUMMARY"]
    single += ["REQUIREMENTS", "GIT_DIFF"]
    assert {getattr(recorder, name) for name in single} == set(recorder.RECORDED_FILES)
    assert recorder.GITIGNORE == ".gitignore"


def test_each_json_file_has_a_schema():
    schemas = {path.name.replace(".schema", "") for path in SPEC.glob("schemas/*")}
    assert schemas == {name for name in NAMES["recorder"].RECORDED_FILES if name.endswith(".json")}


def test_the_words_are_those_of_status(names):
    words = re.findall(r'%s"([A-Z]+)"', section("STATUS"))
    assert words == [names.RUNNING, names.SUCCESS, names.ERROR]


def test_the_signs_of_life_are_those_of_the_text(names):
    (seconds,) = re.findall(r"`heartbeat-seconds`, ([0-9]+) by custom", FORMAT)
    assert int(seconds) == NAMES["recorder"].HEARTBEAT_SECONDS
    assert "more than five times that ago" in section("Running, lost or silent").replace("\n  ", " ")
    assert names.SILENT_HEARTBEATS == 5


def test_the_pattern_of_ids_is_that_of_the_text():
    names = NAMES["recorder"]
    ids = section("Ids")
    assert f"MUST match `{names.EXPERIMENT_ID_PATTERN}` " in ids
    assert f"longer than {names.EXPERIMENT_ID_LENGTH} characters" in ids


def test_what_windows_reserves_is_that_of_the_text():
    names = NAMES["recorder"]
    item = re.search(r"\*\*ID-3\*\*.*?\n- ", section("Ids"), re.DOTALL)[0]
    stated = set()
    for first, last in re.findall(r"`(\w+)`(?:\s+to\s+`(\w+)`)?", item):
        numbered = range(int(first[-1]), int(last[-1]) + 1) if last else [""]
        stated |= {f"{first[:-1] if last else first}{number}" for number in numbered}
    assert stated == names.WINDOWS_RESERVED


def test_the_reserved_names_are_those_of_the_text():
    item = re.search(r"\*\*DIR-9\*\*.*?\n\n", FORMAT, re.DOTALL)[0]
    assert set(NAMES["recorder"].RESERVED_PREFIXES) == set(re.findall(r"`([^`]+)`", item))


def test_the_claim_of_a_resume_is_that_of_the_text():
    assert f"`{NAMES['recorder'].RESUME_CLAIM}` in its folder" in section("Resuming")
