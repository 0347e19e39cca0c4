"""capture="fd": what C code and child processes print is recorded, shown, and never waited for."""

import contextlib
import json
import os
import re
import signal
import sys
import textwrap

import pytest

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX: forks, signals, terminals, limits")

HEAD = "import ctypes, os, signal, subprocess, sys, threading\nfrom meticulous import Experiment\n"


def script(body):
    return HEAD + "experiment = Experiment(capture='fd')\n" + textwrap.dedent(body)


@pytest.fixture
def both(run, repository):
    """Run a script bare and recorded; all must be equal, and the files what was shown."""

    def both(code, copies=True, **how):
        bare, recorded = run(code, bare=True, **how), run(code, **how)
        assert recorded.stderr == bare.stderr
        assert (recorded.stdout == bare.stdout) is True  # megabytes: pytest shall not show how they differ
        assert recorded.returncode == bare.returncode
        if copies:
            assert (repository.output(stream="stdout") == recorded.stdout) is True
            assert repository.output(stream="stderr") == recorded.stderr
        return recorded

    return both


SCRIPTS = {
    "print": "print('a'); print('b', file=sys.stderr)",
    "bytes": "sys.stdout.buffer.write(bytes(range(256)))",
    "the descriptor": "os.write(1, b'a'); os.write(2, b'b')",
    "C": "libc = ctypes.CDLL(None); libc.puts(b'from C'); libc.fflush(None)",
    "C without a flush": "libc = ctypes.CDLL(None); libc.puts(b'from C'); libc.printf(b'no newline')",
    "a child": (
        "subprocess.run([sys.executable, '-c', 'import os; os.write(1, b\"out\"); os.write(2, b\"err\")'])"
    ),
    "a forked child": "if os.fork() == 0: os.write(1, b'child'); os._exit(0)\nos.wait(); print('parent')",
    "a child of a forked child": (
        "if os.fork() == 0:\n"
        "    if os.fork() == 0: print('a', flush=True); os._exit(0)\n"
        "    os.wait(); os._exit(0)\n"
        "os.wait()"
    ),
    "os.system": "os.system('echo a')",
    "os._exit": "print('a'); sys.stdout.flush(); os._exit(3)",
    "os._exit of a forked child": "if os.fork() == 0: os.write(1, b'a'); os._exit(3)\nos.wait(); os._exit(4)",
    "10 MB": "for i in range(100_000): print(str(i) * 20)",
    "10 MB of a child": "subprocess.run([sys.executable, '-c', 'print(\"x\" * 10_000_000)'])",
    "an exception": "print('a'); 1 / 0",
    "an exit with a text": "print('a'); sys.exit('no data')",
    "nothing": "",
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=posix if re.search(r"os\.fork|CDLL\(None", code) else ())
        for name, code in SCRIPTS.items()
    ],
)
def test_the_files_and_the_terminal_show_what_was_printed(name, both):
    both(script(SCRIPTS[name]))


@posix
def test_what_was_held_back_before_the_start_is_not_recorded(run, repository):
    body = "print('before'); ctypes.CDLL(None).puts(b'before')\n"
    done = run(HEAD + body + "experiment = Experiment(capture='fd')\nprint('in')\n")
    assert (done.stdout, repository.output()) == (b"before\nbefore\nin\n", b"in\n")


def test_afterwards_the_descriptors_lead_where_they_did(both, repository):
    both(
        script(
            """
            print("in")
            experiment.finish()
            print("after", sys.stdout.line_buffering, flush=True)
            os.write(1, b"after"); os.write(2, b"after")
            os.system("echo after")
            """
        ),
        copies=False,
    )
    assert repository.output() == b"in\n"
    assert repository.output(stream="stderr") == b""


def test_no_descriptor_and_no_thread_is_left(run):
    code = HEAD + textwrap.dedent(
        """
        def state():
            return sorted(os.listdir("/proc/self/fd")), os.listdir("/proc/self/task"), os.get_inheritable(1)
        Experiment(capture="fd").finish()  # imports, and what they open, are not its own
        before = state()
        for _ in range(3):
            Experiment(capture="fd").finish()
        import time
        deadline = time.monotonic() + 10
        while state() != before and time.monotonic() < deadline: pass  # the kernel is yet to end a thread
        print(state() == before)
        """
    )
    if not os.path.isdir("/proc/self/task"):
        pytest.skip("/proc")
    assert run(code).stdout == b"True\n"


def test_a_second_one_at_a_time_is_refused_and_leaves_nothing(run, repository):
    body = """
    from meticulous import OptionsError
    try: Experiment(capture="fd")
    except OptionsError as error: print(error)
    experiment.finish()
    Experiment(capture="fd").finish()
    """
    done = run(script(body))
    assert (done.returncode, done.stdout.count(b"one experiment at a time")) == (0, 1)
    assert (repository.status(1), repository.status(2)) == ("SUCCESS", "SUCCESS")
    assert not (repository.experiments / "3").exists()


def test_it_mixes_with_the_other_kind(run, repository):
    body = """
    outer = Experiment()
    print("a"); sys.stdout.flush()
    inner = Experiment(capture="fd")
    print("b"); os.write(1, b"c\\n")
    outer.finish()
    print("d")
    inner.finish()
    print("e")
    """
    assert run(HEAD + textwrap.dedent(body)).stdout == b"a\nb\nc\nd\ne\n"
    assert (repository.output(1), repository.output(2)) == (b"a\nb\n", b"b\nc\nd\n")


@posix
def test_a_child_that_outlives_the_program_is_not_waited_for(start, repository):
    """Its later words are in the file; the terminal may be somebody else's by then."""
    reader, writer = os.pipe()
    process = start(
        script(
            """
            subprocess.Popen(["sh", "-c", "cat; echo late"], pass_fds=[int(sys.argv[1])])
            print("the program's end")
            """
        ),
        str(writer),
        pass_fds=[writer],
    )
    os.close(writer)
    assert process.wait(60) == 0
    assert process.stdout.read() == b"the program's end\n"
    assert repository.status() == "SUCCESS"
    process.stdin.close()  # the child's, too: now it goes on
    assert os.read(reader, 1) == b""  # until it is gone
    os.close(reader)
    assert repository.output() == b"the program's end\nlate\n"


def test_the_last_words_before_a_kill_are_in_the_file(start, repository):
    process = start(script("print('last words'); os.write(2, b'and mine'); os.kill(os.getpid(), 9)"))
    assert process.wait(60) == (9 if sys.platform == "win32" else -signal.SIGKILL)
    assert (repository.output(), repository.output(stream="stderr")) == (b"last words\n", b"and mine")
    assert repository.status() == "RUNNING"


@posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_signals_take_their_course_after_all_is_shown(name, start, repository):
    process = start(script("print('ready', flush=True)\nwhile True: signal.pause()"))
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(getattr(signal, name))
    _, err = process.communicate(timeout=60)
    assert process.returncode == -getattr(signal, name)
    assert repository.status().startswith(f"ERROR\nsignal {name}")
    assert repository.output(stream="stderr") == err


@posix
def test_a_terminal_shows_all(start, repository):
    terminal, end = os.openpty()
    process = start(
        script("for i in range(1000): print(i)\nos.write(1, b'\\r50%\\r100%\\n')"),
        stdin=end,
        stdout=end,
        stderr=end,
    )
    os.close(end)
    chunks = []
    with contextlib.suppress(OSError):  # how Linux tells that all have closed the other end
        while not chunks or chunks[-1]:
            chunks.append(os.read(terminal, 1024))
    os.close(terminal)
    assert process.wait(60) == 0
    assert (b"".join(chunks) == repository.output().replace(b"\n", b"\r\n")) is True
    assert repository.output().endswith(b"999\n\r50%\r100%\n")


@posix
def test_a_reader_that_is_slow_and_does_not_block_gets_all(start, repository):
    """Another program may have set the pipe that is shared with it to non-blocking."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    process = start(script("for i in range(100_000): os.write(1, b'%d\\n' % i)"), stdout=writer)
    os.close(writer)
    with open(reader, "rb") as file:
        shown = file.read()
    assert process.wait(60) == 0
    assert (shown == repository.output()) is True
    assert shown.count(b"\n") == 100_000


@pytest.mark.parametrize("lines", [1, 1_000_000])
def test_a_terminal_that_goes_away_ends_the_program_as_it_does_bare(lines, start, repository):
    """As in `train.py | head -1`: at the end, where little is printed, and else in a `print`."""
    code = script(f"sys.stdin.read()\nfor i in range({lines}): print(i)")
    for bare in (True, False):
        process = start(code, bare=bare)
        process.stdout.close()
        process.stdin.close()
        assert process.wait(60) in ((120,) if lines == 1 else (1, 120))
        error = (
            b"OSError: [Errno 22]" if sys.platform == "win32" else b"BrokenPipeError: [Errno 32] Broken pipe"
        )
        assert error in process.stderr.read()
    assert repository.output().startswith(b"0\n")
    assert repository.status().startswith("ERROR\n" + ("exit code 120" if lines == 1 else "Traceback"))


def test_threads_lose_nothing(run, repository):
    code = script(
        """
        def work(name):
            for number in range(2000): os.write(1, f"{name}{number}\\n".encode())
        threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """
    )
    done = run(code)
    assert (done.stdout == repository.output()) is True
    assert len(set(done.stdout.split())) == 8000


@posix
def test_a_forked_child_leaves_the_record_to_its_parent(run, repository):
    done = run(
        script(
            """
            if os.fork() == 0:
                print("child")
                experiment.finish()
                sys.exit(3)
            os.wait()
            print("parent")
            """
        )
    )
    assert (done.returncode, done.stdout) == (0, b"child\nparent\n")
    assert repository.output() == done.stdout
    assert repository.status() == "SUCCESS"


def test_a_resumed_experiment_shows_only_what_is_new(run, repository):
    code = HEAD + "Experiment(capture='fd', resume=True); print(sys.argv[1])\n"
    assert run(code, "first").stdout == b"first\n"
    assert run(code, "second").stdout == b"second\n"
    assert repository.output() == b"first\nsecond\n"
    assert len(json.loads(repository.output(stream="metadata.json"))["earlier-sessions"]) == 1


@posix
def test_more_open_files_than_select_can_take(run, repository):
    body = """
    import os, resource
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (2048, hard))
    except ValueError:
        print("not so many")
        sys.exit()
    files = [open(os.devnull) for _ in range(1100)]
    experiment = Experiment(capture='fd')
    print("mine", flush=True)
    os.system("echo theirs")
    """
    done = run(HEAD + textwrap.dedent(body))
    if done.stdout == b"not so many\n":
        pytest.skip("1,100 files cannot be open here")
    assert (done.returncode, done.stderr, done.stdout) == (0, b"", b"mine\ntheirs\n")
    assert repository.output() == done.stdout


# No file may grow beyond this, as on a disk that fills up; the terminal, a pipe here, takes more.
FULL = """
import resource
def fill_up(): resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
"""
PRINTERS = {
    "lines": "for i in range(5000): print(i)",
    "one line": "print('x' * 100_000)",
    "without newlines": "for i in range(5000): print(i, end=' ')",
    "bytes": "for i in range(5000): sys.stdout.buffer.write(b'%d ' % i)",
    "standard error": "for i in range(5000): print(i, file=sys.stderr)",
    "both": "for i in range(5000): print(i); print(i, file=sys.stderr)",
}


@posix
@pytest.mark.parametrize("flags", [(), ("-u",)])
@pytest.mark.parametrize("printer", PRINTERS)
def test_what_a_full_disk_refuses_is_shown_all_the_same(printer, flags, run, repository):
    code = HEAD + FULL + "experiment = Experiment(capture='fd')\nfill_up()\n" + PRINTERS[printer] + "\n"
    bare, recorded = run(code, bare=True, flags=flags), run(code, flags=flags)
    said = re.compile(rb"meticulous: cannot write '\S+' \(File too large\): the run goes on, .*\n")
    assert len(said.findall(recorded.stderr)) == 1
    assert (recorded.returncode, said.sub(b"", recorded.stderr)) == (0, bare.stderr)
    assert (recorded.stdout == bare.stdout) is True
    stream = "stderr" if printer == "standard error" else "stdout"
    shown = bare.stderr if printer == "standard error" else bare.stdout
    kept = repository.output(stream=stream)
    assert len(kept) == 10_000
    assert shown.startswith(kept)
    assert repository.status() == "SUCCESS"


@posix
def test_a_full_disk_does_not_reach_a_forked_child(run, repository):
    """It has left the terminal to its parent: what the file refuses is lost."""
    body = "if os.fork() == 0:\n    for i in range(5000): print(i)\n    sys.exit()\nsys.exit(os.wait()[1])\n"
    done = run(HEAD + FULL + "experiment = Experiment(capture='fd')\nfill_up()\n" + body)
    assert (done.returncode, len(done.stdout), done.stderr.count(b"cannot write")) == (0, 10_000, 1)
    assert done.stdout == repository.output()


@posix
def test_a_full_disk_is_told_by_a_log_that_goes_to_the_stream_that_fails(run):
    body = """
    import logging
    logging.basicConfig(stream=sys.stdout)
    experiment = Experiment(capture="fd")
    fill_up()
    for i in range(5000): print(i)
    """
    done = run(HEAD + FULL + textwrap.dedent(body))
    lines = done.stdout.decode().splitlines()
    told = [line for line in lines if line.startswith("WARNING:meticulous:cannot write ")]
    assert (len(told), done.stderr, done.returncode) == (1, b"", 0)
    assert [line for line in lines if line not in told] == list(map(str, range(5000)))


@posix
def test_threads_lose_nothing_while_a_disk_fills_up(run, repository):
    code = (
        HEAD
        + FULL
        + textwrap.dedent(
            """
            experiment = Experiment(capture="fd")
            fill_up()
            def work(name):
                for number in range(2000): sys.stdout.write(f"{name}{number}\\n")
            threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            """
        )
    )
    done = run(code)
    assert done.returncode == 0
    assert sorted(done.stdout.split()) == sorted(f"{n}{i}".encode() for n in "abcd" for i in range(2000))


@posix
def test_a_pipe_of_the_programs_own_that_breaks_is_told_to_the_program(run, repository):
    body = """
    reader, writer = os.pipe()
    kept = os.dup(1)
    os.dup2(writer, 1)
    os.close(reader)
    try:
        print("lost", flush=True)
    except BrokenPipeError:
        os.dup2(kept, 1)
        os.write(1, b"broken\\n")
        os._exit(0)
    """
    done = run(script(body))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"broken\n", b"")


def test_a_stream_that_the_program_takes_apart_is_shown_and_led_back(both, repository):
    both(
        script(
            """
            import io
            print("a")
            sys.stdout = io.TextIOWrapper(sys.stdout.detach(), encoding="utf-8")
            print("b")
            experiment.finish()
            print("c")
            """
        ),
        copies=False,
    )
    assert repository.output() == b"a\nb\n"


@posix
def test_output_after_a_child_has_emptied_the_file_is_shown(run, repository):
    done = run(script("print('x' * 99, flush=True); os.system('echo emptied > /dev/stdout'); print('after')"))
    assert done.stdout.endswith(b"emptied\nafter\n")
    assert repository.output() == b"emptied\nafter\n"  # the README says so


@posix
def test_a_program_that_a_child_becomes_is_recorded(both):
    both(script("if os.fork() == 0: os.execvp('echo', ['echo', 'a'])\nos.wait()"))


def test_a_descriptor_that_the_program_has_pointed_elsewhere_stays_there(run, repository):
    body = """
    os.dup2(os.open("../log", os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)), 1)
    print("in the log")
    experiment.finish()
    print("in the log, too")
    """
    assert run(script(body)).stdout == b""
    assert (repository.path.parent / "log").read_text() == "in the log\nin the log, too\n"


def test_of_streams_that_lead_elsewhere_what_python_prints_is_recorded(run, repository):
    body = """
    import io
    stream = sys.stdout = io.StringIO()
    experiment = Experiment(capture="fd")
    print("to the stream")
    os.write(1, b"to the descriptor\\n")
    experiment.finish()
    os.write(1, stream.getvalue().encode())
    """
    done = run(HEAD + textwrap.dedent(body))
    assert done.stdout == b"to the descriptor\nto the stream\n"
    assert b"a StringIO does not lead to descriptor 1" in done.stderr
    assert repository.output() == b"to the stream\n"


def test_a_program_that_cannot_be_executed_changes_nothing(both):
    both(
        script(
            """
            print("before", flush=True)
            try: os.execvp("no-such-program", ["no-such-program"])
            except FileNotFoundError: print("there is none", flush=True)
            os.system("echo a child is recorded still")
            """
        )
    )


def test_streams_that_are_one_are_recorded_as_what_they_are(both, repository):
    both(HEAD + "sys.stderr = sys.stdout\nexperiment = Experiment(capture='fd')\n" + SCRIPTS["print"])
    assert (repository.output(), repository.output(stream="stderr")) == (b"a\nb\n", b"")


@posix
def test_nobody_waits_for_a_daemon_that_has_closed_the_output(start, repository):
    reader, writer = os.pipe()
    process = start(
        script(
            """
            if os.fork() == 0:
                os.close(0); os.close(1); os.close(2)
                os.read(int(sys.argv[1]), 1)
                os._exit(0)
            print("done")
            """
        ),
        str(reader),
        pass_fds=[reader],
    )
    os.close(reader)
    assert process.stdout.read() == b"done\n"  # until nobody has it open
    os.close(writer)  # now the daemon ends


@posix
@pytest.mark.parametrize("kind", ["pipe", "terminal"])
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_ends_a_program_whose_terminal_is_stuck(name, kind, start, repository):
    reader, writer = os.pipe() if kind == "pipe" else os.openpty()
    process = start(
        script(
            """
            for i in range(100_000): print(i)
            print("all printed", file=sys.stderr)
            while True: signal.pause()
            """
        ),
        stdout=writer,
    )
    os.close(writer)
    assert process.stderr.readline() == b"all printed\n"
    process.send_signal(getattr(signal, name))
    assert process.wait(60) == -getattr(signal, name)
    os.close(reader)
    assert repository.status().startswith(f"ERROR\nsignal {name}")
    assert repository.output().endswith(b"99999\n")


def test_nothing_is_captured_with_none(run, repository):
    done = run(HEAD + "Experiment(capture='none'); print('a'); sys.exit(3)")
    assert (done.returncode, done.stdout) == (3, b"a\n")
    assert not (repository.experiments / "1" / "stdout").exists()
    assert repository.status() == "ERROR\nexit code 3"


def test_streams_and_descriptors_that_the_program_closes_are_no_trouble(run, repository):
    assert run(script("print('a'); sys.stdout.close(); sys.stderr.close()")).returncode == 0
    assert run(script("print('a', flush=True); os.closerange(1, 1000)")).returncode in (0, 120)
    assert repository.status(1) == "SUCCESS"
    assert repository.status(2) in ("SUCCESS", "ERROR\nexit code 120")
    assert (repository.output(1), repository.output(2)) == (b"a\n", b"a\n")
