"""The validator and the schemas say of each fixture what it says of itself; a version lists each fixture."""

import json
import re
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

SPEC = Path(__file__).parent.parent / "spec"
sys.path.insert(0, str(SPEC / "kit"))
try:
    from reading.fixtures import POOL, Fixture
finally:
    sys.path.remove(str(SPEC / "kit"))
NAMES = json.loads((SPEC / "1.0" / "fixtures.json").read_text("utf-8"))
SCHEMAS = {
    path.name.replace(".schema", ""): Draft202012Validator(json.loads(path.read_text("utf-8")))
    for path in (SPEC / "1.0" / "schemas").iterdir()
}
# What a schema can say. It knows no calendar, no other file, no bytes, and can't compare two keys.
IN_SCHEMAS = re.compile(r"(META-([1234579]|12)|VENDOR-1|RESUME-11|JSON-3|GIT-5) .*\.json")
NOT_IN_SCHEMAS = {
    "invalid/META-3-no-such-day",
    "invalid/GIT-5-one-twice",
    "invalid/GIT-5-no-commit-inside",
}


@pytest.fixture
def laid_out(request, tmp_path):
    """A fixture on disk, whole."""
    fixture = Fixture(request.param)
    try:
        fixture.lay_out(tmp_path / "experiments")
    except (OSError, AttributeError) as error:
        pytest.skip(f"can't be made here: {error}")
    return fixture, tmp_path / "experiments"


def every(names):
    return pytest.mark.parametrize("laid_out", names, indirect=True)


def of_another_version(name):
    return name.startswith(("other-versions/", "legacy/"))


def test_the_list_is_the_pool():
    pool = {path.relative_to(POOL).with_suffix("").as_posix() for path in POOL.glob("*/*.json")}
    assert sorted(pool) == NAMES
    used = {
        step["from"].split("/")[0] for name in NAMES for step in Fixture(name).case["make"] if "from" in step
    }
    assert used == {path.name for path in (POOL / "folders").iterdir()}


@every(NAMES)
def test_the_validator_finds_what_the_fixture_says(laid_out, folder_check):
    fixture, directory = laid_out
    folders = [path for path in directory.iterdir() if path.is_dir() and path.name[0] != "."]
    judged = [folder_check.judge(folder) for folder in folders]
    found = {f"{finding.requirement} {finding.file}" for each in judged for finding in each.findings}
    assert found == set(fixture.case["breaks"])
    assert any(each.other_version for each in judged) == of_another_version(fixture.name)


@every([name for name in NAMES if not of_another_version(name)])
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
    assert found == (set() if fixture.name in NOT_IN_SCHEMAS else expected)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("invalid/")])
def test_a_fixture_breaks_one_thing(name):
    breaks = Fixture(name).case["breaks"]
    assert len({line.split()[0] for line in breaks}) == 1
    assert len(breaks) == 1 or name == "invalid/START-1-an-empty-folder"


def test_there_are_fixtures_of_later_versions():
    texts = [json.dumps(Fixture(name).case["make"]) for name in NAMES if of_another_version(name)]
    for version in ("1.7", "2.0"):
        assert any(version in text for text in texts)
