"""The socket the server listens on, opened before anything else, so that a taken port is said at once."""

from __future__ import annotations

import errno
import socket

from server.failure import StartFailure
from server.settings import Settings

_BACKLOG = 2048


class PortTaken(StartFailure):
    """Another program listens on the port."""


def open_listener(settings: Settings) -> socket.socket:
    """Return a listening socket; whoever connects before the application is up waits for it.

    Raises PortTaken, or StartFailure when the address or the port is not ours to listen on.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=_BACKLOG)
    except PermissionError as error:
        raise StartFailure(
            f"Port {settings.port} needs more rights than this account has: choose one above 1023, such as PORT=8000."
        ) from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"Port {settings.port} is taken: stop what listens there, or choose another port, "
                f"such as PORT={settings.port % 65535 + 1} make run"
            ) from error
        raise StartFailure(f"HEARTH_HOST={settings.host} is no address of this machine: {error}") from error
