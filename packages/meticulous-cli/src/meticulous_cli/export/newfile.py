"""A new file: whole or not there at all, and never in the place of another."""

from __future__ import annotations

import os

from meticulous_cli.errors import DATA, USAGE, CommandError

__all__ = ["refuse_existing", "write_new"]

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def refuse_existing(path: str) -> None:
    """Raise CommandError where something, be it a link that leads nowhere, has the name already."""
    if os.path.lexists(path):
        raise CommandError(f"{path} exists already: remove it, or choose another name", USAGE)


def write_new(path: str, data: bytes) -> None:
    """Write a file of this content that was not there before; what fails or is interrupted leaves nothing.

    The content is on disk before the name is there. However many write at the same time, one gets the name.

    Raises:
        CommandError: the name is taken, or the file cannot be written.
    """
    folder = os.path.dirname(path)
    temporary = os.path.join(folder, f".meticulous-{os.urandom(6).hex()}")
    try:
        try:
            descriptor = os.open(temporary, _FLAGS, 0o666)
            with open(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(descriptor)
            _publish(temporary, path)
        finally:
            _unlink(temporary)
    except FileExistsError:
        refuse_existing(path)
        raise
    except FileNotFoundError:
        raise CommandError(
            f"cannot write {path}: there is no folder {folder}; make it first", USAGE
        ) from None
    except NotADirectoryError:
        raise CommandError(f"cannot write {path}: {folder} is not a folder", USAGE) from None
    except OSError as error:
        where = f" in the folder {folder or os.curdir}" if isinstance(error, PermissionError) else ""
        reason = (error.strerror or str(error)).lower()
        raise CommandError(f"cannot write {path}: {reason}{where}; nothing was written", DATA) from None


def _publish(temporary: str, path: str) -> None:
    """Give a finished file its name, unless something has it."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except (OSError, AttributeError):  # FAT, some network file systems and some platforms have no hard links
        # An empty file takes the name, as renaming alone would replace a file that came in between.
        os.close(os.open(path, _FLAGS, 0o666))
        try:
            os.replace(temporary, path)
        except BaseException:
            _unlink(path)
            raise


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass
