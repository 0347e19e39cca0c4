"""Scenarios of where it is recorded: directories, ids, code. Standard library only."""

from __future__ import annotations

import os
import shutil
import subprocess

from stage import Hang, Stage, contents_of

from scenarios.common import say, scenario


@scenario()
def the_directory(stage: Stage) -> None:
    """An experiments directory that is new, or was there."""
    stage.run()
    found = (
        (stage.experiments / ".gitignore").read_bytes()
        if (stage.experiments / ".gitignore").exists()
        else None
    )
    stage.check("DIR-2", "a new directory: .gitignore", "*\n", None if found is None else found.decode())
    for name, content in (("bare", None), ("own", b"*.bin\n")):
        directory = stage.repository / name
        directory.mkdir()
        if content is not None:
            (directory / ".gitignore").write_bytes(content)
            stage.commit("Results are kept")
        stage.run(experiments_directory=name)
        kept = (directory / ".gitignore").read_bytes() if (directory / ".gitignore").exists() else None
        stage.check("DIR-3", "a directory that was there: .gitignore", content, kept)
        stage.check("ID-4", "the first of another directory", True, (directory / "1" / "STATUS").exists())
        shutil.rmtree(directory)


@scenario()
def permissions(stage: Stage) -> None:
    """What the umask gives."""
    stage.run(before=lambda: os.umask(0o027) and None)
    for path, mode in ((".", 0o750), ("STATUS", 0o640), ("metadata.json", 0o640), ("stdout", 0o640)):
        if (stage.experiments / "1" / path).exists():
            found = os.stat(stage.experiments / "1" / path).st_mode & 0o777
            stage.check("DIR-8", f"permissions of {path} with the umask 027", oct(mode), oct(found))


@scenario(judged=False)
def numbers(stage: Stage) -> None:
    """The next number, among names that are none."""
    for name in ("7", "0012", "1.5", "99999999999999999999", "note"):
        (stage.experiments / name).mkdir(parents=True)
    (stage.experiments / "9").write_text("a file\n")
    (stage.experiments / "7" / "kept").write_text("mine\n")
    before = contents_of(stage.experiments)
    stage.run()
    stage.check(
        "ID-4",
        "the number after 7, a file 9, and what is no number",
        ["10"],
        [name for name in stage.names() if (stage.experiments / name / "STATUS").exists()],
    )
    after = {name: data for name, data in contents_of(stage.experiments).items() if name in before}
    stage.check("DIR-4", "what others wrote", sorted(before.items()), sorted(after.items()))


@scenario(judged=False)
def a_number_that_is_taken(stage: Stage) -> None:
    """The number after the highest one is taken, and is none that a listing shows: a digit too many."""
    for number in (10**18 - 1, 10**18):
        (stage.experiments / str(number)).mkdir(parents=True)
    (stage.experiments / str(10**18) / "kept").write_text("mine\n")
    try:
        stage.run()
    except Hang as error:  # so it goes where the directory is listed again, and shows the same
        stage.check("ID-6", "the number after one that is taken", str(10**18 + 1), str(error))
        return
    recorded = [name for name in stage.names() if (stage.experiments / name / "STATUS").exists()]
    stage.check("ID-6", "the number after one that is taken", [str(10**18 + 1)], recorded)
    kept = sorted(contents_of(stage.experiments / str(10**18)))
    stage.check("ID-5", "a folder that is somebody's", ["kept"], kept)


@scenario()
def at_once(stage: Stage) -> None:
    """Twelve starts at once."""
    plays = [stage.start(say(f"mine {n}\n"), args={"n": n}, defaults={}) for n in range(12)]
    for play in plays:
        play.end()
    expected = [str(number) for number in range(1, 13)]
    stage.check("ID-5", "twelve starts at once: ids", expected, stage.names())
    whose = sorted(int(stage.json("args.json", name).get("n", -1)) for name in stage.names())
    stage.check("ID-5", "twelve starts at once: arguments", list(range(12)), whose)
    for name in stage.names():
        stage.check("ID-5", f"twelve starts at once: {name}: STATUS", "SUCCESS\n", stage.status(name))


@scenario("ids")
def given_ids(stage: Stage) -> None:
    """Ids that the user gives, good and bad."""
    for name in ("baseline.v1-2_x", "1" * 128, "0012"):
        stage.run(id=name)
        stage.check("ID-1", f"the id {name}", True, (stage.experiments / name / "STATUS").exists())
    before = (stage.names(), sorted(os.listdir(stage.repository)), sorted(os.listdir(stage.folder)))
    bad = {
        "ID-1": ["../out", "a b", "-x", "", "a/b", "é", "x\n"],
        "ID-2": ["1" * 129],
        "ID-3": ["con", "Lpt1.a", "x."],
    }
    for requirement, names in bad.items():
        for name in names:
            stage.run(id=name)
            scenarios = [entry for entry in os.listdir(stage.folder) if not entry.startswith("scenario-")]
            after = (stage.names(), sorted(os.listdir(stage.repository)))
            stage.check(
                requirement,
                f"the id {name!r}",
                before[:2],
                after,
                after == before[:2] and scenarios == ["repository"],
            )


@scenario("ids", judged=False)
def an_id_that_is_taken(stage: Stage) -> None:
    """A folder that has the id already: no experiment that could be resumed, and one that has ended."""
    (stage.experiments / "mine").mkdir(parents=True)
    (stage.experiments / "mine" / "notes.txt").write_text("not an experiment\n")
    stage.run(id="mine")
    stage.check("ID-7", "an id that is taken: experiments", ["mine"], stage.names())
    kept = {"notes.txt": b"not an experiment\n"}
    stage.check(
        "DIR-4", "an id that is taken: what is in its folder", kept, contents_of(stage.experiments / "mine")
    )
    stage.run(id="done")
    before = contents_of(stage.experiments / "done")
    stage.run(id="done", args={"lr": 0.25})
    stage.check("ID-7", "the id of an experiment that has ended", ["done", "mine"], stage.names())
    if "resumes" not in stage.metadata("done"):
        after = contents_of(stage.experiments / "done")
        changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        stage.check("DIR-4", "an experiment that has ended: files that have changed", [], changed)


# Code


@scenario(leaves=False)
def no_commit(stage: Stage) -> None:
    """No repository, and one without a commit."""
    shutil.rmtree(stage.repository / ".git")
    stage.run()
    stage.check("META-5", "without a repository: experiments", [], stage.names())
    stage.git("init", "-q")
    stage.run()
    stage.check("META-5", "without a commit: experiments", [], stage.names())


@scenario()
def changed_code(stage: Stage) -> None:
    """Tracked files that differ from the commit."""
    stage.experiments.mkdir()
    (stage.experiments / "notes.md").write_text("one\n")
    stage.commit("Notes on results")
    (stage.experiments / "notes.md").write_text("two\n")
    stage.run()
    names = [name for name in stage.names() if name != "notes.md"]
    stage.check("GIT-1", "changes in the experiments directory: experiments", ["1"], names)
    (stage.repository / "data.txt").write_text("three\n")
    stage.run()
    names = [name for name in stage.names() if name != "notes.md"]
    stage.check("GIT-1", "a changed file: experiments", ["1"], names)
    stage.git("add", "data.txt")
    stage.run()
    names = [name for name in stage.names() if name != "notes.md"]
    stage.check("GIT-1", "a changed file that is staged: experiments", ["1"], names)
    (stage.experiments / "notes.md").unlink()  # so that experiments are all that is judged


@scenario("patch")
def a_patch(stage: Stage) -> None:
    """Uncommitted changes that the user wants to be recorded."""
    stage.run(allow_dirty=True)
    stage.check("GIT-3", "nothing has changed: git.diff", None, stage.bytes("git.diff"))
    (stage.repository / "data.txt").write_bytes("one\r\nzwei ☕\nno end".encode())
    (stage.repository / "data.bin").write_bytes(bytes(reversed(range(256))))
    stage.run(allow_dirty=True)
    stage.check(
        "GIT-1",
        "changes that may be recorded: git.diff",
        "a file",
        "none",
        stage.bytes("git.diff", "2") is not None,
    )
    clone = stage.folder / "clone"
    stage.git("clone", "-q", str(stage.repository), str(clone))
    done = subprocess.run(
        ["git", "apply", "--whitespace=nowarn", "-"],
        cwd=clone,
        input=stage.bytes("git.diff", "2") or b"",
        capture_output=True,
        check=False,
        env=stage.environment,
    )
    stage.check(
        "GIT-2", "git apply of git.diff in a clean clone", "", done.stderr.decode(), done.returncode == 0
    )
    for file in ("data.txt", "data.bin"):
        stage.check(
            "GIT-2",
            f"{file} after git apply",
            (stage.repository / file).read_bytes(),
            (clone / file).read_bytes(),
        )
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
        patch = (stage.bytes("git.diff", name) or b"").decode(errors="replace")
        held = [file for file in stage.copies if f"diff --git a/{file} b/{file}\nnew file" in patch]
        stage.check("GIT-2", "untracked code that ran: in git.diff", stage.copies, held, ok=bool(held))
