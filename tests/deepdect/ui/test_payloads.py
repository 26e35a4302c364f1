"""Any payload: the page answers with a result or a refusal, tells nothing of the server, and goes on."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import HealthCheck, given, settings

from tests.hostile import payloads

# The same requests in every run; `make fuzz WHAT=api` is for finding new ones.
suite = settings(
    max_examples=120, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def web(page_url):
    with httpx.Client(base_url=page_url) as client:
        yield client


@suite
@given(sent=payloads.requests())
def test_every_payload_is_answered(web, sent):
    print(sent.path, payloads.answered(web, sent))


def test_the_payloads_reach_the_functions(web):
    """Else the test above would only show that the gate refuses everything."""
    whole = payloads.Request("/gradio_api/call/analyze", b'{"data": [null]}')
    assert payloads.answered(web, whole) == "error"
    assert payloads.answered(web, payloads.Request("/gradio_api/call/analyze", b"{")) == "400"


@pytest.mark.parametrize(
    "answer", ['File "x"', "Traceback (most recent call last)", str(payloads.ROOT), "/lib/site-packages/x"]
)
def test_a_careless_answer_would_be_noticed(answer):
    def careless(request):
        return httpx.Response(400, text=answer)

    with (
        httpx.Client(transport=httpx.MockTransport(careless), base_url="http://page") as client,
        pytest.raises(AssertionError),
    ):
        payloads.answered(client, payloads.Request("/gradio_api/call/analyze", b"{}"))
