"""The acceptance test of a room: run by the room's browser, judged and signed by the server."""
