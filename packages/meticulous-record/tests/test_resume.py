"""Going on with an experiment, and never two processes in one."""

import json
import os
import re
import subprocess
import sys
import time

import meticulous
import pytest
from meticulous import Experiment, _process


@pytest.fixture(autouse=True)
def _in_repository(project, monkeypatch):
    monkeypatch.chdir(project)


def metadata(experiment):
    return json.loads((experiment.directory / "metadata.json").read_text("utf-8"))


def change_metadata(directory, **changes):
    path = directory / "metadata.json"
    facts = json.loads(path.read_text("utf-8"))
    facts.update({key.replace("_", "-"): value for key, value in changes.items()})
    path.write_text(json.dumps({key: value for key, value in facts.items() if value is not None}))


def leave_running(args, **options):
    """An experiment whose process was killed: another process's, which has ended."""
    code = (
        f"from meticulous import Experiment\nimport os\nExperiment({args!r}, **{options!r})\nprint('one')\n"
    )
    code += "import sys; sys.stdout.flush(); os._exit(9)"
    subprocess.run([sys.executable, "-c", code], check=False, stdout=subprocess.DEVNULL)


def commit(git):
    git("commit", "-q", "--allow-empty", "-m", "another")


def test_takes_the_newest_with_the_same_arguments():
    for lr in (1, 2, 1, 2):
        Experiment({"lr": lr}).finish()
    with Experiment({"lr": 1}, resume=True) as experiment:
        assert experiment.experiment_id == "3"
    assert len(metadata(experiment)["earlier-sessions"]) == 1


def test_none_with_these_arguments_is_a_new_one():
    Experiment({"lr": 1}).finish()
    with Experiment({"lr": 2}, resume=True) as experiment:
        assert experiment.experiment_id == "2"
    assert "earlier-sessions" not in metadata(experiment)


@pytest.mark.parametrize(
    ("before", "now", "same"),
    [
        (0, 0.0, True),
        ([1, {"a": 2}], [1.0, {"a": 2.0}], True),
        (0, False, False),
        (1, "1", False),
        (0, 0.1, False),
    ],
)
def test_numbers_are_compared_by_their_value(before, now, same):
    """`default=0` with `type=float` is 0 where nobody passes it, and 0.0 where somebody does."""
    Experiment({"dropout": before}).finish()
    with Experiment({"dropout": now}, resume=True) as experiment:
        assert (experiment.experiment_id == "1") == same


def test_an_empty_or_missing_directory_is_a_new_one(project):
    with Experiment({}, resume=True, experiments_directory="runs") as experiment:
        assert experiment.directory == project / "runs" / "1"


def test_another_commit_is_a_new_one(git):
    Experiment({}).finish()
    commit(git)
    with Experiment({}, resume=True) as experiment:
        assert experiment.experiment_id == "2"


def test_other_uncommitted_changes_are_a_new_one(project, git):
    name = git("ls-files").splitlines()[0]
    for text, expected in (("a\n", "1"), ("b\n", "2"), ("a\n", "1")):
        (project / name).write_text(text)
        with Experiment({}, resume=True, allow_dirty=True) as experiment:
            assert experiment.experiment_id == expected


def test_an_earlier_session_is_kept_and_output_appended(capsys):
    with pytest.raises(ValueError), Experiment({}, description="d") as experiment:
        print("one")
        experiment.summary({"epoch": 1})
        raise ValueError("bad luck")
    first = metadata(experiment)
    with Experiment({}, resume=True) as experiment:
        assert (experiment.directory / "STATUS").read_text() == "RUNNING\n"
        assert "end-time" not in metadata(experiment)
        print("two")
        experiment.summary({"loss": 1}, update=True)
    second = metadata(experiment)
    (session,) = second["earlier-sessions"]
    assert session["status"].startswith("ERROR\nTraceback")
    assert session["status"].endswith("ValueError: bad luck")
    assert (session["start-time"], session["end-time"]) == (first["start-time"], first["end-time"])
    assert second["timestamp"] == first["timestamp"]
    assert second["start-time"] > first["end-time"]
    assert second["description"] == "d"
    assert (experiment.directory / "stdout").read_text() == "one\ntwo\n"
    assert json.loads((experiment.directory / "summary.json").read_text()) == {"epoch": 1, "loss": 1}
    assert not [name for name in os.listdir(experiment.directory) if name.startswith(".")]


def test_unknown_and_vendor_keys_survive():
    Experiment({}, experiment_id="x").finish()
    change_metadata(_path("x"), **{"lab:node": {"a": 1}})
    with Experiment({}, experiment_id="x") as experiment:
        pass
    assert metadata(experiment)["lab:node"] == {"a": 1}


def test_a_key_that_another_tool_adds_while_it_runs_survives():
    with Experiment({}, experiment_id="x") as experiment:
        change_metadata(_path("x"), **{"lab:note": "at epoch 3"})
        experiment.summary({"loss": 1})
    assert metadata(experiment)["lab:note"] == "at epoch 3"
    assert "end-time" in metadata(experiment)


def _path(name):
    from pathlib import Path

    return Path("experiments") / name


def test_by_id_with_other_arguments_shows_the_difference():
    Experiment({"lr": 0.1, "same": 1, "gone": None}, experiment_id="x").finish()
    with pytest.raises(meticulous.MismatchedArgsException) as refused:
        Experiment({"lr": 0.2, "same": 1, "new": "y"}, experiment_id="x")
    assert "(lr: 0.1 then, 0.2 now, gone: None then, absent now, new: absent then, 'y' now)" in str(
        refused.value
    )
    assert refused.value.expected == {"lr": 0.1, "same": 1, "gone": None}
    assert refused.value.found == {"lr": 0.2, "same": 1, "new": "y"}


def test_by_id_from_another_commit_names_both(git):
    Experiment({}, experiment_id="x").finish()
    first = git("rev-parse", "HEAD")
    commit(git)
    with pytest.raises(meticulous.MismatchedCommitException) as refused:
        Experiment({}, experiment_id="x")
    assert (refused.value.expected, refused.value.found) == (first, git("rev-parse", "HEAD"))


def test_by_id_where_the_folder_is_no_experiment(project):
    (project / "experiments" / "x").mkdir(parents=True)
    with pytest.raises(meticulous.MeticulousError, match="no experiment of format"):
        Experiment({}, experiment_id="x")
    assert os.listdir(project / "experiments" / "x") == []


@pytest.mark.parametrize("version", [None, "1.1", "2.0"])
def test_folders_of_other_versions_are_never_rewritten(version):
    Experiment({}, experiment_id="x").finish()
    change_metadata(_path("x"), format_version=version)
    with pytest.raises(meticulous.MeticulousError, match="no experiment of format"):
        Experiment({}, experiment_id="x")
    with Experiment({}, resume=True) as experiment:
        assert experiment.experiment_id == "1"


@pytest.mark.skipif(
    "process-start" not in _process.identity(), reason="needs a system that says when a process started"
)
def test_what_runs_in_this_process_is_not_resumed():
    with Experiment({}, experiment_id="x"):
        with pytest.raises(meticulous.ExperimentRunningError, match=f"process {os.getpid()}"):
            Experiment({}, experiment_id="x")
        with Experiment({}, resume=True) as other:
            assert other.experiment_id == "1"


def test_what_a_killed_process_left_running_is_resumed():
    leave_running({})
    assert (_path("1") / "STATUS").read_text() == "RUNNING\n"
    with Experiment({}, resume=True) as experiment:
        assert experiment.experiment_id == "1"
    assert metadata(experiment)["earlier-sessions"][0]["status"] == "RUNNING"
    assert (experiment.directory / "stdout").read_text() == "one\n"


@pytest.mark.requirement("RESUME-17")
@pytest.mark.parametrize("lost", [[], ["default_args.json"], ["args.json", "default_args.json", "git.diff"]])
def test_a_start_that_was_cut_short_is_gone_on_with(project, lost):
    (project / "README").write_text("changed\n")
    leave_running({"lr": 1}, default_args={"lr": 0}, allow_dirty=True)
    kept = {name: (_path("1") / name).read_bytes() for name in lost}
    for name in ["STATUS", *lost]:
        (_path("1") / name).unlink()
    with Experiment({"lr": 1}, {"lr": 0}, experiment_id="1", allow_dirty=True):
        assert {name: (_path("1") / name).read_bytes() for name in lost} == kept
    (session,) = json.loads((_path("1") / "metadata.json").read_bytes())["earlier-sessions"]
    assert session["status"] == "RUNNING"


def test_elsewhere_silence_decides():
    leave_running({})
    change_metadata(_path("1"), hostname="another-machine", process_start=None)
    with Experiment({}, resume=True) as experiment:
        assert experiment.experiment_id == "2"
    long_ago = time.time() - 6 * 60
    os.utime(_path("1") / "STATUS", (long_ago, long_ago))
    change_metadata(_path("2"), githead_sha="0" * 40)
    with Experiment({}, resume=True) as experiment:
        assert experiment.experiment_id == "1"


def test_elsewhere_without_heartbeats_it_may_be_running_for_ever():
    leave_running({})
    change_metadata(_path("1"), hostname="another-machine", heartbeat_seconds=None)
    os.utime(_path("1") / "STATUS", (0, 0))
    with pytest.raises(meticulous.ExperimentRunningError, match="another-machine"):
        Experiment({}, experiment_id="1")


SLURM = {"SLURM_JOB_ID": "4711", "SLURM_CLUSTER_NAME": "alpha"}
LSF = {"LSB_JOBID": "1001", "LSB_JOBINDEX": "1"}


@pytest.mark.parametrize("silent", [False, True], ids=["just-heard-of", "silent-for-two-beats"])
@pytest.mark.parametrize(
    ("before", "now", "taken"),
    [
        (SLURM, SLURM, "if-silent"),  # another task of the job, alive on another node, has its ids, too
        (SLURM, {**SLURM, "SLURM_RESTART_COUNT": "1"}, "always"),
        ({**SLURM, "SLURM_RESTART_COUNT": "1"}, {**SLURM, "SLURM_RESTART_COUNT": "1"}, "if-silent"),
        ({**SLURM, "SLURM_RESTART_COUNT": "1"}, {**SLURM, "SLURM_RESTART_COUNT": "2"}, "always"),
        (SLURM, {**SLURM, "SLURM_JOB_ID": "4712", "SLURM_RESTART_COUNT": "1"}, "never"),
        (SLURM, {**SLURM, "SLURM_CLUSTER_NAME": "beta", "SLURM_RESTART_COUNT": "1"}, "never"),
        (SLURM, {**SLURM, "SLURM_ARRAY_TASK_ID": "2", "SLURM_RESTART_COUNT": "1"}, "never"),
        ({**SLURM, "SLURM_RESTART_COUNT": "1"}, {"SLURM_RESTART_COUNT": "2"}, "never"),
        (LSF, LSF, "if-silent"),
        (LSF, {**LSF, "LSB_JOBINDEX": "2"}, "never"),
        ({"PBS_JOBID": "7.server"}, {"PBS_JOBID": "7.server"}, "if-silent"),
        ({}, {"PBS_JOBID": "7.server"}, "never"),
        (SLURM, {}, "never"),
    ],
)
@pytest.mark.requirement("RESUME-2")
def test_what_runs_elsewhere_is_resumed_by_its_own_job_started_anew(monkeypatch, before, now, taken, silent):
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    leave_running({})
    change_metadata(_path("1"), hostname="another-node")
    if silent:
        long_ago = time.time() - 130  # more than two heartbeats, and fewer than five
        os.utime(_path("1") / "STATUS", (long_ago, long_ago))
    for name in before:
        monkeypatch.delenv(name)
    for name, value in now.items():
        monkeypatch.setenv(name, value)
    with Experiment({}, resume=True) as experiment:
        pass
    assert experiment.experiment_id == (
        "1" if taken == "always" or (silent and taken == "if-silent") else "2"
    )


def test_earlier_sessions_keep_all_that_was_known_of_them(monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "111")
    with Experiment({}) as experiment:
        pass
    first = metadata(experiment)
    monkeypatch.setenv("SLURM_JOB_ID", "222")
    for _ in range(2):
        with Experiment({}, resume=True) as experiment:
            pass
    latest = metadata(experiment)
    one, two = latest["earlier-sessions"]
    of_the_experiment = {
        "format",
        "format-version",
        "uuid",
        "timestamp",
        "githead-sha",
        "githead-message",
        "git-dirty",
    }
    assert one == {key: value for key, value in first.items() if key not in of_the_experiment} | {
        "status": "SUCCESS"
    }
    assert (one["slurm-job-id"], two["slurm-job-id"], latest["slurm-job-id"]) == ("111", "222", "222")
    assert {key: latest[key] for key in of_the_experiment} == {key: first[key] for key in of_the_experiment}


@pytest.mark.requirement("RESUME-15")
def test_a_claim_of_another_process_is_respected_until_it_is_stale():
    Experiment({}, experiment_id="x").finish()
    claim = _path("x") / ".resume"
    claim.touch()
    with pytest.raises(meticulous.ExperimentRunningError):
        Experiment({}, experiment_id="x")
    os.utime(claim, (0, 0))
    with Experiment({}, experiment_id="x"):
        assert not claim.exists()


RACE = """
import sys
from meticulous import Experiment
sys.stdin.read()  # the start signal: everybody's standard input closes at once
with Experiment({}, resume=RESUME) as experiment:
    print(experiment.experiment_id)
    experiment.summary({"id": experiment.experiment_id})
"""


@pytest.mark.parametrize("resume", [False, True])
def test_12_processes_that_start_at_once_get_complete_folders_without_a_gap(project, git, resume):
    (project / "race.py").write_text(RACE.replace("RESUME", str(resume)))
    git("add", ".")
    git("commit", "-q", "-m", "race")
    receive, send = os.pipe()
    processes = [
        subprocess.Popen([sys.executable, "race.py"], stdin=receive, stdout=subprocess.PIPE, text=True)
        for _ in range(12)
    ]
    os.close(receive)
    os.close(send)
    outputs = [process.communicate(timeout=200)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 12
    folders = {name for name in os.listdir(project / "experiments") if name != ".gitignore"}
    assert folders == {str(number) for number in range(1, len(folders) + 1)}
    if not resume:
        assert len(folders) == 12
    seen = sorted(output.strip() for output in outputs)
    kept = []
    for name in folders:
        folder = project / "experiments" / name
        facts = json.loads((folder / "metadata.json").read_text())
        assert (folder / "STATUS").read_text() == "SUCCESS\n"
        assert json.loads((folder / "summary.json").read_text()) == {"id": name}
        sessions = 1 + len(facts.get("earlier-sessions", []))
        assert (folder / "stdout").read_text() == f"{name}\n" * sessions
        assert all(session["status"] == "SUCCESS" for session in facts.get("earlier-sessions", []))
        kept += [name] * sessions
    assert sorted(kept) == seen
    assert git("status", "--porcelain") == ""


class TestNearMisses:
    """What was not taken up and why is one warning."""

    def warning(self, caplog, **options):
        caplog.clear()
        with Experiment({"lr": 1}, resume=True, **options) as experiment:
            pass
        (message,) = [each for each in caplog.messages if each.startswith("starting experiment")]
        assert message.startswith(f"starting experiment {experiment.experiment_id}: ")
        return message

    @pytest.fixture(autouse=True)
    def _earlier(self):
        Experiment({"lr": 1}).finish()

    def test_nothing_near_is_no_word(self, caplog):
        Experiment({"lr": 2}, resume=True).finish()
        assert caplog.messages == []

    def test_another_commit(self, git, caplog):
        Experiment({"lr": 1}).finish()
        commit(git)
        message = self.warning(caplog)
        assert "experiment 2 has these arguments and another commit" in message
        assert "experiment 1" not in message

    def test_other_uncommitted_changes(self, project, caplog):
        (project / "README").write_text("changed\n")
        assert "other uncommitted changes" in self.warning(caplog, allow_dirty=True)

    @pytest.mark.requirement("RESUME-16")
    def test_changes_that_are_not_recorded(self, caplog):
        change_metadata(_path("1"), git_dirty=True)
        assert "not recorded" in self.warning(caplog)

    def test_another_commit_of_a_further_repository(self, caplog):
        change_metadata(_path("1"), git_repositories=[{"directory": "../lib", "githead-sha": "0" * 40}])
        assert "other commits of further repositories" in self.warning(caplog)
        with pytest.raises(
            meticulous.MismatchedCommitException, match=r"\([0-9a-f]{40}, one beside at 0{40}, and"
        ):
            Experiment({"lr": 1}, experiment_id="1")

    def test_a_further_repository_with_changes_that_are_not_recorded(self, caplog):
        change_metadata(_path("1"), git_repositories=[{"directory": "../lib", "git-dirty": True}])
        assert "further repositories" in self.warning(caplog)

    def test_that_runs(self, caplog):
        with Experiment({"lr": 1}, experiment_id="x"):
            with Experiment({"lr": 1}, resume=True) as experiment:  # the finished one
                assert experiment.experiment_id == "1"
            change_metadata(_path("1"), githead_sha="0" * 40)
            message = self.warning(caplog)
        assert f"experiment x is running, as process {os.getpid()} on " in message
        assert "another commit" in message

    def test_that_may_run_elsewhere(self, caplog):
        (_path("1") / "STATUS").write_text("RUNNING\n")
        change_metadata(_path("1"), hostname="node7", pid=1099511627776, process_start=None)
        message = self.warning(caplog)
        assert re.search(r"gave a sign of life [0-9]+ s ago, as process 1099511627776 on node7", message)

    @pytest.mark.skipif(sys.platform == "win32", reason="needs links or pipes of POSIX")
    @pytest.mark.parametrize("name", ["stdout", "STATUS", "summary.json", "git.diff"])
    def test_with_links_in_it(self, tmp_path, caplog, name):
        target = tmp_path / "of a colleague"
        target.write_text("RUNNING\n")
        path = _path("1") / name
        path.unlink(missing_ok=True)
        path.symlink_to(target)
        assert f"a link or a pipe in the place of {name}" in self.warning(caplog)
        with pytest.raises(meticulous.MeticulousError, match=f"a link or a pipe .* {name}"):
            Experiment({"lr": 1}, experiment_id="1")
        assert target.read_text() == "RUNNING\n"


@pytest.mark.skipif(sys.platform == "win32", reason="needs links or pipes of POSIX")
@pytest.mark.requirement("RESUME-18")
@pytest.mark.parametrize(
    "name", ["args.json", "metadata.json", "STATUS", "stdout", "stderr", "git.diff", ".resume"]
)
def test_a_pipe_in_the_place_of_a_file_holds_nobody_up(name):
    Experiment({}, experiment_id="x").finish()
    path = _path("x") / name
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    code = "from meticulous import Experiment; Experiment({}, resume=True)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
    assert sorted(os.listdir("experiments")) == [".gitignore", "1", "x"]
    with pytest.raises(meticulous.MeticulousError):
        Experiment({}, experiment_id="x")


class TestTheClock:
    """Times of the file system are compared with each other, whatever this machine's clock says."""

    SKEWED = "import time\nreal = time.time\ntime.time = lambda: real() + {skew}\n"

    def resume(self, skew, **options):
        code = (
            self.SKEWED.format(skew=skew)
            + f"from meticulous import Experiment\nExperiment({{}}, **{options!r})"
        )
        return subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, timeout=60)

    @pytest.mark.parametrize("skew", [-1000, 0, 400, 100_000])
    def test_a_live_run_elsewhere_is_not_taken_over(self, skew):
        with Experiment({}, experiment_id="run"):
            change_metadata(_path("run"), hostname="node-b", process_start=None)
            done = self.resume(skew, experiment_id="run")
            assert b"ExperimentRunningError" in done.stderr

    @pytest.mark.parametrize("skew", [-1000, 0, 400])
    def test_a_claim_is_stale_by_the_file_systems_clock(self, skew):
        Experiment({}, experiment_id="run").finish()
        claim = _path("run") / ".resume"
        claim.touch()
        assert b"ExperimentRunningError" in self.resume(skew, experiment_id="run").stderr
        os.utime(claim, (time.time() - 100,) * 2)
        assert self.resume(skew, experiment_id="run").returncode == 0
        assert not [name for name in os.listdir(_path("run")) if name.startswith(".")]


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's namespaces")
class TestAContainerThatWasKilled:
    """It ran under this machine's name, and its processes had numbers of their own."""

    @pytest.fixture(autouse=True)
    def _left(self, capfd):
        leave_running({})
        start = metadata_of(_path("1"))["process-start"].split(":")
        # The beats are quick, so that the silence is short.
        change_metadata(
            _path("1"), process_start=":".join([*start[:2], "1", start[3]]), heartbeat_seconds=0.4
        )

    @pytest.mark.parametrize("options", [{"resume": True}, {"experiment_id": "1"}])
    def test_goes_on_as_soon_as_it_is_silent_and_says_so(self, options, caplog):
        begin = time.monotonic()
        with Experiment({}, **options) as experiment:
            assert experiment.experiment_id == "1"
        assert 1 < time.monotonic() - begin < 30
        (message,) = caplog.messages
        assert "waiting for at most 3 s" in message

    def test_does_not_go_on_beside_one_that_lives(self, caplog):
        beat = "import os, sys, time\nwhile True: os.utime(sys.argv[1]); print(flush=True); time.sleep(0.1)"
        command = [sys.executable, "-c", beat, str(_path("1") / "STATUS")]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            with pytest.raises(meticulous.ExperimentRunningError, match="sign of life"):
                Experiment({}, experiment_id="1")
            with Experiment({}, resume=True) as experiment:
                assert experiment.experiment_id == "2"
            process.kill()

    def test_elsewhere_is_not_waited_for(self, caplog):
        change_metadata(_path("1"), hostname="another", heartbeat_seconds=60)
        begin = time.monotonic()
        with Experiment({}, resume=True) as experiment:
            assert experiment.experiment_id == "2"
        assert time.monotonic() - begin < 20
        assert "sign of life" in caplog.text


def metadata_of(folder):
    return json.loads((folder / "metadata.json").read_text("utf-8"))


RESTARTS = """
import os, sys
from meticulous import Experiment
experiment = Experiment({}, **OPTIONS)
print("attempt", len(sys.argv), experiment.experiment_id, flush=True)
if len(sys.argv) < 4:
    os.execv(sys.executable, [sys.executable, *sys.argv, "again"])
experiment.finish()
"""


@pytest.mark.parametrize("options", [{"resume": True}, {"experiment_id": "run"}])
def test_a_program_that_restarts_itself_goes_on(run, repository, options):
    done = run(RESTARTS.replace("OPTIONS", f"{options!r}"))
    name = options.get("experiment_id", "1")
    lines = "".join(f"attempt {number} {name}\n" for number in (1, 2, 3, 4))
    assert (done.returncode, done.stdout.decode()) == (0, lines)
    assert repository.output(name).decode() == lines
    facts = metadata_of(repository.experiments / name)
    assert [session["status"] for session in facts["earlier-sessions"]] == ["RUNNING"] * 3
    assert repository.status(name) == "SUCCESS"
