"""How many there are of a program, and how they are replaced: what its hand-over takes, and what a drain of nodes leaves."""

from collections.abc import Iterable, Iterator

from tests.kustomize.objects import component, labels, of_kind, pod, selects, title, workloads
from tests.kustomize.rendering import Document


ONE_SOCKET = "listener"
"""Whose vendor lets one connection in."""
SHARED = ("processors", "boards", "news", "widgets", "control")
"""Programs of which each process takes over from another."""


def one_socket(documents: Iterable[Document]) -> Iterator[str]:
    """Anything by which two listeners could run at a time."""
    for workload in workloads(documents):
        if component(workload) != ONE_SOCKET:
            continue
        if workload["kind"] != "StatefulSet":
            yield f"{title(workload)} may have two pods, which a StatefulSet has not"
        if workload["spec"].get("replicas", 1) != 1:
            yield f"{title(workload)} has {workload['spec']['replicas']} replicas"
    for scaler in of_kind(documents, "HorizontalPodAutoscaler", "ScaledObject"):
        if scaler["spec"]["scaleTargetRef"]["name"] == ONE_SOCKET:
            yield f"{title(scaler)} scales the listener"


def hand_overs(documents: Iterable[Document]) -> Iterator[str]:
    """Programs of which an old process goes before a new one is there to take over."""
    for workload in of_kind(documents, "Deployment"):
        if component(workload) in SHARED:
            rolling = workload["spec"].get("strategy", {}).get("rollingUpdate", {})
            if rolling.get("maxUnavailable") != 0 or not rolling.get("maxSurge"):
                yield f"{title(workload)} rolls with {rolling}"


def disruptions(documents: Iterable[Document]) -> Iterator[str]:
    """Programs of several processes that may all be taken away at once, and budgets that would never let a node go."""
    budgets = of_kind(documents, "PodDisruptionBudget")
    for workload in workloads(documents):
        if workload["kind"] == "Job":
            continue
        own = [each for each in budgets if selects(each["spec"]["selector"], labels(workload))]
        if least(workload, documents) > 1 and not own:
            yield f"{title(workload)} may lose all of its pods at once"
        for budget in own:
            if budget["spec"].get("maxUnavailable") != 1:
                yield f"{title(budget)} must let one of its pods go, and no more"


def spread(documents: Iterable[Document]) -> Iterator[str]:
    """Programs of several processes that may all be on one node."""
    for workload in workloads(documents):
        if workload["kind"] == "Job" or least(workload, documents) == 1:
            continue
        keys = {each["topologyKey"] for each in pod(workload).get("topologySpreadConstraints", ())}
        if "kubernetes.io/hostname" not in keys:
            yield f"{title(workload)} may have all of its pods on one node"


def scaling(documents: Iterable[Document]) -> Iterator[str]:
    """Scaled workloads whose manifest also has a number, scalers without bounds, and those that forget failures."""
    for scaler in of_kind(documents, "HorizontalPodAutoscaler", "ScaledObject"):
        specification = scaler["spec"]
        target = specification["scaleTargetRef"]["name"]
        for workload in of_kind(documents, "Deployment"):
            if workload["metadata"]["name"] == target and "replicas" in workload["spec"]:
                yield f"{title(workload)} has replicas of its own, and is scaled"
        if target not in ("widgets", "news"):
            yield f"{title(scaler)} scales {target}, which shares partitions or is alone"
        if scaler["kind"] == "ScaledObject":
            fallback = specification.get("fallback", {})
            if not 1 <= fallback.get("replicas", 0) <= specification["minReplicaCount"]:
                yield f"{title(scaler)} does not say how many there are when nobody can say"
            for trigger in specification["triggers"]:
                if trigger["metadata"].get("ignoreNullValues") != "false":
                    yield f"{title(scaler)} takes no answer for none waiting"


def least(workload: Document, documents: Iterable[Document]) -> int:
    """How many pods there are of a workload at least."""
    for scaler in of_kind(documents, "HorizontalPodAutoscaler", "ScaledObject"):
        if scaler["spec"]["scaleTargetRef"]["name"] == workload["metadata"]["name"]:
            bounds = scaler["spec"]
            return int(bounds.get("minReplicas") or bounds["minReplicaCount"])
    return int(workload["spec"].get("replicas", 1))
