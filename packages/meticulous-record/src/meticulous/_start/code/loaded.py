"""The files that the running program's code came from, as far as the process shows them."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable

__all__ = ["find_script", "loaded_code", "spellings"]

_STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep
_RECORDER = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))) + os.sep
# Environments are often kept inside the work tree; what is in them is in requirements.txt.
_INSTALLED = tuple(f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages"))


def find_script(is_in_repository: Callable[[str], bool]) -> str | None:
    """Return the script that runs; None for a prompt, a notebook and commands that were installed."""
    main = _file_of(sys.modules.get("__main__"))
    if main is None or main.startswith("<"):  # "<stdin>"
        return None
    if not _is_command(main, is_in_repository):
        return main
    # A program that runs another, such as cProfile, puts its name there; the rest has its own, or none.
    word = str(sys.argv[0]) if sys.argv else ""
    if os.path.abspath(main).startswith(os.path.abspath(word)) or not os.path.isfile(word):
        return None
    return None if _is_command(word, is_in_repository) else word


def loaded_code(script: str | None) -> set[str]:
    """Return the real paths of the files that code was loaded from, but for installed ones.

    They are those of loaded modules, of functions that are being called (what `runpy` and `exec` run), and
    the Python files that the command line names, which nanoGPT's configurator and MMEngine execute.
    """
    main = sys.modules.get("__main__")
    files = {_file_of(module) for module in list(sys.modules.values()) if module is not main}
    files.update(frame.f_code.co_filename for frame, _ in traceback.walk_stack(sys._getframe()))
    words = (word.rpartition("=")[2] for word in sys.argv[1:] if isinstance(word, str))
    files.update(word for word in words if word.endswith(".py"))
    real_folders: dict[str, str] = {}

    def real(file: str | None) -> set[str]:
        return spellings(file, real_folders) if file is not None and not _is_installed(file) else set()

    command = _file_of(main)  # or the script
    return set().union(*map(real, files)) - real(command) | real(script)


def spellings(file: str, real_folders: dict[str, str]) -> set[str]:
    """Return the real paths of a file: where it is called and, if that is a link, where it is."""
    folder, name = os.path.split(file)
    if folder not in real_folders:
        real_folders[folder] = os.path.realpath(folder)
    path = os.path.join(real_folders[folder], name)
    if not os.path.isfile(path):
        return set()
    return {path, os.path.realpath(path)} if os.path.islink(path) else {path}


def _file_of(module: object) -> str | None:
    # Through `__dict__`: asking a lazy module for an attribute would load it.
    file = getattr(module, "__dict__", {}).get("__file__")
    return file if isinstance(file, str) else None


def _is_installed(file: str) -> bool:
    return file.startswith((_STANDARD_LIBRARY, _RECORDER)) or any(part in file for part in _INSTALLED)


def _is_command(file: str, is_in_repository: Callable[[str], bool]) -> bool:
    """Whether a main module is an installed command's, and no script.

    That of a zip file, as pip's `train.exe` on Windows is one, lies in a file, not in a folder.
    """
    real = os.path.realpath(file)  # pipx and uv link to the command in its environment
    folder, name = os.path.split(real)
    if _is_installed(file) or os.path.isfile(os.path.dirname(file)):
        return True
    if os.path.basename(folder) not in ("bin", "Scripts"):
        return False
    in_environment = os.path.dirname(folder) == os.path.realpath(sys.prefix)
    return in_environment or not (name.endswith(".py") or is_in_repository(real))
