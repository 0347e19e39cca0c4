"""The sign of life: it comes as long as the program runs, and the program does not notice.

They call the part itself, as a heart beats once in half a minute.
"""

import json
import os
import threading
import time

import pytest
from meticulous import Experiment
from meticulous._session import heartbeat as _heartbeat
from meticulous._session import session as _session
from meticulous._session.heartbeat import Heartbeat

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")


class Beats:
    """Counts beats, and waits for them."""

    def __init__(self):
        self.count = 0
        self._changed = threading.Condition()

    def __call__(self):
        with self._changed:
            self.count += 1
            self._changed.notify_all()

    def wait(self, more=2):
        with self._changed:
            goal = self.count + more
            return self._changed.wait_for(lambda: self.count >= goal, timeout=30)


@pytest.fixture
def beats():
    return Beats()


@pytest.fixture
def heartbeat(beats):
    heartbeat = Heartbeat(beats, 0.001)
    heartbeat.start()
    yield heartbeat
    heartbeat.stop()


def test_it_beats_until_it_is_stopped(heartbeat, beats):
    assert beats.wait()
    heartbeat.stop()
    count = beats.count
    time.sleep(0.05)
    assert beats.count == count
    heartbeat.stop()


def test_it_does_not_count_as_a_thread_of_the_program(beats):
    before = threading.active_count()
    heartbeat = Heartbeat(beats, 0.001)
    heartbeat.start()
    assert beats.wait()
    assert threading.active_count() == before
    heartbeat.stop()


def test_where_no_thread_can_be_started_nothing_beats_and_nothing_fails(beats, monkeypatch):
    def refuse(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_heartbeat._thread, "start_new_thread", refuse)
    heartbeat = Heartbeat(beats, 0.001)
    heartbeat.start()
    heartbeat.stop()
    assert beats.count == 0


def test_a_beat_that_hangs_is_left_behind():
    hanging, go_on = threading.Event(), threading.Event()

    def beat():
        hanging.set()
        go_on.wait(30)

    heartbeat = Heartbeat(beat, 0.001)
    heartbeat.start()
    assert hanging.wait(30)
    heartbeat.stop()
    go_on.set()


@forks
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # of pytest's own threads, if any
def test_it_goes_on_in_the_parent_and_not_in_the_child(heartbeat, beats):
    assert beats.wait()
    child = os.fork()
    if child == 0:
        count = beats.count
        time.sleep(0.1)
        os._exit(beats.count - count)
    assert os.waitpid(child, 0)[1] == 0
    assert beats.wait()


@pytest.fixture
def experiment(repository, monkeypatch):
    """One whose heart beats fast."""
    monkeypatch.chdir(repository.path)
    beats = Beats()
    monkeypatch.setattr("meticulous._format.HEARTBEAT_SECONDS", 0)
    monkeypatch.setattr(_session, "_TICK_SECONDS", 0)
    monkeypatch.setattr(_session, "Heartbeat", lambda beat, _: Heartbeat(lambda: (beat(), beats()), 0.001))
    # No copies: between two parts of a test, pytest puts the streams back that it has replaced.
    with Experiment(capture="none") as experiment:
        experiment.beats = beats
        yield experiment


def test_it_touches_the_status_of_a_running_experiment(experiment):
    status = experiment.directory / "STATUS"
    os.utime(status, (0, 0))
    assert experiment.beats.wait()
    assert abs(status.stat().st_mtime - time.time()) < 60
    assert status.read_text() == "RUNNING\n"


def test_it_leaves_the_status_of_an_ended_one_alone(experiment):
    experiment.finish()
    status = experiment.directory / "STATUS"
    os.utime(status, (0, 0))
    assert status.stat().st_mtime == 0


def test_it_leaves_the_status_of_another_session_alone(experiment):
    metadata = experiment.directory / "metadata.json"
    metadata.write_text(json.dumps({**json.loads(metadata.read_text()), "start-time": "another"}))
    assert experiment.beats.wait()  # one may have been on its way
    status = experiment.directory / "STATUS"
    os.utime(status, (0, 0))
    assert experiment.beats.wait()
    assert status.stat().st_mtime == 0


def test_it_survives_the_folder(experiment, caplog):
    directory = experiment.directory
    directory.rename(directory.with_name("away"))
    assert experiment.beats.wait()
    directory.with_name("away").rename(directory)
    assert experiment.beats.wait()
    assert caplog.text == ""


def test_a_touch_does_not_make_a_status_that_is_gone(experiment):
    (experiment.directory / "STATUS").unlink()
    assert experiment.beats.wait()
    assert not (experiment.directory / "STATUS").exists()
