"""What the drills share: a repository to record in, a look at what was recorded, and no recorder at all."""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "spec" / "kit"))
from folder import problems

__all__ = ["BARE", "experiments", "make_repository", "problems"]

# In the place of the recorder: the same names, and nothing happens.
BARE = """
class Experiment:
    def __init__(self, args=None, **options): self.args = args
    def __enter__(self): return self
    def __exit__(self, *error): self.finish()
    def summary(self, values): pass
    def finish(self): pass

    @staticmethod
    def add_argument_group(parser): pass

    @classmethod
    def from_parser(cls, parser): return cls(parser.parse_args())
"""


def make_repository(folder: Path, train: str, **others: str) -> None:
    """Make a repository whose only commit has this script as `train.py`, and others by their names."""
    folder.mkdir()
    for name, script in {"train": train, **others}.items():
        (folder / f"{name}.py").write_text(script)
    user = ["-c", "user.name=drill", "-c", "user.email=drill@example.com"]
    for command in (["init", "-q"], ["add", "."], [*user, "commit", "-q", "-m", "drill"]):
        subprocess.run(["git", *command], cwd=folder, check=True)


def experiments(repository: Path) -> list[Path]:
    """Return the folders of the experiments that were recorded there."""
    return sorted(path for path in (repository / "experiments").glob("*") if path.name[0] != ".")
