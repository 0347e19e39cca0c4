"""What records a run, each in its own way: one module for each peer, for ours, and for the floor below all.

A module has `run(args, work)`: record one run with these arguments, and call `work(write)` within, where
`write({...})` keeps results; what `work` prints is part of the run. Where there is such a thing, it also has
`prepare()` (once, before the first commit of the repository), `fill(args, count)` (record many, each with one
write, as fast as its own interface allows; else it is done one by one), and `read()` (all runs into a
DataFrame; returns their number). Its settings, all but LABEL optional:

LABEL         what the table calls it
PACKAGES      what is installed into its environment
DISTRIBUTION  the one whose version is stated (default: the first of PACKAGES)
ENVIRONMENT   variables that keep it offline, silent, and on this disk; {repository} is where it runs
START         the command that runs train.py (default: python train.py)
LISTING       the command that lists the runs
CAPTURES      whether it keeps what is printed
KEEPS         what a run keeps without being asked to
WRITES        what stands for a summary
UNREAD        why there is no `read`
"""
