"""`python -m tests.upgrade [CHECKOUT]`: packs the data that the next release has to take over.

CHECKOUT is a folder or commit of the release; this one when nothing is said. The file goes below `tests/upgrade/data`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import psycopg

from tests.compare.__main__ import checkout
from tests.compare.side import Side
from tests.upgrade.packed import DATA, Packed, pack
from tests.upgrade.story import story

USER = "dispatch"


def said(lines: str) -> dict[str, str]:
    """What a command prints, word by word."""
    return dict(line.split(" ", 1) for line in lines.splitlines())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.upgrade", description=__doc__)
    parser.add_argument("checkout", nargs="?", default=".")
    given = parser.parse_args()
    told = story()
    with ExitStack() as stack:
        temp = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="frostway-pack-")))
        code = stack.enter_context(checkout(given.checkout, temp / "checkout"))
        side = stack.enter_context(Side(code, temp / "side"))
        login = said(side.frostway("device", "add", "gps-packed", "--kind", "tracker", "--vehicle", "truck-packed"))
        account = said(side.frostway("account", "set", USER, "--role", "dispatcher"))
        side.live(told.before)
        side.stop_deciding()
        side.feed(told.waiting)
        with psycopg.connect(side.dsn) as connection:
            row = connection.execute("select max(version) from schema_version").fetchone()
        schema = int(row[0]) if row else 0
        who = (side.token, USER, account["password"], login["user"], login["password"])
        path = DATA / f"{schema:04}.sql.xz"
        pack(side.dsn, Packed(given.checkout, schema, told.waiting.at_us, *who), path)
    print(f"{path}: {path.stat().st_size} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
