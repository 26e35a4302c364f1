"""Requests that no Gradio client would send, and what every answer to them promises."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 20  # for one answer, its event stream included
NAMES = ["analyze", "analyze_batch", "analyze_video", "live", "lambda", "", "../analyze", "🙂"]
FILE = {
    "path": "sent.png", "url": None, "size": 3, "orig_name": "sent.png", "mime_type": "image/png",
    "is_stream": False, "meta": {"_type": "gradio.FileData"},
}  # fmt: skip
CALL = {"data": [FILE], "session_hash": "fuzz", "fn_index": 0, "event_id": None, "event_data": None, "trigger_id": 1}


@dataclass(frozen=True)
class Request:
    """One POST: path below the page's address, and body."""

    path: str
    body: bytes


_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.text(max_size=30),
    st.sampled_from(["/etc/passwd", "../../x", "http://192.0.2.1/x", "data:image/png;base64,AAAA", "\0", "x" * 5000]),
)
_json = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner), max_leaves=12
)


@st.composite
def _nearly_right(draw: st.DrawFn) -> dict[str, Any]:
    """A call as Gradio's client sends it, but for some fields that hold something else, or are missing."""
    file = {key: draw(_json) if draw(st.integers(0, 3)) == 0 else value for key, value in FILE.items()}
    call: dict[str, Any] = {**CALL, "data": draw(st.sampled_from([[file], [[file, file]], [file] * 3, file, []]))}
    for key in draw(st.lists(st.sampled_from(list(CALL)), max_size=3, unique=True)):
        call.pop(key)
    call["fn_index"] = draw(st.none() | st.integers(-1, 60))
    if draw(st.integers(0, 3)) == 0:  # seldom, since Gradio refuses these before anything of ours sees them
        call[draw(st.sampled_from(list(CALL)))] = draw(_json)
    return call


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Anything, mostly near to what the page's API takes."""
    name = draw(st.sampled_from(NAMES[:4]) | st.sampled_from(NAMES))
    path = draw(
        st.sampled_from([f"call/{name}", f"call/{name}", f"run/{name}", f"api/{name}", "queue/join", "cancel", "reset"])
    )
    kind = draw(st.integers(0, 9))
    if kind == 0:
        body = draw(st.binary(max_size=200))
    elif kind == 1:
        body = b"[" * draw(st.integers(1, 30_000))
    else:
        body = json.dumps(draw(_json if kind == 2 else _nearly_right())).encode("utf-8", "surrogatepass")
    return Request(f"/gradio_api/{path}", body)


def tells_of_the_server(answer: str) -> bool:
    """Whether there is a traceback in it, or a folder of the server's."""
    folders = [str(ROOT), sys.prefix, str(Path.home()), "site-packages"]
    return bool(re.search(r"Traceback|File \"|\.py\b", answer)) or any(folder in answer for folder in folders)


def answered(web: httpx.Client, request: Request) -> str:
    """Send it, and read its event stream where there is one; returns what happened in a word.

    Raises AssertionError for an answer that tells of the server, or that is none; httpx.HTTPError where none comes.
    """
    headers = {"Content-Type": "application/json"}
    answer = web.post(request.path, content=request.body, headers=headers, timeout=SECONDS)
    assert answer.status_code in {200, 400, 401, 403, 404, 405, 413, 422, 429, 500, 503}, answer.status_code
    sent = request.body.decode("utf-8", "replace")
    assert not tells_of_the_server(_without(answer.text, sent)), answer.text
    if answer.status_code == 500:  # Gradio's way to say that a function refused: it must say so in JSON
        assert set(answer.json()) <= {"error", "detail", "title", "duration", "visible", "print_exception"}, answer.text
    event = answer.json().get("event_id") if answer.status_code == 200 and answer.text.startswith("{") else None
    if not event or "/call/" not in request.path:
        return str(answer.status_code)
    stream = web.get(f"{request.path}/{event}", timeout=SECONDS).text
    assert not tells_of_the_server(_without(stream, sent)), stream
    assert "event: complete" in stream or "event: error" in stream, stream
    return "complete" if "event: complete" in stream else "error"


def _without(answer: str, sent: str) -> str:
    """The answer less the words that the client itself sent, which it may repeat."""
    words = sorted({word for word in re.findall(r"[^\s\"\\,{}\[\]]{4,}", sent)}, key=len, reverse=True)
    for word in words:
        answer = answer.replace(word, "")
    return answer
