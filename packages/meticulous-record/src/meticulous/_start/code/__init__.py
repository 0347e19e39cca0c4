"""Which code runs. It may refuse, with a `RepositoryError`, and changes nothing."""
