"""In a real notebook, with the kernel that people run."""

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

# In a process of its own: what warnings and event loops Jupyter has is not ours to test.
EXECUTE = """
import json, sys
import nbclient, nbformat
cells = [nbformat.v4.new_code_cell(source) for source in json.loads(sys.argv[1])]
notebook = nbformat.v4.new_notebook(cells=cells)
nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3", allow_errors=True).execute()
print(json.dumps([[dict(output) for output in cell.outputs] for cell in cells]))
"""


@pytest.fixture
def execute(repository, tmp_path):
    """Run cells in the repository, and shut the kernel down. Answers what each shows, by stream."""

    def execute(*cells):
        folders = {"IPYTHONDIR": tmp_path / "ipython", "JUPYTER_CONFIG_DIR": tmp_path / "jupyter"}
        done = subprocess.run(
            [sys.executable, "-c", EXECUTE, json.dumps(["from meticulous import Experiment", *cells])],
            cwd=repository.path,
            env={**os.environ, **{name: str(folder) for name, folder in folders.items()}},
            stdout=subprocess.PIPE,
            timeout=120,
            check=True,
        )
        shown = []
        for outputs in json.loads(done.stdout)[1:]:
            streams = {"stdout": "", "stderr": "", "error": ""}
            for output in outputs:
                name = output.get("name", output["output_type"])
                streams[name] = streams.get(name, "") + output.get("text", output.get("ename", ""))
            shown.append(streams)
        return shown

    return execute


def test_with_in_a_cell_records_what_the_cell_prints(execute, repository):
    shown = execute(
        "import sys\n"
        "with Experiment({'lr': 0.1}) as experiment:\n"
        "  print('in'); print('é', file=sys.stderr)\n"
        "  experiment.summary({'accuracy': 0.9})\n",
        "print('after')",
    )
    assert [cell["stdout"] for cell in shown] == ["in\n", "after\n"]
    assert shown[0]["stderr"] == "é\n"
    assert repository.status() == "SUCCESS"
    assert (repository.output(), repository.output(stream="stderr")) == (b"in\n", "é\n".encode())


def test_an_exception_ends_with_and_no_other_experiment(execute, repository):
    shown = execute(
        "experiment = Experiment()\nprint('a')",
        "with Experiment() as inner:\n  print('b'); 1 / 0",
        "print('c'); 1 / 0",
        "print(experiment.open('STATUS').read())",
    )
    assert [cell["error"] for cell in shown] == ["", "ZeroDivisionError", "ZeroDivisionError", ""]
    assert shown[3]["stdout"] == "RUNNING\n\n"
    assert repository.status(2).startswith("ERROR\nTraceback")
    assert repository.status(2).endswith("ZeroDivisionError: division by zero")
    # The kernel's end is its own; exceptions of cells before did not end it.
    assert repository.status(1) == "SUCCESS"
    assert (repository.output(1), repository.output(2)) == (b"a\nb\nc\nRUNNING\n\n", b"b\n")


def test_finish_and_sys_exit_in_a_cell(execute, repository):
    shown = execute(
        "import sys\nexit_before = sys.exit\nexperiment = Experiment()",
        "sys.exit(3)",
        "print('on'); experiment.finish()",
        "callbacks = sum(get_ipython().events.callbacks.values(), [])\n"
        "ours = [each for each in callbacks if each.__module__.startswith('meticulous')]\n"
        "print(sys.exit is exit_before, ours, sys.stdout.write.__module__)",
    )
    assert shown[1]["error"] == "SystemExit"
    assert shown[3]["stdout"].startswith("True [] ")
    assert "meticulous" not in shown[3]["stdout"]  # ipykernel's own write, or IPython's
    assert (repository.status(), repository.output()) == ("SUCCESS", b"on\n")


def test_what_callbacks_print_between_cells_is_recorded(execute, repository):
    later = (
        "import asyncio\n"
        "def later(turns, text):\n"
        "  loop = asyncio.get_event_loop()\n"
        "  loop.call_soon(later, turns - 1, text) if turns else print(text)\n"
    )
    execute(
        later + "experiment = Experiment()\nlater(5, 'between')",
        "print('on')\nlater(5, 'again')",
        "print('end')",
    )
    # Which comes first, the callback or the next cell, is the kernel's affair.
    assert sorted(repository.output().split()) == [b"again", b"between", b"end", b"on"]


def test_threads_and_child_processes_of_a_cell(execute, repository):
    shown = execute(
        "import os, threading\n"
        "with Experiment():\n"
        "  thread = threading.Thread(target=print, args=('from a thread',)); thread.start(); thread.join()\n"
        "  if os.fork() == 0: os._exit(0)\n"
        "  os.wait(); print('on')"
    )
    assert "from a thread\n" in shown[0]["stdout"]
    assert shown[0]["stdout"].endswith("on\n")
    assert repository.output() == b"from a thread\non\n"
    assert repository.status() == "SUCCESS"
