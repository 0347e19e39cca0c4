"""Scenarios of where it is recorded: directories, ids, names of files. Standard library only."""

from __future__ import annotations

import os
import shutil

from scenarios.common import EARLIER, WAIT, say, scenario
from scenarios.stage import RECORDED, Hang, Stage, changed, contents_of


def experiments(stage: Stage, among: list[str] | None = None) -> list[str]:
    """The names that are an experiment's: with a STATUS."""
    return [name for name in among or stage.names() if (stage.experiments / name / "STATUS").exists()]


@scenario()
def the_directory(stage: Stage) -> None:
    """An experiments directory that is new, or was there."""
    stage.run()
    ignore = stage.experiments / ".gitignore"
    lines = ignore.read_text("utf-8").splitlines(keepends=True) if ignore.exists() else []
    said = [line for line in lines if not line.startswith("#")]
    stage.check("DIR-2", "a new directory: .gitignore", ["*\n"], said)
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
    for path, mode in (
        ("..", 0o750),
        (".", 0o750),
        ("STATUS", 0o640),
        ("metadata.json", 0o640),
        ("stdout", 0o640),
    ):
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
    after = {name: data for name, data in contents_of(stage.experiments).items() if name in before}
    stage.check("DIR-4", "what others wrote: files that have changed", [], changed(before, after))
    stage.check("ID-4", "the number after 7, a file 9, and what is no number", ["10"], experiments(stage))


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
    kept = sorted(contents_of(stage.experiments / str(10**18)))
    stage.check("ID-5", "a folder that is somebody's", ["kept"], kept)
    if kept == ["kept"]:
        stage.check("ID-6", "the number after one that is taken", [str(10**18 + 1)], experiments(stage))


@scenario()
def at_once(stage: Stage) -> None:
    """Twelve starts at once."""
    plays = [stage.start(say(f"mine {n}\n"), args={"n": n}, defaults={}) for n in range(12)]
    for play in plays:
        play.end()
    expected = [str(number) for number in range(1, 13)]
    stage.check("ID-5", "twelve starts at once", expected, stage.names())
    whose = sorted(str(stage.json("args.json", name).get("n")) for name in stage.names())
    stage.check("ID-5", "twelve starts at once", sorted(map(str, range(12))), whose)


GOOD_IDS = ("baseline.v1-2_x", "1" * 128, "0012", "a")
BAD_IDS = {
    "ID-1": ["../out", "a b", "-x", "_x", ".x", "", "a/b", "é", "x\n", "a\\b", "a:b"],
    "ID-2": ["1" * 129],
    "ID-3": ["con", "Lpt1.a", "COM0", "x."],
}


@scenario("ids")
def given_ids(stage: Stage) -> None:
    """Ids that the user gives, good and bad. A recorder may be narrower than the format, but takes some."""
    for name in GOOD_IDS:
        stage.run(id=name)
    taken = experiments(stage)
    stage.check("DIR-1", "ids that the user gives", "some of them", taken, 0 < len(taken) <= len(GOOD_IDS))
    for requirement, names in BAD_IDS.items():
        for name in names:
            before = set(stage.folder.glob("[!s]*/*")) | set(stage.experiments.iterdir())
            stage.run(id=name)
            came = (set(stage.folder.glob("[!s]*/*")) | set(stage.experiments.iterdir())) - before
            shown = sorted(str(path.relative_to(stage.repository)) for path in came)
            stage.check(requirement, f"the id {name!r}: what came to be", [], shown)
            for path in came:
                shutil.rmtree(path)


@scenario("ids", judged=False)
def an_id_that_is_taken(stage: Stage) -> None:
    """A folder that has the id already: no experiment that could be resumed, and one that has ended."""
    (stage.experiments / "mine").mkdir(parents=True)
    (stage.experiments / "mine" / "notes.txt").write_text("not an experiment\n")
    stage.run(id="mine")
    stage.check("ID-7", "an id that is taken: experiments", ["mine"], stage.names())
    kept = contents_of(stage.experiments / "mine")
    stage.check("DIR-4", "an id that is taken: its folder", {"notes.txt": b"not an experiment\n"}, kept)
    stage.run(id="done")
    before = contents_of(stage.experiments / "done")
    stage.run(id="done", args={"lr": 0.25})
    stage.check("ID-7", "the id of an experiment that has ended", ["done", "mine"], stage.names())
    if EARLIER not in stage.metadata("done"):
        after = contents_of(stage.experiments / "done")
        stage.check("DIR-4", "an experiment that has ended: what has changed", [], changed(before, after))


# Names that a recorder must not give away, spelled in some ways: the folder's, and those of later versions.
KEPT = ["STATUS", "Metadata.JSON", "./STATUS", "sub/../STATUS", "stdout", "summary.json"]
LATER = [".resume", "GIT.1.diff", "recorded-files.json", "Recorded-x"]


@scenario("files")
def files_of_its_own(stage: Stage) -> None:
    """A program that asks the recorder for a file of its own, for recorded and for reserved ones."""
    steps = [{"do": "file", "name": name} for name in ("model.txt", *KEPT, *LATER)]
    play = stage.start(WAIT, *steps, WAIT)
    if not play.ready():
        return
    before = contents_of(stage.experiments / "1")
    play.go()
    play.ready()
    after = contents_of(stage.experiments / "1")
    stage.check("DIR-1", "a file of the program's own: model.txt", "there", "absent", "model.txt" in after)
    for contents in (before, after):  # where what was printed may only now have come
        contents["stdout"] = contents.get("stdout", b"").replace(b"ready\n", b"")
    given = [name for name in changed(before, after) if name != "model.txt"]
    for name in given:
        stage.check("DIR-6", f"{name}: what the program was given", "refused", "given", ok=False, root=True)
        if name not in RECORDED:
            (stage.experiments / "1" / name).unlink()
    stage.report.held.add("DIR-6")
    play.go()
    play.end()
