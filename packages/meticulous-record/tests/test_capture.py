"""What is printed is in the files, byte for byte, and the program cannot tell that anybody listens."""

import contextlib
import io
import logging
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
from collections import Counter

import pytest
from meticulous import Experiment

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")

HEAD = "import contextlib, io, logging, os, sys, threading\nfrom meticulous import Experiment\n"


def script(body):
    return HEAD + "experiment = Experiment()\n" + textwrap.dedent(body)


@pytest.fixture
def both(run, repository):
    """Run a script bare and recorded; all must be equal, and the copies what was printed."""

    def both(code, copies=True, ordered=True, **how):
        bare, recorded = run(code, bare=True, **how), run(code, **how)
        assert recorded.stderr == bare.stderr
        if not ordered:
            assert sorted(recorded.stdout.splitlines()) == sorted(bare.stdout.splitlines())
            return recorded
        assert recorded.stdout == bare.stdout
        assert recorded.returncode == bare.returncode
        if copies:
            assert repository.output(stream="stdout") == recorded.stdout
            assert repository.output(stream="stderr") == recorded.stderr
        return recorded

    return both


SCRIPTS = {
    "print": "print('a', 1, sep='-'); print(); print('no newline', end='')",
    "both streams": "print('a'); print('b', file=sys.stderr); sys.stderr.write('c')",
    "writelines": "sys.stdout.writelines(['a\\n', 'b\\n'])",
    "long lines": "print('x' * 100_000); print('y' * 10)",
    "many lines": "for i in range(5000): print(i)",
    "a progress bar": "for i in range(100): print(f'\\r{i}%', end='', flush=True)",
    "unicode": "print('é 漢 🎉')",
    "lone surrogates": "sys.stdout.reconfigure(errors='surrogateescape'); print(os.fsdecode(b'caf\\xe9'))",
    "surrogates that stand for no byte": "print('a\\ud800b', file=sys.stderr)",
    "surrogates by another rule": "sys.stdout.reconfigure(errors='backslashreplace'); print('a\\udcffb')",
    "the buffer": "sys.stdout.buffer.write(b'\\x00\\xff\\n'); sys.stdout.buffer.writelines([b'a', b'b'])",
    "a bytearray": "sys.stdout.buffer.write(bytearray(b'a')); sys.stdout.buffer.write(memoryview(b'b'))",
    "text, then bytes": "print('a', flush=True); sys.stdout.buffer.write(b'b'); sys.stdout.flush(); print()",
    "a new text layer": "sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding='utf-8'); print('é')",
    "a detached one": "sys.stdout = io.TextIOWrapper(sys.stdout.detach(), encoding='utf-8'); print('é')",
    "a codec's writer": "import codecs; sys.stdout = codecs.getwriter('utf-8')(sys.stdout.buffer); print(1)",
    "other line buffering": "sys.stdout.reconfigure(line_buffering=True); print('a'); print('b', end='')",
    "write_through": "sys.stdout.reconfigure(write_through=True); print('a'); print('b', end='')",
    "logging": "logging.basicConfig(level='INFO'); logging.info('a'); logging.getLogger('x').error('b')",
    "warnings": "import warnings; warnings.warn('careful')",
    "an exception": "print('a'); 1 / 0",
    "dunder streams": "print('a', file=sys.__stdout__); print('b', file=sys.__stderr__)",
    "a kept method": "write = sys.stdout.write; write('a\\n'); write('b\\n')",
    "str subclasses": "class S(str): pass\nprint(S('a')); sys.stdout.write(S('b'))",
    "str subclasses with an encode of their own": (
        "class S(str):\n    def encode(self): return 'x'\nsys.stdout.write(S('a')); print(S('b'))"
    ),
    "empty text": "print('', end=''); sys.stdout.write(''); sys.stdout.buffer.write(b'')",
    "redirect_stdout": "with contextlib.redirect_stdout(sys.stderr): print('a')\nprint('b')",
    "input": "print('a'); print(repr(sys.stdin.read()))",
    "a flush in between": "sys.stdout.write('a'); sys.stdout.flush(); sys.stdout.write('b')",
    "a print that prints": "class C:\n    def __str__(self): print('in'); return 'out'\nprint(C())",
    "help": "help(len)",
    "an exit function": "import atexit; atexit.register(print, 'bye')",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_copies_hold_what_was_printed(name, both):
    both(script(SCRIPTS[name]), env={"PYTHONIOENCODING": "utf-8"})  # of which a pipe of Windows has less


@pytest.mark.parametrize("name", ["print", "long lines", "the buffer", "a new text layer", "a detached one"])
def test_so_do_they_of_unbuffered_streams(name, both):
    both(script(SCRIPTS[name]), flags=["-u"])


def test_output_that_goes_elsewhere_is_not_copied(both, run, repository):
    both(script("with contextlib.redirect_stdout(io.StringIO()): print('lost')"))
    done = run(script("sys.stdout = open(os.devnull, 'w')\nprint('lost')"))
    assert done.stderr.count(b"meticulous: sys.stdout was replaced") == 1
    assert (done.stdout, repository.output(2)) == (b"", b"")


REPLACED = {
    "fdopen": "sys.stdout = os.fdopen(sys.stdout.fileno(), 'w')",
    "open": "sys.stdout = open(1, 'w', encoding='utf-8')",
    "open without closing": "sys.stdout = open(sys.stdout.fileno(), 'w', buffering=8192, closefd=False)",
    "its name": "sys.stdout = open('/dev/stdout', 'a')",
    "a copy": "sys.stdout = os.fdopen(os.dup(1), 'w')",
}


@posix
@pytest.mark.parametrize("name", REPLACED)
def test_a_stream_in_the_place_of_another_is_followed_and_a_warning_says_since_when(name, run, repository):
    """What it has handed over before that is missing, and what it holds is not."""
    for end in ("", "experiment.finish()"):
        done = run(script(f"print('first', flush=True)\n{REPLACED[name]}\nprint('then')\n{end}"))
        assert (done.returncode, done.stderr.count(b"meticulous: sys.stdout was replaced")) == (0, 1)
        assert sorted(done.stdout.split()) == [b"first", b"then"]
    assert (repository.output(1), repository.output(2)) == (b"first\n", b"first\nthen\n")


# Wait until the stream that is in place by now is copied: then its `write` is no built-in one any more.
FOLLOWED = """
import time
deadline = time.monotonic() + 50
while type(sys.stdout.write) is type(len) and time.monotonic() < deadline: time.sleep(0.05)
"""


@posix
def test_a_stream_that_is_replaced_is_followed_while_the_program_runs(run, repository):
    run(script(f"sys.stdout = open(1, 'w', buffering=1)\n{FOLLOWED}\nprint('late')"))
    assert repository.output() == b"late\n"


def test_what_a_forwarding_stream_is_given_is_copied_once(both):
    both(
        script(
            """
            class Log:
                def __init__(self, stream): self.stream = stream
                def write(self, text): self.stream.write(text)
                def flush(self): self.stream.flush()
                def fileno(self): return self.stream.fileno()
            sys.stdout = Log(sys.stdout)
            print("a", "b")
            """
        )
    )


@posix
def test_an_experiment_within_a_redirection_records_what_comes_after_it(run, repository):
    code = """
with contextlib.redirect_stdout(io.StringIO()):
    experiment = Experiment()
    print("inside")
"""
    done = run(f"{HEAD}{code}{FOLLOWED}print('after')")
    assert done.stdout == b"after\n"
    assert repository.output() == b"inside\nafter\n"


@posix
@pytest.mark.parametrize("how", ["fork", "Pool"])
@pytest.mark.parametrize("flags", [(), ("-u",)])
def test_no_line_of_processes_that_print_at_once_is_torn(how, flags, run, repository):
    ways = {
        "fork": (
            "for k in range(4):\n    if os.fork() == 0: work(k); sys.exit()\nfor k in range(4): os.wait()"
        ),
        "Pool": (
            "import multiprocessing\n"
            "with multiprocessing.get_context('fork').Pool(4) as pool: pool.map(work, range(4), 1)"
        ),
    }
    body = "def work(k):\n    for i in range(2000): print('worker', k, 'line', i)\n" + ways[how]
    done = run(script(body), flags=[*flags, "-W", "ignore"])
    assert done.returncode == 0
    lines = repository.output().decode().splitlines()
    assert sorted(lines) == sorted(f"worker {k} line {i}" for k in range(4) for i in range(2000))


@posix
def test_text_that_waits_for_its_line_is_not_duplicated_by_a_fork_and_not_lost_at_the_end(run, repository):
    run(script("print('half', end='')\nif os.fork() == 0: print(' child'); sys.exit()\nos.wait()"))
    assert sorted(repository.output().split()) == [b"child", b"half"]
    run(script("print('half', end='')"))
    assert repository.output(2) == b"half"


# What waits for the end of its line is shown when, and as often as, it would be without us.
HALF_LINES = {
    "that are lost": "os._exit(0)",
    "that a kill loses": "os.kill(os.getpid(), 9)",
    "that a signal loses": "import signal; os.kill(os.getpid(), signal.SIGTERM)",
    "that a flush shows": "sys.stdout.flush(); os._exit(0)",
    "with a return in them": "print('\\r50%', end=''); sys.stdout.flush(); os._exit(0)",
    "that a child shows, too": "sys.exit() if os.fork() == 0 else os.wait()",
    "that a child ends": "print('child') if os.fork() == 0 else os.wait()",
    "behind bytes": "sys.stdout.buffer.write(b'bytes'); sys.stdout.flush()",
    "written through": "sys.stdout.reconfigure(write_through=True); print('b', end=''); os._exit(0)",
    "on a stream that is closed": "sys.stdout.close(); print('b', end='')",
    "before a lone surrogate": "print('\\udcff')",
    "before an error": "print(1 / 0)",
    "of very many pieces": "for i in range(3000): print('.', end='')",
    "before an experiment within": "Experiment(capture='fd').finish()",
    "after the end": "experiment.finish(); print('b', end=''); sys.stdout.flush()",
}


@posix
@pytest.mark.parametrize("flags", [(), ("-u",)])
@pytest.mark.parametrize("kind", HALF_LINES)
def test_half_lines_are_shown_as_without_us(kind, flags, run):
    code = script(f"print('half', end='')\n{HALF_LINES[kind]}\n")
    bare, recorded = run(code, bare=True, flags=flags), run(code, flags=flags)
    assert (recorded.stdout, recorded.returncode) == (bare.stdout, bare.returncode)


def test_no_line_of_threads_that_print_at_once_is_torn(both, repository):
    body = """
    from concurrent.futures import ThreadPoolExecutor
    sys.setswitchinterval(60)  # so that threads take turns only where one waits
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: print("line", i, "done"), range(400)))
    """
    for printed in (both(script(body), ordered=False).stdout, repository.output()):
        assert sorted(printed.splitlines()) == sorted(f"line {i} done".encode() for i in range(400))


def test_what_was_printed_before_the_start_is_not_copied(both, repository):
    code = HEAD + "print('before'); sys.stdout.buffer.write(b'before'); print('before')\n"
    recorded = both(code + "experiment = Experiment()\nprint('after', flush=True)\n", copies=False)
    assert repository.output() == b"after\n"
    assert b"before" in recorded.stdout


def test_what_is_printed_after_the_end_is_not_copied(both, repository):
    both(script("print('in')\nexperiment.finish()\nprint('after')"), copies=False)
    assert repository.output() == b"in\n"


@pytest.mark.parametrize("end", ["", "sys.exit(3)"])
def test_what_an_object_prints_when_it_is_torn_down_with_the_program_is_shown(end, both):
    recorded = both(
        script(f"class Late:\n    def __del__(self): print('late')\nlate = Late()\n{end}"), copies=False
    )
    assert recorded.stdout == b"late\n"


def test_a_block_that_is_torn_down_with_the_program_says_nothing(both, repository):
    both(HEAD + "def block():\n  with Experiment(): yield\nkept = block(); next(kept); print('on')\n")
    assert repository.status() == "SUCCESS"


def test_what_a_new_text_layer_still_holds_at_the_end_is_copied(both, repository):
    both(
        script(
            """
            sys.stdout = io.TextIOWrapper(sys.stdout.buffer)
            print("held back")
            experiment.finish()
            print("after")
            """
        ),
        copies=False,
    )
    assert repository.output() == b"held back\n"


def test_in_an_ascii_locale_the_program_fails_as_before_and_the_copy_is_utf_8(both, repository):
    how = {"env": {"PYTHONIOENCODING": "ascii:backslashreplace"}}
    assert both(script("print('é')"), copies=False, **how).stdout == b"\\xe9\n"
    assert repository.output() == "é\n".encode()
    body = "try: print('é')\nexcept UnicodeEncodeError as error: print(error.reason)"
    both(script(body), copies=False, env={"PYTHONIOENCODING": "ascii"})
    assert repository.output(2) == b"ordinal not in range(128)\n"


def test_a_stream_that_is_not_there_is_passed_over(both):
    for stream in ("stdout", "stderr", "__stdout__"):
        both(HEAD + f"sys.{stream} = None\nexperiment = Experiment()\nprint('a'); sys.exit(3)", copies=False)


@posix
def test_descriptors_that_are_closed_from_the_start_are_passed_over(start, repository):
    for capture in ("sys", "fd"):
        code = HEAD + f"Experiment(capture={capture!r})\nprint('a'); print('b', file=sys.stderr); sys.exit(3)"
        for bare in (True, False):
            process = start(code, bare=bare, preexec_fn=lambda: (os.close(1), os.close(2)))
            assert process.wait(60) == 3
    assert (repository.status(1), repository.status(2)) == ("ERROR\nexit code 3",) * 2


def test_the_streams_stay_what_they_are(both):
    both(
        script(
            """
            import inspect
            before = sys.__stdout__
            assert sys.stdout is before
            for stream in (sys.stdout, sys.stderr):
                print(type(stream), stream.name, stream.isatty(), stream.fileno(), stream.encoding)
                print(stream.errors, stream.line_buffering, stream.write_through, type(stream.buffer))
            print(sys.stdout.write("four"), flush=True)
            print(sys.stdout.buffer.write(b"three"), sys.stdout.buffer.flush())
            try: sys.stdout.write(b"bytes")
            except TypeError as error: print(error)
            """
        )
    )


@posix
def test_at_a_terminal_all_is_as_bare(start, repository):
    code = script(
        """
        print(sys.stdout.isatty(), sys.stdout.line_buffering, os.get_terminal_size())
        for i in range(10): print(f"\\r{i}", end="")
        print(); print("\\x1b[31mred\\x1b[0m", file=sys.stderr)
        sys.stdout.buffer.write(b"bytes\\n")
        """
    )
    seen = []
    for bare in (True, False):
        terminal, end = os.openpty()
        process = start(code, bare=bare, stdin=end, stdout=end, stderr=end)
        os.close(end)
        chunks = []
        with contextlib.suppress(OSError):  # how Linux tells that all have closed the other end
            while not chunks or chunks[-1]:
                chunks.append(os.read(terminal, 1024))
        os.close(terminal)
        assert process.wait(60) == 0
        seen.append(b"".join(chunks))
    assert seen[0] == seen[1]
    assert seen[0].startswith(b"True True")
    copies = repository.output(stream="stdout").replace(b"\x1b[31mred\x1b[0m\n", b"")
    assert copies.replace(b"\n", b"\r\n") == seen[1].replace(b"\x1b[31mred\x1b[0m\r\n", b"")


@posix
def test_each_line_is_in_the_file_before_print_returns(start, repository):
    """Of what had no end of its line only a flush brings more."""
    code = script(
        "print('a'); sys.stdout.buffer.write(b'b\\nx'); print('c', end='', file=sys.stderr, flush=True)"
    )
    process = start(code + "\nos.kill(os.getpid(), 9)")
    assert process.wait(60) == -signal.SIGKILL
    assert process.stdout.read() == b""
    assert (repository.output(), repository.output(stream="stderr")) == (b"a\nb\n", b"c")


@posix
@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (
            "io.TextIOWrapper(Terminal(), encoding='utf-8', write_through=True)",
            "print('last words\\r', end='')",
        ),
        ("io.TextIOWrapper(Terminal(), encoding='UTF8', line_buffering=True)", "print('last words')"),
        (
            "io.TextIOWrapper(io.BufferedWriter(Terminal(), 4), encoding='utf-8')",
            "sys.stdout.buffer.write(b'last words\\n')",
        ),
    ],
)
def test_what_is_shown_in_the_moment_of_a_kill_is_in_the_file(stream, words, start, repository):
    code = f"""
import signal
class Terminal(io.RawIOBase):
    def writable(self):
        return True
    def write(self, data):
        os.write(1, data)
        os.kill(os.getpid(), signal.SIGKILL)
sys.stdout = {stream}
experiment = Experiment()
{words}
"""
    process = start(HEAD + code)
    shown, _ = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert shown.startswith(b"last")
    assert repository.output().startswith(shown)


@posix
@pytest.mark.parametrize("files", [50, 300])
def test_a_daemon_that_closes_all_descriptors_harms_no_file_of_its_own(files, run, repository):
    code = script(
        """
        print("before")
        import resource  # macOS allows 256 files unasked
        resource.setrlimit(resource.RLIMIT_NOFILE, (1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        limit = os.sysconf("SC_OPEN_MAX")
        os.closerange(3, min(limit, 4096))
        files = [open(f"data{i}", "w") for i in range(FILES)]
        for i in range(50): print("not for these files")
        for file in files: file.write("own"); file.close()
        """.replace("FILES", str(files))
    )
    for how in ("sys", "fd"):
        done = run(code.replace("Experiment()", f"Experiment(capture={how!r})"))
        assert (done.returncode, done.stderr) == (0, b"")
        assert {(repository.path / f"data{i}").read_bytes() for i in range(files)} == {b"own"}
        assert repository.status() == "SUCCESS"
        assert repository.output() == b"before\n" + b"not for these files\n" * 50


# Trouble: the program goes on as if nothing had been.


@pytest.mark.skipif(sys.platform == "win32", reason="resource")
def test_a_full_disk_is_told_once_and_the_run_goes_on(run, repository):
    code = script(
        """
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        for i in range(1_000): print("x" * 99)
        sys.exit(3)
        """
    )
    bare, recorded = run(code, bare=True), run(code)
    assert (recorded.returncode, recorded.stdout) == (3, bare.stdout)
    lines = recorded.stderr.decode().splitlines()
    assert len(lines) == 1
    assert re.match(r"meticulous: cannot write '.*stdout' \(File too large\): the run goes on", lines[0])
    assert repository.output() == bare.stdout[:10_000]
    assert repository.output(stream="stderr") == recorded.stderr
    assert repository.status() == "ERROR\nexit code 3"


@posix
def test_a_directory_deleted_under_a_run_is_told_once_and_the_run_goes_on(run, repository):
    code = script(
        """
        import shutil
        shutil.rmtree("experiments")
        print("on")
        experiment.summary({"a": 1})
        experiment.summary({"a": 2})
        sys.exit(3)
        """
    )
    done = run(code)
    assert (done.returncode, done.stdout) == (3, b"on\n")
    assert len(done.stderr.splitlines()) == 1
    assert b"No such file or directory): the run goes on" in done.stderr
    assert not repository.experiments.exists()


@posix
def test_a_run_keeps_out_of_a_folder_that_was_deleted_and_taken_again(run, repository):
    code = script(
        """
        import shutil, subprocess, time
        shutil.rmtree("experiments")
        other = "from meticulous import Experiment; e = Experiment({'other': 1}); e.summary({'b': 2})"
        subprocess.run([sys.executable, "-c", other], check=True)
        time.sleep(1.1)  # it looks once a second
        experiment.summary({"a": 1})
        sys.exit(3)
        """
    )
    done = run(code)
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    assert b"another session records there by now" in done.stderr
    assert repository.status() == "SUCCESS"
    assert b'"b": 2' in repository.output(stream="summary.json")


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="users of POSIX")
def test_permissions_taken_away_are_told_once_and_the_run_goes_on(run, repository):
    code = script(
        """
        os.chmod(experiment.directory, 0o500) if hasattr(experiment, "directory") else None
        if os.geteuid() == 0: os.seteuid(65534)
        print("on")
        experiment.summary({"a": 1})
        sys.exit(3)
        """
    )
    for folder in (repository.path, *repository.path.parents):
        if folder.stat().st_uid == os.geteuid() and folder.name:
            folder.chmod(folder.stat().st_mode | 0o055)
        if folder.name.startswith("pytest-"):
            break
    done = run(code)
    (repository.experiments / "1").chmod(0o755)
    assert (done.returncode, done.stdout) == (3, b"on\n")
    assert len(done.stderr.splitlines()) == 1
    assert b"Permission denied): the run goes on" in done.stderr
    assert repository.output() == b"on\n"  # opened when that was allowed
    # Root has become somebody else. The user's own STATUS may be written where nothing new may be made.
    assert repository.status() == ("RUNNING" if os.geteuid() == 0 else "ERROR\nexit code 3")


def test_trouble_goes_to_the_logger_of_a_program_that_has_one(run, repository):
    body = "logging.basicConfig(format='LOG %(message)s'); experiment.finish(); experiment.summary({})"
    assert run(script(body)).stderr.startswith(b"LOG summary() of ")


# In one process.


@pytest.fixture
def _in_repository(repository, monkeypatch):
    monkeypatch.chdir(repository.path)


@pytest.fixture
def stdout(monkeypatch):
    """Puts a stream in the place of standard output, a text layer above bytes unless told otherwise.

    To be called in the test itself: pytest changes the streams between the fixtures and the test.
    """

    def stdout(stream=None):
        stream = stream or io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n", write_through=True)
        monkeypatch.setattr(sys, "stdout", stream)
        return stream

    return stdout


def output(experiment):
    return (experiment.directory / "stdout").read_text("utf-8")


@pytest.mark.usefixtures("_in_repository")
class TestSeveral:
    def test_nested_experiments_each_keep_their_own_time(self, stdout):
        stream = stdout()
        print("a")
        with Experiment() as outer:
            print("b")
            with Experiment() as inner:
                print("c")
            print("d")
        print("e")
        assert (output(outer), output(inner)) == ("b\nc\nd\n", "c\n")
        assert stream.buffer.getvalue() == b"a\nb\nc\nd\ne\n"

    def test_so_do_those_that_end_out_of_order(self, stdout):
        stdout()
        first = Experiment()
        print("a")
        second = Experiment()
        print("b")
        first.finish()
        print("c")
        third = Experiment()
        print("d")
        second.finish()
        print("e")
        third.finish()
        print("f")
        assert (output(first), output(second), output(third)) == ("a\nb\n", "b\nc\nd\n", "d\ne\n")

    def test_so_do_those_that_follow_each_other(self, stdout):
        stdout()
        experiments = []
        for number in range(5):
            with Experiment() as experiment:
                print(number)
                sys.stdout.buffer.write(b"bytes\n")
            experiments.append(experiment)
        assert [output(experiment) for experiment in experiments] == [f"{n}\nbytes\n" for n in range(5)]

    def test_the_streams_are_afterwards_as_they_were(self, stdout):
        stream = stdout()
        before = [dict(vars(one)) for one in (stream, stream.buffer)]
        first, second = Experiment(), Experiment()
        assert [vars(one) for one in (stream, stream.buffer)] != before
        first.finish()
        second.finish()
        assert [vars(one) for one in (stream, stream.buffer)] == before

    def test_a_write_that_was_set_on_the_stream_before_is_put_back(self, stdout):
        stream = stdout()

        def theirs(text):
            return io.TextIOWrapper.write(stream, text.upper())

        stream.write = theirs
        with Experiment() as experiment:
            print("a")
        assert stream.write is theirs
        assert output(experiment) == "a\n"
        assert stream.buffer.getvalue() == b"A\n"

    def test_a_write_that_is_set_on_the_stream_afterwards_stays(self, stdout):
        stream = stdout()
        experiment = Experiment()
        ours = stream.write
        stream.write = lambda text: ours(text.upper())
        theirs = stream.write
        print("a")
        experiment.finish()
        assert stream.write is theirs
        with Experiment() as second:
            print("b")
        assert (output(experiment), output(second)) == ("A\n", "b\n")
        assert stream.buffer.getvalue() == b"A\nB\n"

    def test_one_stream_for_both_is_recorded_once(self, stdout, monkeypatch):
        stream = stdout()
        monkeypatch.setattr(sys, "stderr", stream)
        with Experiment() as experiment:
            print("a")
            print("b", file=sys.stderr)
        assert output(experiment) == "a\nb\n"
        assert not (experiment.directory / "stderr").exists()

    def test_a_handler_that_was_bound_before_is_recorded_and_one_bound_during_goes_on(self, stdout):
        stream = stdout()
        before = logging.StreamHandler(stream)
        with Experiment() as experiment:
            during = logging.StreamHandler(stream)
            before.emit(logging.makeLogRecord({"msg": "a"}))
            during.emit(logging.makeLogRecord({"msg": "b"}))
        during.emit(logging.makeLogRecord({"msg": "c"}))
        assert output(experiment) == "a\nb\n"
        assert stream.buffer.getvalue() == b"a\nb\nc\n"


class Plain:
    """A stream of the kind that people write themselves."""

    def __init__(self):
        self.seen = []

    def write(self, text):
        self.seen.append(text)

    def flush(self):
        pass


class Forwarding(Plain):
    """One that hands everything else on to the stream it stands for."""

    def __init__(self, stream):
        self.__dict__["_stream"] = stream
        self.__dict__["seen"] = []

    def write(self, text):
        self.seen.append(text)
        self._stream.write(text)

    def __getattr__(self, name):
        return getattr(self._stream, name)


class FullForwarding(Forwarding):
    """One that even hands on what is set, as tqdm's does."""

    def __setattr__(self, name, value):
        setattr(self._stream, name, value)


class Slotted:
    __slots__ = ()

    def write(self, text):
        pass

    def flush(self):
        pass


@pytest.mark.usefixtures("_in_repository")
class TestOtherStreams:
    def test_a_plain_one(self, stdout):
        stream = stdout(Plain())
        with Experiment() as experiment:
            stream.write("a")
            stream.write(3)
        assert (output(experiment), stream.seen) == ("a3", ["a", 3])
        assert list(vars(stream)) == ["seen"]

    @pytest.mark.parametrize("kind", [Forwarding, FullForwarding])
    def test_one_that_stands_for_another_is_not_copied_twice(self, kind, stdout):
        stream = stdout()
        stdout(kind(stream))
        with Experiment() as experiment:
            print("a" * 10_000)
            sys.stdout.flush()
            stream.flush()
        assert output(experiment) == "a" * 10_000 + "\n"
        print("b")
        assert stream.buffer.getvalue().endswith(b"a\nb\n")
        with Experiment() as experiment:
            print("c")
        assert output(experiment) == "c\n"

    def test_one_that_took_the_place_of_ours_is_heard_below(self, stdout):
        stream = stdout()
        first = Experiment()
        stdout(Forwarding(stream))
        second = Experiment()
        print("a")
        second.finish()
        print("b")
        first.finish()
        assert (output(first), output(second)) == ("a\nb\n", "a\n")

    def test_a_text_layer_of_somebody_elses_making(self, stdout):
        class Upper(io.TextIOWrapper):
            def write(self, text):
                return super().write(text.upper())

        stream = Upper(io.BytesIO(), encoding="utf-8", newline="\n", write_through=True)
        stdout(stream)
        with Experiment() as experiment:
            print("a")
        assert (output(experiment), stream.buffer.getvalue()) == ("a\n", b"A\n")

    def test_one_that_takes_no_attribute_is_told_and_passed_over(self, stdout, caplog):
        stdout(Slotted())
        with Experiment() as experiment:
            print("a")
        assert output(experiment) == ""
        assert "Slotted objects cannot be listened to" in caplog.text

    def test_a_string_stream(self):
        with contextlib.redirect_stdout(io.StringIO()) as stream, Experiment() as experiment:
            print("a")
        assert (output(experiment), stream.getvalue()) == ("a\n", "a\n")

    def test_a_write_that_fails_is_not_copied(self, stdout):
        stdout()
        with Experiment() as experiment:
            with pytest.raises(TypeError):
                sys.stdout.write(b"bytes")
            print("a")
        assert output(experiment) == "a\n"


@pytest.mark.usefixtures("_in_repository")
class TestThreads:
    def test_they_lose_nothing(self, stdout):
        stream = stdout()

        def work(name):
            for number in range(500):
                print(f"{name}:{number}\n", end="")
                sys.stdout.buffer.write(f"{name}/{number}\n".encode())

        with Experiment() as experiment:
            threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        expected = sorted(
            f"{name}{mark}{number}" for name in "abcd" for mark in ":/" for number in range(500)
        )
        assert sorted(output(experiment).splitlines()) == expected
        assert sorted(stream.buffer.getvalue().decode().splitlines()) == expected

    def test_pieces_of_their_lines_are_once_in_the_file(self, stdout):
        stdout()
        before = sys.getswitchinterval()

        def work(name):
            for _ in range(2000):
                print(name, name, end="\n" + name)

        threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
        sys.setswitchinterval(1e-6)
        try:
            with Experiment() as experiment:
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
        finally:
            sys.setswitchinterval(before)
        assert Counter(output(experiment)) == Counter({"\n": 8000, " ": 8000} | dict.fromkeys("abcd", 6000))

    def test_one_that_is_writing_at_the_end_hits_no_other_file(self, stdout, tmp_path, caplog):
        """Its descriptor must not be closed, and given to the next file, under its hands."""
        stdout()
        stop = threading.Event()

        def work():
            while not stop.is_set():
                print("from a thread")

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            for number in range(5):
                Experiment().finish()
                with open(tmp_path / f"other{number}", "wb") as file:
                    os.fsync(file.fileno())
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert not any((tmp_path / f"other{number}").stat().st_size for number in range(5))
        assert caplog.text == ""

    def test_experiments_may_begin_and_end_in_several_at_once(self, stdout, repository):
        stream = stdout()
        before = vars(stream).copy()
        barrier = threading.Barrier(4)
        errors = []

        def work():
            try:
                for _ in range(3):
                    barrier.wait()
                    with Experiment() as experiment:
                        print(f"<{experiment.experiment_id}>")
                    assert f"<{experiment.experiment_id}>" in output(experiment)
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors
        assert vars(stream) == before
        assert {repository.status(number) for number in range(1, 13)} == {"SUCCESS"}

    def test_summaries_from_several_lose_no_key(self):
        with Experiment() as experiment:
            threads = [
                threading.Thread(target=experiment.summary, args=({name: 1},), kwargs={"update": True})
                for name in "abcdefgh"
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert (experiment.directory / "summary.json").read_text().count(": 1") == 8


def test_output_of_other_programs_is_not_captured_but_shown(both, repository):
    both(script("import subprocess; subprocess.run([sys.executable, '-c', 'print(1)'])"), copies=False)
    assert repository.output() == b""


def test_the_streams_of_a_child_program_are_untouched(both):
    both(script("import subprocess; print(subprocess.check_output([sys.executable, '-c', 'print(1)']))"))


@posix
def test_a_pipe_that_is_read_slowly_loses_nothing(start, repository):
    process = start(script("for i in range(20000): print(i)"))
    lines = process.stdout.read().splitlines()
    assert (process.wait(60), len(lines)) == (0, 20000)
    assert repository.output().splitlines() == lines


def test_standard_output_may_be_a_file(start, repository, tmp_path):
    with open(tmp_path / "log", "wb") as file:
        process = start(script("for i in range(2000): print(i)"), stdout=file, stderr=subprocess.STDOUT)
        assert process.wait(60) == 0
    assert (tmp_path / "log").read_text().splitlines() == repository.output().decode().splitlines()
