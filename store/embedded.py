"""Embedded PostgreSQL: the server of a Python wheel (or of the system) as a direct child, on a folder of ours.

Every hazard met in practice has its place here: a first start that is killed half way (`_create_cluster`), root
(`_identity`), a stale, reused or empty pid file and a server left by a killed owner (`_settle_predecessor`), a killed
server (`start`), a killed owner (`spawn` asks for a parent-death signal), a second owner (`FolderLock`).

As root the server runs as another user with the data folder as its *working directory* and is given that folder as
`/proc/self/cwd`. It so needs no right to traverse the folders above, and a data folder below a 0700 home works.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import psycopg

from store.durable import sync_folder
from store.embedded_auth import OWNER, admit, of_nobody, service_identity
from store.embedded_binaries import Binaries, locate
from store.embedded_process import (
    EmbeddedError,
    FolderLock,
    Identity,
    as_user,
    die_with_parent,
    log_size,
    log_tail,
    own_tree,
    rotate,
    spawn,
)
from store.embedded_procs import process_exists, server_processes

FREE_BYTES_MIN = 200 * 1024**2
SOCKET_PATH_BYTES_MAX = 107
READY_POLL_S = 0.025
START_TIMEOUT_S = 30.0
RETRY_S = 10.0
STOP_TIMEOUT_S = 60.0
_PORT = 5432  # names the socket; stated everywhere, so that a PGPORT in the environment changes nothing
_OWN_CWD = "/proc/self/cwd"
_RECOVERING = ("starting up", "recovery", "not yet accepting", "not accepting", "shutting down")
_STILL_HELD = ("shared memory", "in use")
_SETTINGS = {
    "port": str(_PORT),
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "wal_compression": "on",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "logging_collector": "off",
}


class PostgresError(EmbeddedError):
    """The embedded PostgreSQL cannot run; the text is one clear line for its user."""


def check_disk_space(folder: Path, bytes_min: int = FREE_BYTES_MIN) -> None:
    """Raises `EmbeddedError` when the file system of `folder` has less than `bytes_min` bytes free."""
    free = shutil.disk_usage(folder).free
    if free < bytes_min:
        raise EmbeddedError(
            f"only {free // 1024**2} MB are free in {folder}, at least {bytes_min // 1024**2} MB are needed: "
            "make room or choose another folder"
        )


class EmbeddedPostgres:
    """A PostgreSQL server on `data_dir`, owned by this process.

    `start`, `stop` and `restart` wait; `spawn`, `ready` and `poll` are the same in steps that do not, for a supervisor.
    `bin_dir` replaces the wheel's binaries by others. `sync_initdb=False` saves 0.1 s at the first start, for tests.
    All of them raise `EmbeddedError` with one clear line.
    """

    name = "postgres"

    def __init__(self, data_dir: Path, *, log_dir: Path, bin_dir: Path | None = None, sync_initdb: bool = True) -> None:
        """Names the folders; touches nothing yet."""
        self._data_dir = data_dir.absolute()
        self._log_path = log_dir.absolute() / "postgres.log"
        self._bin_dir = bin_dir
        self._sync_initdb = sync_initdb
        self._lock = FolderLock(self._data_dir.with_name(self._data_dir.name + ".lock"))
        self._binaries: Binaries | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self._progress_at = 0.0

    @property
    def dsn(self) -> str:
        """Address of the server for psycopg, as the owner of all; the same over restarts."""
        return self.dsn_of(OWNER)

    def dsn_of(self, role: str) -> str:
        """Its address as one of the roles of `store/roles.sql`."""
        return f"postgresql://{role}@/postgres?host={quote(str(self._socket_dir), safe='')}&port={_PORT}"

    @property
    def pid(self) -> int | None:
        """Process id of the server; None when it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Starts the server and waits until it accepts connections; crash recovery may take as long as it needs."""
        self._data_dir.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_disk_space(self._data_dir.parent)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def spawn(self) -> None:
        """Starts the server process (after the first-start and pid-file work) without waiting for it."""
        if self.pid is not None:
            return
        self._data_dir.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock.acquire()
        identity = self._identity()
        self._binaries = self._binaries or locate(self._bin_dir, identity)
        self._create_cluster(self._binaries, identity)
        self._settle_predecessor()
        admit(self._data_dir, identity)
        rotate(self._log_path)
        self._log_start = log_size(self._log_path)
        where = _OWN_CWD if identity else str(self._data_dir)
        sockets = where if self._socket_dir == self._data_dir else self._make_socket_dir(identity)
        settings = [f"{key}={value}" for key, value in _SETTINGS.items()]
        self._process = spawn(
            [str(self._binaries.postgres), "-D", where, "-k", sockets, *(a for s in settings for a in ("-c", s))],
            cwd=self._data_dir,
            env=_environment(),
            log_path=self._log_path,
            death_signal=signal.SIGINT,
            identity=identity,
        )
        self._progress_at = time.monotonic()

    def ready(self) -> bool:
        """Whether the server accepts connections now. Crash recovery may take as long as it needs.

        Raises:
            PostgresError: it lives, does not recover, and has not answered for `START_TIMEOUT_S`.
        """
        refusal = self._try_connect()
        if refusal is None:
            return True
        if any(word in refusal for word in _RECOVERING):
            self._progress_at = time.monotonic()
        if time.monotonic() - self._progress_at > START_TIMEOUT_S and self.pid is not None:
            raise PostgresError(f"PostgreSQL does not answer after {START_TIMEOUT_S:.0f} s: {refusal.strip()}")
        return False

    def poll(self) -> int | None:
        """Exit status of the server; None while it runs."""
        return None if self._process is None else self._process.poll()

    def stop(self) -> None:
        """Fast shutdown; waits for it and gives the folder free. Never SIGKILL: that would leave shared memory."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            for number in (signal.SIGINT, signal.SIGQUIT):
                process.send_signal(number)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(STOP_TIMEOUT_S)
                    break
            else:
                self._process = process
                raise PostgresError(f"PostgreSQL (process {process.pid}) does not stop: see {self._log_path}")
        if self._socket_dir != self._data_dir:
            shutil.rmtree(self._socket_dir, ignore_errors=True)
        self._lock.release()

    def last_words(self) -> str:
        """The last lines of the server's log since its last start, in one line."""
        return log_tail(self._log_path, self._log_start)

    def restart(self) -> None:
        """Stops and starts."""
        self.stop()
        self.start()

    def _start(self) -> None:
        give_up = time.monotonic() + RETRY_S
        self.spawn()
        while not self._wait_ready():
            reason = self.last_words()
            if not all(word in reason for word in _STILL_HELD) or time.monotonic() > give_up:
                raise PostgresError(f"PostgreSQL did not start: {reason or 'no message'} (log: {self._log_path})")
            time.sleep(0.2)  # the backends of a killed server are still leaving
            self.spawn()

    def _wait_ready(self) -> bool:
        """Waits for a connection; False when the server has exited."""
        while not self.ready():
            if self.poll() is not None:
                return False
            time.sleep(READY_POLL_S)
        return True

    def _try_connect(self) -> str | None:
        """None when a connection succeeds, else the reason why not."""
        try:
            psycopg.connect(self.dsn, connect_timeout=2).close()
        except psycopg.OperationalError as error:
            return str(error)
        return None if self.poll() is None else "the server has exited"

    def _identity(self) -> Identity | None:
        """The user the server runs as when we are root: the owner of the existing cluster, else one of its own."""
        if os.geteuid() != 0:
            return None
        if self._data_dir.is_dir():
            status = self._data_dir.stat()
            if status.st_uid and not of_nobody(status.st_uid):
                return Identity(status.st_uid, status.st_gid)
        return service_identity()

    def _create_cluster(self, binaries: Binaries, identity: Identity | None) -> None:
        """Makes the cluster beside its final place and renames it, so that a killed first start leaves no half one."""
        data_dir = self._data_dir
        with suppress(OSError):
            data_dir.rmdir()  # only succeeds when empty
        if data_dir.exists():
            self._check_cluster(binaries, identity)
            return
        new = data_dir.with_name(data_dir.name + ".new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        own_tree(new, identity)
        where = _OWN_CWD if identity else str(new)
        options = ["-U", "postgres", "-A", "peer", "-E", "UTF8", "--no-locale", "--no-sync"]
        _run([str(binaries.initdb), "-D", where, *options], new, identity)
        if self._sync_initdb:
            _run([str(binaries.initdb), "--sync-only", "-D", where], new, identity)
        new.rename(data_dir)
        sync_folder(data_dir.parent)

    def _check_cluster(self, binaries: Binaries, identity: Identity | None) -> None:
        """Raises unless the existing folder is a cluster of the binaries' major version; as root, owns it rightly."""
        try:
            version = (self._data_dir / "PG_VERSION").read_text("ascii").strip()
        except FileNotFoundError:
            raise PostgresError(f"{self._data_dir} is not empty and not a PostgreSQL data folder") from None
        except PermissionError:
            raise PostgresError(f"{self._data_dir} belongs to another user") from None
        if version != binaries.major:
            raise PostgresError(
                f"{self._data_dir} is of PostgreSQL {version}, the installed server is {binaries.major}: "
                "export with the old one, or choose another folder"
            )
        if identity is not None and self._data_dir.stat().st_uid != identity.uid:
            own_tree(self._data_dir, identity)

    def _settle_predecessor(self) -> None:
        """Stops a server that a killed owner left, then removes a pid file that would wrongly refuse our start.

        A file that names a dead process stays: PostgreSQL reads in it which shared memory to look at.
        """
        pid_file = self._data_dir / "postmaster.pid"
        try:
            text = pid_file.read_text("utf-8", "replace")
        except FileNotFoundError:
            return
        deadline = time.monotonic() + STOP_TIMEOUT_S
        told: set[int] = set()
        while alive := server_processes(self._data_dir, text):
            for pid in alive - told:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGINT)
            told |= alive
            if time.monotonic() > deadline:
                raise PostgresError(f"a PostgreSQL server of {self._data_dir} (process {min(alive)}) does not stop")
            time.sleep(READY_POLL_S)
        owner = text.split("\n", 1)[0].strip()
        if not owner.isdecimal() or process_exists(int(owner)):
            pid_file.unlink(missing_ok=True)

    @property
    def _socket_dir(self) -> Path:
        """The data folder, or where a socket's path would be too long, a folder of a fixed short name."""
        if len(os.fsencode(self._data_dir / f".s.PGSQL.{_PORT}")) <= SOCKET_PATH_BYTES_MAX:
            return self._data_dir
        digest = hashlib.sha256(os.fsencode(self._data_dir)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"frostway-{os.geteuid()}-{digest}"

    def _make_socket_dir(self, identity: Identity | None) -> str:
        """Makes the short socket folder, 0700 and ours; one that somebody else made is refused."""
        folder = self._socket_dir
        if identity and folder.is_dir() and not folder.is_symlink() and of_nobody(folder.lstat().st_uid):
            shutil.rmtree(folder, ignore_errors=True)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            own_tree(folder, identity)
        status = folder.lstat()
        if status.st_uid != (identity.uid if identity else os.geteuid()) or status.st_mode & 0o170777 != 0o040700:
            raise PostgresError(f"{folder} is not a private folder of ours: remove it, or choose a shorter data folder")
        return str(folder)


def _environment() -> dict[str, str]:
    """What the server gets to see: nothing of ours, so that no PG* variable or secret reaches it."""
    return {"LC_ALL": "C", "PATH": os.environ.get("PATH", os.defpath)}


def _run(argv: list[str], cwd: Path, identity: Identity | None) -> None:
    """Runs one of the set-up programs; its last words are the error."""
    done = subprocess.run(  # noqa: S603 - argv is ours
        argv,
        cwd=cwd,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
        preexec_fn=die_with_parent(signal.SIGKILL),
        **as_user(identity),
    )
    if done.returncode:
        words = [line for line in (done.stdout + done.stderr).splitlines() if "error" in line or "FATAL" in line]
        raise PostgresError(f"initdb failed: {' | '.join(words[-3:]) or f'exit status {done.returncode}'}")
