"""Who may do what: the roles, each of which may do what the ones before it may."""

from enum import StrEnum


class Role(StrEnum):
    """What somebody may do, least first."""

    VIEWER = "viewer"
    """See boards, rows, alerts and the state of the mesh."""
    OPERATOR = "operator"
    """Run it: start and stop feeds, drain workers."""
    ADMIN = "admin"
    """Decide who may do that, and read the audit."""

    def covers(self, needed: "Role") -> bool:
        """Whether this role may do what *needed* may."""
        return _ORDER.index(self) >= _ORDER.index(needed)


_ORDER = list(Role)
