"""The error tree.

MeshError
├── FatalError             stop the process, do not restart it: only a person can mend it
│   ├── SettingsError      settings that are unknown or wrong, all of them at once
│   ├── FeedRefusedError   the vendor refused the key or the plan
│   ├── BrokerVersionError the server is too old
│   ├── TopologyError      what the server holds cannot be reconciled with nats/
│   └── ServiceRefusedError the Widget Data Service wants nothing more from this client
├── SubscriptionRefusedError the Widget Data Service refused a feed or a view, or has ended it
├── ConflictError          somebody else has changed what a person wanted to change
├── BrokerError            the server answered with an error, or not at all: worth another try
│   └── FencedError        somebody else wrote since: this process is no longer the owner
└── TokenError             what a client showed is no token that lets it in here and now
"""


class MeshError(Exception):
    """Any error that the mesh raises itself."""


class FatalError(MeshError):
    """Nothing but a person can mend this; the process stops with exit code 78 and stays stopped."""


class SettingsError(FatalError):
    """One line for each setting that is unknown or wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class FeedRefusedError(FatalError):
    """The vendor refused to serve: wrong key, or a plan without this feed."""


class BrokerVersionError(FatalError):
    """The server is older than what the mesh relies on."""


class TopologyError(FatalError):
    """A stream or bucket exists with a definition that cannot be changed to ours."""


class ServiceRefusedError(FatalError):
    """The Widget Data Service ended the connection, and to come back as one is would not help."""

    def __init__(self, message: str, *, code: int | None) -> None:
        super().__init__(message)
        self.code = code
        """Of `schemas.widget.CLOSE_CODES`, or the HTTP status of the refusal; None: it speaks another protocol."""


class SubscriptionRefusedError(MeshError):
    """The Widget Data Service refused a feed or a view, or has ended a subscription; the connection goes on."""

    def __init__(self, message: str, *, feed: str, place: int | None = None) -> None:
        super().__init__(message)
        self.feed = feed
        self.place = place
        """Where in `where` it is wrong, a character from 0 on."""


class ConflictError(MeshError):
    """Somebody else has changed since what a person wanted to change; it is as they want it."""

    def __init__(self, message: str, *, present: object, revision: int) -> None:
        super().__init__(message)
        self.present = present
        """A `schemas.control.Wanted`, with who wants it."""
        self.revision = revision


class BrokerError(MeshError):
    """The server refused a request or did not answer; the state on the server is unknown."""

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        """The server's `err_code`, None if it did not answer."""


class FencedError(BrokerError):
    """A compare-and-set was refused: another process has written, so this one must stop writing."""


class TokenError(MeshError):
    """What a client showed does not let it in. The text says why, for the client, and holds nothing of a token."""
