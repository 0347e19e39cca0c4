"""Before the program runs: may refuse with a `MeticulousError`, and then leaves nothing behind."""
