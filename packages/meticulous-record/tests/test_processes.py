"""Forked, spawned and pooled processes: they print into the record, and never write it."""

import json
import os
import textwrap

import pytest

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs forks of POSIX")
FORK, FORKSERVER = (pytest.param(method, marks=forks) for method in ("fork", "forkserver"))

HEAD = "import atexit, multiprocessing, os, signal, sys, threading\nfrom meticulous import Experiment\n"


def script(body, experiment="experiment = Experiment()\n"):
    return HEAD + experiment + textwrap.dedent(body)


def main(body):
    """A script that spawned children can import."""
    return HEAD + "\n".join(textwrap.dedent(body).splitlines())


@pytest.fixture
def both(run, repository):
    """Run a script bare and recorded; exit status and output must be equal."""

    def both(code, **how):
        bare, recorded = run(code, bare=True, **how), run(code, **how)
        assert recorded.stderr == bare.stderr
        assert recorded.stdout == bare.stdout
        assert recorded.returncode == bare.returncode
        return recorded

    return both


@forks
def test_a_forked_child_prints_into_the_file_once(both, repository):
    both(
        script(
            """
            print("before", flush=True)
            child = os.fork()
            if child: os.waitpid(child, 0)  # one after the other, so that the two runs can be compared
            print("child" if child == 0 else "parent", flush=True)
            """
        )
    )
    assert sorted(repository.output().split()) == [b"before", b"child", b"parent"]
    assert repository.status() == "SUCCESS"


@forks
def test_text_that_a_fork_duplicates_in_the_programs_buffer_is_once_in_the_file(both, repository):
    """A bare program prints it twice, as this one does."""
    recorded = both(script("print('before')\nif os.fork(): os.wait()"))
    assert recorded.stdout == b"before\nbefore\n"
    assert repository.output() == b"before\n"


ENDS = {
    "the end": "",
    "sys.exit": "sys.exit(3)",
    "an exception": "raise ValueError",
    "os._exit": "os._exit(3)",
    "finish": "experiment.finish()",
    "with": "experiment.__exit__(None, None, None)",
    "a summary": "experiment.summary({'child': 1})",
    "a signal": "os.kill(os.getpid(), signal.SIGTERM)",
    "an exec": "os.execv('/bin/sh', ['sh', '-c', 'exit 3'])",
}


@forks
@pytest.mark.parametrize("name", ENDS)
def test_however_a_forked_child_ends_the_record_is_its_parents(name, run, repository):
    done = run(
        script(
            f"""
            experiment.summary({{"parent": 1}})
            names = ("STATUS", "metadata.json", "summary.json")
            record = {{name: (experiment.directory / name).read_bytes() for name in names}}
            if os.fork() == 0:
                {ENDS[name]}
                sys.exit()
            os.wait()
            for name, content in record.items():
                assert (experiment.directory / name).read_bytes() == content, name
            print("on")
            """
        )
    )
    assert (done.returncode, done.stdout) == (0, b"on\n")
    assert repository.status() == "SUCCESS"
    assert repository.output() == b"on\n"
    assert json.loads(repository.output(stream="summary.json")) == {"parent": 1}


@forks
def test_a_child_of_an_experiment_in_with_ends_for_itself(run, repository):
    done = run(HEAD + "with Experiment():\n  if os.fork() == 0: sys.exit(3)\n  os.wait()\n  print('on')")
    assert (done.returncode, repository.status(), repository.output()) == (0, "SUCCESS", b"on\n")


@forks
def test_a_child_that_outlives_its_parent_leaves_the_record_alone(start, repository):
    process = start(
        script(
            """
            reader, writer = os.pipe()
            if os.fork() == 0:
                os.close(writer)
                os.read(reader, 1)  # until the parent is gone
                print("late", flush=True)
                sys.exit(3)
            sys.exit(4)
            """
        )
    )
    assert process.stdout.read() == b"late\n"  # until the child is gone, too
    assert process.wait(60) == 4
    assert repository.status() == "ERROR\nexit code 4"
    assert repository.output() == b"late\n"


@forks
def test_a_forked_child_may_record_an_experiment_of_its_own(run, repository):
    done = run(
        script(
            """
            if os.fork() == 0:
                own = Experiment()
                print("child", flush=True)
                sys.exit(3)
            os.wait()
            print("parent")
            """
        )
    )
    assert done.returncode == 0
    assert (repository.status(1), repository.status(2)) == ("SUCCESS", "ERROR\nexit code 3")
    assert (repository.output(1), repository.output(2)) == (b"child\nparent\n", b"child\n")


@forks
@pytest.mark.parametrize("capture", ["sys", "fd"])
def test_a_fork_warns_of_no_threads_that_the_program_does_not_have(capture, both):
    """Python 3.12 and up count the threads of the operating system, just after the fork."""
    recorded = both(
        script(
            """
            for _ in range(20):
                if os.fork() == 0: os._exit(0)
                os.wait()
            print(sys.getprofile(), threading.active_count(), [type(t) for t in threading.enumerate()])
            """,
            f"experiment = Experiment(capture={capture!r})\n",
        ),
        flags=["-W", "always"],
    )
    assert recorded.stdout.startswith(b"None 1 [<class 'threading._MainThread'>]")
    assert recorded.stderr == b""


@forks
def test_a_signal_right_after_a_fork_still_ends_the_child(both):
    """Python forgets signals that come to a child before it has looked around."""
    both(
        script(
            """
            for _ in range(50):
                child = os.fork()
                if child == 0:
                    signal.signal(signal.SIGALRM, signal.SIG_DFL)
                    signal.alarm(60)
                    while True: signal.pause()
                os.kill(child, signal.SIGTERM)
                assert os.waitpid(child, 0)[1] == signal.SIGTERM
            print(signal.pthread_sigmask(signal.SIG_BLOCK, []))
            """
        )
    )


@forks
@pytest.mark.parametrize("others", [0, 1], ids=["alone", "with a thread"])
def test_what_a_handler_raises_while_the_program_forks_is_not_lost(others, both):
    """Python drops what is raised in a hook of a fork."""
    if others:
        pytest.skip("a bare program that imports logging loses some, too: its hooks are Python functions")
    recorded = both(
        script(
            f"""
            class Stop(Exception): pass
            def stop(*_): raise Stop
            signal.signal(signal.SIGTERM, stop)
            forever = threading.Event()
            for _ in range({others}): threading.Thread(target=forever.wait, daemon=True).start()
            kinds, got = (signal.SIGINT, signal.SIGTERM), 0
            for number in range(100):
                reader, writer = os.pipe()
                try:
                    try:
                        if os.fork() == 0:
                            os.kill(os.getppid(), kinds[number % 2])
                            os._exit(0)
                        os.wait()
                    finally:
                        os.close(writer)
                        os.read(reader, 1)  # until the child is gone
                    os.close(reader)
                except (KeyboardInterrupt, Stop):
                    got += 1
            print(got, signal.pthread_sigmask(signal.SIG_BLOCK, []), sys.getprofile())
            """
        ),
        flags=["-W", "ignore::DeprecationWarning"],
    )
    assert recorded.stdout == b"100 set() None\n"


WORK = """
def work(number):
    print("working on", number, flush=True)
    return number * number

if __name__ == "__main__":
    experiment = Experiment()
    context = multiprocessing.get_context(sys.argv[1])
    print("parent", flush=True)
"""


@pytest.mark.parametrize("method", [FORK, "spawn", FORKSERVER])
@pytest.mark.parametrize(
    "body",
    [
        "process = context.Process(target=work, args=(1,)); process.start(); process.join()",
        "with context.Pool(1) as pool: pool.map(work, [1])",
        "from concurrent.futures import ProcessPoolExecutor\n"
        "    with ProcessPoolExecutor(1, mp_context=context) as pool: list(pool.map(work, [1]))",
    ],
    ids=["Process", "Pool", "ProcessPoolExecutor"],
)
def test_workers_print_where_they_did_and_leave_the_record_alone(method, body, run, repository):
    code = main(WORK + f"    {body}\n    print('done')\n")
    how = {"flags": ["-W", "ignore::DeprecationWarning"]}  # pools have threads, and fork
    bare, recorded = run(code, method, bare=True, **how), run(code, method, **how)
    assert (recorded.returncode, recorded.stdout, recorded.stderr) == (0, bare.stdout, bare.stderr)
    assert repository.status() == "SUCCESS"
    # Forked children share the parent's streams; the others are programs of their own.
    assert (b"working on 1\n" in repository.output()) is (method == "fork")
    assert repository.output().replace(b"working on 1\n", b"") == b"parent\ndone\n"
    assert os.listdir(repository.experiments / "1").count("summary.json") == 0


OWN = """
def work(how):
    experiment = Experiment()
    print("in", os.getpid())
    if how == "with":
        with experiment: raise ValueError
    if how == "exit": sys.exit(3)
    if how == "raise": raise ValueError
    if how == "finish": experiment.finish()

if __name__ == "__main__":
    process = multiprocessing.get_context(sys.argv[1]).Process(target=work, args=(sys.argv[2],))
    process.start()
    process.join()
"""


@pytest.mark.parametrize("method", [FORK, "spawn", FORKSERVER])
@pytest.mark.parametrize("how", ["with", "exit", "raise", "finish", "end"])
def test_an_experiment_of_a_worker_is_never_a_success_that_was_none(method, how, run, repository):
    assert run(main(OWN), method, how).returncode == 0
    status = repository.status()
    if how == "finish":
        assert status == "SUCCESS"
    elif how == "with":
        assert status.startswith("ERROR\nTraceback")
    elif method == "spawn":  # ends through sys.exit, like a program
        assert status == {"exit": "ERROR\nexit code 3", "raise": "ERROR\nexit code 1", "end": "SUCCESS"}[how]
    else:  # nobody is told how it ends: it is left running, for readers to find it lost
        assert status == "RUNNING"


UNGUARDED = """
logging.basicConfig(level="INFO", stream=sys.stdout, format="%(message)s")
experiment = Experiment(experiment_id=sys.argv[2] if sys.argv[2:] else None)

def work(number):
    if sys.argv[2:]:
        with experiment.open(f"{number}.txt", "w") as file: file.write("x")
    return number * number

if __name__ == "__main__":
    with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
        print(pool.map(work, [1, 2]))
"""


@pytest.mark.parametrize("method", ["spawn", FORKSERVER])
@pytest.mark.parametrize("experiment_id", [None, "named"])
def test_workers_that_import_the_main_module_again_begin_no_experiments(
    method, experiment_id, run, repository
):
    arguments = [method] if experiment_id is None else [method, experiment_id]
    done = run("import logging\n" + HEAD + UNGUARDED, *arguments)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"[1, 4]\n" in done.stdout
    assert b"the main process records" in done.stdout
    assert {path.name for path in repository.experiments.iterdir() if path.is_dir()} == {experiment_id or "1"}
    assert repository.status(experiment_id or 1) == "SUCCESS"
    if experiment_id is not None:
        assert repository.output(experiment_id, "2.txt") == b"x"


@forks
@pytest.mark.parametrize(
    "end", ["", "sys.exit()", "experiment.finish()", "experiment.__exit__(None, None, None)"]
)
def test_files_of_a_program_that_records_nothing_outlive_a_forked_child(end, run):
    code = f"""
    with experiment.open("model.pt", "w") as file: file.write("x")
    if os.fork() == 0:
        {end}
        sys.exit()
    os.wait()
    print(experiment.open("model.pt").read(), experiment.directory)
    """
    done = run(script(code, "experiment = Experiment(norecord=True)\n"), flags=["-W", "ignore"])
    assert (done.returncode, done.stderr) == (0, b"")
    content, directory = done.stdout.decode().split()
    assert content == "x"
    assert not os.path.exists(directory)


@forks
def test_a_daemonised_program_records_on(run, repository):
    """It forks, its parent leaves, and the child, which has begun nothing, begins."""
    code = (
        HEAD
        + "if os.fork(): os._exit(0)\nos.setsid()\nexperiment = Experiment()\nprint('daemon'); sys.exit(3)"
    )
    done = run(code)
    assert (done.returncode, done.stdout) == (0, b"daemon\n")
    assert repository.status() == "ERROR\nexit code 3"


@forks
def test_subprocess_with_a_preexec_function_works_as_before(both):
    both(
        script("import subprocess\nprint(subprocess.check_output(['echo', 'a'], preexec_fn=os.setsid))"),
        flags=["-W", "ignore::DeprecationWarning"],
    )


@forks
def test_a_new_program_in_the_same_process_leaves_the_record_running(run, repository):
    done = run(script("sys.stdout.flush(); os.execv(sys.executable, [sys.executable, '-c', 'print(1)'])"))
    assert (done.returncode, done.stdout, repository.status()) == (0, b"1\n", "RUNNING")
