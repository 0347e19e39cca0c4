"""What ends the command with one line on standard error."""

from __future__ import annotations

__all__ = ["DATA", "USAGE", "CommandError"]

# Exit codes: nothing to show or a problem with the data, and a command that cannot be understood.
DATA = 1
USAGE = 2


class CommandError(Exception):
    """A reason to stop, with the exit code that says whose it is."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message, code)
        self.message = message
        self.code = code
