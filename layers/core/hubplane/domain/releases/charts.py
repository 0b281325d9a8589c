"""The charts that a cluster runs, the names of their releases, and where they live."""

from __future__ import annotations

from dataclasses import dataclass

from hubplane.domain.cluster_spec.model import ChartReference


@dataclass(frozen=True)
class Place:
    """Where a release is: its name, its namespace, and what its chart is called in a repository."""

    release: str
    namespace: str
    chart_name: str


JUPYTERHUB = Place(release="jupyterhub", namespace="jupyter", chart_name="jupyterhub")
AUTOSCALER = Place(release="autoscaler", namespace="autoscaler", chart_name="cluster-autoscaler")


@dataclass(frozen=True)
class Chart:
    """A chart whose version is known. ``digest`` tells one content of a folder from another; None for a published chart,
    whose version does that."""

    name: str
    source: str
    version: str
    digest: str | None = None

    @property
    def record(self) -> str:
        """``source@version#digest``: equal only for the same chart."""
        return f"{self.source}@{self.version}" + (f"#{self.digest}" if self.digest else "")


# Zero to JupyterHub 4.4.0 carries JupyterHub 5.5.0 and changes nothing else since 4.3.5: the security release of 2026-06-10
# against a denial of service (GHSA-p43p-whwx-q52h), as 4.3.4 was against CSRF (https://z2jh.jupyter.org/en/stable/changelog.html).
DEFAULT_JUPYTERHUB_CHART = ChartReference(source="https://hub.jupyter.org/helm-chart/", version="4.4.0")

# Chart 9.59.1 carries cluster-autoscaler 1.35.0, for Kubernetes 1.35
# (Chart.yaml, https://github.com/kubernetes/autoscaler/tree/master/cluster-autoscaler/charts/cluster-autoscaler).
DEFAULT_AUTOSCALER_CHART = ChartReference(source="https://kubernetes.github.io/autoscaler", version="9.59.1")


def choose_chart(of_cluster: ChartReference | None, source: str, version: str, default: ChartReference) -> ChartReference:
    """The chart to install: the cluster's own, else the deployment's ``source`` and ``version``, else the pinned default.

    A deployment that names only a version keeps the default's source.
    """
    if of_cluster is not None:
        return of_cluster
    if not source and not version:
        return default
    return ChartReference(source=source or default.source, version=version or None)
