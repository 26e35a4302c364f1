"""Entry point of the web page: `python app.py [--share] [--port N] [--host H]`, and what Hugging Face Spaces runs."""

from __future__ import annotations

import argparse
import os
import sys

from deepdect import Detector, ui
from deepdect.runtime import RuntimeUnavailableError
from deepdect.weights import WeightsError


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve Deep Dect's web page.")
    on_space = bool(os.environ.get("SPACE_ID"))  # a Space's container must be reached from outside
    here = "0.0.0.0" if on_space else "127.0.0.1"
    parser.add_argument("--host", default=here, help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=7860, help="port to listen on (%(default)s)")
    parser.add_argument("--share", action="store_true", help="also make a public link, relayed by Gradio's servers")
    arguments = parser.parse_args()
    try:
        detector = Detector()
    except (RuntimeUnavailableError, WeightsError, ValueError) as error:
        sys.exit(f"Deep Dect cannot start: {error}")
    ui.serve(detector, host=arguments.host, port=arguments.port, share=arguments.share)


if __name__ == "__main__":
    main()
