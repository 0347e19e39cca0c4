"""A repository as nobody should have prepared it: whatever git reads there would rather run something."""

import subprocess
from pathlib import Path

from hostile import CANARY

# What git could be made to run by the configuration of a repository that came with the folders.
HOSTILE_CONFIG = "".join(
    f'[{section}]\n\t{key} = "touch {CANARY}; false"\n'
    for section, key in [
        *(("core", key) for key in ("fsmonitor", "pager", "editor", "sshCommand", "gitProxy", "askPass")),
        *(("diff", "external"), ('diff "x"', "textconv"), ('diff "x"', "command"), ('filter "x"', "smudge")),
        *(
            ("gpg", "program"),
            ("pager", "log"),
            ("alias", "log"),
            ("credential", "helper"),
            ("uploadpack", "hook"),
        ),
    ]
)
HOSTILE_CONFIG += "[log]\n\tshowSignature = true\n[core]\n\tattributesFile = attributes\n"


def make_repository() -> list[str]:
    """Make the current directory a repository that somebody hostile prepared; return its commits."""
    subprocess.run(["git", "init", "-q", "-b", "main"], check=True)
    given = b""
    for number, text in enumerate(("first", "\x1b[2J\x1b]0;x\x07\udcff", "=cmd()\r" + "x" * 5000)):
        message = text.encode(errors="surrogateescape")
        given += b"commit refs/heads/main\ncommitter x <x@example.com> %d +0000\n" % number
        given += b"data %d\n%s\n" % (len(message), message)
        name = rb'"\033[2J%d\n=cmd()"' % number
        given += b"M 100644 inline %s\ndata 4\n%4d\n" % (name, number)
    subprocess.run(["git", "fast-import", "--quiet"], input=given, check=True)
    shown = subprocess.run(["git", "log", "--format=%H"], capture_output=True, text=True, check=True)
    Path("attributes").write_text("* diff=x filter=x\n")
    with open(".git/config", "a") as config:
        config.write(HOSTILE_CONFIG)
    for hook in ("post-checkout", "pre-auto-gc", "fsmonitor-watchman", "reference-transaction"):
        path = Path(".git/hooks", hook)
        path.write_text(f"#!/bin/sh\ntouch {CANARY}\n")
        path.chmod(0o755)
    return shown.stdout.split()
