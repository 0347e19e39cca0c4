"""While the program runs, and its end: never raises into it, and leaves no trace in it."""
