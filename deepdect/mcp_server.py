"""The detector as tools of the Model Context Protocol: `python -m deepdect mcp`, for assistants that start it.

Not Gradio's own MCP server: that takes pictures as addresses or base64, keeps copies outside the page's temporary
folder, answers with Python's notation instead of JSON, and cannot log in to a page that asks for it. This one runs
where the files are, reads them by path, and no picture leaves the machine.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from deepdect import Detector, __version__, video
from deepdect.runtime import RuntimeUnavailableError
from deepdect.weights import WeightsError

INSTRUCTIONS = """\
Tells whether faces in local photos and videos are real or deepfakes, and which parts of the face say so. A verdict is
'real', 'deepfake' or 'inconclusive'. It is a tool, not a proof, and at times wrong in both directions: never present it
as certain, and say 'inconclusive' where it says so. A status other than 'ok' comes with a message and no verdict. A
region's evidence argues for deepfake where it is positive, in logits; cite it as a reason only if `verified` is true.
"""


def build(detector: Callable[[], Detector]) -> MCPServer[Any]:
    """The server. detector: called once, with the first question, so that an assistant's start is not held up."""
    server: MCPServer[Any] = MCPServer("deepdect", title="Deep Dect", version=__version__, instructions=INSTRUCTIONS)

    one, first = Lock(), cache(detector)

    def judge() -> Detector:
        try:
            with one:  # questions come in threads of their own, and `cache` lets each of the first ones through
                return first()
        except (RuntimeUnavailableError, WeightsError, ValueError) as error:
            raise ToolError(str(error)) from error  # an assistant is told nothing of any other kind

    @server.tool(structured_output=True)
    def analyze(path: str, verify: bool = False) -> dict[str, Any]:
        """Analyse one photo on this machine; the JSON of `deepdect analyze --json`.

        verify also hides each region of every face in turn and fills `drop` and `verified`: ten times the work.
        """
        return judge().analyze(path, verify=verify).to_json()

    @server.tool(structured_output=True)
    def analyze_batch(paths: list[str]) -> list[dict[str, Any]]:
        """Analyse several photos, in order; a file that cannot be analysed says why and does not stop the rest."""
        return [analysis.to_json() for analysis in judge().analyze_many(paths)]

    @server.tool(structured_output=True)
    def analyze_video(path: str, fps: float = 4.0) -> dict[str, Any]:
        """Analyse one video: every person over time with one verdict each; the JSON of `deepdect video --json`.

        fps: frames of a second that are looked at, up to 30.
        """
        try:
            return video.analyze(judge(), path, fps).to_json()
        except ValueError as error:
            raise ToolError(str(error)) from error

    return server
