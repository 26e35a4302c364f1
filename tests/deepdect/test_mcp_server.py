"""The tools as an MCP client finds them: over standard input and output of the real command."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from deepdect import video

pytest.importorskip("mcp", reason="mcp is not installed")

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from deepdect import mcp_server

ROOT = Path(__file__).resolve().parents[2]


async def ask(*calls: tuple[str, dict[str, Any]]) -> tuple[list[str], list[Any]]:
    """The server's tools, and the answer of each call."""
    server = StdioServerParameters(command=sys.executable, args=["-m", "deepdect", "mcp"], cwd=ROOT)
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        tools = [tool.name for tool in (await session.list_tools()).tools]
        return tools, [await session.call_tool(name, arguments) for name, arguments in calls]


@pytest.fixture(scope="module")
def answers(portrait, clip, tmp_path_factory):
    garbage = tmp_path_factory.mktemp("mcp") / "garbage.jpg"
    garbage.write_bytes(b"no picture")
    calls = (
        ("analyze", {"path": str(portrait)}),
        ("analyze_batch", {"paths": [str(garbage), str(portrait)]}),
        ("analyze_video", {"path": str(clip), "fps": 2}),
        ("analyze_video", {"path": str(clip), "fps": 0}),
    )
    # in a thread of its own: the browser tests' Playwright leaves an event loop running in this one
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, ask(*calls)).result()


def same(ours: Any, theirs: Any) -> bool:
    """Equal but for the time that it took, and rounding between two processes."""
    if isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(
            same(value, theirs[key]) for key, value in ours.items() if key != "elapsed_ms"
        )
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return ours == (pytest.approx(theirs, abs=1e-2) if isinstance(ours, float) else theirs)


def test_there_is_a_tool_for_each_endpoint(answers):
    assert sorted(answers[0]) == ["analyze", "analyze_batch", "analyze_video"]


def test_every_tool_answers_with_the_contract_s_json(answers, detector, portrait, clip):
    photo, batch, film, _ = answers[1]
    expected = detector.analyze(portrait).to_json()
    assert same(photo.structured_content, expected) and same(json.loads(photo.content[0].text), expected)
    first, second = batch.structured_content["result"]
    assert first["status"] == "unsupported" and same(second, expected)
    assert same(film.structured_content, video.analyze(detector, clip, 2).to_json())


def test_a_mistake_is_an_error_that_says_what_to_do(answers):
    refused = answers[1][3]
    assert refused.is_error and "fps must be above 0" in refused.content[0].text


def test_the_first_questions_share_one_detector(monkeypatch):
    made, all_asked = [], threading.Barrier(3)

    class Slow:
        def __init__(self) -> None:
            made.append(self)
            time.sleep(0.2)  # the others ask meanwhile

        def analyze(self, path: str, verify: bool) -> Any:
            return SimpleNamespace(to_json=lambda: {"path": path})

    server = mcp_server.build(Slow)

    def ask_one(path: str) -> None:
        all_asked.wait(30)
        asyncio.run(server.call_tool("analyze", {"path": path}))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(ask_one, "abc"))
    assert len(made) == 1
