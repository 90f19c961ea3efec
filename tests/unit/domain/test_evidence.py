"""Evidence packs: what was made is valid, and nothing in it can be changed, put in, taken out or moved unseen."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from api.resources.shared.verifier_program import verifier_script
from domain.evidence import verifier
from domain.evidence.pack import TooLongError, pack
from domain.evidence.verifier import BrokenError, fingerprint, signed, verify
from tests.examples import examples

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = PRIVATE.public_key().public_bytes_raw()
HEAD = {"about": "shipment S-1", "made_at": "2026-11-29T12:00:00Z", "made_by": "ann"}
RECORDS = [("reading", {"t": f"2026-11-29T12:{m:02}:00Z", "probe": "rear", "temp_c": 4 + m / 10}) for m in range(40)]
WHOLE = b"".join(pack(HEAD, RECORDS, KEY, PRIVATE.sign))
LINES = WHOLE.splitlines(keepends=True)


def broken(changed: bytes) -> bool:
    try:
        verify(io.BytesIO(changed))
    except BrokenError:
        return True
    return False


def test_a_pack_says_what_it_is_about_and_whose_key_sealed_it() -> None:
    found = verify(io.BytesIO(WHOLE))
    assert (found["about"], found["records"], found["key"]) == ("shipment S-1", 40, KEY.hex())
    for key in (KEY.hex(), fingerprint(KEY.hex())):
        verify(io.BytesIO(WHOLE), key)
    with pytest.raises(BrokenError, match="another key"):
        verify(io.BytesIO(WHOLE), "00" * 32)


def test_ten_thousand_edits_insertions_deletions_and_moves_are_all_found() -> None:
    rng, missed = np.random.default_rng(7), []
    for number in range(10_000):
        lines, which, at = list(LINES), number % 5, int(rng.integers(len(LINES)))
        if which == 0:  # a byte becomes another
            raw = bytearray(WHOLE)
            place = int(rng.integers(len(raw)))
            raw[place] ^= int(rng.integers(1, 256))
            changed = bytes(raw)
        elif which == 1:  # a figure becomes another
            changed = b"".join(lines[:at]) + lines[at].replace(b"4", b"5", 1) + b"".join(lines[at + 1 :])
            if changed == WHOLE:
                changed = WHOLE[: int(rng.integers(len(WHOLE)))]
        elif which == 2:
            del lines[at]
            changed = b"".join(lines)
        elif which == 3:
            lines.insert(int(rng.integers(len(lines) + 1)), LINES[at])
            changed = b"".join(lines)
        else:
            other = int((at + rng.integers(1, len(lines))) % len(lines))
            lines[at], lines[other] = lines[other], lines[at]
            changed = b"".join(lines)
        if not broken(changed):
            missed.append((number, changed))
    assert missed == []


@settings(max_examples=examples(200))
@given(st.integers(0, len(WHOLE) - 1), st.binary(max_size=4), st.integers(0, 4))
def test_no_bytes_can_take_the_place_of_others(place: int, others: bytes, count: int) -> None:
    changed = WHOLE[:place] + others + WHOLE[place + count :]
    assert changed == WHOLE or broken(changed)


def test_whoever_chains_it_anew_has_another_key() -> None:
    forged = [(kind, {**content, "temp_c": 4.0}) for kind, content in RECORDS]
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    changed = b"".join(pack(HEAD, forged, other.public_key().public_bytes_raw(), other.sign))
    assert not broken(changed), "by itself it is a pack"
    with pytest.raises(BrokenError, match="another key"):
        verify(io.BytesIO(changed), fingerprint(KEY.hex()))
    with_our_key = b"".join(pack(HEAD, forged, KEY, other.sign))
    assert broken(with_our_key)


@settings(max_examples=examples(30))
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=80), st.integers(0, 511))
def test_signatures_are_judged_as_the_library_judges_them(seed: bytes, message: bytes, bit: int) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = private.public_key().public_bytes_raw(), private.sign(message)
    assert signed(public, message, signature)
    other = bytearray(signature)
    other[bit // 8] ^= 1 << bit % 8
    assert not signed(public, message, bytes(other))
    larger = (int.from_bytes(signature[32:], "little") + verifier._ORDER).to_bytes(32, "little")
    assert not signed(public, message, signature[:32] + larger), "one signature, one text"


def test_a_record_that_does_not_fit_a_line_is_refused() -> None:
    with pytest.raises(TooLongError, match="record 1"):
        list(pack(HEAD, [("note", {"text": "x" * verifier.LINE_BYTES_MAX})], KEY, PRIVATE.sign))


@pytest.mark.parametrize("text", [b"", b"\n", b"{}\n", b"[]\n", b"[" * 100_000, b"\xff\xfe\n", LINES[-1]])
def test_what_is_no_pack_is_one_line_that_says_so(text: bytes) -> None:
    with pytest.raises(BrokenError, match=r"\A[^\n]+\Z"):
        verify(io.BytesIO(text))


def test_the_verifier_stands_alone(tmp_path: Path) -> None:
    script = tmp_path / "verifier.py"
    script.write_text(verifier_script())
    (tmp_path / "pack.jsonl").write_bytes(WHOLE)
    (tmp_path / "cut.jsonl").write_bytes(b"".join(LINES[:-1]))

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        whole = [sys.executable, "-I", "-S", str(script), *words]
        return subprocess.run(whole, cwd=tmp_path, capture_output=True, text=True, check=False)

    done = run("pack.jsonl", "--key", fingerprint(KEY.hex()))
    assert (done.returncode, done.stdout.splitlines()[0][:35]) == (0, "valid: 40 records about shipment S-")
    done = run("cut.jsonl")
    assert (done.returncode, done.stderr) == (
        1,
        "NOT VALID: it ends after line 41 without a seal: the end is missing\n",
    )
