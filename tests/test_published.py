"""What a stranger sees of the packages before and after the installation: pages, links, versions."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).parent.parent
PACKAGES = sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml"))
EACH = pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
MARKDOWN = MarkdownIt("commonmark").enable("table")


def links(path):
    """Where the links and pictures of a page lead."""
    tokens = [token for block in MARKDOWN.parse(path.read_text("utf-8")) for token in block.children or []]
    targets = [token.attrs.get("href") or token.attrs.get("src") for token in tokens]
    return [target for target in targets if target]


def anchors(path):
    """The anchors of a page's headings, as its viewers make them."""
    tokens = MARKDOWN.parse(path.read_text("utf-8"))
    titles = [after.content for token, after in zip(tokens, tokens[1:]) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def tracked(pattern):
    done = subprocess.run(
        ["git", "ls-files", pattern], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode:
        pytest.skip("this is no clone")
    return done.stdout.splitlines()


def test_every_link_of_every_page_leads_somewhere():
    pages = [ROOT / name for name in tracked("*.md") if "fixtures" not in name]
    assert len(pages) > 15
    dead = []
    for page in pages:
        for link in links(page):
            if re.match(r"\w+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                dead.append(f"{page.relative_to(ROOT)}: {link}")
    assert dead == []


def test_the_first_page_is_short():
    page = re.sub(r"```.*?```|<!--.*?-->", "", (ROOT / "README.md").read_text("utf-8"), flags=re.DOTALL)
    assert len([word for word in page.split() if re.search(r"\w", word)]) <= 1000


@EACH
def test_a_packages_page_leads_nowhere_that_an_index_lacks(package):
    """An index shows the README alone, so that a link to a file beside it would be dead."""
    assert [link for link in links(package / "README.md") if not link.startswith(("#", "https://"))] == []


@EACH
def test_version_changes_and_citation_agree(package):
    (module,) = package.glob("src/*/__init__.py")
    (version,) = re.findall(r'^__version__ = "(.*)"$', module.read_text("utf-8"), re.MULTILINE)
    assert re.search(r"^## (\S+)", (package / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)[1] == version
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text("utf-8")


@EACH
def test_each_python_from_the_oldest_on_is_a_classifier(package):
    text = (package / "pyproject.toml").read_text("utf-8")
    minors = sorted(map(int, re.findall(r'"Programming Language :: Python :: 3\.(\d+)"', text)))
    oldest = int(re.search(r'requires-python = ">=3\.(\d+)"', text)[1])
    assert minors == list(range(oldest, minors[-1] + 1))
    assert sys.version_info[1] in minors
