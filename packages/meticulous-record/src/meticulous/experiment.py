"""The story of an experiment, as a program sees it."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, Any

import meticulous._session.hooks  # noqa: F401 - `sys.exit(main())` looks up `sys.exit` before `main` runs
from meticulous.errors import (
    DirtyRepoException,
    MeticulousError,
    MismatchedArgsException,
    MismatchedCommitException,
    SummaryError,
)

# All else is imported where it is used, when an experiment starts: to import the package costs little.
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from meticulous._session.session import Session
    from meticulous._session.unrecorded import Unrecorded

# The exceptions are where the original tool had them, too.
__all__ = ["DirtyRepoException", "Experiment", "MismatchedArgsException", "MismatchedCommitException"]


def _with_keywords(message: str, options: Mapping[str, Any]) -> str:
    """Return a message that names keyword arguments in the place of flags that no command line has."""
    for name, default in options.items():
        keyword = f"{name}=True" if default is False else name
        message = message.replace(f"--{name.replace('_', '-')}", keyword)
    return message


class Experiment:
    """One run of a program, recorded in a folder of its own from here to its end.

    It ends with the `with` block, with `finish`, or with the process. STATUS says how.
    Nothing is recorded with `norecord`, in processes other than rank 0 of a launcher (torchrun, mpirun,
    Lightning and others), and in workers that import the main module again.

    Args:
        args: the program's arguments or configuration: a mapping, a namespace, a dataclass, or anything
            with `as_dict()`. What a parser with `add_argument_group` made may hold the options below.
        default_args: what `args` would be if nobody had chosen anything; None if that is not known.
        project_directory: a folder of the repository whose code runs. `experiments_directory` is relative
            to it.
        experiments_directory: the folder of all experiments; made if it is not there.
        experiment_id: a name instead of the next number. An experiment of that name is resumed, if its
            arguments and commit are the same.
        description: a word on what this experiment is for.
        resume: go on with the newest experiment with these arguments and this commit that is not running.
        norecord: record nothing; files go to a folder that is deleted at the end.
        allow_dirty: record uncommitted changes as `git.diff` instead of refusing them.
        capture: "sys" copies what Python prints, "fd" also what C libraries and child processes print
            (then standard output is a file for the program, not a terminal), "none" nothing.

    Raises:
        OptionsError: the options contradict each other.
        ArgumentsError: `args` or `default_args` has no names.
        RepositoryError: there is no commit to record; `DirtyRepoException`, if code runs that is in none.
        ExperimentsDirectoryError: nothing can be written there.
        ExperimentIdError: `experiment_id` can't be a folder's name.
        MismatchedArgsException, MismatchedCommitException, ExperimentRunningError: it cannot be resumed.

    These errors come before anything is written. Later trouble with the record is logged, and never raised.
    """

    _run: Session | Unrecorded

    def __init__(
        self,
        args: Any = None,
        default_args: Any = None,
        project_directory: str | os.PathLike[str] = "",
        experiments_directory: str | os.PathLike[str] = "experiments",
        experiment_id: str | None = None,
        description: str = "",
        resume: bool = False,
        norecord: bool = False,
        *,
        allow_dirty: bool = False,
        capture: str = "sys",
    ) -> None:
        from meticulous._disk.encode import encode_object
        from meticulous._start.options import Configuration, Options, take_options
        from meticulous._start.start import start

        directories = os.fspath(project_directory), os.fspath(experiments_directory)
        given = Options(*directories, experiment_id, description, resume, norecord, allow_dirty)
        self.args, found = take_options({} if args is None else args)
        # What the command line leaves at its default is as it was given here.
        chosen = {name: value for name, value in found.items() if value != Options._field_defaults[name]}
        try:
            encoded, defaults = encode_object(self.args, "args"), None
            if default_args is not None:
                defaults = encode_object(take_options(default_args)[0], "default_args")
            self._run = start(Configuration(self.args, encoded, defaults, given._replace(**chosen)), capture)
        except MeticulousError as error:
            if not found:  # the script has none of our options on its command line
                error.args = (_with_keywords(str(error), Options._field_defaults),)
            raise error.with_traceback(None) from None  # the sentence says it all

    @staticmethod
    def add_argument_group(parser: argparse.ArgumentParser, **defaults: Any) -> None:
        """Add the recorder's options to `parser`, after its own. `defaults` replace their defaults.

        They are --project-directory, --experiments-directory, --experiment-id, --description, --resume,
        --norecord and --allow-dirty. If the script has an option of that name, or one that begins with it,
        the recorder's is called --meticulous-resume and so on.

        Raises:
            OptionsError: `defaults` has a name that is not one of these (with underscores).
        """
        from meticulous._start.options import add_options

        add_options(parser, defaults)

    @classmethod
    def from_parser(
        cls,
        parser: argparse.ArgumentParser,
        arg_list: Sequence[str] | None = None,
        capture_defaults: bool = True,
        *,
        capture: str = "sys",
        **overrides: Any,
    ) -> Experiment:
        """Parse the command line (or `arg_list`) and start an experiment with what it says.

        The recorder's options are added first, if `add_argument_group` has not done so. `overrides` are new
        defaults, for these options or, by dest, for arguments of the script. The parser is first asked for
        its defaults, then it parses: where an option is passed, its `type` may be called once more, on the
        default. With `capture_defaults=False` it is not, and no defaults are recorded.

        Raises:
            SystemExit: the command line does not parse, or contradicts itself.
            MeticulousError: as `Experiment` does.
        """
        from meticulous._start.command_line import parse
        from meticulous._start.start import start

        try:
            parsed = parse(parser, arg_list, capture_defaults, overrides)
            self = cls.__new__(cls)
            self.args = parsed.args
            self._run = start(parsed, capture)
        except MeticulousError as error:
            raise error.with_traceback(None) from None
        return self

    @property
    def directory(self) -> Path:
        """The experiment's folder; with `norecord` one that is deleted at the end.

        In another rank or a worker, `experiment_id` leads to the folder of the process that records. The
        first access waits for that folder, for a minute at most. Without an id it is a folder that is
        deleted at the end, and a warning says so.
        """
        return self._run.directory

    @property
    def curexpdir(self) -> str:
        """`directory` as a str, under its old name."""
        return str(self.directory)

    @property
    def experiment_id(self) -> str | None:
        """The name of the experiment's folder; None where nothing is recorded."""
        return self._run.experiment_id

    def path(self, name: str | os.PathLike[str]) -> Path:
        """Return the path of the program's own file `name`; folders on the way to it are made.

        Raises:
            ReservedFileError: the recorder writes it itself, or it lies outside of the folder.
        """
        from meticulous._disk.names import own_file

        path = own_file(self.directory, name, for_reading=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def open(self, name: str | os.PathLike[str], mode: str = "r", **how: Any) -> IO[Any]:
        """Open the file `name` in the experiment's folder, as the built-in `open` does.

        Raises:
            ReservedFileError: as for `path`; the recorder's own files can be read.
            OSError: as `open` does.
        """
        from meticulous._disk.names import own_file

        if set(mode) & set("wax+"):
            return open(self.path(name), mode, **how)
        return open(own_file(self.directory, name, for_reading=True), mode, **how)

    def summary(self, values: Mapping[str, Any], *, update: bool = False) -> None:
        """Write `values` to summary.json in place of what it held; with `update`, add them to it.

        Raises:
            SummaryError: `values` is not a mapping.
        """
        from collections.abc import Mapping

        from meticulous._disk.encode import encode_object
        from meticulous._log import warn

        try:
            encoded = encode_object(values, "the summary")
        except TypeError as error:
            if isinstance(values, Mapping):  # its own code fails, or another thread was faster
                warn("the summary cannot be read and is not recorded: the run goes on with the one before")
                return
            raise SummaryError(str(error), found=type(values).__name__) from None
        self._run.summary(encoded, update=update)

    def finish(self, status: str = "SUCCESS") -> None:
        """End the experiment. Later calls, and the process's end, change nothing.

        `status` is "SUCCESS" or "ERROR", or has a reason: "ERROR: the loss is NaN". Any other text is the
        reason of an error.
        """
        from meticulous._session.ending import of_finish

        self._run.end(of_finish(str(status)))

    def __repr__(self) -> str:
        return f"<Experiment {self.experiment_id} in {str(self._run.path)!r}>"

    def __enter__(self) -> Experiment:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            from meticulous._session.ending import of_with
        except ImportError:
            return  # a generator with this block is torn down with the program, which has ended it
        self._run.end(of_with(error))

    def __copy__(self) -> Experiment:
        return self

    def __deepcopy__(self, memo: object) -> Experiment:
        return self  # as part of a model or trainer whose copies belong to the same run
