"""Take the TCP port before anything else starts, so that a taken one is said at once."""

import errno
import socket

from classroom_sync.errors import CannotStart


def bind_tcp(host: str, port: int) -> socket.socket:
    """A bound socket, not yet listening; port 0 takes a free one. Raises CannotStart."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(0)  # a port that another server listens on is refused here at the latest
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(
                f"port {port} on {host} is taken by another program; stop that one, or choose "
                "another with --port (0 picks a free one)"
            ) from error
        raise CannotStart(
            f"can't listen on {host}, port {port}: {error.strerror}; check --host and --port"
        ) from error
    return bound


def url_of(bound: socket.socket) -> str:
    """`http://…` of a bound socket, as someone on this machine would open it."""
    host, port = bound.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
