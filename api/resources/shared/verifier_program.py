"""The verifier of evidence packs as one file that runs by itself: `python verifier.py PACK [--key FINGERPRINT]`."""

from __future__ import annotations

import argparse
import inspect
import sys
from functools import cache

from domain.evidence import verifier
from domain.evidence.verifier import BrokenError, verify


def main(words: list[str] | None = None) -> int:
    """Checks a pack: 0 when it is whole, 1 when not, the first break named."""
    parser = argparse.ArgumentParser(description="Checks a Frostway evidence pack.")
    parser.add_argument("pack", help="the file")
    parser.add_argument("--key", help="the key it has to be sealed with, or its fingerprint")
    asked = parser.parse_args(words)
    try:
        with open(asked.pack, "rb") as pack:  # noqa: PTH123 - it stands alone
            found = verify(pack, asked.key)
    except (BrokenError, OSError) as error:
        sys.stderr.write(f"NOT VALID: {error}\n")
        return 1
    sys.stdout.write(
        f"valid: {found['records']} records about {found.get('about')}, made {found.get('made_at')} "
        f"by {found.get('made_by')}\nsealed with the key {found['fingerprint']}\n"
        + ("" if asked.key else "compare it with the one that the installation shows\n")
    )
    return 0


@cache
def verifier_script() -> str:
    """The text of that file: the verifier, and `main` behind it."""
    return "\n\n".join(
        [
            inspect.getsource(verifier).rstrip(),
            "import argparse  # noqa: E402\nimport sys  # noqa: E402",
            inspect.getsource(main).rstrip(),
            'if __name__ == "__main__":\n    sys.exit(main())\n',
        ]
    )
