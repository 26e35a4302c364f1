"""Who may use the page, and how often: what a public host sets."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.middleware import Middleware

from deepdect.ui.gate import LOOPBACK, Gate
from deepdect.ui.leftovers import sweeping

AUTH_VARIABLE = "DEEPDECT_AUTH"  # unlike an argument, not shown to everyone who lists the machine's processes


@dataclass(frozen=True)
class Access:
    """auth: user and password, None for everyone. rate: requests a minute and client, None for any number.

    trusted_proxies: addresses or networks whose X-Forwarded-For says who the client is; nobody else's is believed.
    """

    auth: tuple[str, str] | None = None
    rate: int | None = None
    trusted_proxies: tuple[str, ...] = ()

    @classmethod
    def from_options(cls, auth: str | None, rate: int | None, trusted_proxies: Sequence[str]) -> Access:
        """From the command line and DEEPDECT_AUTH. Raises ValueError, with the option's name."""
        source = "--auth" if auth is not None else AUTH_VARIABLE
        given = auth if auth is not None else os.environ.get(AUTH_VARIABLE)
        user, colon, password = (given or "").partition(":")
        if given is not None and not (user.strip() and colon and password):
            raise ValueError(f"{source}: expected USER:PASSWORD, neither of them empty")  # what was received is secret
        if rate is not None and rate < 1:
            raise ValueError(f"--rate: expected at least 1 request a minute, received {rate}")
        for proxy in trusted_proxies:
            try:
                ipaddress.ip_network(proxy)
            except ValueError as error:
                raise ValueError(f"--trusted-proxy: expected an address or a network, received {error}") from error
        return cls((user.strip(), password) if given is not None else None, rate, tuple(trusted_proxies))

    def launch(self, host: str = "127.0.0.1", share: bool = False) -> dict[str, Any]:
        """The settings of `launch` that hold visitors to this; also tells uvicorn whose X-Forwarded-For to believe."""
        # By default uvicorn believes this machine's, so a local visitor or one through the public link could be anyone.
        os.environ["FORWARDED_ALLOW_IPS"] = ",".join(self.trusted_proxies)
        local = self._is_local(host) and not share
        return {
            "auth": self.auth,
            "strict_cors": True,
            "app_kwargs": {"middleware": [Middleware(Gate, local=local, rate=self.rate)], "lifespan": sweeping},
        }

    def close(self, app: Any, host: str) -> None:
        """Of a page that was to have a public link and got none: after all it answers to this machine's names alone."""
        layer = app.middleware_stack
        while layer is not None and not isinstance(layer, Gate):
            layer = getattr(layer, "app", None)
        if layer is not None and self._is_local(host):
            layer.local = True

    def _is_local(self, host: str) -> bool:
        return host.strip("[]") in LOOPBACK and not self.trusted_proxies
