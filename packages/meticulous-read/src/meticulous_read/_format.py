"""The names of format 1.0: files, keys and words, as `spec/1.0/format.md` fixes them.

meticulous-record carries a file like this one of its own, on purpose: the packages share no code, and the
conformance tests hold both against the schemas. It imports nothing.
"""

__all__ = [
    "ARGS",
    "DEFAULT_ARGS",
    "ERROR",
    "EXPERIMENT_ID_LENGTH",
    "EXPERIMENT_ID_PATTERN",
    "FORMAT_VERSION",
    "GITIGNORE",
    "GIT_DIFF",
    "HEARTBEAT_SECONDS",
    "METADATA",
    "RECORDED_FILES",
    "REQUIREMENTS",
    "RUNNING",
    "SILENT_HEARTBEATS",
    "STATUS",
    "STDERR",
    "STDOUT",
    "SUCCESS",
    "SUMMARY",
    "WINDOWS_RESERVED",
]

FORMAT_VERSION = "1.0"

METADATA = "metadata.json"
ARGS = "args.json"
DEFAULT_ARGS = "default_args.json"
STATUS = "STATUS"
STDOUT = "stdout"
STDERR = "stderr"
SUMMARY = "summary.json"
REQUIREMENTS = "requirements.txt"
GIT_DIFF = "git.diff"
GITIGNORE = ".gitignore"

RECORDED_FILES = (METADATA, ARGS, DEFAULT_ARGS, STATUS, STDOUT, STDERR, SUMMARY, REQUIREMENTS, GIT_DIFF)

RUNNING = "RUNNING"
SUCCESS = "SUCCESS"
ERROR = "ERROR"

# How often a live run touches STATUS, and how many beats it may miss before others take it for lost.
HEARTBEAT_SECONDS = 60
SILENT_HEARTBEATS = 5

EXPERIMENT_ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]*"
EXPERIMENT_ID_LENGTH = 128
# Device names of Windows: no file or folder can bear them there, whatever follows the first dot.
WINDOWS_RESERVED = frozenset(
    ["CON", "PRN", "AUX", "NUL"] + [f"{port}{digit}" for port in ("COM", "LPT") for digit in range(10)]
)
