"""Every program is given settings that it knows, that make sense together, and that lead where its manifest says."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mesh.config import load
from mesh.errors import SettingsError
from mesh.settings import SETTINGS, Settings
from services.__main__ import PROGRAMS, _parser
from services.simulator.finlight_server import PATH
from services.up.plan import _SIMULATED_CURVES, _SIMULATED_HISTORY
from tests.kustomize.objects import (
    OURS,
    PROGRAM,
    Container,
    component,
    containers,
    named,
    of_kind,
    pod,
    variables,
)
from tests.kustomize.rendering import Document, rendered


pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

SECRETS = Path("/run/secrets")


def programs(documents: list[Document]) -> list[Container]:
    """The containers of our image."""
    return [each for each in containers(documents) if each.spec["name"] == PROGRAM]


def settings_of(container: Container, documents: list[Document]) -> Settings:
    """What the program in *container* would load."""
    return load(variables(container, documents))


def test_every_program_is_deployed(documents: list[Document]) -> None:
    """Each program of `mesh run` has a workload, and the simulator where the feed is its own alone."""
    found = {component(each.workload) for each in programs(documents)}

    assert found - {"topology", "smoke", "simulator"} == set(OURS)
    assert set(OURS) == {*PROGRAMS} - {"simulator"}


def test_settings_are_known_and_valid(documents: list[Document]) -> None:
    """Each program would start with what it is given: no unknown name, no value that it refuses."""
    for container in programs(documents):
        settings_of(container, documents)


def test_unknown_setting_is_found(prod: list[Document]) -> None:
    """A setting that was renamed is refused for the program that was given it."""
    named(prod, "ConfigMap", "settings-boards")["data"]["MESH_BOARD_TOPP"] = "5"
    (boards,) = (each for each in programs(prod) if component(each.workload) == "boards")

    with pytest.raises(SettingsError, match="MESH_BOARD_TOPP is not a setting"):
        settings_of(boards, prod)


def test_commands_are_known(documents: list[Document]) -> None:
    """The arguments of each container are a command of `mesh`, and it runs the program after which it is called."""
    for container in programs(documents):
        parsed = vars(_parser().parse_args(container.spec["args"]))

        assert parsed.get("program", component(container.workload)) == component(container.workload)


def test_servers_listen_where_others_ask(documents: list[Document]) -> None:
    """Health, page and control plane listen beyond the pod itself, at the ports that their containers declare."""
    for container in programs(documents):
        given = variables(container, documents)
        ports = {each["name"]: each["containerPort"] for each in container.spec.get("ports", ())}
        settings = settings_of(container, documents)
        listening = {"widgets": settings.port, "control": settings.control_port}

        assert given["MESH_HOST"] == "0.0.0.0"  # noqa: S104 (of the pod)
        assert ports.get("health", settings.health_port) == settings.health_port == 8090
        assert ports.get("http") == listening.get(component(container.workload))


def test_every_server_of_the_broker_is_named(documents: list[Document]) -> None:
    """Programs know as many servers as there are, servers know each other, and streams have a copy on each of three."""
    nats = named(documents, "StatefulSet", "nats")
    count = nats["spec"]["replicas"]
    hosts = {f"nats-{number}.nats-headless" for number in range(count)}
    environment = variables(Container(nats, pod(nats)["containers"][0]), documents)
    routes = {urlsplit(each.strip(" []")).hostname for each in environment["MESH_BROKER_ROUTES"].split(",")}  # fmt: skip

    assert routes >= hosts
    for container in programs(documents):
        settings = settings_of(container, documents)
        assert {urlsplit(url).hostname for url in settings.nats_url.split(",")} == hosts
        assert settings.replicas == count


def test_secrets_are_read_where_they_are_mounted(documents: list[Document]) -> None:
    """Each file that a program's settings name below /run/secrets is in a volume of its pod, and no other key of ours is."""
    for container in programs(documents):
        given = variables(container, documents)
        wanted = {
            Path(value)
            for name, value in given.items()
            if value.startswith(str(SECRETS)) and name not in _not_files(container)
        }
        found = _files(container, documents)

        assert wanted == {path for path in found if path.parent.name != "nats-issuer"}, (
            container.name
        )
        assert ("MESH_NATS_ISSUER" in given) == any(
            path.parent == Path(given.get("MESH_NATS_ISSUER", "/")) for path in found
        )


def test_no_secret_is_a_setting_in_clear(documents: list[Document]) -> None:
    """No variable holds a key: what is secret comes from files."""
    secret = {setting.env for setting in SETTINGS if setting.secret} | {"POLYGON_API_KEY"}

    for container in programs(documents):
        assert not secret & variables(container, documents).keys(), container.name


@pytest.mark.parametrize("overlay", ["dev", "staging"])
def test_simulator_is_asked_for_what_it_plays(overlay: str) -> None:
    """The feed, REST and news of the simulator are at its Service, and the trading day is the one that its market begins on."""
    documents = rendered(overlay)
    service = named(documents, "Service", "simulator")
    ports = {each["name"]: each["port"] for each in service["spec"]["ports"]}
    by_program = {
        component(each.workload): settings_of(each, documents) for each in programs(documents)
    }
    listener, reference, news = (by_program[name] for name in ("listener", "reference", "news"))

    assert (listener.feed, listener.feed_tls) == (f"simulator:{ports['feed']}", False)
    assert reference.rest_url == news.rest_url == f"http://simulator:{ports['rest']}"
    assert news.finlight_url == f"ws://simulator:{ports['feed']}{PATH}"
    assert ports["feed"] == Settings().sim_port
    assert ports["rest"] == Settings().sim_rest_port
    assert reference.reference_days == Settings().sim_start.partition("T")[0]
    assert reference.reference_history == _SIMULATED_HISTORY
    assert reference.reference_curves == _SIMULATED_CURVES
    assert {settings.source for settings in by_program.values()} == {"simulated"}


def test_production_listens_to_the_vendors(prod: list[Document]) -> None:
    """There is no simulator, and feed and REST are those of the settings' own defaults, over TLS."""
    by_program = {component(each.workload): settings_of(each, prod) for each in programs(prod)}

    assert "simulator" not in by_program
    assert by_program["listener"].feed == Settings().feed
    assert by_program["listener"].feed_tls
    assert by_program["reference"].rest_url == Settings().rest_url
    assert by_program["news"].finlight_url == Settings().finlight_url
    assert {settings.source for settings in by_program.values()} == {"live"}


@pytest.mark.parametrize("overlay", ["staging", "prod"])
def test_site_is_at_one_address(overlay: str) -> None:
    """The hosts of Ingresses and certificates are those that the programs let in, over TLS, and tokens are asked for."""
    documents = rendered(overlay)
    hosts = {
        each["metadata"]["name"]: each["spec"]["rules"][0]["host"]
        for each in of_kind(documents, "Ingress")
    }
    by_program = {
        component(each.workload): settings_of(each, documents) for each in programs(documents)
    }
    widgets, control = by_program["widgets"], by_program["control"]

    assert widgets.ws_origins == control.control_origins == f"https://{hosts['desk']}"
    assert widgets.control_url == control.control_url == f"https://{hosts['control']}"
    assert widgets.ws_auth == control.ws_auth == "token"
    for name, host in hosts.items():
        ingress = named(documents, "Ingress", name)
        certificate = named(documents, "Certificate", name)
        assert ingress["spec"]["tls"] == [{"hosts": [host], "secretName": f"{name}-tls"}]
        assert certificate["spec"]["dnsNames"] == [host]
        assert certificate["spec"]["secretName"] == f"{name}-tls"


def _not_files(container: Container) -> tuple[str, ...]:
    """Settings that are a folder, or that a program is given with all others and never asks for."""
    unused = ("MESH_NATS_CA",) if component(container.workload) == "simulator" else ()
    return ("MESH_NATS_ISSUER", *unused)


def _files(container: Container, documents: list[Document]) -> set[Path]:
    """The files below /run/secrets that a container finds."""
    mounts = {each["name"]: Path(each["mountPath"]) for each in container.spec["volumeMounts"]}
    found = set()
    for volume in pod(container.workload)["volumes"]:
        folder = mounts.get(volume["name"])
        if folder is None or SECRETS not in folder.parents:
            continue
        projected = volume.get("projected", {"sources": [{"secret": volume.get("secret")}]})
        for source in projected["sources"]:
            items = source["secret"].get("items")
            held = named(documents, "Secret", "nats-issuer")["data"] if items is None else ()
            names = held or [each["path"] for each in items]
            found |= {folder / name for name in names}
    return found
