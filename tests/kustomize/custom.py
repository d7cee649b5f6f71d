"""The kinds of operators, as far as these manifests use them: what is not named here is a mistake, or is added with a look at their definitions.

No package has their schemas in a form that tests can use, and an operator drops a field that it does not know in
silence. Source: the definitions of KEDA 2.17, cert-manager 1.17, the Prometheus operator 0.80 and external-secrets 1.0.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from tests.kustomize.objects import title
from tests.kustomize.rendering import Document


Duration = Annotated[str, Meta(pattern=r"\A[0-9]+(ms|s|m|h)\Z")]
Text = Annotated[str, Meta(min_length=1)]


class _Strict(Struct, frozen=True, forbid_unknown_fields=True):
    """An object that has these fields and no others."""


class _Named(_Strict, frozen=True):
    name: Text


class _Of(_Strict, frozen=True):
    name: Text
    kind: Literal["Issuer", "ClusterIssuer", "ClusterSecretStore"]


class _PrivateKey(_Strict, frozen=True):
    algorithm: Literal["ECDSA"]
    size: Literal[256, 384]
    rotationPolicy: Literal["Always", "Never"]  # noqa: N815 (theirs)


class Certificate(_Strict, frozen=True, rename="camel"):
    """Of cert-manager: what is proven, for how long, by whom, and where it is put."""

    secret_name: Text
    issuer_ref: _Of
    private_key: _PrivateKey
    dns_names: list[Text] = []
    common_name: str = ""
    is_ca: bool = msgspec.field(default=False, name="isCA")
    duration: Duration = "2160h"
    renew_before: Duration = "720h"
    usages: list[Literal["server auth", "client auth"]] = []


class _Key(_Strict, frozen=True):
    name: Text
    key: Text


class _Acme(_Strict, frozen=True, rename="camel"):
    server: Text
    private_key_secret_ref: _Named
    solvers: Annotated[list[dict[Literal["dns01"], dict[str, Any]]], Meta(min_length=1)]


class _Ca(_Strict, frozen=True, rename="camel"):
    secret_name: Text


class Issuer(_Strict, frozen=True, rename="camel"):
    """Of cert-manager: one of three kinds."""

    acme: _Acme | None = None
    ca: _Ca | None = None
    self_signed: dict[str, Any] | None = None


class _Relabeling(_Strict, frozen=True, rename="camel"):
    source_labels: list[Text]
    target_label: Text


class _Endpoint(_Strict, frozen=True):
    port: Text
    path: Text
    interval: Duration
    relabelings: list[_Relabeling]


class _Selector(_Strict, frozen=True, rename="camel"):
    match_labels: dict[str, str] = {}
    match_expressions: list[dict[str, Any]] = []


class PodMonitor(_Strict, frozen=True, rename="camel"):
    """Of the Prometheus operator: whom it scrapes, where, and how they are called."""

    selector: _Selector
    pod_metrics_endpoints: Annotated[list[_Endpoint], Meta(min_length=1)]


class _Rule(_Strict, frozen=True):
    expr: Text
    alert: str = ""
    record: str = ""
    for_: Duration = msgspec.field(default="0s", name="for")
    keep_firing_for: Duration = "0s"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class _Group(_Strict, frozen=True):
    name: Text
    rules: list[_Rule]
    interval: Duration = "30s"


class PrometheusRule(_Strict, frozen=True):
    """Of the Prometheus operator: alerts and what they are computed from."""

    groups: list[_Group]


class _Trigger(_Strict, frozen=True, rename="camel"):
    type: Literal["prometheus"]
    metric_type: Literal["AverageValue", "Value"]
    metadata: dict[Literal["serverAddress", "query", "threshold", "ignoreNullValues"], str]


class _Fallback(_Strict, frozen=True, rename="camel"):
    failure_threshold: Annotated[int, Meta(ge=1)]
    replicas: Annotated[int, Meta(ge=1)]
    behavior: Literal["static", "currentReplicas", "currentReplicasIfHigher"]


class _Advanced(_Strict, frozen=True, rename="camel"):
    horizontal_pod_autoscaler_config: dict[Literal["behavior"], dict[str, Any]]


class ScaledObject(_Strict, frozen=True, rename="camel"):
    """Of KEDA: what is scaled, between which numbers, by what, and what if that cannot be asked."""

    scale_target_ref: _Named
    min_replica_count: Annotated[int, Meta(ge=1)]
    max_replica_count: int
    polling_interval: int
    cooldown_period: int
    fallback: _Fallback
    triggers: Annotated[list[_Trigger], Meta(min_length=1)]
    advanced: _Advanced


class _Remote(_Strict, frozen=True):
    key: Text
    property: Text


class _Fetched(_Strict, frozen=True, rename="camel"):
    secret_key: Text
    remote_ref: _Remote


class _Target(_Strict, frozen=True, rename="camel"):
    name: Text
    creation_policy: Literal["Owner"]


class ExternalSecret(_Strict, frozen=True, rename="camel"):
    """Of external-secrets: which keys of a vault become which Secret."""

    refresh_interval: Duration
    secret_store_ref: _Of
    target: _Target
    data: Annotated[list[_Fetched], Meta(min_length=1)]


KINDS: dict[str, type[_Strict]] = {
    "cert-manager.io/v1 Certificate": Certificate,
    "cert-manager.io/v1 Issuer": Issuer,
    "monitoring.coreos.com/v1 PodMonitor": PodMonitor,
    "monitoring.coreos.com/v1 PrometheusRule": PrometheusRule,
    "keda.sh/v1alpha1 ScaledObject": ScaledObject,
    "external-secrets.io/v1 ExternalSecret": ExternalSecret,
}


def kind_of(document: Document) -> str:
    """Its group, version and kind."""
    return f"{document['apiVersion']} {document['kind']}"


def problems(documents: Iterable[Document]) -> Iterator[str]:
    """What is no field of its kind, or not of its type; kinds of Kubernetes itself are left to others."""
    for document in documents:
        kind = KINDS.get(kind_of(document))
        if kind is None:
            continue
        try:
            msgspec.convert(document["spec"], kind)
        except msgspec.ValidationError as error:
            yield f"{title(document)}: {error}"
        unknown = document.keys() - {"apiVersion", "kind", "metadata", "spec"}
        if unknown:
            yield f"{title(document)} has {', '.join(sorted(unknown))} beside its spec"
