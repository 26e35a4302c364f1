"""What a request must be before Gradio sees it.

Gradio's server can do more than this page needs: fetch addresses that a visitor names, run ffmpeg over an upload, keep
as much as anyone sends, and answer any web site that a visitor's browser happens to be on. The gate lets through what
the page and its API use, from the page itself or from a client that is no browser, within limits.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import shutil
import traceback
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gradio.utils import get_upload_folder
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deepdect.ui.rate import Rate, client

LOG = logging.getLogger("deepdect")
UPLOAD_BYTES = 1024 * 2**20  # of one request, in which a browser sends a whole batch; each file has its own limit
JSON_BYTES = 2**20  # of any other request
FREE_BYTES = 512 * 2**20  # what must be left on the disk after an upload
LOGINS = 10  # attempts a minute and client
LOOPBACK = {"127.0.0.1", "localhost", "::1"}

API = "/gradio_api/"
# First parts of the paths that the page, its API and gradio_client ask for; all else that Gradio offers is refused.
_PAGE = {"", "config", "theme.css", "static", "assets", "svelte", "favicon.ico", "robots.txt", "manifest.json"}
_PAGE |= {"login", "logout"}
_ICONS = {"/pwa_icon", "/pwa_icon/192", "/pwa_icon/512"}
_API = {"info", "openapi.json", "app_id", "user", "login_check", "startup-events", "theme.css", "custom_component"}
_API |= {"heartbeat", "queue", "call", "run", "api", "cancel", "reset", "upload", "upload_progress"}
# What is counted, each kind for itself, so that a picture's upload and its analysis are one request of each.
_KINDS = {"upload": "upload", "queue": "call", "call": "call", "run": "call", "api": "call"}
LIVE_PATHS = {f"{API}run/live", f"{API}run/live/", f"{API}api/live", f"{API}api/live/"}
LIVE_FRAMES = 15 * 60  # of the camera, a minute and client, where requests are counted; live.js sends 12 a second
BUSY = "Deep Dect is busy. Try again in a minute."
# Where a name or a message should ever pass for HTML, it still loads nothing from elsewhere.
POLICY = "frame-ancestors 'self'; img-src 'self' data: blob:; media-src 'self' data: blob:; connect-src 'self'"
MISUNDERSTOOD = "The request is not understood. Send what the page's API describes (/gradio_api/info)."
RETRY = {"Retry-After": "60"}


class Refusal(Exception):
    """A request that is answered here, with an HTTP status and a message that names nothing of the server."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.response = JSONResponse({"detail": message}, status, headers)


class Gate:
    """ASGI middleware. local: the page serves this machine alone. rate: requests a minute, client and kind."""

    def __init__(self, app: ASGIApp, *, local: bool = False, rate: int | None = None) -> None:
        self._app, self.local = app, local
        self._promised = 0  # bytes of the uploads that are on their way
        self._rates = {"login": Rate(LOGINS)}
        if rate is not None:
            self._rates |= {kind: Rate(rate) for kind in set(_KINDS.values())} | {"live": Rate(LIVE_FRAMES)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with the reason why not."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] != "http":  # a WebSocket; the page opens none
            return await send({"type": "websocket.close", "code": 1008})
        path = re.sub("/+", "/", scope["path"])
        answer = _Answer(scope, receive, send)
        promised = 0
        try:
            _check_route(path)
            self._check_sender(Headers(scope=scope))
            if scope["method"] == "POST":
                self._check_rate(scope, path)
                promised = _check_room(scope, path, self._promised)
                self._promised += promised
                receive = await _checked_body(scope, path, receive)
            await self._app(scope, receive, answer)
        except Refusal as refusal:  # also while Gradio reads an upload
            await refusal.response(scope, receive, _plain(send))
        except ClientDisconnect:  # in the middle of an upload: nobody to answer, and nothing to log a traceback for
            return
        except Exception as error:  # Gradio stumbles over many a payload that its own clients would never send
            if answer.started:
                raise
            LOG.warning("a request to %s was refused: %s", _known(path), _where(error))
            await Refusal(400, MISUNDERSTOOD).response(scope, receive, _plain(send))
        finally:
            self._promised -= promised

    def _check_sender(self, headers: Headers) -> None:
        """Whether this is our page's request, and not that of another site in a visitor's browser."""
        host = _name(headers.get("host", ""))
        if self.local and host not in LOOPBACK:  # a foreign name made to point to this machine (DNS rebinding)
            raise Refusal(
                403,
                "This page answers at 127.0.0.1 and localhost alone. Behind a proxy, start it with --trusted-proxy; "
                "for other machines, with --host.",
            )
        origin = headers.get("origin")  # browsers always send it where it matters, and do not let scripts change it
        if origin is None:
            return
        ours = {host, _name(headers.get("x-forwarded-host", ""))} - {""}
        scheme, _, rest = origin.partition("://")
        if scheme not in {"http", "https"} or _name(rest) not in ours:
            raise Refusal(403, "Requests from other web sites are refused. Open the page itself, or use its API.")

    def _check_rate(self, scope: Scope, path: str) -> None:
        kind = "login" if _part(path, "/") == "login" else _KINDS.get(_part(path, API), "")
        if path in LIVE_PATHS:
            kind = "live"
        if kind not in self._rates:
            return
        seconds = self._rates[kind].wait(client((scope.get("client") or (None,))[0]))
        if seconds:
            wait = math.ceil(seconds)
            raise Refusal(429, f"Too many requests. Try again in {wait} s.", {"Retry-After": str(wait)})


def _known(path: str) -> str:
    """The path's fixed part, which holds nothing that a visitor wrote."""
    part = _part(path, API)
    return f"{API}{part}" if part in _API else "the page"


def _where(error: Exception) -> str:
    """What went wrong and where, for the log, without the error's words: they may quote what a visitor sent."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(frame.filename).name}:{frame.lineno}"


def _check_route(path: str) -> None:
    """Whether the page needs what is asked for."""
    if not path.startswith(API):
        known = _part(path, "/") in _PAGE or path in _ICONS  # Gradio would draw the icon in any size
    elif path.startswith(f"{API}file="):
        if re.match(r"[a-z][a-z0-9+.-]*:", path.removeprefix(f"{API}file="), re.IGNORECASE):
            raise Refusal(403, "Only files of this page are served, no other addresses.")  # Gradio would fetch them
        known = True
    else:
        known = _part(path, API) in _API
    if not known:
        raise Refusal(404, "Not found.")


def _check_room(scope: Scope, path: str, promised: int) -> int:
    """Bytes that this request may bring to the disk, 0 if it is no upload. promised: those of others, under way."""
    upload = _part(path, API) == "upload"
    limit = UPLOAD_BYTES if upload else JSON_BYTES
    # without a length, an upload may be as long as any
    declared = Headers(scope=scope).get("content-length", str(limit) if upload else "0")
    if not declared.isdecimal() or int(declared) > limit:
        raise _too_large(limit)
    if not upload:
        return 0
    folder = Path(get_upload_folder())
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder).free < FREE_BYTES + promised + int(declared):
        raise Refusal(503, "Deep Dect has no room for more pictures. Try again in half an hour.", RETRY)
    return int(declared)


def _too_large(limit: int) -> Refusal:
    return Refusal(413, f"The request has more than {limit:,} bytes. Send less at once.")


async def _checked_body(scope: Scope, path: str, receive: Receive) -> Receive:
    """The body, held against the limits: an upload's while it streams, any other before it is passed on."""
    if _part(path, API) == "upload":
        return _limited(receive, UPLOAD_BYTES, _too_large(UPLOAD_BYTES))
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "The request is incomplete.")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > JSON_BYTES:
            raise _too_large(JSON_BYTES)
    if _part(path, "/") != "login":  # which is a form
        _check_json(bytes(body))
    return _replayed(bytes(body), receive)


def _check_json(body: bytes) -> None:
    """Whether it can be read, and names only uploads as files: Gradio would download an address, and log the rest."""
    try:
        document = json.loads(body or b"null")
    except (ValueError, RecursionError):
        raise Refusal(400, "The request's body is not the JSON that was expected.") from None
    folder = Path(get_upload_folder()).resolve()
    for entry in _dictionaries(document):
        path = entry.get("path")
        if path in ("", None):
            continue
        if not isinstance(path, str) or "\0" in path or not Path(path).resolve().is_relative_to(folder):
            raise Refusal(400, "Only files that were uploaded to this page are analysed: upload the picture itself.")


def _dictionaries(document: Any) -> Iterator[dict[str, Any]]:
    """Every object inside a JSON document."""
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _limited(receive: Receive, limit: int, too_large: Refusal) -> Receive:
    """An upload as it streams in, until it exceeds its limit: its sender need not say its length before."""
    left = limit

    async def counted() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise too_large
        return message

    return counted


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body as one message, then whatever the connection says."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


class _Answer:
    """The answer on its way out: a full queue is told in words that say what to do."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, _plain(send)
        self._replaced = self.started = False

    async def __call__(self, message: Message) -> None:
        if self._replaced:
            return
        self.started = True
        if message["type"] == "http.response.start" and message["status"] == 503:
            self._replaced = True
            await JSONResponse({"detail": BUSY}, 503, RETRY)(self._scope, self._receive, self._send)
        else:
            await self._send(message)


def _plain(send: Send) -> Send:
    """Answers that no browser takes for anything but what they say they are."""

    async def marked(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Referrer-Policy"] = "same-origin"
            if not os.environ.get("SPACE_ID"):  # which Hugging Face shows inside its own page
                headers["Content-Security-Policy"] = POLICY
        await send(message)

    return marked


def _part(path: str, prefix: str) -> str:
    """The first part of a path after the prefix; empty where it has another one."""
    return path.removeprefix(prefix).split("/")[0] if path.startswith(prefix) else ""


def _name(host: str) -> str:
    """The name in a Host header, without the port; empty where there is none that can be read."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
