"""What each part does when nothing can be written: keeps what it has, says so, and goes on when there is room."""

from __future__ import annotations

import errno
import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from frostway.secrets import write_private
from frostway.supervisor import Supervisor
from ingest.spool import Spool, SpoolError
from store.embedded_process import EmbeddedError, FolderLock

Raw = tuple[bytes, bytes, int, bool, bool]


@pytest.fixture
def full() -> Iterator[None]:
    """No file can grow (what a full disk does to whoever writes, with another number of the error)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def _group(n: int) -> list[Raw]:
    return [(b"fw/v1/main/d/gps", bytes([n]) * 10, n + 1, False, False)]


def test_a_full_disk_leaves_no_empty_segments_and_none_that_passes_for_damage(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    spool = Spool(tmp_path / "spool", 1 << 20)
    spool.open()
    request.getfixturevalue("full")
    for n in range(20):
        with pytest.raises(SpoolError, match="make room"):
            spool.append(_group(n), n)
    assert spool.next() is None
    assert sorted(path.name for path in (tmp_path / "spool").iterdir()) == ["lock"]
    spool.close()


def test_empty_segments_of_an_earlier_run_do_not_push_out_what_is_damaged(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    folder.mkdir()
    (folder / "0000000001.damaged").write_bytes(b"evidence")
    for n in range(2, 40):
        (folder / f"{n:010d}.spool").touch()
    spool = Spool(folder, 1 << 20)
    spool.open()
    assert spool.next() is None
    assert sorted(path.name for path in folder.iterdir()) == ["0000000001.damaged", "lock"]
    spool.append(_group(1), 1)
    assert spool.next() is not None
    spool.close()


@pytest.mark.parametrize("name", ["secrets.json", "run.json", "passwd", "acl", "mosquitto.conf"])
def test_a_file_of_ours_is_whole_or_as_before_and_the_same_again_needs_no_room(
    tmp_path: Path, name: str, request: pytest.FixtureRequest
) -> None:
    path = tmp_path / name
    write_private(path, "what it was\n")
    request.getfixturevalue("full")
    with pytest.raises(OSError, match="File too large"):
        write_private(path, "something else\n")
    assert path.read_text() == "what it was\n"
    write_private(path, "what it was\n")
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_a_folder_can_be_locked_without_room(tmp_path: Path, full: None) -> None:
    lock = FolderLock(tmp_path / "lock")
    lock.acquire()
    lock.release()
    lock.acquire()
    lock.release()


class _Part:
    """A part that ended, and whose start fails with these errors, one after the other."""

    name = "part"

    def __init__(self, *errors: BaseException) -> None:
        self._errors = list(errors)
        self.pid: int | None = os.getpid()

    def spawn(self) -> None:
        if self.pid is None and self._errors:
            raise self._errors.pop(0)
        self.pid = os.getpid()

    def ready(self) -> bool:
        return self.pid is not None

    def poll(self) -> int | None:
        return 1 if self.pid is None else None

    def stop(self) -> None:
        self.pid = None

    def last_words(self) -> str:
        return ""


def test_whatever_keeps_a_part_from_starting_it_is_tried_again(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    part, said = _Part(full, EmbeddedError("no"), ValueError("odd"), PermissionError(13, "x"), *[full] * 9), list[str]()
    trouble, told = [""], list[int]()

    def tell() -> None:
        if trouble[0]:
            raise full
        told.append(1)

    with Supervisor(tmp_path, say=said.append, trouble=lambda: trouble[0]) as supervisor:
        supervisor.on_start = tell
        supervisor.add(part)
        part.pid = None
        trouble[0] = "the disk is full"
        while part._errors:
            supervisor.tick()
            for watched in supervisor._watched:
                watched.restart_at = 0.0 if watched.restart_at is not None else None
        assert supervisor._watched[0].failures == 0, "nobody's fault"
        supervisor.tick()
        assert part.pid is not None
        assert told == [1], "run.json could not be written"
        part.pid = None
        supervisor.tick()
        trouble[0] = ""
        supervisor.tick()
        assert part.pid is not None
        assert told == [1, 1]
    assert said[0] == "the disk is full"
    assert said.count("the disk is full") == 1
    assert "there is room again: starting part" in said
