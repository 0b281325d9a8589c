# ruff: noqa: N803 - parameters are named as the API names them
"""The cluster that is deleted, as every service tells of it: Kubernetes, helm, the hub, EKS and CloudFormation. Time passes by
``settle``: pods end and give their volumes free, Services and the stack go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from tests.adapters.fake_aws import Refusal
from tests.adapters.fake_ebs import FakeEbs

NAME = "sar"


class Cluster:
    """The Kubernetes API as the functions use it, EKS's word for it, and the stack; nodes hold volumes while pods mount them."""

    def __init__(self, ebs: FakeEbs) -> None:
        self.ebs = ebs
        self.stack: str | None = "UPDATE_COMPLETE"
        self.tokens: list[str] = []
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.releases = {"jupyterhub", "autoscaler"}
        self.refusal = ""
        self.protected = False
        self.eks_status = "ACTIVE"
        self.running: set[str] = set()

    @property
    def there(self) -> bool:
        return self.stack is not None

    def add(self, kind: str, name: str, spec: dict[str, Any], **metadata: Any) -> None:
        whole = {"name": name, "namespace": "jupyter", "uid": f"uid-{name}", "resourceVersion": "1", **metadata}
        self.objects[kind, name] = {"kind": kind, "metadata": whole, "spec": spec}

    def home(self, person: str, volume_id: str, *, runs: bool = False) -> None:
        """A person's claim and volume, and a pod where the server runs."""
        claim = f"claim-{person}" if person != "hub" else "hub-db-dir"
        csi = {"driver": "ebs.csi.aws.com", "volumeHandle": volume_id}
        self.add("PersistentVolume", volume_id, {"csi": csi, "persistentVolumeReclaimPolicy": "Delete"})
        self.add("PersistentVolumeClaim", claim, {"volumeName": volume_id})
        if runs:
            mounts = {"volumes": [{"persistentVolumeClaim": {"claimName": claim}}]}
            labels = {"component": "hub" if person == "hub" else "singleuser-server"}
            notes = {} if person == "hub" else {"hub.jupyter.org/username": person}
            self.add("Pod", f"pod-{person}", mounts, labels=labels, annotations=notes)
            self.ebs.volumes[volume_id] |= {"State": "in-use", "Attachments": [{"State": "attached", "InstanceId": "i-1"}]}

    def settle(self) -> None:
        """What controllers do: pods whose end was asked for are gone and their volumes detached; so are Services."""
        hub = self.objects.get(("Deployment", "hub"))
        if hub is not None and hub["spec"]["replicas"] == 0:
            hub["status"] = {"readyReplicas": 0}
            if ("Pod", "pod-hub") in self.objects:
                self.objects["Pod", "pod-hub"]["metadata"]["deletionTimestamp"] = "now"
        for key in [key for key, item in self.objects.items() if "deletionTimestamp" in item["metadata"]]:
            gone = self.objects.pop(key)
            for mounted in gone["spec"].get("volumes", ()):
                claim = self.objects["PersistentVolumeClaim", mounted["persistentVolumeClaim"]["claimName"]]
                self.ebs.volumes[claim["spec"]["volumeName"]] |= {"State": "available", "Attachments": []}
        if self.stack == "DELETE_IN_PROGRESS":
            if any(item["spec"].get("type") == "LoadBalancer" for item in self.objects.values()):
                raise AssertionError("the stack hangs for two hours: a Service's load balancer stands in its subnets")
            self.stack = "DELETE_FAILED" if self.refusal else None
            if self.stack is None:
                self._take_volumes_along()
                self.objects.clear()

    def _take_volumes_along(self) -> None:
        """A cluster that goes with volumes that nobody told to stay takes them with it, as claims that were deleted would."""
        for (kind, _), item in self.objects.items():
            if kind == "PersistentVolume" and item["spec"]["persistentVolumeReclaimPolicy"] == "Delete":
                self.ebs.volumes.pop(item["spec"]["csi"]["volumeHandle"], None)

    # -- as adapters.kubernetes.Kubernetes ------------------------------------------------------------------------------------

    def get(self, kind: str, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        return self.objects.get((kind, name))

    def list(self, kind: str, namespace: str | None = None, **_: Any) -> Iterator[dict[str, Any]]:
        return iter([item for (found, _), item in self.objects.items() if found == kind])

    def apply(self, manifest: Mapping[str, Any]) -> None:
        self.objects[manifest["kind"], manifest["metadata"]["name"]]["spec"].update(manifest["spec"])

    def delete(self, kind: str, name: str, namespace: str | None = None) -> bool:
        found = self.objects.get((kind, name))
        if found is not None:
            found["metadata"]["deletionTimestamp"] = "now"
        return found is not None

    # -- as adapters.helm.Helm ------------------------------------------------------------------------------------------------

    def history(self, name: str, namespace: str) -> tuple[int, ...]:
        return (1,) if name in self.releases else ()

    def uninstall(self, name: str, namespace: str) -> None:
        self.releases.discard(name)
        self.objects.pop(("Deployment", "hub"), None)

    # -- as boto3's EKS and CloudFormation ------------------------------------------------------------------------------------

    def describe_cluster(self, name: str) -> dict[str, Any]:
        if not self.there:
            raise Refusal("ResourceNotFoundException")
        reached = {"endpoint": "https://x", "certificateAuthority": {"data": "eA=="}}
        return {"cluster": {"name": name, "status": self.eks_status, **reached}}

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        if self.stack is None:
            raise Refusal("ValidationError", f"Stack with id {StackName} does not exist")
        facts = {
            "StackId": f"arn:stack/{NAME}",
            "StackName": StackName,
            "StackStatus": self.stack,
            "CreationTime": datetime.now(UTC),
        }
        return {"Stacks": [{**facts, "EnableTerminationProtection": self.protected}]}

    def delete_stack(self, StackName: str, ClientRequestToken: str) -> None:
        self.tokens.append(ClientRequestToken)
        self.stack = self.stack and "DELETE_IN_PROGRESS"

    def describe_stack_events(self, StackName: str) -> dict[str, Any]:
        shared = {"StackId": StackName, "StackName": NAME, "Timestamp": datetime.now(UTC), "ClientRequestToken": self.tokens[-1]}
        stack = {"EventId": "1", "ResourceType": "AWS::CloudFormation::Stack", "LogicalResourceId": NAME}
        failed = {"EventId": "2", "ResourceType": "AWS::EKS::Nodegroup", "LogicalResourceId": "NodeGroup"}
        return {
            "StackEvents": [
                {**shared, **failed, "ResourceStatus": "DELETE_FAILED", "ResourceStatusReason": self.refusal},
                {**shared, **stack, "ResourceStatus": "DELETE_IN_PROGRESS"},
            ]
        }

    def describe_execution(self, executionArn: str) -> dict[str, Any]:
        if executionArn not in self.running:
            raise Refusal("ExecutionDoesNotExist")
        return {"executionArn": executionArn, "stateMachineArn": "arn:x", "status": "RUNNING", "startDate": datetime.now(UTC)}


class Servers:
    """The hub's API: it knows the servers whose pods run, and ends them."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def running_servers(self, username: str) -> tuple[str, ...]:
        pod = self._cluster.objects.get(("Pod", f"pod-{username}"))
        return ("",) if pod is not None and "deletionTimestamp" not in pod["metadata"] else ()

    def stop(self, username: str, server_name: str) -> None:
        self._cluster.delete("Pod", f"pod-{username}")
