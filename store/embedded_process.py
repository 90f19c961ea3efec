"""Child processes that never outlive their owner, and the lock that keeps a folder to one owner.

Used by the embedded PostgreSQL and by `frostway up`. Children get a session of their own, so that Ctrl-C in a terminal
reaches only the supervisor, which then stops them in order. On Linux the kernel signals them when their owner dies;
that is tied to the *thread* that started them, so call `spawn` from the main thread. POSIX only.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypedDict

LINUX = sys.platform.startswith("linux")
LOG_BYTES_MAX = 10_000_000
_LIBC = ctypes.CDLL(None) if LINUX else None
_PR_SET_PDEATHSIG = 1


class EmbeddedError(RuntimeError):
    """A part of the embedded stack cannot run; the text is one clear line for its user."""


class FolderInUseError(EmbeddedError):
    """Another process owns the folder."""


class Identity(NamedTuple):
    """The user a child runs as when we are root."""

    uid: int
    gid: int


def unprivileged(*names: str) -> Identity | None:
    """The first existing non-root user of `names` when we are root; None (stay who we are) otherwise."""
    if os.geteuid() != 0:
        return None
    for name in names:
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            if entry.pw_uid:
                return Identity(entry.pw_uid, entry.pw_gid)
    raise EmbeddedError(f"started as root, but there is no user {' or '.join(names)} to run this part as")


def own_tree(path: Path, identity: Identity | None) -> None:
    """Gives `path` and all below to `identity`; symbolic links are not followed."""
    if identity is None:
        return
    try:
        os.chown(path, *identity, follow_symlinks=False)
        for below in path.rglob("*"):
            os.chown(below, *identity, follow_symlinks=False)
    except OSError as error:
        raise EmbeddedError(f"cannot give {path} to user {identity.uid}: {error.strerror}") from error


def spawn(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    log_path: Path,
    death_signal: int,
    identity: Identity | None = None,
) -> subprocess.Popen[bytes]:
    """Starts `argv` with both outputs appended to `log_path`; `death_signal` reaches it when we die.

    The log is opened for appending, so `rotate` may cut it while the child writes, and a child never waits for us.
    """
    log_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with log_path.open("ab") as log:
        log_path.chmod(0o600)
        return subprocess.Popen(  # noqa: S603 - argv is ours
            argv,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent(death_signal),  # noqa: PLW1509 - the supervisor has no threads
            **as_user(identity),
        )


class UserArguments(TypedDict, total=False):
    """The arguments of `subprocess` that change the user."""

    user: int
    group: int
    extra_groups: list[int]


def as_user(identity: Identity | None) -> UserArguments:
    """Keyword arguments of `subprocess` that run a child as `identity`; none for None."""
    return {} if identity is None else {"user": identity.uid, "group": identity.gid, "extra_groups": []}


def die_with_parent(death_signal: int) -> Callable[[], None] | None:
    """A `preexec_fn` that asks the kernel to send `death_signal` when the parent dies; None where there is no such."""
    if _LIBC is None:
        return None
    prctl, parent = _LIBC.prctl, os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return ask


def rotate(log_path: Path, bytes_max: int = LOG_BYTES_MAX) -> None:
    """Once `log_path` is bigger than `bytes_max`, copies it to `NAME.log.1` (one is kept) and empties it.

    Copy and cut, not rename: the child goes on writing to the same open file. Lines written in between may be lost.
    """
    with suppress(FileNotFoundError):
        if log_path.stat().st_size > bytes_max:
            shutil.copy2(log_path, log_path.with_name(log_path.name + ".1"))
            os.truncate(log_path, 0)


def log_size(log_path: Path) -> int:
    """Bytes in the log; 0 when there is none."""
    try:
        return log_path.stat().st_size
    except FileNotFoundError:
        return 0


def log_tail(log_path: Path, start: int = 0, lines: int = 3) -> str:
    """The last non-empty `lines` written after byte `start`, joined to one line; empty when there are none."""
    try:
        with log_path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(start if start <= size else 0, size - 8192))
            text = log.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    return " | ".join([line.strip() for line in text.splitlines() if line.strip()][-lines:])


class FolderLock:
    """Keeps a folder to one owner: a lock on `path` that the kernel drops when the owner dies, however it dies."""

    def __init__(self, path: Path) -> None:
        """Names the lock file; nothing is locked yet."""
        self._path = path
        self._fd: int | None = None

    def acquire(self) -> None:
        """Takes the lock, at once or never; taking it twice is harmless.

        Raises:
            FolderInUseError: another process holds it; the text names its pid.
        """
        if self._fd is not None:
            return
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(fd, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(fd)
            raise FolderInUseError(
                f"{self._path.parent} is in use by process {holder}: stop that one or choose another folder"
            ) from None
        self._fd = fd
        with suppress(OSError):  # whose it is, for the reader; the lock itself needs no room on the disk
            os.ftruncate(fd, 0)
            os.write(fd, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Gives the lock back. The file stays: removing it would let two owners lock two files of one name."""
        if self._fd is not None:
            with suppress(OSError):
                os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None
