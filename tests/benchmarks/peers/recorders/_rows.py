"""Rows of an SQLite store, copied: how a store of many runs is made that are recorded in no files."""

import contextlib
import os
import sqlite3


def copy_run(path, run_id, count, *, renamed, left_out=()):
    """Copy the rows of all tables that tell of one run, so often, each time for a run of another name.

    The columns `renamed`, of which the first finds the rows, get the new name; those `left_out` stay empty,
    or are numbered by the database.
    """
    names = [{"new": os.urandom(16).hex()} for _ in range(count)]
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            columns = [name for _, name, *_ in database.execute(f"PRAGMA table_info({table})")]
            if renamed[0] not in columns:
                continue
            taken = [name for name in columns if name not in left_out]
            values = [":new" if name in renamed else name for name in taken]
            database.executemany(
                f"INSERT INTO {table} ({', '.join(taken)}) "
                f"SELECT {', '.join(values)} FROM {table} WHERE {renamed[0]} = '{run_id}'",
                names,
            )
