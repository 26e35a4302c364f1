"""The tab for many photos in a real Chromium."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from deepdect.figures import percent

pytestmark = pytest.mark.browser

NAMES = ("face.png", "garbage.png", "two faces.png")


def download(page: Any, kind: str) -> bytes:
    """What a click on one of the downloads brings."""
    with page.expect_download() as waiting:
        page.click(f"#batch-get-{kind}")
    return Path(waiting.value.path()).read_bytes()


def test_a_batch_goes_on_past_a_broken_file_and_its_downloads_agree(open_page, pictures):
    page = open_page()
    page.get_by_role("tab", name="Many photos").click()
    page.set_input_files("#photos input[type=file]", [str(pictures / name) for name in NAMES])
    page.wait_for_function("document.querySelectorAll('#photos tr.file').length === 3")
    page.click("#start")
    page.wait_for_function("document.querySelector('#progress').innerText.includes('All photos are done: 3')")
    page.wait_for_function("document.querySelector('#table').innerText.includes('two faces.png')")
    assert "Send a picture: JPEG" in page.inner_text("#table")  # the broken file's reason stands in its row

    found = json.loads(download(page, "json"))
    assert [one["path"] for one in found] == list(NAMES)
    assert [one["status"] for one in found] == ["ok", "unsupported", "ok"]
    probabilities = [face["fake_probability"] for one in found for face in one["faces"]]
    rows = list(csv.DictReader(io.StringIO(download(page, "csv").decode())))
    assert [float(row["fake_probability"]) for row in rows if row["fake_probability"]] == probabilities
    with zipfile.ZipFile(io.BytesIO(download(page, "zip"))) as archive:
        assert archive.namelist() == ["001 face.overlay.png", "003 two faces.overlay.png"]
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(download(page, "pdf"))).pages]
    told = re.sub(r"\s+", " ", " ".join(pages))
    assert all(percent(value).replace("\N{NO-BREAK SPACE}", " ") in told for value in probabilities)

    page.get_by_text("two faces.png", exact=True).last.click()
    page.wait_for_selector("#batch-evidence", state="visible")
    assert "2 faces were found" in page.inner_text("#batch-result")
    assert page.inner_text("#batch-result .dd-name") == "two faces.png"

    page.locator("#photos tr.file").first.locator("button").click()  # "face.png" is taken out
    page.wait_for_function("document.querySelectorAll('#photos tr.file').length === 2")
    page.wait_for_function("document.querySelector('#progress').innerText.includes('photos have changed since')")
    assert "face.png" in page.inner_text("#table")  # and its row stays
