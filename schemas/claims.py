"""Which claims of an OpenID Connect provider make somebody an operator or an admin here."""

import msgspec


class RoleValues(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Values of the claim of roles, by the role that each of them gives."""

    operator: list[str] = []
    admin: list[str] = []


def parse_role_values(text: str) -> RoleValues:
    """The values that *text*, a JSON object, gives for each role.

    JSON, and no list with commas, because a value may be the name of a group in a directory
    (`cn=desk,ou=groups`).

    Raises:
        ValueError: it is no such object.
    """
    return msgspec.json.decode(text, type=RoleValues)
