"""A slow file system, played: each call below one folder takes a millisecond, as on a network.

It is a few lines of C in front of the C library of a process, and of those that it starts: whatever reads
there is slowed alike, in whatever language it is written, and the calls are counted. Needs Linux and gcc.
"""

import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["compiled", "counted_calls", "slow_below", "why_not"]

# The functions are declared here, and not by the headers, so that one line does for each. Those that take
# more arguments in some cases take them in all: what the kernel does not ask for it does not look at.
SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

int usleep(unsigned);
int getpid(void);
int dprintf(int, const char *, ...);
char *getcwd(char *, size_t);

static char slow_files[1 << 16];  /* of each descriptor: whether it is below the folder */

static long calls;  /* how many went there */

static int path_is_slow(const char *path) {
    const char *folder = getenv("SLOW_BELOW");
    char here[4096];
    if (!folder) return 0;
    if (path[0] != '/') path = getcwd(here, sizeof here) ? here : "";
    size_t length = strlen(folder);
    return !strncmp(path, folder, length) && (path[length] == '/' || !path[length]);
}
static int file_is_slow(int file) { return file >= 0 && file < (int)sizeof slow_files && slow_files[file]; }
static int either_is_slow(int file, const char *path) {
    return path[0] == '/' || file < 0 ? path_is_slow(path) : file_is_slow(file);
}
static int marked(int file, int slow) {
    if (file >= 0 && file < (int)sizeof slow_files) slow_files[file] = slow;
    return file;
}

#define CALL(type, name, parameters, arguments, is_slow, result) \
    type name parameters { \
        static type (*original) parameters; \
        if (!original) original = dlsym(RTLD_NEXT, #name); \
        int slow = is_slow; \
        if (slow) { \
            __atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED); \
            usleep(1000); \
        } \
        type got = original arguments; \
        return result; \
    }
#define OPENS(name) \
    CALL(int, name, (const char *path, int flags, int mode), (path, flags, mode), \
         path_is_slow(path), marked(got, slow))
#define OPENS_AT(name) \
    CALL(int, name, (int folder, const char *path, int flags, int mode), (folder, path, flags, mode), \
         either_is_slow(folder, path), marked(got, slow))
#define LOOKS(type, name) \
    CALL(type, name, (const char *path, void *more), (path, more), path_is_slow(path), got)
#define LOOKS_AT(name) \
    CALL(int, name, (int folder, const char *path, void *more, long flags, void *last), \
         (folder, path, more, flags, last), either_is_slow(folder, path), got)
#define USES(type, name) \
    CALL(type, name, (int file, void *more, size_t size, long offset), (file, more, size, offset), \
         file_is_slow(file), got)

OPENS(open) OPENS(open64) OPENS(__open64_2) OPENS_AT(openat) OPENS_AT(openat64)
LOOKS(int, stat) LOOKS(int, stat64) LOOKS(int, lstat) LOOKS(int, lstat64) LOOKS(int, access)
LOOKS(int, mkdir) LOOKS(int, rmdir) LOOKS(int, unlink) LOOKS(int, rename)
LOOKS(void *, opendir) LOOKS(void *, fopen) LOOKS(void *, fopen64)
LOOKS_AT(fstatat) LOOKS_AT(fstatat64) LOOKS_AT(statx) LOOKS_AT(faccessat) LOOKS_AT(unlinkat)
USES(int, fstat) USES(int, fstat64) USES(int, fsync) USES(int, fdatasync)
USES(long, read) USES(long, pread) USES(long, pread64)
USES(long, write) USES(long, pwrite) USES(long, pwrite64)
/* Locks go there, while a copy of a descriptor is just marked as it is. */
CALL(int, fcntl64, (int file, int what, void *more), (file, what, more), \
     what >= 5 && what <= 7 && file_is_slow(file), \
     what == 0 || what == 1030 ? marked(got, file_is_slow(file)) : got)
CALL(int, dup, (int file), (file), 0, marked(got, file_is_slow(file)))
CALL(int, dup2, (int file, int other), (file, other), 0, marked(got, file_is_slow(file)))
/* Unmarked before it is closed: another thread may get the same descriptor at once. */
static int was_slow(int file) {
    int slow = file_is_slow(file);
    marked(file, 0);
    return slow;
}
CALL(int, close, (int file), (file), was_slow(file), got)

__attribute__((destructor)) static void count(void) {
    const char *path = getenv("SLOW_COUNT");
    int file = path && calls ? open(path, 02001, 0) : -1;  /* to write at its end */
    if (file >= 0) dprintf(file, "%ld\n", calls);
}
/* os._exit calls no destructor. A child that only failed to start another program has its parent's count. */
static int own_pid;
__attribute__((constructor)) static void begin(void) { own_pid = getpid(); }
void _exit(int status) {
    void (*original)(int) = dlsym(RTLD_NEXT, "_exit");
    if (getpid() == own_pid) count();
    original(status);
    __builtin_unreachable();
}
"""


def why_not() -> str:
    """Return why it cannot be played here, or nothing."""
    if sys.platform != "linux":
        return "this needs Linux"
    return "" if shutil.which("gcc") else "there is no gcc here"


def compiled(folder: Path, name: str, source: str) -> str:
    """Return the path of a library to be loaded before the C library."""
    file = folder / f"{name}.c"
    file.write_text(source)
    command = ["gcc", "-shared", "-fPIC", "-fno-builtin", "-O2", "-o", file.with_suffix(".so"), file, "-ldl"]
    subprocess.run(command, check=True)
    return str(file.with_suffix(".so"))


def slow_below(folder: Path, below: Path) -> dict[str, str]:
    """Return the variables of a process for which all `below` is slow; what it needs goes into `folder`."""
    count = folder / "slow.count"
    count.touch()
    return {
        "LD_PRELOAD": compiled(folder, "slow", SOURCE),
        "SLOW_BELOW": str(below),
        "SLOW_COUNT": str(count),
    }


def counted_calls(variables: dict[str, str]) -> int:
    """Return how many calls went there since this was last asked, by processes that ended by themselves."""
    count = Path(variables["SLOW_COUNT"])
    calls = sum(map(int, count.read_text().split()))
    count.write_text("")
    assert calls, "nobody has counted"
    return calls
