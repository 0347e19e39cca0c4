"""The names of format 1.0 that a reader needs: files, keys and words, as `spec/1.0/format.md` fixes them.

meticulous-record carries a file like this one of its own, on purpose: the packages share no code, and the
conformance tests hold both against the text and the schemas. It imports nothing.
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

_TEXTS = (
    "uuid githead-sha githead-message description recorder githead-branch git-remote"
    " working-directory runtime hostname process-start slurm-job-id slurm-array-job-id slurm-array-task-id"
    " slurm-cluster-name slurm-restart-count pbs-job-id lsf-job-id lsf-job-index"
)
# The types of each key of metadata.json but times and versions: a value of another is none (READ-19).
METADATA_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(_TEXTS.split(), (str,)),
    **dict.fromkeys(("command", "git-repositories", "earlier-sessions"), (list,)),
    **dict.fromkeys(("githead-claimed", "git-dirty"), (bool,)),
    "pid": (int,),
    "heartbeat-seconds": (int, float),
}

RUNNING = "RUNNING"
SUCCESS = "SUCCESS"
ERROR = "ERROR"

# How many heartbeats a live run may miss before others take it for lost.
SILENT_HEARTBEATS = 5
