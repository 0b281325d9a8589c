"""How to reach the Kubernetes API of one cluster."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ClusterConnection:
    """Endpoint URL, base64 CA certificate and a bearer token. The token is left out of ``repr`` so that no log holds it."""

    cluster_name: str
    endpoint: str
    certificate_authority_data: str
    token: str = field(repr=False)
