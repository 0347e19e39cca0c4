"""The validator and the schemas say of every fixture what its case.json says."""

import json
import re
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

SPEC = Path(__file__).parent.parent / "spec"
CASES = sorted((SPEC / "1.0" / "fixtures").rglob("case.json"))
SCHEMAS = {
    path.name.replace(".schema", ""): Draft202012Validator(json.loads(path.read_text("utf-8")))
    for path in (SPEC / "1.0" / "schemas").iterdir()
}
# What a schema can say. It knows no calendar, no other file, no bytes, and can't compare two keys.
IN_SCHEMAS = re.compile(r"(META-[1234579]|VENDOR-1|RESUME-11|JSON-3) ")


@pytest.fixture
def laid_out(request, tmp_path):
    """A fixture on disk, whole."""
    sys.path.insert(0, str(SPEC / "kit"))
    try:
        from fixtures import Fixture
    finally:
        sys.path.remove(str(SPEC / "kit"))
    fixture = Fixture(request.param.parent)
    try:
        fixture.lay_out(tmp_path / "experiments")
    except (OSError, AttributeError) as error:
        pytest.skip(f"can't be made here: {error}")
    return fixture, tmp_path / "experiments"


def every(cases=CASES):
    return pytest.mark.parametrize("laid_out", cases, ids=lambda path: path.parent.name, indirect=True)


def other_version(fixture):
    return fixture.folder.parent.name == "future"


@every()
def test_the_validator_finds_what_the_fixture_says(laid_out, folder_check):
    fixture, directory = laid_out
    folders = [path for path in directory.iterdir() if path.is_dir() and path.name[0] != "."]
    judged = [folder_check.judge(folder) for folder in folders]
    found = {f"{finding.requirement} {finding.file}" for each in judged for finding in each.findings}
    assert found == set(fixture.case["breaks"])
    assert any(each.other_version for each in judged) == other_version(fixture)


@every([path for path in CASES if path.parent.parent.name != "future"])
def test_the_schemas_find_what_the_fixture_says(laid_out):
    fixture, directory = laid_out
    found = set()
    for path in directory.glob("[!.]*/*.json"):
        if path.name in SCHEMAS and path.is_file() and not path.is_symlink() and path.stat().st_size < 2**20:
            try:
                value = json.loads(path.read_bytes())
            except (ValueError, RecursionError):
                continue  # no JSON is no schema's affair
            if list(SCHEMAS[path.name].iter_errors(value)):
                found.add(path.name)
    expected = {line.split()[1] for line in fixture.case["breaks"] if IN_SCHEMAS.match(line)}
    if fixture.folder.name == "META-3-no-such-day":
        expected = set()
    assert found == expected


def test_there_is_a_fixture_of_a_later_minor_and_a_later_major_version():
    versions = set()
    for path in (SPEC / "1.0" / "fixtures" / "future").rglob("metadata.json"):
        versions.add(json.loads(path.read_text("utf-8"))["format-version"])
    assert {"1.7", "2.0"} <= versions
