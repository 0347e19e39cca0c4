"""The command `meticulous`: folders of recorded experiments at a glance, in a terminal or through a pipe.

It is a command and no library: run `meticulous --help`, or `python -m meticulous_cli --help`.
"""

__version__ = "0.2.0"

__all__: list[str] = []
