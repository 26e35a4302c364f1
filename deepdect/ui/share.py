"""The public link, and what is true about privacy on each way to the page."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import gradio as gr
from gradio import networking

from deepdect.texts import Texts

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class NoLinkError(RuntimeError):
    """No public link can be made; the message says why."""


def public_link(page: gr.Blocks) -> str:
    """Open a public link to a launched page and return its address. Raises NoLinkError.

    Not `launch(share=True)`: that swallows the reason of a failure, and the page would load its scripts from elsewhere.
    """
    try:
        address = networking.setup_tunnel(
            local_host=page.server_name,
            local_port=page.server_port,
            share_token=page.share_token,
            share_server_address=None,
            share_server_tls_certificate=None,
        )
    except Exception as error:  # whatever goes wrong between here and Gradio's servers, the page must go on
        reasons = [str(reason).strip() for reason in (error, error.__cause__) if reason and str(reason).strip()]
        raise NoLinkError("; ".join(reasons) or type(error).__name__) from error
    return urlsplit(address)._replace(scheme="https").geturl()


def privacy(host: str, link: str | None, text: Texts) -> str:
    """What happens to a picture that is sent to this page.

    host: the address under which the browser reached it (the request's Host header). link: the public link, if any.
    """
    name = urlsplit(f"//{host}").hostname or ""
    if os.environ.get("SPACE_ID"):
        return text.private_space
    if link:
        return text.private_shared
    return text.private_local if name in LOOPBACK else text.private_remote.format(host=name)
