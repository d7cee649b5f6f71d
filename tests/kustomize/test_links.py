"""What one document says of another is true; and whoever names what is not there is told."""

from collections.abc import Callable, Iterable, Iterator

import pytest

from services.smoke.flags import EXPECTED
from tests.kustomize import links
from tests.kustomize.objects import labels, named, pod
from tests.kustomize.rendering import Document


pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("kustomize")]

Check = Callable[[Iterable[Document]], Iterator[str]]
CHECKS: list[Check] = [links.selectors, links.ports, links.names]


@pytest.mark.parametrize("check", CHECKS)
def test_documents_agree(documents: list[Document], check: Check) -> None:
    """Selectors take the pods that they are about, ports are open, and whatever is named is there."""
    assert list(check(documents)) == []


@pytest.mark.parametrize("program", EXPECTED)
def test_who_is_not_ready_can_be_asked_why(documents: list[Document], program: str) -> None:
    """A Service for health alone leads to processes that are not ready: `mesh smoke` tells what keeps them. Where people come it does not."""
    service = named(documents, "Service", program)["spec"]
    is_for_people = {each["name"] for each in service["ports"]} != {"health"}

    assert service.get("publishNotReadyAddresses", False) is not is_for_people


def _relabel(documents: list[Document]) -> None:
    labels(named(documents, "Deployment", "boards"))["app.kubernetes.io/component"] = "board"


def _other_port(documents: list[Document]) -> None:
    named(documents, "Service", "control")["spec"]["ports"][0]["targetPort"] = "web"


def _other_backend(documents: list[Document]) -> None:
    (rule,) = named(documents, "Ingress", "desk")["spec"]["rules"]
    rule["http"]["paths"][0]["backend"]["service"]["name"] = "desk"


def _with_address(documents: list[Document]) -> None:
    named(documents, "Service", "nats-headless")["spec"].pop("clusterIP")


def _other_secret(documents: list[Document]) -> None:
    volumes = pod(named(documents, "Deployment", "boards"))["volumes"]
    (creds,) = (each for each in volumes if each["name"] == "nats-creds")
    creds["secret"]["items"][0]["key"] = "board.creds"


def _other_config(documents: list[Document]) -> None:
    container = pod(named(documents, "StatefulSet", "listener"))["containers"][0]
    container["envFrom"][0]["configMapRef"]["name"] = "setting"


def _other_volume(documents: list[Document]) -> None:
    container = pod(named(documents, "StatefulSet", "nats"))["containers"][0]
    container["volumeMounts"].append({"name": "disk", "mountPath": "/disk"})


def _other_account(documents: list[Document]) -> None:
    pod(named(documents, "Job", "smoke"))["serviceAccountName"] = "smok"


def _other_target(documents: list[Document]) -> None:
    named(documents, "ScaledObject", "news")["spec"]["scaleTargetRef"]["name"] = "new"


@pytest.mark.parametrize(
    ("check", "spoil", "said"),
    [
        (links.selectors, _relabel, "Deployment boards does not select its own pods"),
        (links.ports, _other_port, "Service control leads to the port web"),
        (links.ports, _other_backend, "Ingress desk leads to"),
        (links.ports, _with_address, "StatefulSet nats has no headless Service"),
        (links.names, _other_secret, "takes board.creds from"),
        (links.names, _other_config, "takes from setting, which is not there"),
        (links.names, _other_volume, "mounts disk, which is not there"),
        (links.names, _other_account, "Job smoke has no ServiceAccount"),
        (links.names, _other_target, "ScaledObject news scales new"),
    ],
)
def test_check_of_links_finds(
    prod: list[Document], check: Check, spoil: Callable[[list[Document]], None], said: str
) -> None:
    """Each of the rules is one that can be broken."""
    spoil(prod)

    problems = list(check(prod))
    assert [problem for problem in problems if said in problem], problems
