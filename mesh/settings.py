"""Every setting, declared once.

Each field of `Settings` is one variable (`nats_url` is `MESH_NATS_URL`); the table in the README
and `mesh config` are made from this declaration.
"""

from typing import Annotated, Literal

from mesh.address import check_secure, parse_origins
from mesh.data_settings import DataSettings
from mesh.declaration import (
    about,
    about_port,
    check_public,
    check_scopes,
    check_speed,
    check_start,
    declared,
)
from schemas.claims import parse_role_values


MOST_SESSION_H = 30 * 24
"""As long as KV `sessions` remembers."""
KEY_CHARACTERS = 32
"""Of a key that signs tokens, at least: what is shorter can be guessed."""


class Settings(DataSettings, frozen=True, kw_only=True):
    """Every setting with its type, limits, default and purpose."""

    token_key: Annotated[
        str,
        about(
            "Key that signs and proves tokens, and seals the keys of `control`; 32 characters at least, random ones, the same for all programs. Unset: the content of the file below; without any, `widgets` and `control` make one up that nobody knows",
            secret=True,
            min_length=KEY_CHARACTERS,
        ),
    ] = ""
    token_key_file: Annotated[
        str,
        about(
            "File with the key of tokens, as secrets are mounted; one that is not there counts as unset"
        ),
    ] = "/app/mesh_token_key.txt"  # noqa: S105 (a path, not a key)
    oidc_issuer: Annotated[
        str,
        about(
            "Issuer of the OpenID Connect provider that people sign in with, exactly as it calls itself. Unset: nobody does",
            check=check_secure,
        ),
    ] = ""
    oidc_client_id: Annotated[str, about("Name by which the provider knows the control plane")] = (
        "tickmesh"
    )
    oidc_client_secret: Annotated[
        str,
        about(
            "Secret that the provider gave the control plane. Unset: the content of the file below; without any it is a public client",
            secret=True,
        ),
    ] = ""
    oidc_client_secret_file: Annotated[
        str,
        about(
            "File with that secret, as secrets are mounted; one that is not there counts as unset"
        ),
    ] = "/app/mesh_oidc_client_secret.txt"  # noqa: S105 (a path, not a secret)
    oidc_scopes: Annotated[
        str,
        about(
            "What the provider is asked for, separated by spaces; `openid` must be among it",
            pattern=r"\A([^ ]+ )*openid( [^ ]+)*\Z",
        ),
    ] = "openid profile"
    oidc_name_claim: Annotated[
        str, about("Claim with the name of a person (`email`, `preferred_username`)", min_length=1)
    ] = "preferred_username"
    oidc_role_claim: Annotated[
        str,
        about(
            "Claim with a person's groups or roles; a path if it is inside another (`realm_access.roles`). Unset: none"
        ),
    ] = ""
    oidc_roles: Annotated[
        str,
        about(
            'Which values of that claim make somebody an operator or an admin, a JSON object (`{"operator": ["desk"], "admin": ["it", "heads"]}`)',
            check=parse_role_values,
        ),
    ] = "{}"
    oidc_default_role: Annotated[
        Literal["none", "viewer"],
        about(
            "What everybody else is whom the provider knows: `viewer`, or `none` and so not let in"
        ),
    ] = "none"
    ws_auth: Annotated[
        Literal["token", "none"],
        about(
            "Whether a client of the Widget Data Service needs a token; `none` shows everything to everybody who reaches the port"
        ),
    ] = "token"
    ws_origins: Annotated[
        str,
        about(
            "Origins of the pages that may connect, exactly as browsers send them (`https://desk.example.com`), separated by commas. Unset: the page's own",
            check=parse_origins,
        ),
    ] = ""
    ws_clients: Annotated[int, about("Connections of clients at a time, at most", ge=1)] = 10_000
    ws_per_user: Annotated[int, about("Connections of one user at a time, at most", ge=1)] = 32
    ws_per_address: Annotated[
        int, about("Connections from one address at a time, at most", ge=1)
    ] = 256
    ws_page_token: Annotated[
        bool,
        about(
            "Whether the page carries a token that shows everything to whoever opens it on this machine; `mesh up` sets it"
        ),
    ] = False
    ws_flush_ms: Annotated[
        int, about("How often the Widget Data Service makes its tables of the market", ge=10)
    ] = 100
    ws_frames_per_s: Annotated[
        int,
        about(
            "Frames a second that a client may send; for a moment twice as many", ge=1, le=10_000
        ),
    ] = 100

    ws_questions: Annotated[
        int,
        about(
            "Questions about companies and historic bars that a user may ask a minute; a third of them at once",
            ge=3,
        ),
    ] = 300

    canary_s: Annotated[
        int,
        about(
            "How often the control plane sends a symbol of no exchange through the mesh to see that it arrives, in seconds; 0: never. A recording that is played is left alone",
            ge=0,
            le=60,
        ),
    ] = 5
    widgets_url: Annotated[
        str,
        about(
            "Address of the Widget Data Service's `/ws` as the control plane reaches it. Unset: this machine and `MESH_PORT`",
            url=True,
        ),
    ] = ""
    control_port: Annotated[
        int,
        about_port("Port of the control plane. Unset: 8081, or a free one if that is taken"),
    ] = 0
    control_url: Annotated[
        str,
        about(
            "Address of the control plane as browsers reach it, where a proxy with TLS is before it (`https://control.example.com`). Unset: this machine and the port",
            check=check_public,
        ),
    ] = ""
    control_origins: Annotated[
        str,
        about(
            "Origins of further pages that may ask the control plane in the name of whoever is signed in. Unset: the desk of this machine",
            check=parse_origins,
        ),
    ] = ""
    session_idle_min: Annotated[
        int,
        about(
            "Minutes without a request after which a session of the control plane ends",
            ge=1,
            le=MOST_SESSION_H * 60,
        ),
    ] = 60
    session_h: Annotated[
        int,
        about("Hours after which a session ends, whatever is done in it", ge=1, le=MOST_SESSION_H),
    ] = 24
    self_registration: Annotated[
        bool,
        about("Whether anybody who reaches the control plane may make an account, as a viewer"),
    ] = False

    signing_days: Annotated[
        int,
        about(
            "After how many days the key that signs the control plane's tokens is followed by another",
            ge=1,
            le=366,
        ),
    ] = 30
    viewer_scopes: Annotated[
        str,
        about(
            "Feeds that a viewer may see, patterns separated by commas; operators and admins see all, and an operator may narrow it for a user",
            check=check_scopes,
        ),
    ] = ">"

    sim_port: Annotated[int, about_port("Port of the simulator's WebSocket feed")] = 8765
    sim_rest_port: Annotated[int, about_port("Port of the simulator's REST API")] = 8766
    sim_key: Annotated[str, about("The one API key that the simulator accepts")] = "simulator"
    sim_tape: Annotated[
        str,
        about(
            "Files or folders of a recorded tape, joined by `:` (the system's path separator). Unset: the synthetic market"
        ),
    ] = ""
    sim_speed: Annotated[
        str,
        about(
            "How much faster than real time the simulator plays: a number, or `max` for as fast as it is read",
            pattern=r"\A(max|[0-9]+(\.[0-9]+)?)\Z",
            check=check_speed,
        ),
    ] = "1"
    sim_seed: Annotated[int, about("Seed of the synthetic market: same seed, same bytes")] = 1
    sim_symbols: Annotated[
        int, about("Number of symbols of the synthetic market", ge=10, le=20_000)
    ] = 10_000
    sim_start: Annotated[
        str,
        about(
            "Where the synthetic market begins, New York time",
            pattern=r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\Z",
            check=check_start,
        ),
    ] = "2026-01-05T09:29:40"

    def __repr__(self) -> str:  # type: ignore[explicit-override]  # typing's comes with 3.12
        """As in the table: a traceback or a log line must not give a secret away."""
        shown = (f"{setting.field}={setting.shown(self)!r}" for setting in SETTINGS)
        return f"Settings({', '.join(shown)})"


SETTINGS = tuple(declared(Settings))
"""Every setting, in the order of declaration."""
