"""requirements.txt names what is installed, in the words of the packaging standards.

They call the part itself, with distributions that are not installed.
"""

import importlib.metadata
import json
import os
import re
import sys

import pytest
from meticulous._start.environment import requirements


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A folder that is all of `sys.path`, and a function that puts metadata folders into it."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])

    def install(*names):
        for name in names:
            (tmp_path / name).mkdir()

    return install


def test_it_agrees_with_importlib_on_this_environment():
    distributions = importlib.metadata.distributions()
    expected = {re.sub("[-_.]+", "-", d.metadata["Name"]).lower(): d.version for d in distributions}
    lines = requirements().decode().splitlines()
    found = dict(re.split(r"==| @ ", line, maxsplit=1) for line in lines)
    assert list(found) == sorted(expected)
    assert {
        name: version for name, version in found.items() if "://" not in version
    }.items() <= expected.items()


GIT = {"vcs": "git", "commit_id": "93f45b3", "requested_revision": "main"}


@pytest.mark.parametrize(
    ("origin", "line"),
    [
        ({"url": "https://example.org/lib", "vcs_info": GIT}, "lib @ git+https://example.org/lib@93f45b3"),
        (
            {"url": "https://ada:secret@example.org/lib", "vcs_info": GIT},
            "lib @ git+https://example.org/lib@93f45b3",
        ),
        (
            {"url": "ssh://git@example.org/lib.git", "vcs_info": GIT},
            "lib @ git+ssh://git@example.org/lib.git@93f45b3",
        ),
        (
            {"url": "https://example.org/lib", "vcs_info": GIT, "subdirectory": "python"},
            "lib @ git+https://example.org/lib@93f45b3#subdirectory=python",
        ),
        ({"url": "file:///home/ada/lib", "dir_info": {"editable": True}}, "lib @ file:///home/ada/lib"),
        # A version tells more than where somebody's wheel once lay, as conda's packages have it.
        ({"url": "file:///home/conda/work", "dir_info": {}}, "lib==0.1"),
        ({"url": "https://example.org/lib.whl", "archive_info": {}}, "lib==0.1"),
        ({}, "lib==0.1"),
        ([], "lib==0.1"),
        ({"url": None, "dir_info": {"editable": True}}, "lib==0.1"),
        ({"url": "https://example.org/lib", "vcs_info": {"vcs": "git"}}, "lib==0.1"),
    ],
)
def test_the_commit_or_the_place_that_it_was_installed_from(installed, tmp_path, origin, line):
    installed("lib-0.1.dist-info")
    (tmp_path / "lib-0.1.dist-info" / "direct_url.json").write_text(json.dumps(origin))
    assert requirements().decode() == f"{line}\n"


def test_names_are_normalised_and_versions_are_not(installed):
    installed(
        "Zope.Interface-5.0.dist-info", "typing_extensions-4.1.0rc1.dist-info", "torch-2.1.0+cu118.dist-info"
    )
    assert requirements() == b"torch==2.1.0+cu118\ntyping-extensions==4.1.0rc1\nzope-interface==5.0\n"


def test_eggs_count_too(installed):
    installed("old-1.0-py3.9.egg-info", "older-0.1.egg-info")
    assert requirements() == b"old==1.0\nolder==0.1\n"


def test_what_is_no_distribution_does_not(installed):
    installed("~ip-23.0.dist-info", "-ip-23.0.dist-info", "numpy", "a-1.dist-info.bak")
    if sys.platform != "win32":
        installed("b-1\n.dist-info")
    assert requirements() == b""


def test_names_that_are_no_unicode_are_left_out(installed, tmp_path):
    try:
        os.mkdir(os.fsencode(tmp_path) + b"/a-\xff.dist-info")
    except (OSError, UnicodeDecodeError):
        pytest.skip("this file system has no such names")
    assert requirements() == b""


def test_the_first_on_the_path_is_the_one_that_is_imported(tmp_path, monkeypatch):
    for folder, version in (("first", "2.0"), ("second", "1.0")):
        (tmp_path / folder / f"numpy-{version}.dist-info").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "first"), str(tmp_path / "second")])
    assert requirements() == b"numpy==2.0\n"


def test_strange_entries_of_the_path_are_passed_over_as_python_does(installed, tmp_path, monkeypatch):
    installed("a-1.dist-info")
    strange = [None, 0, tmp_path, os.fsencode(tmp_path), "null\0", str(tmp_path / "missing.zip")]
    monkeypatch.setattr(sys, "path", strange)
    assert requirements() == b""
    monkeypatch.setattr(sys, "path", [*strange, ""])
    monkeypatch.chdir(tmp_path)
    assert requirements() == b"a==1\n"
