"""The interface describes itself: all operations on one page, and the live feed as AsyncAPI."""

from __future__ import annotations

from html import escape
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.responses import HTMLResponse

from api.feed.asyncapi import document
from api.http.context import context_of
from api.http.jsons import Json
from api.http.routes import outside

router = outside(tags=["operation"])


@router.get("/asyncapi.json", include_in_schema=False)
async def asyncapi(request: Request) -> Json:
    """MQTT and the websocket, as AsyncAPI."""
    return Json(document(request.app.version, context_of(request).config.facts))


def _openapi(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = request.app.openapi()
    return found


@router.get("/docs", include_in_schema=False, response_class=HTMLResponse)
async def docs(found: Annotated[dict[str, Any], Depends(_openapi)]) -> HTMLResponse:
    """All operations on one page that needs neither scripts nor the internet."""
    return HTMLResponse(docs_page(found))


_STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
code { font: 14px ui-monospace, monospace } h2 { margin-top: 2rem; text-transform: capitalize } dt { margin-top: 1rem }
b { display: inline-block; min-width: 4.5em } dd { margin: 0 0 0 1rem } small { opacity: .75 }
"""


def docs_page(openapi: dict[str, Any]) -> str:
    """The operations of an OpenAPI document as a page."""
    groups: dict[str, list[str]] = {}
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            lines = [f"<dt><b>{escape(method.upper())}</b><code>{escape(path)}</code></dt>"]
            lines.append(f"<dd>{escape(operation.get('description', ''))}")
            names = [f"<code>{escape(p['name'])}</code> ({escape(p['in'])})" for p in operation.get("parameters", [])]
            body = operation.get("requestBody", {}).get("content", {})
            names += [f"body <code>{escape(_schema_name(kind))}</code>" for kind in body.values()]
            lines.append(f"<br><small>{', '.join(names)}</small></dd>" if names else "</dd>")
            groups.setdefault((operation.get("tags") or ["other"])[0], []).append("".join(lines))
    sections = "".join(
        f'<h2 id="{escape(name)}">{escape(name)}</h2><dl>' + "".join(found) + "</dl>" for name, found in groups.items()
    )
    title = f"{escape(openapi['info']['title'])} API"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        '<link rel="icon" href="/icon.svg">'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style><h1>{title}</h1>'
        f"<p>{escape(openapi['info'].get('description', ''))}</p>"
        '<p>In full: <a href="/openapi.json">openapi.json</a> (REST), <a href="/asyncapi.json">asyncapi.json</a> '
        f"(MQTT and websocket).</p>{sections}</html>"
    )


def _schema_name(media: dict[str, Any]) -> str:
    schema = media.get("schema", {})
    named = [schema, *schema.get("anyOf", [])]
    return next((s["$ref"].rsplit("/", 1)[1] for s in named if "$ref" in s), "JSON")
