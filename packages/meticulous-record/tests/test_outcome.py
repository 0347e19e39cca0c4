"""However a recorded script ends, it ends as the bare one does, and STATUS says how."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import threading

import pytest
from meticulous import Experiment

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
NO_SIGN = sys.version_info >= (3, 14)
"""Whether a script leaves no sign of the way it ended."""

HEAD = """
import atexit, os, signal, sys, threading
from meticulous import Experiment
print("to stdout")
print("to stderr", file=sys.stderr)
"""


def script(body, how="experiment = Experiment()\n"):
    return HEAD + how + textwrap.dedent(body)


@pytest.fixture
def both(run, repository):
    """Run a script bare and recorded; exit status and output must be equal. Returns STATUS."""

    def both(code, *arguments, **how):
        bare, recorded = run(code, *arguments, bare=True, **how), run(code, *arguments, **how)
        assert recorded.stderr == bare.stderr
        assert recorded.stdout == bare.stdout
        assert recorded.returncode == bare.returncode
        return repository.status(), recorded

    return both


EXITS = {
    "the end": ("", 0),
    "sys.exit()": ("sys.exit()", 0),
    "sys.exit(None)": ("sys.exit(None)", 0),
    "sys.exit(0)": ("sys.exit(0)", 0),
    "sys.exit(False)": ("sys.exit(False)", 0),
    "sys.exit(3)": ("sys.exit(3)", 3),
    "sys.exit(True)": ("sys.exit(True)", 1),
    "sys.exit(-1)": ("sys.exit(-1)", 255),
    "sys.exit(256)": ("sys.exit(256)", 0),
    "sys.exit(259)": ("sys.exit(259)", 3),
    "exit(3)": ("exit(3)", 3),
    "quit()": ("quit()", 0),
    "quit('no data')": ("quit('no data')", 1),
    "an exit in a function": ("def f(): sys.exit(4)\nf()", 4),
    "argparse's": ("import argparse; argparse.ArgumentParser().error('bad')", 2),
    "a caught exit": ("try: sys.exit(3)\nexcept SystemExit: pass\nprint('on')", 0),
    "a caught exit, then another": ("try: sys.exit(3)\nexcept SystemExit: pass\nsys.exit(4)", 4),
    "an exit in a finally": ("try: sys.exit(3)\nfinally: print('cleaned up')", 3),
    "an exit through a with": ("with open(os.devnull): sys.exit(3)", 3),
    "an exit that is raised again": ("try: sys.exit(3)\nexcept SystemExit as e: raise", 3),
    "an exit instead of another": ("try: sys.exit(3)\nexcept SystemExit: sys.exit(0)", 0),
    "a caught exit that is kept": (
        "try: sys.exit(3)\nexcept SystemExit as e: kept = e\nprint('on')",
        0,
    ),
    "a caught exit that a function keeps": (
        "def f():\n  try: sys.exit(3)\n  except SystemExit as e: kept = e\nf()\nprint('on')",
        0,
    ),
    "a caught exit whose traceback is kept": (
        "def f(): sys.exit(3)\ntry: f()\nexcept SystemExit: kept = sys.exc_info()\nprint('on')",
        0,
    ),
    "an exit that is kept and raised again": (
        "kept = []\ntry: sys.exit(3)\nexcept SystemExit as e: kept.append(e); raise",
        3,
    ),
    "an exit that a function keeps and raises": (
        "def f():\n  try: sys.exit(3)\n  except SystemExit as e: kept = e\n  raise kept\nf()",
        3,
    ),
    "a caught exit that another exception keeps": (
        "def f():\n  try: sys.exit(3)\n  except SystemExit: raise KeyError\n"
        "try: f()\nexcept KeyError as e: kept = e",
        0,
    ),
    "an exit of a thread": ("t = threading.Thread(target=sys.exit, args=(3,)); t.start(); t.join()", 0),
    "an exit from asyncio": ("import asyncio\nasync def main(): sys.exit(5)\nasyncio.run(main())", 5),
    "an exit at exit": ("atexit.register(print, 'bye')\nsys.exit(6)", 6),
}


# Where exit codes have 32 bits; what is no long of C is -1.
EXITS_OF_WINDOWS = {
    "sys.exit(-1)": 0xFFFFFFFF,
    "sys.exit(256)": 256,
    "sys.exit(259)": 259,
}


@pytest.mark.parametrize("name", EXITS)
def test_exit_codes_are_told_as_the_shell_sees_them(name, both, repository):
    body, code = EXITS[name]
    if NO_SIGN and "kept" in body and code == 0:
        pytest.skip("Python 3.14 has no sign of it")
    code = EXITS_OF_WINDOWS.get(name, code) if sys.platform == "win32" else code
    status, recorded = both(script(body))
    assert recorded.returncode == code
    words = status.split("\n")
    assert words[:2] == (["ERROR", f"exit code {code}"] if code else ["SUCCESS"])
    assert repository.output(stream="stdout") == recorded.stdout.replace(b"to stdout\n", b"", 1)
    assert repository.output(stream="stderr") == recorded.stderr.replace(b"to stderr\n", b"", 1)


def test_an_exit_with_a_text_is_code_1_and_the_text(both):
    status, recorded = both(script("sys.exit('no such file: é\\nsecond line')"))
    assert (recorded.returncode, status) == (1, "ERROR\nexit code 1\nno such file: é\nsecond line")


def test_an_exit_with_an_object_that_has_no_text_is_still_recorded(both):
    status, _ = both(
        script("class Odd:\n    def __str__(self): raise ValueError\n    __repr__ = __str__\nsys.exit(Odd())")
    )
    assert status == "ERROR\nexit code 1"


def test_a_replaced_sys_exit_that_returns_goes_on_returning(both):
    status, recorded = both(
        HEAD + "sys.exit = lambda code: print('not now')\nexperiment = Experiment()\nsys.exit(3)\nprint('on')"
    )
    assert (recorded.returncode, status) == (0, "SUCCESS")


def test_an_uncaught_exception_is_told_with_its_traceback(both, repository):
    status, recorded = both(script("raise ValueError('no\\ngood')"))
    assert recorded.returncode == 1
    assert status.startswith("ERROR\nTraceback (most recent call last):\n")
    assert status.endswith("ValueError: no\ngood")
    assert repository.output(stream="stderr").decode().endswith("ValueError: no\ngood\n")


@pytest.mark.parametrize(
    "hook",
    ["lambda *error: print('oops')", "lambda *error: os.write(1, b'x') / 0", "None", "sys.__excepthook__"],
)
def test_an_uncaught_exception_is_told_whatever_became_of_the_excepthook(hook, both):
    status, recorded = both(script(f"sys.excepthook = {hook}\nraise KeyError('key')"))
    assert recorded.returncode == 1
    assert status.endswith("KeyError: 'key'")


def test_an_exception_that_was_there_before_did_not_end_the_program(both):
    status, _ = both(HEAD + "sys.last_value = ValueError('old')\nexperiment = Experiment()\n")
    assert status == "SUCCESS"


PROMPTS = {
    "that went well": (b"print(1)\n", "raise ValueError('later')", "ERROR\nTraceback", 1),
    "that went wrong": (b"1 / 0\n", "print('on')", "SUCCESS", 0),
    "that went wrong, too": (b"1 / 0\n", "def f(): raise ValueError('later')\nf()", "ERROR\nTraceback", 1),
}


@pytest.mark.parametrize("name", PROMPTS)
def test_an_exception_ends_a_program_that_has_shown_a_prompt_before(name, start, repository):
    typed, rest, status, returncode = PROMPTS[name]
    code = script(f"import code\ncode.interact(banner='', exitmsg='')\n{rest}")
    for bare in (True, False):
        process = start(code, bare=bare)
        process.communicate(typed, timeout=60)
        assert process.returncode == returncode
    assert repository.status().startswith(status)
    assert ("later" in repository.status()) is (returncode == 1)


@pytest.mark.parametrize("flags", [["-i", "script.py"], ["-i"]], ids=["after a script", "alone"])
def test_an_exception_at_the_prompt_of_python_ends_nothing(flags, repository):
    repository.commit("script.py", script("if 'x' in globals(): raise ValueError"))
    typed = "from meticulous import Experiment; x = Experiment(allow_dirty=True)\n1 / 0\n"
    done = subprocess.run(
        [sys.executable, *flags], cwd=repository.path, input=typed, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, "ZeroDivisionError" in done.stderr) == (0, True)
    assert repository.status() == "SUCCESS"


def test_an_exception_of_a_thread_does_not_end_the_program(both):
    """The thread has a name: on Windows, `subprocess` has numbered those that listened to git."""
    body = "t = threading.Thread(None, print, 'T', args=(1, 2), kwargs={'x': 3})\nt.start(); t.join()"
    status, _ = both(script(body))
    assert status == "SUCCESS"


@pytest.mark.skipif(NO_SIGN, reason="Python 3.14 has no sign of it")
@pytest.mark.parametrize("code", ["3", "0", ""])
def test_a_script_that_raises_system_exit_itself_is_no_success(code, run, repository):
    """Its exit code cannot be known, which is what STATUS and one warning say."""
    done = run(script(f"print('a', end='')\nraise SystemExit({code})"))
    assert (done.returncode, done.stderr.count(b"meticulous: ")) == (int(code or 0), 1)
    assert (repository.status(), repository.output()) == ("RUNNING", b"a")


MAIN = "def main(): return {}\nif __name__ == '__main__':\n    raise SystemExit(main())"


@pytest.mark.parametrize(
    ("body", "code", "word"),
    [
        (MAIN.format(3), 3, "RUNNING"),
        (MAIN.format(0), 0, "RUNNING"),
        ("if 0: raise SystemExit\n0", 0, "SUCCESS"),
    ],
)
def test_a_module_that_may_have_raised_system_exit_in_the_end_is_no_success(body, code, word, repository):
    repository.commit("script.py", script(body))
    command = [sys.executable, "-m", "script"]
    done = subprocess.run(command, cwd=repository.path, capture_output=True, timeout=60, check=False)
    assert (done.returncode, repository.status()) == (code, word)
    assert done.stderr.count(b"meticulous: ") == (word == "RUNNING")


WITH = {
    "raise SystemExit(3)": "exit code 3",
    "raise SystemExit": None,
    "raise SystemExit(0)": None,
    "sys.exit(4)": "exit code 4",
    "pass": None,
    "exit(5)": "exit code 5",
    "raise OSError('gone')": "Traceback",
    "raise KeyboardInterrupt": "signal SIGINT\nTraceback",
}


@pytest.mark.parametrize("body", WITH)
def test_with_knows_every_way_out(body, both):
    status, _ = both(script(body, "with Experiment() as experiment: "))
    assert status.startswith("SUCCESS" if WITH[body] is None else f"ERROR\n{WITH[body]}")


@pytest.mark.parametrize("code", [0, 3])
def test_with_knows_the_exits_of_click_and_typer(code, both):
    body = f"""
    class Exit(RuntimeError):
        exit_code = {code}
    try:
        with Experiment(): raise Exit
    except Exit as exit: sys.exit(exit.exit_code)
    """
    status, recorded = both(script(body, ""))
    assert (recorded.returncode, status) == (code, f"ERROR\nexit code {code}" if code else "SUCCESS")


def test_an_exception_that_cannot_be_printed_goes_on_as_it_is(both):
    """`traceback` reads attributes of exceptions, and may raise what they raise."""
    body = """
    class Odd(Exception):
        def __getattribute__(self, name): raise LookupError(name)
    try:
        with Experiment(): raise Odd
    except Odd: print("as it is")
    """
    status, recorded = both(script(body, ""))
    assert recorded.stdout.endswith(b"as it is\n")
    assert status.startswith("ERROR\n")
    assert status.endswith("Odd")


def test_what_with_or_finish_has_said_stays(both):
    status, recorded = both(script("experiment.finish()\nwith experiment: pass\nsys.exit(3)"))
    assert (recorded.returncode, status) == (3, "SUCCESS")
    status, _ = both(script("try:\n  with experiment: raise ValueError\nexcept ValueError: pass"))


@pytest.mark.parametrize("where", ["experiment = Experiment()", "def main(): e = Experiment()\nmain()"])
def test_an_experiment_ends_with_the_program_wherever_it_was_left(where, both):
    status, _ = both(script("print('more')", where + "\n"))
    assert status == "SUCCESS"


def test_what_threads_and_exit_functions_print_after_the_last_line_is_recorded(both, repository):
    both(
        script(
            """
            atexit.register(print, "from atexit")
            go = threading.Event()
            def late():
                go.wait()
                print("from a thread")
            threading.Thread(target=late).start()
            threading.Thread(target=lambda: (threading.main_thread().join(), go.set())).start()
            print("from main")
            """
        )
    )
    assert repository.output() == b"from main\nfrom a thread\nfrom atexit\n"


@pytest.mark.parametrize(("end", "code"), [("", 0), ("sys.exit(4)", 4)])
@pytest.mark.parametrize("flags", [["script.py"], ["-m", "script"]])
def test_an_exit_in_a_function_at_exit_ends_nothing(flags, end, code, repository):
    repository.commit("script.py", script(f"atexit.register(lambda: sys.exit(3))\n{end}"))
    done = subprocess.run([sys.executable, *flags], cwd=repository.path, timeout=60, check=False)
    status = f"ERROR\nexit code {code}" if code else "SUCCESS"
    assert (done.returncode, repository.status()) == (code, status)


def test_os_exit_leaves_it_running_for_the_reader_to_find_lost(both):
    status, recorded = both(script("sys.stdout.flush(); os._exit(3)"))
    assert (recorded.returncode, status) == (3, "RUNNING")


BROKEN_PIPE = "OSError: [Errno 22] " if sys.platform == "win32" else "BrokenPipeError: [Errno 32] Broken pipe"


def test_output_that_reaches_nobody_at_the_end_is_exit_code_120(start, repository):
    """`script | true`: Python notices after all is done, when it hands over what it has kept."""
    code = script("sys.stdin.read()")
    for bare in (True, False):
        process = start(code, bare=bare)
        process.stdout.close()
        process.stdin.close()
        assert process.wait(60) == 120
        assert BROKEN_PIPE.encode() in process.stderr.read()
    assert repository.status() == "ERROR\nexit code 120"


@pytest.mark.parametrize("capture", ["sys", "fd", "none"])
@pytest.mark.parametrize("end", ["experiment.finish()", "with experiment: pass"])
def test_so_it_is_where_the_experiment_ends_before(end, capture, start, repository):
    code = script(f"sys.stdin.read(); print(1)\n{end}", f"experiment = Experiment(capture={capture!r})\n")
    process = start(code)
    process.stdout.close()
    process.stdin.close()
    assert process.wait(60) == 120
    assert repository.status() == "ERROR\nexit code 120"


def test_so_is_a_stream_that_cannot_be_flushed(run, repository):
    code = script("class Stream:\n  write = sys.stdout.write\nsys.stdout = Stream()")
    assert (run(code, bare=True).returncode, run(code).returncode) == (120, 120)
    assert repository.status() == "ERROR\nexit code 120"


def test_a_print_into_a_closed_pipe_fails_as_it_does_bare(start, repository):
    code = script("sys.stdin.read()\nfor i in range(100000): print(i)")
    for bare in (True, False):
        process = start(code, bare=bare)
        process.stdout.close()
        process.stdin.close()
        assert BROKEN_PIPE.encode() in process.stderr.read()
        assert process.wait(60) in (1, 120)
    assert repository.status().startswith("ERROR\nTraceback")
    assert BROKEN_PIPE in repository.status().splitlines()[-1]


# Signals. Each script says that it is ready, and waits for the byte that comes with a signal.

READY = r"""
reader, writer = os.pipe()
os.set_blocking(writer, False)
signal.set_wakeup_fd(writer)
os.write(1, b"ready\n"); os.read(reader, 1)
"""


HOW = ["experiment = Experiment()\n" + READY, "with Experiment():" + READY.replace("\n", "\n  ")]


@pytest.fixture
def both_signalled(start, repository):
    """As `both`, for a script that is sent a signal when it is ready."""

    def both(code, number, **how):
        ends = []
        for bare in (True, False):
            process = start(code, bare=bare, **how)
            lines = []
            for line in process.stdout:
                lines.append(line)
                if line == b"ready\n":
                    process.send_signal(number)
            # Whether it came in the write or in the read is chance: the marks below the line tell which.
            error = re.sub(rb"\n +[~^]+(?=\n)", b"", process.stderr.read())
            ends.append((process.wait(60), b"".join(lines), error))
        assert ends[1] == ends[0]
        return repository.status(), ends[1][0]

    return both


@posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("how", HOW)
def test_signals_end_the_program_and_are_recorded(name, how, both_signalled):
    code = script("", how)
    status, returncode = both_signalled(code, getattr(signal, name))
    assert (returncode, status) == (-getattr(signal, name), f"ERROR\nsignal {name}")


@posix
@pytest.mark.parametrize("how", HOW)
def test_ctrl_c_is_recorded_with_where_it_was(how, both_signalled):
    code = script("", how)
    status, returncode = both_signalled(code, signal.SIGINT)
    assert returncode == -signal.SIGINT
    assert status.startswith("ERROR\nsignal SIGINT\nTraceback (most recent call last):\n")
    assert status.endswith("KeyboardInterrupt")


@pytest.mark.parametrize(("code", "words"), [(0, "SUCCESS"), (1, "ERROR\nexit code 1")])
def test_an_exit_in_answer_to_ctrl_c_says_so(code, words, both):
    """As Lightning does it."""
    body = f"try: raise KeyboardInterrupt\nexcept KeyboardInterrupt: sys.exit({code})"
    for how in ("experiment = Experiment()\n", "with Experiment():\n  "):
        status, _ = both(script(body.replace("\n", "\n  ") if "with" in how else body, how))
        assert status == f"{words}\nafter signal SIGINT"


@posix
def test_a_caught_ctrl_c_is_a_success(both_signalled):
    body = f"try:\n{textwrap.indent(READY, '  ')}\nexcept KeyboardInterrupt: print('enough')"
    status, returncode = both_signalled(script(body), signal.SIGINT)
    assert (returncode, status) == (0, "SUCCESS")


@pytest.mark.skipif(sys.platform != "linux", reason="only /proc tells of handlers in C")
def test_a_handler_in_c_that_was_there_before_takes_its_course(both_signalled):
    code = script(
        "os.write(1, b'ready\\n'); signal.pause()",
        "import faulthandler\n"
        "faulthandler.register(signal.SIGTERM, sys.stdout, all_threads=False, chain=True)\n"
        "experiment = Experiment()\n",
    )
    assert both_signalled(code, signal.SIGTERM) == ("RUNNING", -signal.SIGTERM)


@posix
def test_sigint_with_its_default_action_is_recorded(both_signalled):
    code = HEAD + "signal.signal(signal.SIGINT, signal.SIG_DFL)\nexperiment = Experiment()\n" + READY
    assert both_signalled(code, signal.SIGINT) == ("ERROR\nsignal SIGINT", -signal.SIGINT)


@posix
def test_sigkill_leaves_running_and_the_last_line(start, repository):
    process = start(script("print('last words')\nos.kill(os.getpid(), signal.SIGKILL)"))
    assert process.wait(60) == -signal.SIGKILL
    assert repository.status() == "RUNNING"
    assert repository.output() == b"last words\n"


HANDLERS = {
    "that returns": ("stopping.append(1)", "SUCCESS\nafter signal SIGTERM", 0),
    "that exits": ("sys.exit(7)", "ERROR\nexit code 7", 7),
    "that exits with 0": ("sys.exit(0)", "SUCCESS", 0),
    "that leaves at once": ("sys.stdout.flush(); os._exit(8)", "ERROR\nsignal SIGTERM", 8),
    "that kills": ("os.kill(os.getpid(), signal.SIGKILL)", "ERROR\nsignal SIGTERM", -9),
    "that takes the default": (
        "signal.signal(number, signal.SIG_DFL); os.kill(os.getpid(), number)",
        "ERROR\nsignal SIGTERM",
        -15,
    ),
}
WAITING = READY + "print('stopped')\n"


def handler(body):
    on = f"def on(number, frame):\n  print('handled')\n  {body}\n"
    return f"stopping = []\n{on}signal.signal(signal.SIGTERM, on)\n"


@posix
@pytest.mark.parametrize("name", HANDLERS)
@pytest.mark.requirement("STATUS-9")
def test_a_handler_that_was_there_before_takes_its_course(name, both_signalled):
    body, status, returncode = HANDLERS[name]
    code = HEAD + handler(body) + "experiment = Experiment()\n" + WAITING
    assert both_signalled(code, signal.SIGTERM) == (status, returncode)


@posix
@pytest.mark.parametrize("name", [name for name in HANDLERS if "exits" in name or "returns" in name])
def test_a_handler_that_came_later_takes_its_course(name, both_signalled):
    body, status, returncode = HANDLERS[name]
    assert both_signalled(script(handler(body) + WAITING), signal.SIGTERM) == (
        status.partition("\nafter")[0],  # nobody tells us that it came
        returncode,
    )


@posix
def test_a_handler_that_raises_ends_the_program_with_its_exception(start, repository):
    code = HEAD + handler("raise RuntimeError('time is up')") + "experiment = Experiment()\n" + WAITING
    for bare in (True, False):
        process = start(code, bare=bare)
        for line in process.stdout:
            if line == b"ready\n":
                process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 1
        assert process.stderr.read().endswith(b"RuntimeError: time is up\n")
    assert repository.status().startswith("ERROR\nTraceback")


@posix
def test_a_later_handler_that_chains_to_what_it_found_still_decides(both_signalled):
    """Without us it finds no function; with us it does, and calling that must not end the program."""
    body = """
    stopping = []
    found = signal.getsignal(signal.SIGTERM)
    def on(number, frame):
        stopping.append(1)
        if callable(found): found(number, frame)
    signal.signal(signal.SIGTERM, on)
    """
    assert both_signalled(script(body) + WAITING, signal.SIGTERM) == ("SUCCESS\nafter signal SIGTERM", 0)


@posix
def test_handlers_that_chain_across_several_experiments_do_not_run_in_circles(both_signalled):
    code = (
        HEAD
        + handler("stopping.append(1)")
        + textwrap.dedent(
            """
        sys.stdout.flush()  # as the end of an experiment does
        experiment = Experiment()
        found = signal.getsignal(signal.SIGTERM)
        def later(number, frame):
            print("later")
            found(number, frame)
        signal.signal(signal.SIGTERM, later)
        experiment.finish()
        experiment = Experiment()
        """
        )
    )
    _, returncode = both_signalled(code + WAITING, signal.SIGTERM)
    assert returncode == 0


@posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_that_is_ignored_stays_ignored(name, start, repository):
    """nohup, and what a shell does to background jobs."""
    code = script(f"signal.raise_signal(signal.{name})\nprint('still here')")
    for bare in (True, False):
        process = start(
            code, bare=bare, preexec_fn=lambda: signal.signal(getattr(signal, name), signal.SIG_IGN)
        )
        out, _ = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, b"to stdout\nstill here\n")
    assert repository.status() == "SUCCESS"


@posix
def test_signals_in_a_child_process_are_its_own(both, repository):
    status, _ = both(
        script(
            """
            child = os.fork()
            if child == 0:
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(30)
                while True: signal.pause()
            os.kill(child, signal.SIGTERM)
            print(os.waitpid(child, 0)[1])
            """
        ),
        flags=["-W", "ignore::DeprecationWarning"],
    )
    assert status == "SUCCESS"
    assert repository.output() == b"15\n"


def signal_at(file, name, before=True):
    """Return the code that sends a signal once, before or after the next replacement of a file."""
    steps = [f"signal.raise_signal(signal.{name})", "replace(source, target)"]
    first, second = steps if before else steps[::-1]
    return f"""
def hit(source, target, replace=os.replace):
    if not str(target).endswith({file!r}):
        return replace(source, target)
    os.replace = replace
    {first}
    {second}
os.replace = hit
"""


@posix
@pytest.mark.parametrize("file", ["metadata.json", "STATUS"])
@pytest.mark.parametrize("end", ["experiment.finish()", "sys.exit(3)"])
def test_a_signal_during_the_end_leaves_a_whole_record(file, end, start, repository):
    process = start(script("") + signal_at(file, "SIGTERM") + end)
    assert process.wait(60) == -signal.SIGTERM
    assert repository.status() == "ERROR\nsignal SIGTERM"
    assert b'"end-time"' in repository.output(stream="metadata.json")


@posix
@pytest.mark.parametrize("file", ["metadata.json", "STATUS"])
def test_ctrl_c_during_the_end_does_not_keep_it_from_being_written(file, start, repository):
    process = start(script("") + signal_at(file, "SIGINT") + "experiment.finish()")
    assert process.wait(60) == -signal.SIGINT
    assert repository.status() == "SUCCESS"
    assert b'"end-time"' in repository.output(stream="metadata.json")


@posix
def test_a_handler_during_the_end_does_not_bring_the_status_back_to_running(start, repository):
    end = signal_at("STATUS", "SIGTERM", before=False) + "experiment.finish()"
    process = start(HEAD + handler("pass") + script("") + end)
    assert process.wait(60) == 0
    assert repository.status() == "SUCCESS"


@pytest.fixture
def _in_repository(repository, monkeypatch):
    monkeypatch.chdir(repository.path)


@pytest.mark.usefixtures("_in_repository")
class TestAfterwards:
    def state(self):
        return (sys.exit, *(signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)))

    def test_the_process_is_as_it_was(self):
        before = self.state()
        first = Experiment()
        second = Experiment()
        assert self.state() != before
        first.finish()
        assert self.state() != before
        second.finish()
        assert self.state() == before

    def test_an_experiment_may_begin_and_end_in_a_thread(self):
        before = self.state()
        errors = []

        def work():
            try:
                Experiment().finish()
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert not errors
        assert self.state() == before

    @posix
    def test_an_end_in_a_thread_leaves_a_handler_that_still_does_what_was_there_before(self, monkeypatch):
        seen = []
        before = signal.signal(signal.SIGTERM, lambda *_: seen.append("theirs"))
        try:
            experiment = Experiment()
            thread = threading.Thread(target=experiment.finish)
            thread.start()
            thread.join()
            signal.raise_signal(signal.SIGTERM)
            assert seen == ["theirs"]
            Experiment().finish()
            assert "meticulous" not in type(signal.getsignal(signal.SIGTERM)).__module__
        finally:
            signal.signal(signal.SIGTERM, before)


def test_an_exception_whose_text_is_odd_or_fails_is_told_all_the_same(run, repository):
    run(script("raise ValueError('a\\ud800b')"))
    assert repository.status(1).endswith("\nValueError: a\\ud800b")
    run(script("class OddError(Exception):\n    def __str__(self): raise RuntimeError\nraise OddError"))
    assert "OddError" in repository.status(2).splitlines()[-1]


def test_a_script_read_from_standard_input_or_a_command_line_is_recorded(repository):
    code = "from meticulous import Experiment; e = Experiment(); import sys; sys.exit(3)"
    for number, (command, text) in enumerate([(["-c", code], None), (["-"], code.encode())], 1):
        done = subprocess.run([sys.executable, *command], input=text, cwd=repository.path, check=False)
        assert done.returncode == 3
        assert repository.status(number) == "ERROR\nexit code 3"


MAINS = {
    "a returned code": "def main():\n    Experiment()\n    return 3\nsys.exit(main())",
    "asyncio": (
        "import asyncio\nasync def main():\n    Experiment()\n    return 3\nsys.exit(asyncio.run(main()))"
    ),
    "a thread's, raised again": (
        "from concurrent.futures import ThreadPoolExecutor\nExperiment()\n"
        "with ThreadPoolExecutor(1) as pool: pool.submit(sys.exit, 3).result()"
    ),
}


@pytest.mark.parametrize("how", ["script", "-m"])
@pytest.mark.parametrize("name", MAINS)
def test_an_exit_code_that_main_returns_is_told(name, how, run, repository):
    code = HEAD + MAINS[name] + "\n"
    if how == "script":
        assert run(code).returncode == 3
    else:
        repository.commit("module.py", code)
        done = subprocess.run(
            [sys.executable, "-m", "module"],
            cwd=repository.path,
            timeout=60,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 3
    assert repository.status() == "ERROR\nexit code 3"


def test_what_with_has_ended_is_not_changed_by_what_main_returns(run, repository):
    done = run(HEAD + "def main():\n    with Experiment(): return 1\nsys.exit(main())")
    assert (done.returncode, repository.status()) == (1, "SUCCESS")


@posix
@pytest.mark.parametrize("name", ["SIGUSR1", "SIGUSR2", "SIGXCPU", "SIGALRM", "SIGQUIT"])
def test_a_deadly_signal_is_written_down(name, start, repository):
    for bare in (True, False):
        process = start(script(f"signal.raise_signal(signal.{name})\nprint('on')"), bare=bare)
        assert process.wait(60) == -getattr(signal, name)
    assert repository.status() == f"ERROR\nsignal {name}"


@posix
def test_a_program_that_asks_for_a_handler_of_sigusr1_finds_none(both):
    """As Lightning does, which then sets the one that requeues its job."""
    status, _ = both(
        script(
            """
            if signal.getsignal(signal.SIGUSR1) not in (None, signal.SIG_DFL): print("taken")
            signal.signal(signal.SIGUSR1, lambda *_: print("requeued"))
            signal.raise_signal(signal.SIGUSR1)
            experiment.finish()
            signal.raise_signal(signal.SIGUSR1)
            """
        )
    )
    assert status == "SUCCESS"


@posix
def test_a_handler_of_c_that_came_later_stays(both):
    status, _ = both(
        script(
            """
            import faulthandler
            file = open(os.devnull, "w")
            faulthandler.register(signal.SIGUSR1, file=file)
            signal.raise_signal(signal.SIGUSR1)
            experiment.finish()
            signal.raise_signal(signal.SIGUSR1)
            print("on")
            """
        )
    )
    assert status == "SUCCESS"


@posix
def test_files_of_a_program_that_records_nothing_are_deleted_when_a_signal_ends_it(start):
    process = start(
        HEAD + "e = Experiment(norecord=True)\nprint(e.directory, flush=True)\nwhile True: signal.pause()"
    )
    process.stdout.readline()
    folder = process.stdout.readline().decode().strip()
    assert os.path.isdir(folder)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == -signal.SIGTERM
    assert not os.path.exists(folder)


@pytest.mark.parametrize("end", ["raise ValueError('x' * 17_000_000)", "sys.exit('x' * 17_000_000)"])
def test_a_reason_without_bound_is_cut(end, run, repository):
    run(script(end), stderr=subprocess.DEVNULL)
    status = repository.status()
    assert status.startswith("ERROR\n")
    assert len(status) < 100_000


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("SUCCESS", "SUCCESS"),
        ("SUCCESS pruned", "SUCCESS\npruned"),
        ("ERROR", "ERROR\nfinish('ERROR')"),
        (" ", "ERROR\nfinish(' ')"),
        ("ERROR: the loss is NaN", "ERROR\nthe loss is NaN"),
        ("stopped", "ERROR\nstopped"),
    ],
)
@pytest.mark.usefixtures("_in_repository")
def test_finish_takes_the_status_that_the_program_knows(given, told, repository):
    Experiment().finish(given)
    assert repository.status() == told
