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
    "FORMAT_NAME",
    "FORMAT_VERSION",
    "GITIGNORE",
    "GIT_DIFF",
    "HEARTBEAT_SECONDS",
    "METADATA",
    "METADATA_TYPES",
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

FORMAT_NAME = "Meticulous experiment folder"
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

_TEXTS = (
    "uuid githead-sha githead-message description recorder githead-branch git-remote"
    " working-directory runtime hostname process-start slurm-job-id slurm-array-job-id slurm-array-task-id"
    " slurm-cluster-name slurm-restart-count pbs-job-id lsf-job-id lsf-job-index"
)
# The JSON type of each key of metadata.json but times and versions: a value of another is none (READ-19).
METADATA_TYPES: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(_TEXTS.split(), str),
    "command": list,
    "git-repositories": list,
    "earlier-sessions": list,
    "githead-claimed": bool,
    "git-dirty": bool,
    "pid": int,
    "heartbeat-seconds": (int, float),
}

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
