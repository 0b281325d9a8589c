# ruff: noqa: N803 - parameters are named as the API names them
"""A sound cluster as AWS and a Kubernetes API tell of it, with any number of people: what ExamineCluster is run against.

EC2 answers in pages of its own size, Kubernetes in pages of 500, as kubectl asks for; every call is counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest

from hubplane.domain.hub_facts import Answer, Url
from hubplane.domain.storage.records import Snapshot, Volume
from tests.adapters import kubernetes_api
from tests.adapters.fake_aws import fake_client
from tests.adapters.kubernetes_api import Api, running_api
from tests.functions.release_clients import connect, event, load

NAME = "opensarlab"
SPEC = event("install_jupyterhub")["spec"]
TARGET_GROUP = "arn:aws:elasticloadbalancing:us-east-1:553778890976:targetgroup/opensarlab-30052/73e2d6bc24d8a067"
BALANCER = "arn:aws:elasticloadbalancing:us-east-1:553778890976:loadbalancer/app/opensarlab/50dc6c495c0c9188"
ZONE, GROUP = "us-east-1d", "opensarlab-main"
LONG_AGO = "2026-11-01T10:00:00Z"
PODS, CLAIMS = "/api/v1/namespaces/jupyter/pods", "/api/v1/namespaces/jupyter/persistentvolumeclaims"
SCALER_PODS = "/api/v1/namespaces/autoscaler/pods"


class Aws:
    """Every service that a diagnosis asks; ``calls`` has each operation, ``refused`` those that are denied."""

    def __init__(self, people: int, nodes: int) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.people, self.nodes = people, nodes

    def get_item(self, **_: Any) -> dict[str, Any]:
        release = {
            "spec": SPEC,
            "hub_url": "https://opensarlab.asf.alaska.edu",
            "jupyterhub_version": "5.5.0",
            "outputs": {"TargetGroupArn": TARGET_GROUP},
        }
        return {"Item": {"status": {"S": "ACTIVE"}, "release": {"S": json.dumps(release)}}}

    def describe_load_balancers(self, **_: Any) -> dict[str, Any]:
        return {"LoadBalancers": [{"LoadBalancerArn": BALANCER, "DNSName": "opensarlab-1.elb.test", "State": {"Code": "active"}}]}

    def describe_listeners(self, **_: Any) -> dict[str, Any]:
        redirect = {"Port": 80, "Protocol": "HTTP", "DefaultActions": [{"Type": "redirect"}]}
        forward = {"Port": 443, "Protocol": "HTTPS", "DefaultActions": [{"Type": "forward", "TargetGroupArn": TARGET_GROUP}]}
        return {"Listeners": [redirect, forward]}

    def describe_target_health(self, **_: Any) -> dict[str, Any]:
        targets = [{"Target": {"Id": f"i-{number}", "Port": 30052}} for number in range(self.nodes)]
        return {"TargetHealthDescriptions": [{**target, "TargetHealth": {"State": "healthy"}} for target in targets]}

    def describe_security_groups(self, **_: Any) -> dict[str, Any]:
        def rule(port: int, **who: Any) -> dict[str, Any]:
            return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **who}

        world = [rule(port, IpRanges=[{"CidrIp": "0.0.0.0/0"}]) for port in (80, 443)]
        nodes = [rule(30052, UserIdGroupPairs=[{"GroupId": "sg-balancer"}])]
        return {
            "SecurityGroups": [
                {"GroupName": "opensarlab-load-balancer", "GroupId": "sg-balancer", "IpPermissions": world},
                {"GroupName": "opensarlab-nodes", "GroupId": "sg-nodes", "IpPermissions": nodes},
            ]
        }

    def describe_certificate(self, **_: Any) -> dict[str, Any]:
        ends = datetime.now(UTC) + timedelta(days=200)
        return {"Certificate": {"DomainName": "*.asf.alaska.edu", "Status": "ISSUED", "NotAfter": ends}}

    def describe_cluster(self, **_: Any) -> dict[str, Any]:
        return {"cluster": {"version": "1.35"}}

    def list_nodegroups(self, **_: Any) -> dict[str, Any]:
        return {"nodegroups": [GROUP]}

    def describe_nodegroup(self, **_: Any) -> dict[str, Any]:
        sizes = {"minSize": 2, "desiredSize": self.nodes, "maxSize": self.nodes + 1}
        scaling = {"autoScalingGroups": [{"name": "eks-main-1"}]}
        group = {
            "nodegroupName": GROUP,
            "status": "ACTIVE",
            "scalingConfig": sizes,
            "subnets": ["subnet-1"],
            "resources": scaling,
        }
        return {"nodegroup": group}

    def describe_subnets(self, **_: Any) -> dict[str, Any]:
        return {"Subnets": [{"SubnetId": "subnet-1", "AvailabilityZone": ZONE}]}

    def describe_scaling_activities(self, **_: Any) -> dict[str, Any]:
        return {"Activities": []}

    def describe_load_balancer_target_groups(self, **_: Any) -> dict[str, Any]:
        return {"LoadBalancerTargetGroups": [{"LoadBalancerTargetGroupARN": TARGET_GROUP, "State": "InService"}]}

    def get_caller_identity(self) -> dict[str, Any]:
        return {"Account": "553778890976", "Arn": "arn:aws:sts::553778890976:assumed-role/examine/one", "UserId": "x"}

    def describe_repositories(self, **_: Any) -> dict[str, Any]:
        return {"repositories": [{"repositoryUri": SPEC["notebook_image"]["name"]}]}

    def describe_images(self, **_: Any) -> dict[str, Any]:
        return {"imageDetails": [{"imageTags": [SPEC["notebook_image"]["tag"]]}]}

    def batch_get_image(self, **_: Any) -> dict[str, Any]:
        return {"images": []}


class Sweep:
    """EC2's pages of volumes and snapshots, as ``ebs_sweep`` parses them."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        at = datetime.now(UTC)
        tags = [
            {
                f"kubernetes.io/cluster/{NAME}": "owned",
                "kubernetes.io/created-for/pvc/name": f"claim-user{number}",
                "kubernetes.io/created-for/pvc/namespace": "jupyter",
            }
            for number in range(aws.people)
        ]
        old = at - timedelta(days=9)
        self.volumes = [Volume(f"vol-{index}", 500, "in-use", old, of, True, zone=ZONE) for index, of in enumerate(tags)]
        night = at - timedelta(hours=5)
        self.snapshots = [
            Snapshot(f"snap-{index}", f"vol-{index}", "completed", night, 500, "553778890976", of)
            for index, of in enumerate(tags)
        ]

    def describe_volumes(self, MaxResults: int, NextToken: str = "0", **_: Any) -> dict[str, Any]:
        return self._page("Volumes", "describe_volumes", self.volumes, MaxResults, NextToken)

    def describe_snapshots(self, MaxResults: int, NextToken: str = "0", **_: Any) -> dict[str, Any]:
        return self._page("Snapshots", "describe_snapshots", self.snapshots, MaxResults, NextToken)

    def _page(self, key: str, operation: str, items: list[Any], most: int, token: str) -> dict[str, Any]:
        self._aws.calls.append((operation, {}))
        start = int(token)
        more = {"NextToken": str(start + most)} if start + most < len(items) else {}
        return {key: items[start : start + most], **more}


def _pod(name: str, component: str, namespace: str = "jupyter", **spec: Any) -> dict[str, Any]:
    labels, annotations = {"component": component}, {}
    if component == "singleuser-server":
        annotations = {"hub.jupyter.org/username": name.removeprefix("jupyter-")}
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-{name}",
            "labels": labels,
            "annotations": annotations,
            "creationTimestamp": LONG_AGO,
        },
        "spec": {"nodeName": "node-0", **spec},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    }


def fill(api: Api, people: int, nodes: int) -> None:
    """The cluster's objects: a server, a claim, a volume and an attachment for each person."""
    api.put(f"{PODS}/hub-1", _pod("hub-1", "hub"))
    api.put(f"{PODS}/proxy-1", _pod("proxy-1", "proxy"))
    api.put(f"{SCALER_PODS}/autoscaler-1", _pod("autoscaler-1", "", "autoscaler"))
    logs: dict[str, Any] = {
        f"{PODS}/hub-1/log": b"[I] Running JupyterHub\n",
        f"{SCALER_PODS}/autoscaler-1/log": b"I1125 all is well\n",
    }
    api.objects.update(logs)
    for number in range(nodes):
        labels = {"topology.kubernetes.io/zone": ZONE, "eks.amazonaws.com/nodegroup": GROUP}
        status = {"conditions": [{"type": "Ready", "status": "True"}]}
        spec = {"providerID": f"aws:///{ZONE}/i-{number}"}
        api.put(
            f"/api/v1/nodes/node-{number}",
            {"metadata": {"name": f"node-{number}", "labels": labels}, "spec": spec, "status": status},
        )
    for number in range(people):
        name, claim = f"user{number}", f"claim-user{number}"
        home = {"volumes": [{"persistentVolumeClaim": {"claimName": claim}}], "nodeName": f"node-{number % nodes}"}
        api.put(f"{PODS}/jupyter-{name}", _pod(f"jupyter-{name}", "singleuser-server", **home))
        metadata = {"name": claim, "namespace": "jupyter", "creationTimestamp": LONG_AGO}
        bound = {"metadata": metadata, "spec": {"volumeName": f"pv-{number}"}, "status": {"phase": "Bound"}}
        api.put(f"{CLAIMS}/{claim}", bound)
        reference = {"namespace": "jupyter", "name": claim}
        driver = {"driver": "ebs.csi.aws.com", "volumeHandle": f"vol-{number}"}
        volume = {
            "metadata": {"name": f"pv-{number}"},
            "spec": {"csi": driver, "claimRef": reference},
            "status": {"phase": "Bound"},
        }
        api.put(f"/api/v1/persistentvolumes/pv-{number}", volume)
        source = {"nodeName": f"node-{number % nodes}", "source": {"persistentVolumeName": f"pv-{number}"}}
        attached = {
            "metadata": {"name": f"at-{number}", "creationTimestamp": LONG_AGO},
            "spec": source,
            "status": {"attached": True},
        }
        api.put(f"/apis/storage.k8s.io/v1/volumeattachments/at-{number}", attached)


class World:
    """ExamineCluster on a cluster of so many people."""

    def __init__(self, module: ModuleType, aws: Aws, api: Api) -> None:
        self.module, self.aws, self.api = module, aws, api

    def examine(self, **given: Any) -> dict[str, Any]:
        """One diagnosis; the calls before it are forgotten."""
        self.aws.calls.clear()
        self.api.requests.clear()
        asked = event("examine_cluster", input={"cluster_name": NAME, **given})
        result: dict[str, Any] = self.module.handler(asked, None)
        return result

    @property
    def calls(self) -> int:
        """How many requests the last diagnosis made, of AWS and of Kubernetes."""
        return len(self.aws.calls) + len(self.api.requests)


@contextmanager
def cluster_of(people: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A sound cluster with so many people, all of whom have a running server."""
    monkeypatch.setattr(kubernetes_api, "MAX_PAGE", 500)
    nodes = 2 + people // 20
    aws = Aws(people, nodes)
    with running_api() as api:
        fill(api, people, nodes)
        module = load("examine_cluster", monkeypatch, CLUSTERS_TABLE_NAME="clusters")
        connect(module, api.connection, monkeypatch)
        clients: dict[str, Any] = {}

        def client(service: str) -> Any:
            if service not in clients:
                clients[service] = fake_client(service, aws)
            return clients[service]

        monkeypatch.setattr(module, "client", client)
        sweep = Sweep(aws)
        monkeypatch.setattr(module.ebs_sweep, "sweep_client", lambda keep: sweep)
        monkeypatch.setattr(module, "get", _answer)
        yield World(module, aws, api)


def _answer(url: Url, address: Any, **_: Any) -> Answer:
    """What a sound hub answers."""
    if url.path.endswith("/health"):
        return Answer(200, {"x-jupyterhub-version": "5.5.0"})
    oauth = SPEC["oauth"]
    query = {
        "client_id": "1h57kf5cpq17m0eml12EXAMPLE",
        "redirect_uri": "https://opensarlab.asf.alaska.edu/hub/oauth_callback",
        "scope": " ".join(oauth["scopes"]),
    }
    host = oauth["domain_url"].removeprefix("https://")
    return Answer(302, location=Url("https", host, 443, oauth["authorize_path"], query))
