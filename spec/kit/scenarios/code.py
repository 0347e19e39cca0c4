"""Scenarios of the code that ran: commits, remotes, uncommitted changes. Standard library only."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from scenarios.common import scenario
from scenarios.stage import RECORDED, Stage, changed, contents_of

CODE_KEYS = ("githead-sha", "githead-message", "githead-branch", "git-dirty")


@scenario(leaves=False)
def no_commit(stage: Stage) -> None:
    """No repository, and one without a commit: refused, or recorded without what only a commit has."""
    shutil.rmtree(stage.repository / ".git")
    stage.run()
    stage.git("init", "-q")
    stage.run()
    for name in stage.names():
        told = [key for key in CODE_KEYS if key in stage.metadata(name)]
        stage.check("META-5", "without a commit: githead-sha and what belongs to it", [], told)


@scenario(leaves=False)
def another_repository_is_named(stage: Stage) -> None:
    """GIT_DIR names another repository, as in a hook of git's: the code does not lie there."""
    other = stage.folder / "other"
    other.mkdir()
    stage.git("init", "-q", "-b", "main", cwd=other)
    stage.git("commit", "-q", "--allow-empty", "-m", "Other", cwd=other)
    stage.run(environment={"GIT_DIR": str(other / ".git")})
    for name in stage.names():
        sha, found = stage.git("rev-parse", "HEAD"), stage.metadata(name).get("githead-sha")
        right = found in (sha, None)
        stage.check("META-5", "GIT_DIR names another repository: githead-sha", sha, found, right)


# Heads


def _detached(stage: Stage) -> None:
    stage.git("checkout", "-q", "--detach")


def _branch(name: str) -> Callable[[Stage], None]:
    return lambda stage: stage.git("checkout", "-q", "-b", name) and None


def _tag_of_the_same_name(stage: Stage) -> None:
    stage.git("tag", "main")
    stage.commit("After the tag")


def _packed(stage: Stage) -> None:
    stage.git("pack-refs", "--all")


def _shallow(stage: Stage) -> None:
    stage.commit("Second")
    (stage.repository / ".git" / "shallow").write_text(stage.git("rev-parse", "HEAD") + "\n")


def _another_encoding(stage: Stage) -> None:
    stage.commit("Größe")  # which has a form in that encoding
    stage.git("config", "i18n.logOutputEncoding", "ISO-8859-1")


def _a_signature_is_shown(stage: Stage) -> None:
    stage.git("config", "log.showSignature", "true")
    stage.git("config", "format.pretty", "oneline")


HEADS: dict[str, Callable[[Stage], None]] = {
    "detached": _detached,
    "a branch with a slash": _branch("ada/lr-0.5"),
    "a branch of other letters": _branch("größe"),
    "a branch that looks like a commit": _branch("f" * 40),
    "a tag has the branch's name": _tag_of_the_same_name,
    "packed": _packed,
    "shallow": _shallow,
    "another encoding of logs": _another_encoding,
    "another format of logs": _a_signature_is_shown,
}


@scenario()
def unusual_heads(stage: Stage) -> None:
    """HEAD in each form that a repository gives it."""
    start = stage.git("rev-parse", "HEAD")
    for number, (what, prepare) in enumerate(HEADS.items(), 1):
        prepare(stage)
        sha = stage.git("rev-parse", "HEAD")
        branch = stage.git("branch", "--show-current") or None
        message = stage.git("-c", "i18n.logOutputEncoding=UTF-8", "cat-file", "commit", sha).partition(
            "\n\n"
        )[2]
        stage.run()
        found = stage.metadata(str(number))
        if not found:
            break  # which is told elsewhere
        stage.check("META-5", f"HEAD: {what}: githead-sha", sha, found.get("githead-sha"))
        if "githead-message" in found:
            stage.check("META-2", f"HEAD: {what}: githead-message", message, found["githead-message"])
        if branch is None:
            stage.check("META-4", f"HEAD: {what}: githead-branch", None, found.get("githead-branch"))
        elif "githead-branch" in found:
            stage.check("META-2", f"HEAD: {what}: githead-branch", branch, found["githead-branch"])
        stage.git("checkout", "-q", "-f", "-B", "main", start)


# Remotes: each URL as git has it, and as it is recorded, if it is.

SECRET = "s3cr3t"
REMOTES = {
    f"https://ada:{SECRET}@git.example.org/x.git": "https://git.example.org/x.git",
    f"https://{SECRET}@git.example.org/x.git": "https://git.example.org/x.git",
    f"https://:{SECRET}@git.example.org/x.git": "https://git.example.org/x.git",
    f"https://oauth2:{SECRET}@git.example.org:8443/x.git": "https://git.example.org:8443/x.git",
    f"https://ada%40lab:{SECRET}%3A@git.example.org/x.git": "https://git.example.org/x.git",
    f"https://ada:p@{SECRET}@git.example.org/x.git": "https://git.example.org/x.git",
    f"HTTPS://ada:{SECRET}@git.example.org/x.git": "HTTPS://git.example.org/x.git",
    f"http://ada:{SECRET}@git.example.org/x.git": "http://git.example.org/x.git",
    f"https://git.example.org/x.git?private_token={SECRET}": "https://git.example.org/x.git",
    f"ssh://ada:{SECRET}@git.example.org:22/x.git": "ssh://ada@git.example.org:22/x.git",
    f"ftp://ada:{SECRET}@git.example.org/x.git": "ftp://ada@git.example.org/x.git",
    "ssh://git@git.example.org/x.git": "ssh://git@git.example.org/x.git",
    "git@git.example.org:ada/x.git": "git@git.example.org:ada/x.git",
    "https://git.example.org/@ada/x.git": "https://git.example.org/@ada/x.git",
    "../x.git": "../x.git",
}


@scenario()
def remotes(stage: Stage) -> None:
    """Each form of URL in which a secret can stand, and some without."""
    for number, (url, expected) in enumerate(REMOTES.items(), 1):
        stage.git("config", "remote.origin.url", url)
        stage.run()
        found = stage.metadata(str(number)).get("git-remote")
        if found is not None:
            less = re.sub("(?<=//)[^/@]*@", "", expected)  # a user's name may go, too
            stage.check("META-7", f"the remote {url}: git-remote", expected, found, found in (expected, less))
        for file in RECORDED:
            held = SECRET.encode() in (stage.bytes(file, str(number)) or b"")
            stage.check("META-7", f"the remote {url}: {file}", "no secret", "the secret", not held)
    stage.git("remote", "add", "other", "https://git.example.org/other/x.git")
    stage.git("config", "branch.main.remote", "other")
    stage.run()
    found = stage.metadata(str(len(REMOTES) + 1)).get("git-remote")
    if found is not None:
        other = "https://git.example.org/other/x.git"
        stage.check("META-2", "the branch has another remote than origin: git-remote", other, found)


# Changes


@scenario()
def changed_code(stage: Stage) -> None:
    """Tracked files that differ from the commit, and none that do not count."""
    (stage.repository / ".git" / "info" / "exclude").write_text("")
    stage.experiments.mkdir()
    (stage.experiments / ".notes").write_text("one\n")  # by the dot it is no experiment
    stage.commit("Notes on results")
    (stage.experiments / ".notes").write_text("two\n")
    stage.run()
    started = stage.bytes("STATUS") is not None
    stage.check("GIT-1", "changes in the experiments directory", "recorded", "refused", started)
    before = stage.names()
    for what, change in CHANGES.items():
        change(stage)
        stage.run()
        came = [name for name in stage.names() if name not in before]
        stage.check("GIT-1", what, "refused", "recorded", not came)
        stage.git("update-index", "--no-assume-unchanged", "data.txt")
        stage.git("update-index", "--no-skip-worktree", "data.txt")
        stage.git("reset", "-q", "--hard")
        for name in came:
            shutil.rmtree(stage.experiments / name)
    stage.run()
    again = len(stage.names()) > len(before)
    stage.check("GIT-1", "no changes any more", "recorded", "refused", again or not started)


def _write(stage: Stage) -> None:
    (stage.repository / "data.txt").write_text("three\n")


def _stage_it(stage: Stage) -> None:
    _write(stage)
    stage.git("add", "data.txt")


def _remove(stage: Stage) -> None:
    (stage.repository / "data.bin").unlink()


def _mode(stage: Stage) -> None:
    (stage.repository / "data.txt").chmod(0o755)


def _hide(how: str) -> Callable[[Stage], None]:
    def change(stage: Stage) -> None:
        stage.git("update-index", how, "data.txt")
        _write(stage)

    return change


CHANGES: dict[str, Callable[[Stage], None]] = {
    "a changed file": _write,
    "a changed file that is staged": _stage_it,
    "a file that is gone": _remove,
    "a file with another mode": _mode,
    "a change hidden by --assume-unchanged": _hide("--assume-unchanged"),
    "a change hidden by --skip-worktree": _hide("--skip-worktree"),
}


# Patches. Each of these settings makes `git diff` print what `git apply` does not take, or not all of it.

SETTINGS = {
    "": "",
    "diff.noprefix": "true",
    "diff.mnemonicPrefix": "true",
    "color.ui": "always",
    "diff.external": "true",
    "diff.relative": "true",
    "diff.context": "0",
    "diff.renames": "copies",
    "diff.submodule": "log",
    "diff.ignoreSubmodules": "all",
    "diff.wsErrorHighlight": "all",
    "core.quotePath": "false",
    "core.abbrev": "4",
    "diff.text.textconv": "tr a-z A-Z <",
    "diff.text.binary": "true",
}
VARIABLES = {"GIT_EXTERNAL_DIFF": "true", "GIT_DIFF_OPTS": "-u0"}


@scenario("patch")
def a_patch(stage: Stage) -> None:
    """Uncommitted changes that the user wants to be recorded, under each setting that changes a patch."""
    (stage.repository / ".gitattributes").write_text("data.txt diff=text\n")
    (stage.repository / "größe.txt").write_text("a\nb\nc\nd\ne\nf\ng\nh\n")
    stage.commit("More files")
    stage.run(allow_dirty=True)
    stage.check("GIT-3", "nothing has changed: git.diff", None, stage.bytes("git.diff"), root=True)
    (stage.repository / "data.txt").write_bytes("one\r\nzwei ☕\nno end".encode())
    (stage.repository / "data.bin").write_bytes(bytes(reversed(range(256))))
    (stage.repository / "größe.txt").write_text("a\nb\nc\nd\nE\nf\ng\nh\n")
    changes = {name: (stage.repository / name).read_bytes() for name in ("data.txt", "data.bin", "größe.txt")}
    runs = [(f"{key} = {value}".strip(" ="), {key: value}, {}) for key, value in SETTINGS.items()]
    runs += [(f"{name}={value}", {}, {name: value}) for name, value in VARIABLES.items()]
    for what, settings, variables in runs:
        for key, value in settings.items():
            if key:
                stage.git("config", key, value)
        known = stage.names()
        stage.run(allow_dirty=True, environment=variables)
        for key in settings:
            if key:
                stage.git("config", "--unset", key)
        for name in sorted(set(stage.names()) - set(known)):
            patch = stage.bytes("git.diff", name)
            stage.check(
                "GIT-1", f"{what}: changes that may be recorded", "git.diff", "none", patch is not None
            )
            if patch is not None:
                applied = apply(stage, patch)
                if isinstance(applied, str):
                    found: str | list[str] = applied
                else:
                    found = changed(changes, {file: applied.get(file, b"") for file in changes})
                stage.check("GIT-2", f"{what}: git.diff", "what makes the code that ran", found, not found)
    came = len(stage.names()) > 1
    stage.check("GIT-1", "changes that may be recorded: experiments", "at least one", "none", came)


def apply(stage: Stage, patch: bytes) -> dict[str, bytes] | str:
    """The files of a clean clone after `git apply`, but for git's own; or why it does not apply."""
    clone = stage.folder / "clone"
    stage.git(
        "-c", "protocol.file.allow=always", "clone", "-q", "--recursive", str(stage.repository), str(clone)
    )
    try:
        command = ["git", "apply", "--whitespace=nowarn", "-"]
        done = subprocess.run(
            command, cwd=clone, input=patch, capture_output=True, check=False, env=stage.environment
        )
        if done.returncode:
            return done.stderr.decode(errors="replace") or "git apply failed"
        return {name: data for name, data in contents_of(clone).items() if ".git" not in Path(name).parts}
    finally:
        shutil.rmtree(clone)


@scenario("patch", leaves=False)
def code_that_is_not_tracked(stage: Stage) -> None:
    """The adapter's own files are not in the commit: refused, or recorded with leave only."""
    if not stage.copies:
        return  # the code that runs is elsewhere
    stage.git("rm", "-q", "--cached", *stage.copies)
    stage.git("commit", "-q", "-m", "Without the code")
    stage.run()
    for name in stage.names():
        stage.check("GIT-1", "untracked code without leave: git.diff", None, stage.bytes("git.diff", name))
    before = stage.names()
    stage.run(allow_dirty=True)
    for name in sorted(set(stage.names()) - set(before)):
        patch = stage.bytes("git.diff", name)
        if patch is None:
            continue  # it does not know which code ran: GIT-6 is for those that do
        applied = apply(stage, patch)
        if isinstance(applied, str):
            stage.check("GIT-2", "untracked code that ran: git.diff", "what applies", applied)
            continue
        held = [file for file in stage.copies if file in applied]
        stage.check("GIT-6", "untracked code that ran: git.diff", stage.copies, held, bool(held))


# Submodules


def _content(stage: Stage) -> None:
    (stage.repository / "library" / "code.txt").write_text("v = 2\n")


def _hidden_content(stage: Stage) -> None:
    _content(stage)
    stage.git("config", "submodule.library.ignore", "all")


def _another_commit(stage: Stage) -> None:
    _content(stage)
    stage.git("commit", "-q", "-a", "-m", "Second", cwd=stage.repository / "library")


SUBMODULES: dict[str, Callable[[Stage], None]] = {
    "a submodule that differs": _content,
    "a submodule that differs, with ignore = all": _hidden_content,
    "a submodule at another commit": _another_commit,
}


@scenario()
def submodules(stage: Stage) -> None:
    """A submodule that differs: refused, or in the patch where the user asks for that."""
    library = stage.folder / "library"
    library.mkdir()
    (library / "code.txt").write_text("v = 1\n")
    for arguments in (("init", "-q", "-b", "main"), ("add", "."), ("commit", "-q", "-m", "First")):
        stage.git(*arguments, cwd=library)
    stage.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library), "library")
    stage.commit("A submodule")
    stage.run()
    stage.check("GIT-1", "a submodule that does not differ", ["1"], "refused", stage.names() == ["1"])
    inside = stage.repository / "library"
    first = stage.git("rev-parse", "HEAD", cwd=inside)
    for what, change in SUBMODULES.items():
        change(stage)
        before = stage.names()
        stage.run()
        came = sorted(set(stage.names()) - set(before))
        stage.check("GIT-1", what, "refused", "recorded", not came)
        if "patch" not in stage.left_out and not came:
            stage.run(allow_dirty=True)
            for name in sorted(set(stage.names()) - set(before)):
                _patch_of_submodule(stage, what, name)
        stage.git("config", "--unset-all", "submodule.library.ignore", ok=False)
        stage.git("reset", "-q", "--hard", first, cwd=inside)


def _patch_of_submodule(stage: Stage, what: str, name: str) -> None:
    inside = stage.repository / "library"
    sha = stage.git("rev-parse", "HEAD", cwd=inside)
    objects = stage.metadata(name).get("git-repositories") or [{}]
    found = [item.get("githead-sha") for item in objects if item.get("directory") == "library"]
    stage.check("GIT-4", f"{what}: the commit of library in git-repositories", [sha], found)
    patch = stage.bytes("git.diff", name) or b""
    links = b"Subproject commit" not in patch
    stage.check("GIT-2", f"{what}: git.diff: lines on a submodule's commit", "none", "some", links)
    if links and stage.git("rev-parse", "HEAD:library") == sha:  # else no clean checkout is at that commit
        applied = apply(stage, patch) if patch else "no git.diff"
        code = applied if isinstance(applied, str) else applied.get("library/code.txt", b"").decode()
        stage.check("GIT-2", f"{what}: git.diff: library/code.txt", (inside / "code.txt").read_text(), code)
