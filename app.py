"""Entry point of the web page, `python app.py` (`--help` lists the options), and what Hugging Face Spaces runs."""

from __future__ import annotations

import argparse
import os
import sys


def main() -> None:
    """Parse the command line, load the detector, serve the page until interrupted."""
    here = "0.0.0.0" if os.environ.get("SPACE_ID") else "127.0.0.1"  # a Space is reached from outside
    parser = argparse.ArgumentParser(description="Serve Deep Dect's web page.")
    parser.add_argument("--host", default=here, help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=7860, help="port to listen on (%(default)s)")
    parser.add_argument("--share", action="store_true", help="also make a public link, relayed by Gradio's servers")
    parser.add_argument("--auth", metavar="USER:PASSWORD", help="ask visitors to log in (or set DEEPDECT_AUTH)")
    parser.add_argument("--rate", type=int, metavar="N", help="uploads, and questions, a minute of one client")
    parser.add_argument(
        "--trusted-proxy",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="whose X-Forwarded-For names the client, an address or a network; may be given several times",
    )
    parser.add_argument(
        "--lang", default="auto", metavar="CODE", help="language to begin with: en, de, ar ... (auto: the browser's)"
    )
    arguments = parser.parse_args()

    if not 0 <= arguments.port <= 65535:
        parser.error(f"--port {arguments.port}: expected 1 to 65535, or 0 for any free one")

    # Imported only now: these take seconds, and --help and mistakes should be answered at once.
    from deepdect import Detector
    from deepdect.memory import keep_large_blocks
    from deepdect.runtime import RuntimeUnavailableError
    from deepdect.texts import CODES
    from deepdect.weights import WeightsError

    if arguments.lang not in ("auto", *CODES):
        parser.error(f"--lang {arguments.lang}: expected auto or one of {', '.join(CODES)}")
    keep_large_blocks()
    try:
        detector = Detector()
    except (RuntimeUnavailableError, WeightsError, ValueError) as error:
        sys.exit(f"Deep Dect cannot start: {error}")

    from deepdect import ui

    try:
        access = ui.Access.from_options(arguments.auth, arguments.rate, arguments.trusted_proxy)
    except ValueError as error:
        sys.exit(f"Deep Dect cannot start: {error}")
    lang = None if arguments.lang == "auto" else arguments.lang
    ui.serve(detector, host=arguments.host, port=arguments.port, share=arguments.share, access=access, lang=lang)


if __name__ == "__main__":
    main()
