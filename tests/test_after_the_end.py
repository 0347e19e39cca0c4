"""What section 19 asks of editors suffices: the validator finds nothing, and readers see the change."""

import json
import os
import shutil
from pathlib import Path

import pytest
from meticulous_read import Experiments

BASE = Path(__file__).parent.parent / "spec" / "fixtures" / "folders" / "success"


def replace(path, value):
    new = path.parent / f".{path.name}.edited"
    new.write_text(json.dumps(value, indent=4, ensure_ascii=False) + "\n", "utf-8")
    os.replace(new, path)
    os.utime(path.parent / "STATUS")


EDITS = {
    "a description": ("metadata.json", {"description": "as good as it gets"}, ()),
    "a key of a vendor's": ("metadata.json", {"lab:verdict": ["published"]}, ()),
    "no name of a machine": ("metadata.json", {}, ("hostname", "pid")),
    "an argument that said a secret": ("args.json", {"lr": "taken out"}, ()),
}


@pytest.mark.requirement("EDIT-1", "EDIT-2")
@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_seen_by_readers_and_keeps_to_the_format(edit, tmp_path, folder_check):
    file, keys, without = EDITS[edit]
    folder = Path(shutil.copytree(BASE, tmp_path / "experiments" / "1"))
    experiments = Experiments(folder.parent)
    before = experiments["1"].metadata, experiments["1"].args
    value = {**json.loads((folder / file).read_bytes()), **keys}
    for key in without:
        del value[key]
    replace(folder / file, value)
    (folder / "notes.md").write_text("Compare with 7.")
    experiments.refresh_experiments()
    after = experiments["1"].metadata, experiments["1"].args
    assert after != before
    assert value in after
    assert folder_check.judge(folder).findings == []
    assert experiments["1"].problems == ()
