"""Names, notes and labels are text on every page: two hundred that would be scripts, and none runs."""

from __future__ import annotations

from itertools import product

import httpx
import pytest
from playwright.sync_api import BrowserContext, expect

from tests.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

RUN = "top.__ran=1"
SHAPES = (
    "<script>{}</script>", "<img src=x onerror={}>", "<svg onload={}>", "<svg><script>{}</script></svg>",
    "<b onmouseover={}>x</b>", "<iframe srcdoc='<script>{}</script>'>", "<iframe src=javascript:{}>",
    "<a href=javascript:{}>x</a>", "<body onload={}>", "<details open ontoggle={}>", "<video><source onerror={}>",
    "<math><mi xlink:href=javascript:{}>", "<input autofocus onfocus={}>", "<style>@import 'javascript:{}'</style>",
    "<object data=javascript:{}>", "<embed src=javascript:{}>", "<form><button formaction=javascript:{}>x",
    "<marquee onstart={}>", "<base href=javascript:{}//>", "<meta http-equiv=refresh content='0;url=javascript:{}'>",
)  # fmt: skip
AROUND = (
    "{}", "\"'>{}", "'\"-->{}", "</title>{}", "</textarea>{}", "]]>{}", "{{{{{}}}}}", "${{{}}}", "</script>{}", "%3C{}",
)  # fmt: skip
PAYLOADS = [around.format(shape.format(RUN)) for shape, around in product(SHAPES, AROUND)]
LISTS = {"/": "vehicle-row", "/shipments": "shipment-row", "/sites": "site-row", "/devices": "device-row"}


def test_no_name_is_a_script(desktop: BrowserContext, stack: Stack) -> None:
    assert len(set(PAYLOADS)) >= 200
    page = desktop.new_page()
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog: {dialog.message}"))
    made: list[str] = []
    headers = {"Authorization": f"Bearer {stack.token}"}
    with httpx.Client(base_url=f"{stack.url}/api/v1", headers=headers, timeout=60) as api:

        def make(path: str, name: str, **body: object) -> None:
            answer = api.post(path, json=body)
            assert answer.status_code == 201, answer.text
            made.append(f"{path}/{name}")

        try:
            place = {"lat": 60.17, "lon": 24.94}
            for n, text in enumerate(PAYLOADS):
                stops = [{**place, "name": text}]
                make("/shipments", f"X-{n}", id=f"X-{n}", reference=text, customer=text, stops=stops)
                if n % 5 == 0:
                    make("/sites", f"x-{n}", id=f"x-{n}", label=text, kind="store", radius_m=50, **place)
                    make("/vehicles", f"x-{n}", id=f"x-{n}", label=text)
            shared = api.post("/shipments/X-0/share", json={"recipient": PAYLOADS[1]}).json()
            for path, row in LISTS.items():
                page.goto(path)
                page.get_by_test_id(row).first.wait_for()
                assert page.evaluate("window.__ran") is None, path
            for path, shown in (("/sites?site=x-0", "site-detail"), ("/shipments?shipment=X-0", "shipment-detail")):
                page.goto(path)
                expect(page.get_by_test_id(shown)).to_contain_text(PAYLOADS[0])
                assert page.evaluate("window.__ran") is None, path
            page.goto(f"/t/{shared['token']}")
            expect(page.get_by_test_id("public")).to_contain_text(PAYLOADS[0])
            assert page.evaluate("window.__ran") is None
        finally:
            for path in made:
                api.delete(path)
    page.close()
