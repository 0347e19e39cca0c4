"""The floor: what has to be done by whoever asks git and keeps what is printed and found, and nothing more.

GitPython and the three questions of recording.py; one append for each line; one JSON file that is replaced
whole. To read: what reading.py reads raw, of copies of our runs, with pandas loaded.
"""

import json
import os
import shutil
import sys

LABEL = "the floor, GitPython"
PACKAGES = ["GitPython", "pandas"]
DISTRIBUTION = "GitPython"
CAPTURES = True
WRITES = "one JSON file, replaced whole"


def run(args, work):
    import git

    repository = git.Repo(".", search_parent_directories=True)
    repository.git.update_environment(GIT_OPTIONAL_LOCKS="0")
    repository.git.status("--porcelain=v2", "--branch", "-z", "--no-ahead-behind", "--untracked-files=no")
    repository.git.ls_files("-v", "-z")
    repository.git.rev_list("--max-count=1", "--format=%B", "HEAD", "--")
    directory = f"floor/{os.urandom(6).hex()}"
    os.makedirs(directory)

    def replace(values):
        with open(f"{directory}/.summary.json", "w") as file:
            json.dump(values, file)
        os.replace(f"{directory}/.summary.json", f"{directory}/summary.json")

    stream, write = sys.stdout, sys.stdout.write
    copy = os.open(f"{directory}/stdout", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def both(text):
        written = write(text)
        os.write(copy, text.encode())
        return written

    stream.write = both
    try:
        work(replace)
    finally:
        stream.write = write
        os.close(copy)


def fill(args, count):
    """Copies of what ours has recorded: it reads the same."""
    shutil.copytree("../../meticulous/store/experiments", "experiments", dirs_exist_ok=True)


def read():
    import pandas  # noqa: F401 - what its import takes belongs to each that makes a frame

    def content(path):
        file = os.open(path, os.O_RDONLY)
        data = os.read(file, os.fstat(file).st_size + 1)
        os.close(file)
        return data

    everything = []
    folders = [name for name in os.listdir("experiments") if name.isdecimal()]
    for folder in folders:
        for name in ("metadata.json", "args.json", "default_args.json", "summary.json"):
            everything.append(json.loads(content(f"experiments/{folder}/{name}")))
        everything.append(content(f"experiments/{folder}/STATUS"))
    return len(folders)
