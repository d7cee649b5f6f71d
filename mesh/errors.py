"""The error tree.

MeshError
├── FatalError             stop the process, do not restart it: only a person can mend it
│   ├── SettingsError      settings that are unknown or wrong, all of them at once
│   ├── FeedRefusedError   the vendor refused the key or the plan
│   ├── BrokerVersionError the server is too old
│   └── TopologyError      what the server holds cannot be reconciled with nats/
└── BrokerError            the server answered with an error, or not at all: worth another try
    └── FencedError        somebody else wrote since: this process is no longer the owner
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


class BrokerError(MeshError):
    """The server refused a request or did not answer; the state on the server is unknown."""

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        """The server's `err_code`, None if it did not answer."""


class FencedError(BrokerError):
    """A compare-and-set was refused: another process has written, so this one must stop writing."""
