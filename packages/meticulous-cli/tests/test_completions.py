import os
import re
import select
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from meticulous_cli.export.export import EXPORT_KINDS
from meticulous_cli.options import ARGS_CHOICES

FOLDER = Path(__file__).parents[1] / "completions"
FILES = {
    "bash": FOLDER / "meticulous.bash",
    "zsh": FOLDER / "_meticulous",
    "fish": FOLDER / "meticulous.fish",
}


def offered(shell):
    """The options in a shell's file, each with the words that may follow it."""
    text = FILES[shell].read_text("utf-8")
    if shell == "bash":
        words = re.search(r'compgen -W "(--filter .*?)"', text, re.DOTALL)[1].split()
        choices = dict(re.findall(r'(--[\w-]+)\) compgen -W "([^"]*)"', text))
        return {word: choices.get(word, "").split() for word in words}
    if shell == "zsh":
        words = re.findall(r"(?<=['*{,])(--?[\w-]+)(?==?-?[\[,}])(?:.*:\(([^)]*)\))?", text)
        return {word: choices.split() for word, choices in words}
    words = re.findall(r"(?:-s (\w) )?-l ([\w-]+)(?:.*-a '([^']*)')?", text)
    found = {f"--{long}": choices.split() for _, long, choices in words}
    return {**found, **{f"-{short}": [] for short, *_ in words if short}}


@pytest.mark.parametrize("name", FILES)
def test_each_option_of_the_command_is_completed_and_no_other(name, run):
    known = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", run("--help").stdout.partition("examples")[0]))
    assert set(offered(name)) == known | {"-h"}


@pytest.mark.parametrize("name", FILES)
def test_choices_are_those_of_the_command(name):
    choices = {option: words for option, words in offered(name).items() if words}
    assert choices == {"--args": list(ARGS_CHOICES), "--export-format": list(EXPORT_KINDS)}


# Real shells

READY = "READY" + "> "
SHOW = """meticulous() { printf '<%s>' "$@"; echo; }"""
START = {
    "bash": (
        ("bash", "--norc", "--noprofile", "-i"),
        f". '{FILES['bash']}'; bind 'set enable-bracketed-paste off'; {SHOW}; PS1=READY'> '",
    ),
    "zsh": (
        ("zsh", "-f", "-i"),
        f"fpath=('{FOLDER}' $fpath); autoload -Uz compinit; compinit -D -u; {SHOW}; PS1=READY'> '",
    ),
}


def typed_in_terminal(command, start, line, folder, environment):
    """Type a line and a tab into a shell at a terminal, and return the words that the command then gets."""
    import pty

    main, terminal = pty.openpty()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**environment, "HOME": str(folder), "TERM": "dumb"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)

    def wait_for(pattern):
        printed = ""
        while not (found := re.search(pattern, printed)):
            assert select.select([main], [], [], 60)[0], f"{command[0]} says no more than {printed!r}"
            printed += os.read(main, 65536).decode()
        return found

    try:
        os.write(main, f"{start}\n".encode())
        wait_for(READY)
        os.write(main, f"{line}\t\n".encode())
        return re.findall("<([^>]*)>", wait_for(r"\n((?:<[^\n>]*>)+)\r?\n")[1])
    finally:
        process.kill()
        process.wait()
        os.close(main)


def completed_by_fish(line, folder, environment):
    """Return the words of a line after what fish, asked by its own command, would make of the last."""
    ask = ["fish", "--no-config", "-c", f"source '{FILES['fish']}'; complete -C '{line}'"]
    env = {**environment, "HOME": str(folder)}
    answer = subprocess.run(ask, cwd=folder, env=env, capture_output=True, text=True, check=True).stdout
    candidates = [candidate.partition("\t")[0] for candidate in answer.splitlines()]
    *words, last = line.split()[1:]
    return [*words, *(candidates or [last])]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--list", ["--list-columns"]),
        ("--last exa", ["--last", "exa"]),
        ("--args non-", ["--args", "non-default"]),
        ("--args=t", ["--args=truncated"]),
        ("--export-format pa", ["--export-format", "parquet"]),
        ("exp", ["experiments/"]),
        ("--validate exp", ["--validate", "experiments/"]),
        ("--normalize-json-values exp", ["--normalize-json-values", "experiments/"]),
        ("experiments/t", ["experiments/two words/"]),
        ("--export exa", ["--export", "example.csv"]),
        ("exa", ["exa"]),
        ("--columns exa", ["--columns", "exa"]),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
@pytest.mark.parametrize("shell", FILES)
def test_a_shell_completes_what_is_typed(shell, line, words, tmp_path, environment):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    for folder in ("experiments/1", "experiments/two words", "exotic"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "example.csv").touch()
    if shell == "fish":
        found = completed_by_fish(f"meticulous {line}", tmp_path, environment)
    else:
        found = typed_in_terminal(*START[shell], f"meticulous {line}", tmp_path, environment)
    # Shells differ in whether a folder's slash stays when the line ends after it.
    assert [word.rstrip("/") for word in found] == [word.rstrip("/") for word in words]
