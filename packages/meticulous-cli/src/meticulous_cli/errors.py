"""What ends the command with a sentence on standard error."""

from __future__ import annotations

# Exit codes: nothing to show or a problem with the data; a command that cannot be understood; 128 + SIGINT.
DATA = 1
USAGE = 2
INTERRUPTED = 130


class CommandError(Exception):
    """A reason to stop.

    Attributes:
        message: what is wrong, in one line, without a full stop.
        code: the exit code.
        instead: a whole command to type instead, printed on a line of its own; "" where there is none.
    """

    def __init__(self, message: str, code: int, instead: str = "") -> None:
        super().__init__(message, code, instead)
        self.message = message
        self.code = code
        self.instead = instead
