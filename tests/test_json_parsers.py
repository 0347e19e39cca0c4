"""What a recorder wrote, the standard JSON parser of any language reads whole (format 1.0, section 4)."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SPEC = Path(__file__).parent.parent / "spec"
# Each prints the number of files that it parsed, and the text of `lone` in the last one.
PARSERS = {
    "JavaScript": [
        "node",
        "-e",
        "const files = process.argv.slice(1).map((f) => JSON.parse(require('fs').readFileSync(f, 'utf8')));"
        "console.log(files.length + ' ' + files.at(-1).lone)",
    ],
    "Perl": [
        "perl",
        "-MJSON::PP",
        "-e",
        "binmode STDOUT, ':utf8'; local $/; my ($n, $last);"
        "for (@ARGV) { open my $f, '<:raw', $_ or die; $last = JSON::PP->new->utf8->decode(<$f>); $n++ }"
        'print "$n $last->{lone}\\n"',
    ],
    "Python": [
        sys.executable,
        "-c",
        "import json, sys; found = [json.load(open(f, encoding='utf-8')) for f in sys.argv[1:]];"
        "sys.stdout.reconfigure(encoding='utf-8'); print(len(found), found[-1]['lone'])",
    ],
}
RECORD = """
import math
from meticulous import Experiment
values = {"nan": math.nan, "infinite": [-math.inf, 1e308], "large": 2**4000, "seed": 2**64 + 1}
values["\\udc80key"] = {}
with Experiment({**values, "": "\\x00\\u2028\\ufffe"}, {"default": 0.1}) as experiment:
    experiment.summary({**values, "lone": "caf\\udce9 \\ud83d ☕"})
"""


@pytest.mark.requirement("JSON-6", "JSON-12")
@pytest.mark.parametrize("language", PARSERS)
def test_the_parser_that_a_language_has_will_do(tmp_path, language):
    command = PARSERS[language]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    (tmp_path / "train.py").write_text(RECORD, "utf-8")
    user = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for arguments in (["init", "-q"], ["add", "."], [*user, "commit", "-q", "-m", "Train"]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True, timeout=60)
    subprocess.run([sys.executable, "train.py"], cwd=tmp_path, check=True, timeout=60)
    recorded = tmp_path / "experiments" / "1"
    files = [*SPEC.glob("1.0/examples/experiments/*/*.json"), *recorded.glob("[!.]*.json")]
    files.sort(key=lambda path: path == recorded / "summary.json")  # which is the last
    done = subprocess.run([*command, *files], capture_output=True, check=True, timeout=60)
    assert done.stdout.decode().strip() == rf"{len(files)} caf\udce9 \ud83d ☕"
    assert len(files) > 20
    assert json.loads((recorded / "args.json").read_bytes())["seed"] == 2**64 + 1
