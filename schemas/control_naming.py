"""Names of the control plane: subjects and keys of what persons want, may and did. Built and parsed here, and nowhere else."""

import re
from hashlib import sha256

from schemas.naming import is_token_id


_ACTION = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")


def audit_subject(action: str) -> str:
    """Where what was done is written down: `audit.feed.stop`.

    Raises:
        ValueError: *action* is not lower-case words with dots and hyphens between them.
    """
    if not _ACTION.fullmatch(action):
        raise ValueError(f"an action must be like feed.stop, was {action[:100]!r}")
    return f"audit.{action}"


def control_key(kind: str, name: str) -> str:
    """The key of what is wanted of one thing: `feed.massive`.

    Raises:
        ValueError: *name* is no token.
    """
    if not is_token_id(name):
        raise ValueError(f"a name must be 1–64 letters, digits or - _, was {name[:100]!r}")
    return f"{kind}.{name}"


def parse_control_key(key: str) -> tuple[str, str]:
    """The kind and the name of a key of KV `control`."""
    kind, _, name = key.partition(".")
    return kind, name


def reading_subject(program: str, what: str, instance: str = "") -> str:
    """Where a program, or one instance of it, answers questions: `ctl.listener.get.status`."""
    return ".".join(filter(None, ("ctl", program, "get", what, instance)))


def changing_subject(program: str, what: str, instance: str = "") -> str:
    """Where a program, or one instance of it, is told what to do: `ctl.listener.do.stop`."""
    return ".".join(filter(None, ("ctl", program, "do", what, instance)))


def layouts_key(user: str) -> str:
    """The key of the layouts of a user, whatever is in the name."""
    return user_key(user) or "-"


def shared_layout_key(user: str, share_id: str) -> str:
    """The key of a layout that a user lets others see; either may be `*`, for all."""
    return f"{user if user == '*' else layouts_key(user)}.{share_id}"


def parse_shared_layout_key(key: str) -> tuple[str, str]:
    """The key of the user, and the id, of a layout that is shared."""
    user, _, share_id = key.partition(".")
    return user, share_id


def user_key(user: str) -> str:
    """The key of a user, whatever is in the name."""
    return user.encode().hex()


def attempts_key(kind: str, name: str) -> str:
    """The key that counts failed sign-ins of a user or from an address: `user.2f1a…`; names of any length have one."""
    return f"{kind}.{sha256(name.encode()).hexdigest()[:32]}"


def revoked_key(token_id: str) -> str:
    """The key that says that a client's token was taken back: its id.

    Raises:
        ValueError: it is no id; what was given is not shown, because it may be a token.
    """
    if not is_token_id(token_id):
        raise ValueError("the id of a token must be 1–64 letters, digits or - _")
    return token_id
