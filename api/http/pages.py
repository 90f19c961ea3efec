"""The pages, as Vite has built them into `api/static`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.http.routes import outside

STATIC = Path(__file__).parents[1] / "static"
router = outside()

_LOOSE = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".js": "text/javascript; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}
_NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Frostway</title>
<p>Frostway runs, but its pages have not been built. Run <code>make install</code> and load this page again.</p>
</html>"""


def not_built() -> Response:
    """What there is where the pages were not built."""
    return HTMLResponse(_NOT_BUILT, 503, {"cache-control": "no-store"})


def _page(name: str, status: int = 200) -> Response:
    path = STATIC / name
    if not path.is_file():
        return not_built()
    return FileResponse(path, status, {"cache-control": "no-cache"}, media_type="text/html")


async def _console() -> Response:
    """The dispatcher's and the cold-chain staff's pages: one app, which looks at the address itself."""
    return _page("index.html")


def no_page(request: Request) -> Response | None:
    """The page that says so, for a person's browser at an address that is none; None for programs, and below /api."""
    person = request.method in ("GET", "HEAD") and "text/html" in request.headers.get("accept", "")
    return _page("index.html", 404) if person and not request.url.path.startswith(("/api/", "/assets/")) else None


@router.get("/robots.txt")
async def robots() -> Response:
    """Nothing here is for search engines."""
    return PlainTextResponse("User-agent: *\nDisallow: /\n")


def _addresses() -> list[str]:
    """Where the console has a page: what the build wrote down, in the words of the router."""
    path = STATIC / "pages.json"
    found: list[str] = json.loads(path.read_bytes()) if path.is_file() else ["/"]
    return found


def _loose() -> list[Path]:
    """Built files that stand beside the pages under a name of their own: icons, manifest, service worker."""
    return sorted(path for path in STATIC.glob("*") if path.suffix in _LOOSE)


async def _file(request: Request) -> Response:
    path = STATIC / Path(request.url.path).name
    return FileResponse(path, media_type=_LOOSE[path.suffix], headers={"cache-control": "no-cache"})


class _Assets(StaticFiles):
    """Built files. The names of most carry a hash of what is in them, so those are good for ever."""

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """A file with its caching rule and, for modules, a type that every browser runs."""
        answer = super().file_response(full_path, stat_result, scope, status_code)
        lasting = "immutable" in Path(full_path).parts
        answer.headers["cache-control"] = "public, max-age=31536000, immutable" if lasting else "no-cache"
        if str(full_path).endswith((".mjs", ".js")):
            answer.headers["content-type"] = "text/javascript; charset=utf-8"
        return answer


def mount_pages(app: FastAPI) -> None:
    """Serves the console at each of its addresses, and the built files: below /assets compressed."""
    for address in _addresses():
        app.add_api_route(address, _console, methods=["GET", "HEAD"], include_in_schema=False)
    for path in _loose():
        app.add_route(f"/{path.name}", _file, methods=["GET"], include_in_schema=False)
    files: Any = _Assets(directory=STATIC / "assets", check_dir=False)
    app.mount("/assets", GZipMiddleware(files, minimum_size=1024, compresslevel=5))
