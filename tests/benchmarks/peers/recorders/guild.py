"""Guild AI: `guild run` of a script that knows nothing of it; within one process, its Python interface."""

import os
from pathlib import Path

LABEL = "Guild"
# The last release is of 2023: it imports pkg_resources, and reads frames as pandas 1 had them.
PACKAGES = ["guildai", "setuptools<81", "pandas<2", "numpy<2", "pip"]
DISTRIBUTION = "guildai"
ENVIRONMENT = {"GUILD_HOME": "{repository}/guild", "PYTHONWARNINGS": "ignore"}
START = ["guild", "run", "-y", "train.py"]
CAPTURES = True
KEEPS = (
    "arguments; output; how it ended; the commit and a copy of the code, which it looks for among "
    "all files; command line, environment, host, installed packages; times"
)
WRITES = "a printed line `loss: 0.5`"
LISTING = ["guild", "runs", "--all"]


def prepare():
    Path("guild").mkdir()
    Path("guild", ".guild-nocopy").touch()  # it copies all the code that it finds below, its own runs too


def run(args, work):
    def write(values):
        for name, value in values.items():
            print(f"{name}: {value}", flush=True)

    if "RUN_DIR" in os.environ:  # this script has been started by `guild run`
        work(write)
        return

    import guild.ipy

    def operation(lr, batch, epochs, optimizer, seed):  # it looks for its flags in the signature
        work(write)

    guild.ipy.run(operation, **args)


def read():
    import guild.ipy

    return len(guild.ipy.runs().compare())
