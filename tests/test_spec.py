"""The specification holds together: text, schemas and examples say the same, and the schemas bite."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

ROOT = Path(__file__).parent.parent
SPEC = ROOT / "spec" / "1.0"
EXAMPLES = SPEC / "examples" / "experiments"
FORMAT = (SPEC / "format.md").read_text("utf-8")
SCHEMAS = {
    path.name.partition(".")[0]: json.loads(path.read_text("utf-8")) for path in SPEC.glob("schemas/*")
}

ALWAYS = {"metadata.json", "args.json", "default_args.json", "STATUS", "stdout", "stderr"}
USUAL = ALWAYS | {"requirements.txt", "summary.json"}
STATUS = {
    "running": r"RUNNING\n",
    "success": r"SUCCESS\n",
    "error-exception": r"ERROR\nTraceback \(most recent call last\):\n(.*\n)+FloatingPointError: .+\n",
    "error-exit-code": r"ERROR\nexit code 3\n",
    "error-signal": r"ERROR\nsignal SIGTERM\n",
    "resumed": r"SUCCESS\n",
    "uncommitted-changes": r"SUCCESS\n",
}


def read(experiment, name="metadata.json"):
    return json.loads((EXAMPLES / experiment / name).read_text("utf-8"))


# The schemas


@pytest.mark.parametrize("name", ["metadata", "args", "default_args", "summary"])
def test_each_schema_is_one(name):
    schema = SCHEMAS[name]
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "$id" not in schema  # it could not be mended once released
    assert schema["title"] == f"{name}.json of format 1.0"
    assert schema["description"]


def test_there_are_no_other_schemas():
    assert set(SCHEMAS) == {"metadata", "args", "default_args", "summary"}


def test_the_command_carries_the_validator_and_the_schemas_byte_for_byte():
    package = ROOT / "packages/meticulous-cli/src/meticulous_cli/validate"
    assert (package / "folder.py").read_bytes() == (SPEC.parent / "kit" / "folder.py").read_bytes()
    assert {path.name: path.read_bytes() for path in package.glob("schemas/*")} == {
        path.name: path.read_bytes() for path in SPEC.glob("schemas/*")
    }


def test_each_part_of_the_metadata_schema_is_described():
    schema = SCHEMAS["metadata"]
    parts = [schema, *schema["$defs"].values()]
    parts += [value for part in parts for value in part.get("properties", {}).values()]
    for part in parts:
        assert part.get("description") or part["$ref"].startswith("#/properties/")


def test_an_earlier_session_has_all_keys_of_a_session():
    schema = SCHEMAS["metadata"]
    rows = re.findall(r"^\| `([\w-]+)` \|.*\| 1\.0 \| session \|", FORMAT, re.MULTILINE)
    assert set(schema["$defs"]["session"]["properties"]) == {"status", *rows}


# The text

IDENTIFIER = re.compile(r"\*\*([A-Z]+)-([0-9]+)\*\*")
REQUIREMENTS = re.findall(r"^- (\*\*[A-Z]+-[0-9]+\*\*.*(?:\n  .*)*)", FORMAT, re.MULTILINE)
WORDS = re.compile(r"\b(MUST|SHOULD|MAY)\b")


def test_identifiers_are_unique_and_count_from_one():
    seen = {}
    for area, number in IDENTIFIER.findall(FORMAT):
        if (area, number) == ("ID", "1") and "ID" not in seen:
            seen["ID"] = []  # section 2 shows what an identifier looks like
            continue
        seen.setdefault(area, []).append(int(number))
    seen["META"].insert(5, 6)  # a draft's, which is gone
    assert {area: list(range(1, len(numbers) + 1)) for area, numbers in seen.items()} == seen


def test_a_requirement_starts_its_own_item_and_requires_something():
    assert len(REQUIREMENTS) == len(IDENTIFIER.findall(FORMAT)) - 1
    for requirement in REQUIREMENTS:
        assert len(IDENTIFIER.findall(requirement)) == 1
        assert len(set(WORDS.findall(requirement))) == 1, requirement


def test_nothing_is_required_without_an_identifier():
    text = FORMAT
    for requirement in REQUIREMENTS:
        text = text.replace(requirement, "")
    explained, _, rest = text.partition("mean what RFC 2119 says")
    assert WORDS.search(explained)
    assert not WORDS.search(rest)


def test_references_name_what_exists():
    identifiers = {f"{area}-{number}" for area, number in IDENTIFIER.findall(FORMAT)}
    areas = {identifier.partition("-")[0] for identifier in identifiers}
    texts = [*SPEC.parent.rglob("*.md"), *SPEC.glob("schemas/*"), *SPEC.parent.glob("kit/*.py")]
    for path in texts:
        for area, number in re.findall(r"\b([A-Z]+)-([0-9]+)\b", path.read_text("utf-8")):
            if area in areas:
                assert f"{area}-{number}" in identifiers, path.name


def test_links_lead_somewhere():
    for path in SPEC.parent.rglob("*.md"):
        for target in re.findall(r"\]\(([^)]+)\)", path.read_text("utf-8")):
            file, _, anchor = target.partition("#")
            destination = (path.parent / file if file else path).resolve()
            assert destination.exists(), f"{path.name}: {target}"
            assert destination.is_relative_to(SPEC.parent), f"{path.name}: {target} leads out of spec/"
            if anchor:
                headings = re.findall(r"^#+ (.*)$", destination.read_text("utf-8"), re.MULTILINE)
                anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
                assert anchor in anchors, f"{path.name}: {target}"


def test_the_example_in_the_text_is_the_one_in_the_folder():
    blocks = re.findall(r"^`([\w.]+)`:\n\n```\w+\n(.*?)```$", FORMAT, re.MULTILINE | re.DOTALL)
    assert [name for name, _ in blocks] == ["metadata.json", "args.json", "summary.json", "STATUS", "stdout"]
    for name, block in blocks:
        assert block == (EXAMPLES / "success" / name).read_text("utf-8")


def test_the_table_of_keys_is_the_schema():
    rows = re.findall(r"^\| `([\w-]+)` \| ([\w ]+) \| (yes|no) \| 1\.0 \| (\w+) \|", FORMAT, re.MULTILINE)
    schema = SCHEMAS["metadata"]
    assert [key for key, *_ in rows] == list(schema["properties"])
    assert [key for key, _, required, _ in rows if required == "yes"] == schema["required"]
    assert {of for *_, of in rows} == {"experiment", "session"}
    for key, kind, *_ in rows:
        found = schema["properties"][key]
        if "$ref" in found:
            expected = "time"
        elif found.get("const") is True:
            expected = "true"
        elif found.get("type") == "array":
            expected = "array of strings" if found["items"] == {"type": "string"} else "array of objects"
        else:
            expected = found.get("type", "string")
        assert kind == expected, key


# The examples


def test_there_is_an_example_of_each_way_to_end():
    assert {path.name for path in EXAMPLES.iterdir()} == set(STATUS)


@pytest.mark.parametrize("experiment", STATUS)
class TestExample:
    def test_keeps_to_the_format(self, experiment, problems):
        assert problems(EXAMPLES / experiment) == []

    def test_has_the_files_it_should(self, experiment):
        expected = USUAL | ({"git.diff"} if experiment == "uncommitted-changes" else set())
        assert {path.name for path in (EXAMPLES / experiment).iterdir()} == expected

    def test_says_how_it_ended(self, experiment):
        assert re.fullmatch(STATUS[experiment], (EXAMPLES / experiment / "STATUS").read_text("utf-8"))
        assert ("end-time" in read(experiment)) == (experiment != "running")

    def test_is_laid_out_for_people(self, experiment):
        for path in (EXAMPLES / experiment).glob("*.json"):
            value = json.loads(path.read_bytes())
            assert path.read_text("utf-8") == json.dumps(value, indent=4, ensure_ascii=False) + "\n"

    def test_its_arguments_are_the_defaults_with_what_was_chosen(self, experiment):
        args, defaults = read(experiment, "args.json"), read(experiment, "default_args.json")
        command = read(experiment)["command"]
        assert list(args) == list(defaults)
        for key, value in args.items():
            if f"--{key}" in command:
                assert value == type(value)(command[command.index(f"--{key}") + 1])
            else:
                assert value == defaults[key]


def test_the_examples_show_what_they_are_there_for():
    assert read("error-exception", "summary.json")["loss"] == "NaN"
    assert not read("error-exit-code")["description"].isascii()
    resumed = read("resumed")
    (earlier,) = resumed["earlier-sessions"]
    assert earlier["status"] == "ERROR\nsignal SIGTERM"
    assert resumed["timestamp"] == earlier["start-time"] < resumed["start-time"]
    assert resumed["slurm-job-id"] == earlier["slurm-job-id"]
    assert any(":" in key for key in resumed)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """The repository that the examples were recorded from, made anew."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "ada@example.org")
        monkeypatch.setenv(f"GIT_{who}_DATE", "2026-11-23T09:00:00+01:00")
    shutil.copy(SPEC / "examples" / "project" / "train.py", tmp_path)

    def git(*arguments):
        done = subprocess.run(["git", *arguments], cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init", "-q", "-b", "main")
    git("add", "train.py")
    git("commit", "-q", "-m", read("success")["githead-message"])
    return tmp_path, git


def test_the_examples_commit_is_that_of_their_project(checkout):
    _, git = checkout
    assert {read(experiment)["githead-sha"] for experiment in STATUS} == {git("rev-parse", "HEAD")}


def test_the_examples_patch_applies(checkout):
    folder, git = checkout
    patch = EXAMPLES / "uncommitted-changes" / "git.diff"
    git("apply", "--check", str(patch))
    git("apply", str(patch))
    assert "initial_weights(rng" in (folder / "train.py").read_text("utf-8")
    assert (folder / "initial.py").exists()
    # The text of a patch names the content that it leads to.
    for name in ("train.py", "initial.py"):
        assert f"..{git('hash-object', name)}" in patch.read_text("utf-8")
