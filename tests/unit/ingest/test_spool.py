"""The spool: what is kept is read back in order, whatever ends the process; what is cut off is left out."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.spool import Spool, SpoolError
from tests.examples import examples

Raw = tuple[bytes, bytes, int, bool, bool]


def group(n: int, size: int = 10) -> list[Raw]:
    return [(b"fw/v1/main/d/gps", bytes([n]) * size, n + 1, False, False)]


OPEN: list[Spool] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    for spool in OPEN:
        spool.close()
    OPEN.clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def opened(folder: Path, bytes_max: int = 1 << 20, segment_bytes: int = 200) -> Spool:
    spool = Spool(folder, bytes_max, segment_bytes)
    spool.open()
    OPEN.append(spool)
    return spool


def drained(spool: Spool) -> Iterator[tuple[int, list[Raw]]]:
    while (found := spool.next()) is not None:
        assert spool.next() == found, "the same one until it is done"
        yield found.received_us, list(found.messages)
        spool.done(found)
        spool.done(found)


def test_groups_come_back_in_order_over_segments_and_leave_nothing_on_disk(folder: Path) -> None:
    spool = opened(folder)
    for n in range(20):
        spool.append(group(n), n)
    assert len(list(folder.glob("*.spool"))) > 3
    assert list(drained(spool)) == [(n, group(n)) for n in range(20)]
    assert spool.held_bytes == 0
    assert not spool.filled.is_set()
    assert [path.name for path in folder.iterdir()] == ["lock"]
    spool.append(group(7), 7)
    assert list(drained(spool)) == [(7, group(7))]


def test_what_an_earlier_run_kept_is_there_and_a_done_group_may_come_once_more(folder: Path) -> None:
    first = opened(folder)
    for n in range(5):
        first.append(group(n), n)
    first.done(first.next())  # type: ignore[arg-type]
    first.close()
    second = opened(folder)
    assert second.filled.is_set()
    second.append(group(9), 9)
    found = [n for n, _ in drained(second)]
    assert found[-5:] == [1, 2, 3, 4, 9]
    assert found in ([0, 1, 2, 3, 4, 9], [1, 2, 3, 4, 9])


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_record_that_was_cut_off_is_left_out_and_those_before_it_stay(folder: Path, cut: int) -> None:
    spool = opened(folder, segment_bytes=1 << 20)
    for n in range(3):
        spool.append(group(n), n)
    spool.close()
    (path,) = folder.glob("*.spool")
    path.write_bytes(torn := path.read_bytes()[:-cut])
    again = opened(folder)
    again.append(group(8), 8)
    assert [n for n, _ in drained(again)] == [0, 1, 8]
    assert path.with_suffix(".damaged").read_bytes() == torn, "it may be damage, and somebody can look"


@given(st.data())
@settings(max_examples=examples(60), deadline=None)
def test_damage_anywhere_gives_no_false_reading(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("spool")
    spool = opened(folder, segment_bytes=1 << 20)
    for n in range(3):
        spool.append(group(n), n)
    spool.close()
    (path,) = folder.glob("*.spool")
    raw = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw)
    again = opened(folder)
    found = list(drained(again))
    again.close()
    assert found == [(n, group(n)) for n in range(len(found))]
    assert len(found) < 3


def test_more_than_it_may_hold_is_refused_and_there_is_room_again_after_a_drain(folder: Path) -> None:
    spool = opened(folder, bytes_max=400)
    for n in range(3):
        spool.append(group(n, 50), n)
    with pytest.raises(SpoolError, match="all it may"):
        spool.append(group(3, 200), 3)
    assert [n for n, _ in drained(spool)] == [0, 1, 2]
    spool.append(group(1), 1)


def test_a_disk_that_is_full_in_the_middle_of_a_record_keeps_those_before_and_goes_on_later(folder: Path) -> None:
    spool = opened(folder, segment_bytes=1 << 20)
    spool.append(group(0, 100), 0)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (spool.held_bytes + 20, hard))
    try:
        with pytest.raises(SpoolError, match="make room"):
            spool.append(group(1, 100), 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    spool.append(group(2, 100), 2)
    assert [n for n, _ in drained(spool)] == [0, 2]


def test_one_folder_is_for_one_ingest(folder: Path) -> None:
    first = opened(folder)
    with pytest.raises(SpoolError, match="in use by another ingest"):
        opened(folder)
    first.close()
    assert opened(folder).next() is None


def test_a_folder_that_cannot_be_had_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError, match="cannot be used"):
        opened(tmp_path / "file" / "spool")
