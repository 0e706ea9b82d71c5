"""Why a file is not taken, as the inspecting process says it."""


class Unfit(Exception):
    """The message is a key of the table of sentences in `inspection`."""
