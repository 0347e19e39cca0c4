"""A command line, parsed once, and what its parser would have made of none: learnt while it parses."""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import MethodType
from typing import Any

from meticulous._disk.encode import JSON, encode, encode_object
from meticulous._start.options import Configuration, Options, add_options, is_option, take_options
from meticulous.errors import ArgumentsError, ExperimentIdError, OptionsError, listed

__all__ = ["parse"]

_Defaults = dict[int, dict[str, JSON]]  # by the id of each parser that ran
_MAY_BE_EMPTY = (argparse.OPTIONAL, argparse.ZERO_OR_MORE, argparse.REMAINDER, argparse.SUPPRESS)


def parse(
    parser: argparse.ArgumentParser,
    arg_list: Sequence[str] | None,
    capture_defaults: bool,
    overrides: Mapping[str, Any],
) -> Configuration:
    """Parse the command line once, and learn while it parses what it would be without any option.

    `overrides` are new defaults: of the recorder's options, or of the script's own by their dest. Where both
    have a name, the recorder's is meant.

    Raises:
        ArgumentsError: `parser` is not argparse's, or what it made has no names.
        OptionsError: `overrides` names nothing there is, or contradicts itself.
        SystemExit: the command line is wrong, or contradicts itself or the overrides.
    """
    if not isinstance(parser, argparse.ArgumentParser):
        raise ArgumentsError(
            f"from_parser takes an argparse parser, not {type(parser).__name__}: it parses by itself. "
            "What is parsed already goes to Experiment(args)"
        )
    parsers = _all_parsers(parser)
    ours = {name: value for name, value in overrides.items() if name in Options._fields}
    otherwise = Options(**ours).check()
    _override(parsers, {name: value for name, value in overrides.items() if name not in ours})
    # A script with subcommands may have given the options to those.
    having = [each for each in parsers if any(is_option(action.dest) for action in each._actions)] or [parser]
    for each in having:
        add_options(each, ours)
    with _asked(parsers if capture_defaults else []) as defaults:
        args = parser.parse_args() if arg_list is None else parser.parse_args(arg_list)
    args, found = take_options(args)
    options = otherwise._replace(**found)
    try:
        options.check()
    except (OptionsError, ExperimentIdError) as error:
        parser.error(str(error))
    encoded = encode_object(args, "the parsed arguments")
    default_args = _laid_out(defaults, parser, encoded) if capture_defaults else None
    return Configuration(args, encoded, default_args, options)


def _override(parsers: Sequence[argparse.ArgumentParser], defaults: Mapping[str, Any]) -> None:
    """Give the script's own arguments other defaults, in the parser or the subcommands that have them."""
    unknown = set(defaults)
    for parser in parsers:
        known = {action.dest for action in parser._actions}.union(parser._defaults).intersection(defaults)
        parser.set_defaults(**{dest: defaults[dest] for dest in known})
        unknown -= known
    if unknown:
        names = listed(map(repr, sorted(unknown)))
        raise OptionsError(
            f"{names}: neither the parser nor the recorder has such an argument to give a default"
        )


@contextmanager
def _asked(parsers: Sequence[argparse.ArgumentParser]) -> Iterator[_Defaults]:
    """Ask each parser that runs what it would make of no arguments, just before it parses.

    Before, since an action may append to a default. And a text default is converted once, for the question
    and for the parsing, since that may not be repeatable: a `type` may make a directory, or a random name.
    """
    found: _Defaults = {}
    converted: dict[tuple[int, str], Any] = {}  # by the id of the action whose text it is, and that

    def parse(parser: Any, words: Any, namespace: Any, *more: Any, **how: Any) -> Any:
        if id(parser) not in found:  # else it parses again, on top of what it has found
            bare = copy.copy(namespace)
            all_of_it = (*parser._actions, *parser._mutually_exclusive_groups)
            required = [each for each in all_of_it if each.required]
            for each in required:
                each.required = False
            with suppress(Exception, SystemExit):
                type(parser)._parse_known_args(parser, [], bare, *more, **how)
            for each in required:
                each.required = True
            # jsonargparse's is nested, and has items as flat as its arguments are.
            items = bare.items() if hasattr(type(bare), "items") else vars(bare).items()
            found[id(parser)] = {dest: encode(value, dest) for dest, value in items}
        return type(parser)._parse_known_args(parser, words, namespace, *more, **how)

    def convert(parser: Any, action: argparse.Action, text: str) -> Any:
        if text is not action.default:
            return type(parser)._get_value(parser, action, text)
        is_question = id(parser) not in found
        if is_question and isinstance(action.type, argparse.FileType) and text != "-":
            return text  # to convert it is to open it, and perhaps another one is asked for
        key = id(action), text
        if key not in converted:
            try:
                converted[key] = type(parser)._get_value(parser, action, text)
            except (Exception, SystemExit):  # the script's own function refuses its own default
                if is_question:
                    return text
                raise
        return converted[key]

    for parser in parsers:
        # Methods, so that a copy of the parser gets its own.
        own = vars(parser)
        own["_parse_known_args"], own["_get_value"] = MethodType(parse, parser), MethodType(convert, parser)
    try:
        yield found
    finally:
        for parser in parsers:
            del vars(parser)["_parse_known_args"], vars(parser)["_get_value"]


def _laid_out(
    defaults: _Defaults, parser: argparse.ArgumentParser, encoded: Mapping[str, JSON]
) -> dict[str, JSON]:
    """Return the defaults of all parsers that ran, laid out as the parsed and `encoded` arguments are."""
    result: dict[str, JSON] = {}
    left_out = {each.dest for each in parser._actions if _is_required(each) or is_option(each.dest)}
    for dest, default in defaults.get(id(parser), {}).items():
        if dest not in left_out:
            _put(result, dest, default, encoded)
    for name, subparser in _subparsers(parser):
        if id(subparser) in defaults:
            values = encoded.get(name)
            if isinstance(values, dict) and hasattr(parser, "get_defaults"):  # jsonargparse
                return {**result, name: _laid_out(defaults, subparser, values)}
            # argparse lets those of a subcommand override its parser's, defaults included
            return {**result, **_laid_out(defaults, subparser, encoded)}
    return result


def _all_parsers(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """Return `parser` and those of its subcommands, and of theirs, once each."""
    found = {id(parser): parser}
    for _, subparser in _subparsers(parser):
        found.update((id(each), each) for each in _all_parsers(subparser))
    return list(found.values())


def _subparsers(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def _is_required(action: argparse.Action) -> bool:
    """Return whether it has to be passed; argparse also says so of positionals that may be empty."""
    required = action.required or getattr(action, "_required", False)  # where jsonargparse keeps it
    return required and (bool(action.option_strings) or action.nargs not in _MAY_BE_EMPTY)


def _put(result: dict[str, JSON], dest: str, default: JSON, encoded: Mapping[str, JSON]) -> None:
    """Enter `default` where the parsed value is: parsers with nested results know it as `a.b`."""
    outer, dot, inner = dest.partition(".")
    values, nested = encoded.get(outer), result.get(outer, {})
    if dot and dest not in encoded and isinstance(values, dict) and isinstance(nested, dict):
        result[outer] = nested
        _put(nested, inner, default, values)
    else:
        result[dest] = default
