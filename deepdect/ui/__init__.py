"""The web page: the only place that imports Gradio."""

from __future__ import annotations

import atexit
import errno
import os
import shutil
import signal
import socket
import sys
import tempfile
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read while Gradio is imported

import gradio as gr  # noqa: E402  # after the variable

from deepdect import Detector  # noqa: E402  # after the variable
from deepdect.ui import icon, theme, wording  # noqa: E402  # after the variable
from deepdect.ui import share as sharing  # noqa: E402  # after the variable
from deepdect.ui.access import Access  # noqa: E402  # after the variable
from deepdect.ui.page import Page  # noqa: E402  # after the variable
from deepdect.ui.photo import EXAMPLES  # noqa: E402  # after the variable

# What `launch` needs wherever the page is started; also in the tests.
LAUNCH: dict[str, Any] = {
    "theme": theme.theme(),
    "css_paths": [theme.STYLE],
    "js": theme.script(),
    "i18n": wording.in_the_browser(),
    "max_file_size": wording.MEGABYTES * 2**20,  # a video's; photos are held to images.Limits besides
    "run_history": False,  # would keep visitors' pictures in their browsers
    "enable_monitoring": False,
    "pwa": True,
    "favicon_path": str(icon.FILE),
    "head": theme.HEAD,
    "ssr_mode": False,
    "mcp_server": False,
    "allowed_paths": [str(EXAMPLES)],  # wherever the page is started from; by default only its working folder
    "show_error": False,  # except gr.Error, which is meant for visitors; others name the server's folders
    "footer_links": ["api"],
    "state_session_capacity": 1000,
    "quiet": True,
}

EVERYONE = Access()
_folders: set[str] = set()  # made by this process, for uploads


def build(detector: Detector, lang: str | None = None) -> gr.Blocks:
    """The page around a detector, not yet launched; launch it with `LAUNCH`.

    lang: one of `texts.CODES` to begin with; by default each visitor's browser decides.
    """
    given = os.environ.get("GRADIO_TEMP_DIR")
    if given is None or given not in _folders:  # Gradio's own is shared by all users of the machine, and never removed
        if given:
            os.makedirs(given, exist_ok=True)
        folder = tempfile.mkdtemp(prefix="deepdect-", dir=given or None)
        os.environ["GRADIO_TEMP_DIR"] = folder
        _folders.add(folder)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Page(detector, lang).blocks


def _listenable(host: str, port: int) -> int:
    """The port; for 0, which Gradio would take for the page's, one that nobody listens on. Raises OSError."""
    address = host.strip("[]")
    with socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET) as server:
        found: int = server.getsockname()[1]
    return found


def serve(
    detector: Detector,
    *,
    host: str = "127.0.0.1",
    port: int = 7860,
    share: bool = False,
    access: Access = EVERYONE,
    lang: str | None = None,
) -> None:
    """Serve the page until interrupted. With share, also under a public link; where none can be made, it says why.

    lang: one of `texts.CODES` to begin with; by default each visitor's browser decides.

    To be called from the main thread. Raises SystemExit with the reason where the port cannot be had.
    """
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host  # as IPv6 stands in an address
    page = build(detector, lang)
    try:
        port = _listenable(host, port)
        settings = LAUNCH | access.launch(host, share)
        page.launch(server_name=host, server_port=port, prevent_thread_lock=True, share=False, **settings)
    except socket.gaierror as error:
        raise SystemExit(f"--host {host}: no such address ({error.strerror}).") from error
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise SystemExit(f"--host {host}: is no address of this machine.") from error
        raise SystemExit(f"{host}, port {port}, is taken or not allowed. Choose another with --port.") from error
    print(f"Deep Dect is at {page.local_url} (stop it with Ctrl+C)", file=sys.stderr, flush=True)
    if share:
        try:
            page.share_url = sharing.public_link(page)  # type: ignore[assignment]  # Gradio declares it as None
            print(f"Public link, for up to a week: {page.share_url}", file=sys.stderr, flush=True)
        except sharing.NoLinkError as error:
            access.close(page.app, host)
            print(f"No public link could be made: {error}", file=sys.stderr)
            print(f"The page still serves at {page.local_url}", file=sys.stderr, flush=True)
    # stopped by a signal, Python would leave visitors' pictures behind in the temporary folder
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        page.block_thread()
    except KeyboardInterrupt:  # a second one, while the page closes
        raise SystemExit(130) from None
    finally:
        signal.signal(signal.SIGTERM, before)
