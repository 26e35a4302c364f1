from __future__ import annotations

import pytest

from deepdect.ui import rate


def test_a_client_waits_until_its_oldest_request_is_a_minute_old():
    now = [0.0]
    limit = rate.Rate(2, clock=lambda: now[0])
    assert limit.wait("a") == 0
    now[0] = 20
    assert limit.wait("a") == 0
    now[0] = 50
    assert limit.wait("a") == 10
    assert limit.wait("b") == 0  # another client's business
    now[0] = 60
    assert limit.wait("a") == 0  # what was refused did not count
    assert limit.wait("a") == 20


def test_no_more_clients_are_remembered_than_fit(monkeypatch):
    monkeypatch.setattr(rate, "CLIENTS", 2)
    limit = rate.Rate(1, clock=lambda: 0.0)
    assert [limit.wait(client) for client in "abc"] == [0, 0, 0]
    assert limit.wait("c") == 60  # still known
    assert limit.wait("a") == 0  # forgotten, as the one that was quiet for longest
    assert len(limit._seen) == 2


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("made up", "unknown"),
        (None, "unknown"),
    ],
)
def test_who_counts_as_one_client(address, expected):
    assert rate.client(address) == expected
