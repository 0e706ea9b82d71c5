"""What a client may be told, once for the whole package; each message is a sentence for people."""


class MediaError(Exception):
    """Base of what a request for media can end with."""


class BadSdp(MediaError):
    """The body is not a session description this server can read."""


class Unsupported(MediaError):
    """A readable offer that asks for what this server does not do."""


class NoCommonCodec(MediaError):
    """The lesson is published in no codec that this player offered."""


class NotPublished(MediaError):
    """The lead has not published yet."""


class NoSuchResource(MediaError):
    """The media resource does not exist or has ended."""


class PreconditionRequired(MediaError):
    """A PATCH without If-Match."""


class PreconditionFailed(MediaError):
    """A PATCH for an ICE session that is no longer the current one."""


class Overloaded(MediaError):
    """The node has no room for one more."""
