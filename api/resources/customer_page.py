"""The customer's page with its words already in it: of use without script, and read before any script has come.

A page that runs takes their place. Which language: the one picked (`?lang=`), that of the link, those of the browser.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from api.database import DATABASE_ERRORS
from api.http import pages
from api.http.problems import Problem
from api.http.routes import outside
from api.resources.shared.customers import LANGUAGES, accepted, behind, look, stop_zone, used
from api.resources.shared.telling import Kept, Telling, catalogues, caution, headline, instant, temperature

router = outside()
APP = '<div id="app">'
REFRESH_S = 60
SHAPES = {True: "✓", False: "▲", None: "○"}
STEP_SHAPES = {"done": "✓", "current": "●", "todo": "○"}
STEP_WORDS = {"done": "step_done", "current": "step_now", "todo": "step_todo"}


@router.api_route("/t/{token}", methods=["GET", "HEAD"])
async def customer(request: Request, token: str) -> Response:
    """The page of a link. A link that opens nothing has a page that says so, whatever is the matter with it."""
    path, now = pages.STATIC / "public.html", datetime.now(UTC)
    if not path.is_file() or not catalogues():
        return HTMLResponse(path.read_text(encoding="utf-8"), headers=_NEW) if path.is_file() else pages.not_built()
    page, status = path.read_text(encoding="utf-8"), 200
    more: Mapping[str, str] = {}
    language = spoken(request, None)
    try:
        async with behind(request, token) as (session, share):
            shipment = await look(session, share, now)
            language = spoken(request, share["language"])
            zone = share["tz"] or await stop_zone(session, share) or "UTC"
            if request.method == "GET":
                await used(request, session, share, now, opened=_is_opened(request))
        told = _told(Telling(catalogues()[language], zone), shipment, token, now)
    except Problem as problem:
        status, more = problem.status_code, problem.headers or {}
        told = _gone(Telling(catalogues()[language], "UTC"))
    except DATABASE_ERRORS:
        return HTMLResponse(page, 503, _NEW)  # its script tries again by itself
    body = f'<main id="plain"{" data-gone=1" if status == 404 else ""}>{_languages(language)}{told}</main>'
    again = f'<meta http-equiv="refresh" content="{REFRESH_S};url=?again=1&amp;lang={language}" />'
    head = f"<noscript>{again}</noscript></head>" if status == 200 else "</head>"
    page = page.replace('<html lang="en">', f'<html lang="{language}">', 1)
    page = page.replace("</head>", head, 1).replace(APP, f"{body}{APP}", 1)
    return HTMLResponse(page, status, {**_NEW, **more, "vary": "accept-language"})


_NEW = {"cache-control": "no-store"}


def _is_opened(request: Request) -> bool:
    """A person has opened it: neither has the page asked again by itself, nor is it another language of it."""
    asked = request.query_params
    return not ("again" in asked or "lang" in asked or "prefetch" in request.headers.get("sec-purpose", ""))


def spoken(request: Request, of_link: str | None) -> str:
    """The language of a page."""
    for wanted in (request.query_params.get("lang"), of_link):
        if wanted in LANGUAGES:
            return str(wanted)
    return accepted(request.headers.get("accept-language", ""))


def _languages(current: str) -> str:
    links = [
        f'<a href="?lang={each}" lang="{each}" hreflang="{each}"{" aria-current=true" if each == current else ""}>'
        f"{escape(words['name'])}</a>"
        for each in LANGUAGES
        for words in (catalogues()[each],)
    ]
    return f'<nav aria-label="{escape(catalogues()[current]["language"])}">{"".join(links)}</nav>'


def _gone(t: Telling) -> str:
    return f"<section><h1>{escape(t.say('gone'))}</h1><p>{escape(t.say('gone_text'))}</p></section>"


def _told(t: Telling, s: Any, token: str, now: datetime) -> str:
    stop, careful, kept = s["stop"], caution(t, s, now), temperature(t, s, now)
    heard = instant(s["updated_at"]) or now
    parts = [
        "<section>",
        f'<p class="soft">{escape(t.say("shipment", reference=s["reference"]))}</p>',
        f"<h1>{escape(headline(t, s, now))}</h1>",
        f'<p class="soft">{escape(careful)}</p>' if careful else "",
        f"<p>{escape(stop['name'])}</p>" if stop else "",
        f"<small>{escape(t.say('updated', time=t.time(heard, now)))} {escape(t.say('times_in', zone=t.zone))}</small>",
        "</section>",
        _steps(t, s["steps"], now),
        _kept(t, kept) if kept else "",
        *(_handed_over(t, each, token, now) for each in s["proofs"]),
        _proof(t, s, token) if s["status"] == "delivered" and stop and stop["arrived_at"] and not s["proofs"] else "",
        f"<small>{escape(t.say('anyone'))}</small>",
    ]
    return "".join(parts)


def _steps(t: Telling, steps: Any, now: datetime) -> str:
    lines = []
    for step in steps:
        at, state = instant(step["at"]), step["state"]
        lines.append(
            f'<li class="{state}"><span><span aria-hidden="true">{STEP_SHAPES[state]}</span> '
            f"{escape(t.say('step_' + step['key']))} <small style='display:inline'>{escape(t.say(STEP_WORDS[state]))}"
            f"</small></span><span>{escape(t.time(at, now)) if at else ''}</span></li>"
        )
    return f'<section><ol aria-label="{escape(t.say("steps"))}">{"".join(lines)}</ol></section>'


def _kept(t: Telling, kept: Kept) -> str:
    last = f"<small>{escape(kept.last)}</small>" if kept.last else ""
    shape = f'<b aria-hidden="true">{SHAPES[kept.good]}</b>'
    return f"<section><h2>{escape(t.say('temperature'))}</h2><p>{shape} {escape(kept.text)}</p>{last}</section>"


FATES = {"accepted": "pod_accepted", "short": "pod_short", "damaged": "pod_damaged", "refused": "pod_count_refused"}


def _handed_over(t: Telling, proof: Any, token: str, now: datetime) -> str:
    """What was told when goods were handed over; the page says the same."""
    at, leg = t.time(instant(proof["at"]) or now, now), proof["temperature"]
    told = (
        t.say("pod_received", name=proof["receiver"], time=at)
        if proof["receiver"]
        else t.say("pod_at", outcome=t.say(f"pod_{proof['outcome']}"), time=at)
    )
    goods = "".join(f"<li>{escape(_fates(t, line))}</li>" for line in proof["lines"])
    address = f"/api/v1/public/shipments/{quote(token, safe='')}"
    kept = ""
    if leg["min_c"] is not None and leg["verdict"] != "no_data":
        kept = t.say(f"pod_{leg['verdict']}", low=t.temp(leg["min_c"]), high=t.temp(leg["max_c"]))
    signed = ""
    if proof["signature"]:
        said = escape(t.say("pod_signature", name=proof["receiver"]))
        signed = f'<img src="{address}/pictures/{proof["signature"]}" width="320" alt="{said}" />'
    elif proof["unsigned"]:
        signed = f"<small>{escape(t.say('pod_unsigned', why=proof['unsigned']))}</small>"
    for n, photo in enumerate(proof["photos"], 1):
        said = escape(t.say("pod_photo", n=str(n)))
        signed += f'<img src="{address}/pictures/{photo}" width="320" loading="lazy" alt="{said}" />'
    return (
        f"<section><h2>{escape(t.say('proof'))}</h2><p>{escape(told)}</p><ul>{goods}</ul><small>{escape(kept)}</small>"
        f'{signed}<p><a href="{address}/proofs/{proof["id"]}/proof.pdf">{escape(t.say("pod_pdf"))}</a></p></section>'
    )


def _fates(t: Telling, line: Any) -> str:
    said = [
        t.say(word, count=f"{line[fate]:g}".replace(".", t.say("decimal")))
        for fate, word in FATES.items()
        if line[fate]
    ]
    return t.say("pod_line", goods=line["label"], fates=", ".join(said))


def _proof(t: Telling, s: Any, token: str) -> str:
    arrived, found, curve = instant(s["stop"]["arrived_at"]), s["temperature"], ""
    long_ago = datetime(1970, 1, 1, tzinfo=UTC)
    if found and found["min_c"] is not None:
        said = escape(t.say("proof_curve", low=t.temp(found["min_c"]), high=t.temp(found["max_c"])))
        address = f"/api/v1/public/shipments/{quote(token, safe='')}/temperatures.svg"
        curve = f'<img src="{address}" width="480" height="160" alt="{said}" /><small>{said}</small>'
    lines = (
        ("proof_reference", s["reference"]),
        ("proof_place", s["stop"]["name"]),
        ("proof_arrived", f"{t.time(arrived, long_ago)} {t.zone}" if arrived else ""),
    )
    told = "".join(f"<dt>{escape(t.say(word))}</dt><dd>{escape(text)}</dd>" for word, text in lines)
    return f"<section><h2>{escape(t.say('proof'))}</h2><dl>{told}</dl>{curve}</section>"
