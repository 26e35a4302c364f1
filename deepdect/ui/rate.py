"""How often one client may ask."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable

CLIENTS = 10_000  # remembered at once; beyond it the one that was quiet for longest is forgotten


class Rate:
    """At most `limit` requests in any `seconds` of one client. Not for use from several threads.

    clock: seconds, monotonic.
    """

    def __init__(self, limit: int, seconds: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._seconds, self._clock = limit, seconds, clock
        self._seen: OrderedDict[Hashable, deque[float]] = OrderedDict()

    def wait(self, client: Hashable) -> float:
        """0 where the client may go on, which counts as a request; else the seconds until it may."""
        now = self._clock()
        times = self._seen.setdefault(client, deque())
        self._seen.move_to_end(client)
        if len(self._seen) > CLIENTS:
            self._seen.popitem(last=False)
        while times and times[0] <= now - self._seconds:
            times.popleft()
        if len(times) >= self._limit:
            return times[0] + self._seconds - now
        times.append(now)
        return 0.0


def client(address: str | None) -> str:
    """What counts as one client: an IPv4 address, or the 64 bits of an IPv6 address that a connection's owner gets."""
    try:
        known = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(known, ipaddress.IPv6Address):
        if known.ipv4_mapped is None:
            return str(ipaddress.ip_network((known, 64), strict=False))
        known = known.ipv4_mapped
    return str(known)
