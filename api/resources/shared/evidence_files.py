"""Evidence as files: the pack, the report, or both with the verifier as a ZIP; written as they are sent."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile

from api.http.jsons import when
from api.resources.shared.evidence import Evidence
from api.resources.shared.evidence_report import report
from api.resources.shared.verifier_program import verifier_script
from domain.evidence.pack import Pack
from domain.evidence.summary import Summary
from domain.evidence.verifier import fingerprint

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PIECE = 64 * 1024
READ_ME = """This is the evidence of {about}, as of {as_of}, made {made_at} by {made_by}.

pack.jsonl   everything that is known of it, one JSON object a line, chained and sealed
report.pdf   the same for people
verifier.py  checks the pack, with Python 3.10 or newer and nothing else:

    python verifier.py pack.jsonl --key "{fingerprint}"

Compare this fingerprint with the one that the installation shows (GET /api/v1/evidence/key):
this file cannot vouch for it.
"""


class Writer:
    """One evidence, written once, in one of its forms."""

    def __init__(self, evidence: Evidence, head: Mapping[str, Any], private: Ed25519PrivateKey) -> None:
        self._evidence, self._head, self._private = evidence, head, private
        self.name = str(head[evidence.kind])
        self._public = private.public_key().public_bytes_raw()
        self._summary = Summary(head, *(when(at) or "" for at in evidence.span))
        self._digest = hashlib.sha256()

    async def pack(self, *, reported: bool = False) -> AsyncGenerator[bytes, None]:
        """The pack, line by line; `reported`: a report is made of it too."""
        made = Pack(self._head)
        line = made.head
        self._digest.update(line)
        yield line
        async for kind, content in self._evidence.records():
            if reported:
                self._summary.take(kind, content)
            line = made.add(kind, content)
            self._digest.update(line)
            yield line
        line = made.seal(self._public, self._private.sign)
        self._digest.update(line)
        yield line

    async def report(self) -> AsyncGenerator[bytes, None]:
        """The report alone."""
        async for kind, content in self._evidence.records():
            self._summary.take(kind, content)
        yield await asyncio.to_thread(report, self._page(""))

    async def bundle(self) -> AsyncGenerator[bytes, None]:
        """The pack, the report that names it, the verifier, and how to use it."""
        pieces = _Pieces()
        with ZipFile(pieces, "w", ZIP_DEFLATED) as files:  # type: ignore[call-overload]  # it is written, never read
            with files.open("pack.jsonl", "w", force_zip64=True) as file:
                async for line in self.pack(reported=True):
                    file.write(line)
                    if pieces.size > PIECE:
                        yield pieces.taken()
            files.writestr("report.pdf", await asyncio.to_thread(report, self._page(self._digest.hexdigest())))
            files.writestr("verifier.py", verifier_script())
            files.writestr("README.txt", READ_ME.format(**self._head, fingerprint=self._fingerprint))
        yield pieces.taken()

    @property
    def _fingerprint(self) -> str:
        return fingerprint(self._public.hex())

    def _page(self, digest: str) -> dict[str, Any]:
        return self._summary.page(digest, self._fingerprint)


class _Pieces:
    """What a ZIP writes, taken away bit by bit."""

    def __init__(self) -> None:
        self.size, self._parts = 0, list[bytes]()

    def write(self, some: bytes) -> int:
        self._parts.append(bytes(some))
        self.size += len(some)
        return len(some)

    def flush(self) -> None:
        """Nothing is kept back."""

    def taken(self) -> bytes:
        """What was written since."""
        found, self._parts, self.size = b"".join(self._parts), [], 0
        return found
