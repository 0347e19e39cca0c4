"""The names of format 1.0: files, keys and words, as `spec/1.0/format.md` fixes them.

meticulous-read carries a file like this one of its own, on purpose: the packages share no code, and the
conformance tests hold both against the schemas. It imports nothing.
"""

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
# Made while an experiment is being resumed: by one process at a time.
RESUME_CLAIM = ".resume"

RECORDED_FILES = (METADATA, ARGS, DEFAULT_ARGS, STATUS, STDOUT, STDERR, SUMMARY, REQUIREMENTS, GIT_DIFF)
# So begin the names that later versions give to files.
RESERVED_PREFIXES = ("git.", "recorded-")

# The key of metadata.json with the sessions before the latest.
EARLIER_SESSIONS = "earlier-sessions"
# The id of a scheduler's job, and the variables that have it. It stays the same when the job is requeued, on
# whatever node. But all tasks of one job have it, and two clusters may give the same one (cylc-flow#2504):
# hence the count and the name.
SCHEDULER_KEYS = {
    "slurm-job-id": "SLURM_JOB_ID",
    "slurm-array-job-id": "SLURM_ARRAY_JOB_ID",
    "slurm-array-task-id": "SLURM_ARRAY_TASK_ID",
    "slurm-cluster-name": "SLURM_CLUSTER_NAME",
    "slurm-restart-count": "SLURM_RESTART_COUNT",
    "pbs-job-id": "PBS_JOBID",
    "lsf-job-id": "LSB_JOBID",
    "lsf-job-index": "LSB_JOBINDEX",
}
# The keys that tell of the latest session; all others stay when an experiment is resumed.
SESSION_KEYS = (
    "start-time",
    "command",
    "end-time",
    "recorder",
    "githead-branch",
    "githead-claimed",
    "git-remote",
    "working-directory",
    "runtime",
    "hostname",
    "pid",
    "process-start",
    "heartbeat-seconds",
    *SCHEDULER_KEYS,
)

RUNNING = "RUNNING"
SUCCESS = "SUCCESS"
ERROR = "ERROR"
# So begins the STATUS of a program that a signal ended; its name follows.
SIGNALLED = f"{ERROR}\nsignal "

# How often a live run touches STATUS, and how many beats it may miss before others take it for lost.
HEARTBEAT_SECONDS = 60
SILENT_HEARTBEATS = 5

EXPERIMENT_ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]*"
EXPERIMENT_ID_LENGTH = 128
# Device names of Windows: no file or folder can bear them there, whatever follows the first dot.
WINDOWS_RESERVED = frozenset(
    ["CON", "PRN", "AUX", "NUL"] + [f"{port}{digit}" for port in ("COM", "LPT") for digit in range(10)]
)
