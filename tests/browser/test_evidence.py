"""Evidence on the page of a shipment, and who took it in the audit trail."""

from __future__ import annotations

import io
import re
from zipfile import ZipFile

import pytest
from playwright.sync_api import BrowserContext, expect

from domain.evidence.verifier import verify
from tests.browser.test_frame import settled

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


def test_evidence_is_taken_checked_and_stands_in_the_audit_trail(desktop: BrowserContext) -> None:
    page = desktop.new_page()
    page.goto("/shipments?shipment=S-1002")
    settled(page)
    page.get_by_text("The key it is sealed with").click()
    expect(page.get_by_test_id("evidence-key")).to_have_text(re.compile(r"^([0-9a-f]{4} ){7}"))
    key = page.get_by_test_id("evidence-key").inner_text()
    with page.expect_download() as taken:
        page.get_by_test_id("evidence-bundle").click()
    assert taken.value.suggested_filename == "S-1002-evidence.zip"
    with ZipFile(io.BytesIO(taken.value.path().read_bytes())) as files:
        head = verify(io.BytesIO(files.read("pack.jsonl")), key)
        assert files.read("report.pdf").startswith(b"%PDF-")
    assert head["shipment"] == "S-1002"

    page.goto("/settings/audit")
    page.get_by_test_id("audit-subject").fill("S-1002")
    expect(page.locator("[data-action='shipment.evidence']").first).to_contain_text(head["made_by"])
    page.get_by_test_id("audit-actor").fill("nobody-here")
    expect(page.get_by_text("No entry fits")).to_be_visible()
    page.close()
