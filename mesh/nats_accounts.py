"""The accounts of a broker: what each may have, what is shared between them, and how servers are told.

Why there are two, and why readers are not in that of the streams: see `mesh.permissions`.
"""

from mesh import nats_jwt
from mesh.nats_jwt import Claims
from mesh.permissions import PUBLIC_SUBJECTS, in_domain, readable


_GB = 1 << 30
_JETSTREAM = {
    "mem_storage": 8 * _GB,
    "disk_storage": 32 * _GB,
    "streams": 64,
    "consumer": 500,
    "max_bytes_required": True,
}
"""Of all streams together, each replica counted: room for those of nats/ on five servers. Consumers are those of one stream.

A single server that has less (`max_memory_store`, `max_file_store` of server.conf) gives the account nothing at all.
"""
_READERS_LIMITS = {"conn": 256, "leaf": 0}
"""Connections of all who read; leaf nodes would bring whole servers."""


def of_programs(key: str) -> Claims:
    """The account with the streams."""
    return nats_jwt.account("MESH", key, limits={**_JETSTREAM, "leaf": 0}, exports=_exports())


def of_readers(key: str, programs: str) -> Claims:
    """The account of those who read, into which that of the *programs* lets what is public."""
    return nats_jwt.account("EXTERNAL", key, limits=_READERS_LIMITS, imports=_imports(programs))


def configuration(operator: str, system_account: str, accounts: dict[str, str]) -> str:
    """What a server includes: JWTs of the *operator* and of each of the *accounts*, by public key."""
    preload = "\n".join(f"  {key}: {token}" for key, token in accounts.items())
    return (
        "# Whom a server believes. It holds no secret; each server needs a folder of its own that it\n"
        "# can write to, where it keeps what it is told later: who was taken back is known after a restart.\n"
        f"operator: {operator}\nsystem_account: {system_account}\n"
        'resolver { type: full, dir: $MESH_BROKER_ACCOUNTS, interval: "5s" }\n'
        f"resolver_preload {{\n{preload}\n}}\n"
        "# A user shows all that it may do when it connects, which is more than the usual 4 KB.\n"
        "max_control_line: 16KB\n"
    )


def _exports() -> list[Claims]:
    streams = [{"name": each, "subject": each, "type": "stream"} for each in PUBLIC_SUBJECTS]
    services = [
        {"name": each, "subject": each, "type": "service", "response_type": "Stream"}
        for each in readable()
    ]
    return streams + services


def _imports(account: str) -> list[Claims]:
    streams = [
        {"name": each, "subject": each, "account": account, "type": "stream"}
        for each in PUBLIC_SUBJECTS
    ]
    services = [
        {"name": each, "subject": each, "local_subject": in_domain(each), "account": account, "type": "service"}
        for each in readable()
    ]  # fmt: skip
    return streams + services
