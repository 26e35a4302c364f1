"""Part of the hostile corpus over HTTP, as a client that is no browser would send it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from deepdect.images import DEFAULT_LIMITS
from deepdect.ui.wording import MEGABYTES
from tests.hostile import corpus
from tests.hostile.payloads import tells_of_the_server
from tests.hostile.samples import SAMPLES

WEB = httpx.Client(timeout=60)
ROOT = Path(__file__).resolve().parents[3]
CASES = {case.name: case for case in corpus.CASES}
SENT = """empty.jpg cut.jpg flipped.png flipped.heic png.jpg drawing.png page.jpg archive.jpg pickle.png polyglot.jpg
 polyglot.zip.png comment.jpg bomb.png bomb.heic bomb.webp text.png frames.gif one-pixel.png line.png cmyk.jpg nan.tif
 tiles.tif profile-rubbish.png turned-6.png exif-loop.png"""


def upload(page_url: str, data: bytes, name: str) -> httpx.Response:
    return WEB.post(f"{page_url}/gradio_api/upload", files={"files": (name, data)})


def analysed(page_url: str, path: str, name: str) -> dict[str, Any]:
    """The analysis of an uploaded file. Raises AssertionError where the answer says something of the server."""
    photo = {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}
    call = WEB.post(f"{page_url}/gradio_api/call/analyze", json={"data": [photo]})
    with WEB.stream("GET", f"{page_url}/gradio_api/call/analyze/{call.json()['event_id']}") as stream:
        answer = stream.read().decode()
    assert not tells_of_the_server(call.text) and not tells_of_the_server(answer)
    event, _, data = answer.rpartition("event: complete\ndata: ")
    assert event == "", answer
    return json.loads(data)[0]


@pytest.mark.parametrize("name", SENT.split())
def test_the_page_answers_as_the_table_says(page_url, name):
    case = CASES[name]
    for data in case.make()[:3]:
        sent = upload(page_url, data, name)
        assert sent.status_code == 200
        result = analysed(page_url, sent.json()[0], name)
        status = "ok" if result["status"] == "no_face" else result["status"]  # it was read, and shows nobody
        assert case.expected in {status, corpus.EITHER}, result["message"]
        assert result["verdict"] is None and result["faces"] == []
        assert name in result["message"] and result["path"] is None
        if case.expected == "ok":
            assert [result["height"], result["width"]] == list(case.pixels.shape[:2])


@pytest.mark.parametrize("name", corpus.NAMES, ids=lambda name: ascii(name[:20]))
def test_no_name_leads_out_of_the_upload_folder(page_url, name):
    sent = upload(page_url, SAMPLES["PNG"], name)
    if sent.status_code == 200:
        (path,) = sent.json()
        assert Path(path).resolve().is_relative_to(Path(os.environ["GRADIO_TEMP_DIR"]).resolve())
        result = analysed(page_url, path, name)
        assert result["status"] == "no_face" and result["message"].isprintable()
    else:
        assert sent.status_code == 400 and not tells_of_the_server(sent.text)


def test_a_file_over_the_limit_is_refused(page_url):
    limit = MEGABYTES * 2**20
    answer = upload(page_url, bytes(limit + 1), "large.mp4")
    assert answer.status_code == 413 and str(limit) in answer.text


def test_a_photo_may_not_be_as_large_as_a_video(page_url):
    sent = upload(page_url, SAMPLES["PNG"] + bytes(DEFAULT_LIMITS.max_bytes), "large.png")
    (path,) = sent.json()
    assert analysed(page_url, path, "large.png")["status"] == "too_large"


def test_a_thousand_files_at_once_are_refused(page_url):
    files = [("files", (f"{number}.png", b"x")) for number in range(1001)]
    answer = WEB.post(f"{page_url}/gradio_api/upload", files=files)
    assert answer.status_code == 400 and "Too many files" in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../../../../../../etc/passwd",
        "%2fetc%2fpasswd",
        "README.md",
        str(ROOT / "app.py"),
        str(ROOT / "models" / "model.sha256"),
        "http://127.0.0.1:1/",
        "file:///etc/passwd",
        "/proc/self/environ",
    ],
)
def test_no_file_of_the_server_is_served(page_url, path):
    answer = WEB.get(f"{page_url}/gradio_api/file={path}")
    assert answer.status_code in {403, 404}
    assert "root:" not in answer.text and not tells_of_the_server(answer.text.replace(path, ""))


def test_an_address_in_place_of_a_file_is_not_fetched(page_url):
    photo = {"path": "http://192.0.2.1/photo.png", "meta": {"_type": "gradio.FileData"}}
    answer = WEB.post(f"{page_url}/gradio_api/call/analyze", json={"data": [photo]})
    assert answer.status_code == 400 and "upload the picture" in answer.json()["detail"]


def test_another_site_s_page_is_refused_and_may_not_read_the_answer(page_url):
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}):
        answer = WEB.get(f"{page_url}/config", headers=headers)
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers
    preflight = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = WEB.options(f"{page_url}/gradio_api/queue/join", headers=preflight)
    assert "access-control-allow-origin" not in answer.headers


def test_what_the_page_tells_of_itself_names_no_folder(page_url):
    for path in ("/", "/config", "/gradio_api/info"):
        assert str(ROOT) not in WEB.get(f"{page_url}{path}").text
