"""The page's public endpoint, as gradio_client and as a bare HTTP client use it."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import numpy as np
import pytest

from deepdect import video

CONTRACT = set(
    "path status message width height verdict fake_probability faces model runtime elapsed_ms".split()  # noqa: SIM905
)
FACE = set(
    "box detection_score verdict fake_probability logit bias crop evidence regions warnings".split()  # noqa: SIM905
)


@pytest.fixture(scope="module")
def client(page_url):
    from gradio_client import Client

    return Client(page_url, verbose=False)


@pytest.fixture(scope="module")
def analyze(client):
    from gradio_client import handle_file

    return lambda path: client.predict(handle_file(str(path)), api_name="/analyze")


def test_one_face_follows_the_contract_and_adds_up(analyze, pictures):
    result = analyze(pictures / "face.png")
    assert set(result) == CONTRACT
    assert (result["status"], result["message"], result["width"], result["height"]) == ("ok", "", 512, 512)
    (face,) = result["faces"]
    assert set(face) == FACE
    assert result["verdict"] == face["verdict"] in {"real", "deepfake", "inconclusive"}
    assert (
        result["fake_probability"]
        == face["fake_probability"]
        == pytest.approx(1 / (1 + np.exp(-face["logit"])), abs=1e-5)
    )
    assert np.shape(face["evidence"]) == (8, 8)
    assert np.sum(face["evidence"]) + face["bias"] == pytest.approx(face["logit"], abs=1e-2)
    assert len(face["regions"]) == 10
    regions = sum(region["evidence"] for region in face["regions"])
    assert regions + face["bias"] == pytest.approx(face["logit"], abs=1e-2)
    assert 170 < face["box"]["x"] < 190 and 60 < face["box"]["y"] < 80  # her face, in pixels of the photo


def test_two_faces(analyze, pictures):
    result = analyze(pictures / "two faces.png")
    probabilities = [face["fake_probability"] for face in result["faces"]]
    assert len(probabilities) == 2
    assert result["fake_probability"] == max(probabilities)


@pytest.mark.parametrize(
    ("name", "status"),
    [("blank.png", "no_face"), ("garbage.png", "unsupported"), ("cut.jpg", "unreadable"), ("huge.png", "too_large")],
)
def test_what_cannot_be_judged_gets_no_score(analyze, pictures, name, status):
    result = analyze(pictures / name)
    assert set(result) == CONTRACT
    assert result["status"] == status
    assert name in result["message"]
    assert result["verdict"] is None and result["fake_probability"] is None and result["faces"] == []


def test_a_batch_goes_on_past_bad_files_in_order(client, pictures):
    from gradio_client import handle_file

    names = ["garbage.png", "face.png", "blank.png"]
    results = client.predict([handle_file(str(pictures / name)) for name in names], api_name="/analyze_batch")
    assert [result["status"] for result in results] == ["unsupported", "ok", "no_face"]
    assert all(set(result) == CONTRACT for result in results)
    assert "garbage.png: looks like an unknown kind of file" in results[0]["message"]  # the JSON stays English
    assert results[1]["faces"][0]["verdict"] == results[1]["verdict"]


def test_a_video_follows_the_contract(client, clip, detector):
    from gradio_client import handle_file

    result = client.predict(handle_file(str(clip)), api_name="/analyze_video")
    expected = video.analyze(detector, clip).to_json()
    assert set(result) == set(expected) and (result["status"], result["path"]) == ("ok", None)
    assert [person["id"] for person in result["people"]] == [1, 2]
    for ours, theirs in zip(result["people"], expected["people"], strict=True):
        assert ours["verdict"] == theirs["verdict"]
        assert ours["fake_probability"] == pytest.approx(theirs["fake_probability"], abs=1e-3)
        assert [frame["t"] for frame in ours["frames"]] == [frame["t"] for frame in theirs["frames"]]


def test_what_is_no_video_gets_no_score(client, pictures):
    from gradio_client import handle_file

    result = client.predict(handle_file(str(pictures / "face.png")), api_name="/analyze_video")
    assert (result["status"], result["verdict"], result["people"]) == ("unsupported", None, [])
    assert "face.png" in result["message"]


def test_three_functions_are_offered_in_words(client):
    offered = client.view_api(return_format="dict", print_info=False)
    labels = {
        name: [part["label"] for part in [*endpoint["parameters"], *endpoint["returns"]]]
        for name, endpoint in offered["named_endpoints"].items()
    }
    assert labels == {
        "/analyze": ["Photo", "Result"],
        "/analyze_batch": ["Photos", "Result"],
        "/analyze_video": ["Video", "Result"],
    }
    assert offered["unnamed_endpoints"] == {}


def call(page_url: str, photo: object, name: str = "analyze") -> httpx.Response:
    """The answer to a call whose payload no Gradio client would build."""
    return httpx.post(f"{page_url}/gradio_api/call/{name}", json={"data": [photo]})


def post(page_url: str, photo: object, name: str = "analyze") -> str:
    """The event stream of such a call."""
    event = call(page_url, photo, name).json()["event_id"]
    with httpx.stream("GET", f"{page_url}/gradio_api/call/{name}/{event}", timeout=60) as stream:
        return stream.read().decode()


@pytest.mark.parametrize("meta", [{}, {"meta": {"_type": "gradio.FileData"}}])
@pytest.mark.parametrize("name", ["analyze", "analyze_batch", "analyze_video"])
def test_the_server_s_own_files_are_out_of_reach(page_url, pictures, name, meta):
    file = {"path": str(pictures / "face.png"), **meta}
    answer = call(page_url, [file] if name == "analyze_batch" else file, name)
    assert answer.status_code == 400 and "upload the picture itself" in answer.json()["detail"]
    assert str(pictures) not in answer.text


@pytest.mark.parametrize("path", ["README.md", "../nobody.png", "/etc/passwd", "\0"])
def test_where_the_server_keeps_its_files_is_not_told(page_url, path):
    """Marked as a file, a path would be looked up by Gradio, whose own messages name the server's folders."""
    answer = call(page_url, {"path": path, "meta": {"_type": "gradio.FileData"}})
    assert answer.status_code == 400 and "upload the picture itself" in answer.json()["detail"]
    assert str(Path.cwd()) not in answer.text


def test_a_file_without_a_path_is_no_photo(page_url):
    answer = post(page_url, {"path": "", "meta": {"_type": "gradio.FileData"}})
    assert answer.startswith("event: error")
    assert str(Path.cwd()) not in answer and "Traceback" not in answer


def test_a_call_without_a_photo_says_what_to_do(page_url):
    answer = post(page_url, None)
    assert answer.startswith("event: error")
    assert "photo first" in json.loads(answer.split("data: ")[1])["error"]
    assert "photos first" in post(page_url, [], "analyze_batch")
    assert "video first" in post(page_url, None, "analyze_video")
