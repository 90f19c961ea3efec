"""No more messages: a page that asks, and does nothing until its button is pressed: programs read mail before people.

Mail programs may press it themselves (RFC 8058). Whoever has changed their mind has messages again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from api.http import pages
from api.http.audit import audit_as
from api.http.problems import Problem
from api.http.routes import outside
from api.resources.shared.customers import LANGUAGES, accepted, behind
from store.db import queries

router = outside()

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "ask": "No more messages about this delivery?",
        "stop": "No more messages",
        "stopped": "You get no more messages about this delivery.",
        "again": "Get messages again",
        "on": "You get messages about this delivery.",
        "page": "See the delivery",
        "gone": "This link does not work any more",
    },
    "fi": {
        "ask": "Etkö halua enää viestejä tästä toimituksesta?",
        "stop": "Ei enää viestejä",
        "stopped": "Et saa enää viestejä tästä toimituksesta.",
        "again": "Lähettäkää taas viestejä",
        "on": "Saat viestejä tästä toimituksesta.",
        "page": "Katso toimitusta",
        "gone": "Tämä linkki ei enää toimi",
    },
    "de": {
        "ask": "Keine Nachrichten mehr zu dieser Lieferung?",
        "stop": "Keine Nachrichten mehr",
        "stopped": "Sie bekommen keine Nachrichten mehr zu dieser Lieferung.",
        "again": "Wieder Nachrichten bekommen",
        "on": "Sie bekommen Nachrichten zu dieser Lieferung.",
        "page": "Lieferung ansehen",
        "gone": "Dieser Link geht nicht mehr",
    },
}


@router.api_route("/t/{token}/stop", methods=["GET", "HEAD"])
async def ask_to_stop(request: Request, token: str) -> Response:
    """Asks; a GET changes nothing."""
    return await _answer(request, token, muted=None)


@router.post("/t/{token}/stop")
async def stop(request: Request, token: str) -> Response:
    """No more messages; with `again=1` they come again."""
    return await _answer(request, token, muted="again" not in request.query_params)


async def _answer(request: Request, token: str, *, muted: bool | None) -> Response:
    language = accepted(request.headers.get("accept-language", ""))
    try:
        async with behind(request, token) as (session, share):
            language = share["language"] if share["language"] in LANGUAGES else language
            if muted is not None:
                row = await session.row(queries("milestones")["mute"], share=share["id"], muted=muted)
                if row is not None:
                    action = "share.mute" if muted else "share.unmute"
                    await audit_as(session, "customer", action, str(share["id"]), to=row["shown"])
    except Problem as problem:
        words = WORDS[language]
        return _page(language, f"<h1>{escape(words['gone'])}</h1>", problem.status_code)
    words = WORDS[language]
    if muted is None:
        text = f"<h1>{escape(words['ask'])}</h1>{_button('', words['stop'])}"
    elif muted:
        text = f"<h1>{escape(words['stopped'])}</h1>{_button('?again=1', words['again'])}"
    else:
        text = f"<h1>{escape(words['on'])}</h1>{_button('', words['stop'])}"
    return _page(language, f'{text}<p><a href="../{escape(token)}">{escape(words["page"])}</a></p>')


def _button(query: str, word: str) -> str:
    dress = 'class="button primary" style="margin: 16px 0; min-height: 44px"'
    return f'<form method="post" action="stop{query}"><button {dress}>{escape(word)}</button></form>'


def _page(language: str, text: str, status: int = 200) -> Response:
    """A page without script, in the dress of the others where they were built."""
    path, dress = pages.STATIC / "public.html", ""
    if path.is_file():
        text_of_page = path.read_text(encoding="utf-8")
        found = re.findall(r'<link href="(/assets/[^"]+\.css)"', text_of_page)
        dress = "".join(f'<link rel="stylesheet" href="{href}" />' for href in found)
        dress += "".join(re.findall(r"<style>.*?</style>", text_of_page, re.DOTALL))
    body = (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8" />'
        '<meta name="viewport" content="width=device-width, initial-scale=1" />'
        '<meta name="color-scheme" content="light dark" /><meta name="referrer" content="no-referrer" />'
        f'<meta name="robots" content="noindex, nofollow" /><title>Frostway</title>'
        f'<link rel="icon" type="image/svg+xml" href="/icon.svg" />{dress}</head>'
        f'<body><main id="plain"><section>{text}</section></main></body></html>'
    )
    return HTMLResponse(body, status, {"cache-control": "no-store", "vary": "accept-language"})
