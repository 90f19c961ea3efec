# ruff: noqa: INP001 -- a script of the image, not a package
"""Container health: exit 0 when the program in this container answers on its own port.

The api answers on /healthz, the others on their metrics port. `FROSTWAY_HEALTH_URL` says which.
"""

import os
import sys
import urllib.request

TIMEOUT_S = 4.0


def main() -> int:
    """Asks once; any answer below 400 is health."""
    default = f"http://127.0.0.1:{os.environ.get('FROSTWAY_HTTP_PORT', '8080')}/healthz"
    url = os.environ.get("FROSTWAY_HEALTH_URL", default)
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S):  # noqa: S310 -- the address comes from our own compose file
            return 0
    except OSError as error:
        print(f"{url}: {error}", file=sys.stderr)  # noqa: T201 -- shown by `docker inspect`
        return 1


if __name__ == "__main__":
    sys.exit(main())
