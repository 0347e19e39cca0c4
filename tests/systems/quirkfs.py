"""A FUSE file system with the quirks of others: `quirkfs.py SOURCE MOUNT QUIRK,QUIRK=…` passes everything on.

    ci              names differ by more than case (macOS, Windows)
    nfd             names are listed decomposed (HFS+)
    mtime=SECONDS   times are that coarse (FAT, some network file systems)
    ino             inodes go by path, and so survive a replacement (FAT, SMB)
    ac=SECONDS      the kernel caches attributes that long (NFS)
    nolink, nochmod, nodirsync   these calls fail

Needs the package mfusepy and libfuse.
"""

import errno
import os
import sys
import unicodedata
import zlib

import mfusepy as fuse

STAT = ("st_mode", "st_nlink", "st_uid", "st_gid", "st_size", "st_ino", "st_blocks", "st_blksize")
STATFS = (
    "f_bavail",
    "f_bfree",
    "f_blocks",
    "f_bsize",
    "f_favail",
    "f_ffree",
    "f_files",
    "f_flag",
    "f_frsize",
)


class Quirks(fuse.Operations):
    """The operations, on the files below `root`."""

    use_ns = True

    def __init__(self, root, quirks):
        self._root = root
        self._quirks = quirks

    def _refuse(self, quirk, code):
        if quirk in self._quirks:
            raise fuse.FuseOSError(code)

    def _same(self, name):
        name = unicodedata.normalize("NFD", name)
        return name.casefold() if "ci" in self._quirks else name

    def _path(self, path):
        current = self._root
        for part in filter(None, path.split("/")):
            found = part
            if {"ci", "nfd"} & self._quirks.keys() and not os.path.lexists(os.path.join(current, part)):
                try:
                    names = os.listdir(current)
                except OSError:
                    names = []
                found = next((name for name in names if self._same(name) == self._same(part)), part)
            current = os.path.join(current, found)
        return current

    def _inode(self, path, inode):
        return zlib.crc32(path.casefold().encode()) + 2 if "ino" in self._quirks else inode

    def getattr(self, path, fh=None):
        found = os.lstat(self._path(path)) if fh is None else os.fstat(fh)
        result = {key: getattr(found, key) for key in STAT}
        for key in ("atime", "mtime", "ctime"):
            nanoseconds = getattr(found, f"st_{key}_ns")
            coarse = int(float(self._quirks.get("mtime") or 0) * 1e9)
            result[f"st_{key}"] = nanoseconds - nanoseconds % coarse if coarse else nanoseconds
        result["st_ino"] = self._inode(path, found.st_ino)
        return result

    def readdir(self, path, fh):
        found = [(name, {"st_mode": 0o40755, "st_ino": 1}, 0) for name in (".", "..")]
        for name in os.listdir(self._path(path)):
            whole = f"{path.rstrip('/')}/{name}"
            try:
                status = os.lstat(self._path(whole))
            except OSError:
                continue
            shown = unicodedata.normalize("NFD", name) if "nfd" in self._quirks else name
            attributes = {"st_mode": status.st_mode, "st_ino": self._inode(whole, status.st_ino)}
            found.append((shown, attributes, 0))
        return found

    def link(self, target, source):
        self._refuse("nolink", errno.EPERM)
        os.link(self._path(source), self._path(target))

    def symlink(self, target, source):
        self._refuse("nolink", errno.EPERM)
        os.symlink(source, self._path(target))

    def chmod(self, path, mode):
        self._refuse("nochmod", errno.EPERM)
        os.chmod(self._path(path), mode)

    def fsyncdir(self, path, datasync, fh):
        self._refuse("nodirsync", errno.EINVAL)

    def access(self, path, mode):
        return 0

    def chown(self, path, uid, gid):
        pass

    def mkdir(self, path, mode):
        os.mkdir(self._path(path), mode)

    def rmdir(self, path):
        os.rmdir(self._path(path))

    def unlink(self, path):
        os.unlink(self._path(path))

    def rename(self, old, new, flags=0):
        os.rename(self._path(old), self._path(new))

    def readlink(self, path):
        return os.readlink(self._path(path))

    def truncate(self, path, length, fh=None):
        os.truncate(self._path(path), length)

    def utimens(self, path, times=None):
        os.utime(self._path(path), ns=tuple(map(int, times)) if times else None)

    def statfs(self, path):
        found = os.statvfs(self._path(path))
        return {key: getattr(found, key) for key in (*STATFS, "f_namemax")}

    def open(self, path, flags):
        return os.open(self._path(path), flags & ~os.O_APPEND)  # the kernel has the offset

    def create(self, path, mode, fi=None):
        return os.open(self._path(path), os.O_RDWR | os.O_CREAT, mode)

    def read(self, path, size, offset, fh):
        return os.pread(fh, size, offset)

    def write(self, path, data, offset, fh):
        return os.pwrite(fh, data, offset)

    def flush(self, path, fh):
        return 0

    def fsync(self, path, datasync, fh):
        os.fsync(fh)

    def release(self, path, fh):
        os.close(fh)


if __name__ == "__main__":
    source, mount, *rest = sys.argv[1:]
    quirks = dict(quirk.partition("=")[::2] for quirk in rest[0].split(",")) if rest else {}
    cache = float(quirks.get("ac", 0))
    fuse.FUSE(
        Quirks(source, quirks),
        mount,
        foreground=True,
        nothreads=True,
        default_permissions=True,
        use_ino=True,
        attr_timeout=cache,
        entry_timeout=cache,
    )
