"""ICE connectivity checks, sent one by one and by hand (RFC 8445, 7.2)."""

import asyncio
import socket

from aioice import stun


def check_request(server: tuple[str, str], client: str) -> stun.Message:
    """A check that nominates, with the `server`'s ufrag and password and the `client`'s ufrag."""
    ufrag, password = server
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["USERNAME"] = f"{ufrag}:{client}"
    request.attributes["PRIORITY"] = 1_862_270_975
    request.attributes["ICE-CONTROLLING"] = 1
    request.attributes["USE-CANDIDATE"] = None
    request.add_message_integrity(password.encode())
    return request


async def check_is_answered(
    sock: socket.socket, server: tuple[str, str], client: str, within: float = 2.0
) -> bool:
    """Whether a check from `sock` is answered, and with the same password. Sent again each 0.1 s
    until then; whatever else arrives meanwhile is dropped."""
    request = check_request(server, client)
    loop = asyncio.get_running_loop()
    ends = loop.time() + within
    while loop.time() < ends:
        sock.send(bytes(request))
        try:
            async with asyncio.timeout(0.1):
                while True:
                    if _answers(await loop.sock_recv(sock, 2048), request, server[1]):
                        return True
        except TimeoutError:
            continue
    return False


def _answers(data: bytes, request: stun.Message, password: str) -> bool:
    if data[:1] >= b"\x04":
        return False
    message = stun.parse_message(data)
    return (
        message.message_class is stun.Class.RESPONSE
        and message.transaction_id == request.transaction_id
        and message.check_message_integrity(password.encode())
    )
