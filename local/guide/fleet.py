"""The homes of ``fleet.yaml``, planted into the embedded cloud: volumes and snapshots with a past, claims, owners, warnings.

Beside them what earlier nights have seen of the volumes: without it nothing counts as idle before five more days.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from hubplane.adapters.mail_ledger import MailLedger
from hubplane.adapters.storage_bucket import StorageBucket
from hubplane.adapters.users_table import RecordChange, UsersTable
from hubplane.domain.mail.messages import MailMessage
from hubplane.domain.registration.records import Status, UserRecord
from hubplane.domain.storage.policy import StoragePolicy
from hubplane.domain.storage.records import Sighting
from local.guide.deploy import ControlPlane, client
from local.guide.input import POLICY
from local.guide.processes import TOOLS, EmbeddedCloud

FILE = Path(__file__).with_name("fleet.yaml")
ZONE = "us-east-1d"
DAYS_AGO = re.compile(r"\{(-?[0-9.]+)\}")


def entries() -> list[dict[str, Any]]:
    """The homes as the file has them."""
    found: list[dict[str, Any]] = yaml.safe_load(FILE.read_text())["homes"]
    return found


def plant(cloud: EmbeddedCloud, control_plane: ControlPlane, cluster_name: str, kubeconfig: Path) -> str | None:
    """Plant the fleet once; what there is then, in words, or None where it was planted before."""
    users = UsersTable(client(cloud, "dynamodb"), control_plane.outputs["UsersTableName"])
    homes = [Home(entry, cluster_name) for entry in entries()]
    if users.read(homes[0].person) is not None:
        return None
    now = datetime.now(UTC).replace(microsecond=0)
    volumes = [volume for home in homes for volume in home.volumes(now)]
    snapshots = [snapshot for home in homes for snapshot in home.snapshots(now)]
    seed(cloud, volumes, snapshots)
    apply(cloud, kubeconfig, [item for home in homes if home.has("claim") for item in home.manifests()])
    bucket = StorageBucket(client(cloud, "s3"), control_plane.outputs["StorageBucketName"])
    seen = [*bucket.sightings(cluster_name), *(sighting for home in homes for sighting in home.sightings(now))]
    bucket.put_sightings(cluster_name, seen)
    ledger = MailLedger(client(cloud, "dynamodb"), control_plane.outputs["LedgerTableName"])
    for home in homes:
        for message, accepted_at in home.warnings(now):
            ledger.claim(message, message.to, accepted_at)
            ledger.mark_accepted(cluster_name, message.mail_id, f"seed-{message.mail_id}", accepted_at)
    for home in reversed(homes):  # the first one last: its record says that all of it is planted
        if home.has("record"):
            users.write(RecordChange(home.record()))
    return f"{len(volumes)} volumes, {len(snapshots)} snapshots, {sum(home.has('claim') for home in homes)} claims"


def seed(cloud: EmbeddedCloud, volumes: list[dict[str, Any]], snapshots: list[dict[str, Any]]) -> None:
    """Put volumes and snapshots with a past into the emulated EC2."""
    body = json.dumps({"volumes": volumes, "snapshots": snapshots}).encode()
    address = f"{cloud.endpoint_url}/_hubplane/ebs/seed"
    request = urllib.request.Request(address, data=body, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read()


def apply(cloud: EmbeddedCloud, kubeconfig: Path, manifests: list[dict[str, Any]]) -> None:
    """``kubectl apply`` as a person would."""
    subprocess.run(
        [str(TOOLS / "bin/kubectl"), "apply", "--server-side", "-f", "-"],
        input="\n---\n".join(map(json.dumps, manifests)),
        env={**os.environ, **cloud.environment(), "KUBECONFIG": str(kubeconfig)},
        capture_output=True,
        text=True,
        check=True,
    )


class Home:
    """One entry of ``fleet.yaml`` as what the services hold of it."""

    def __init__(self, entry: dict[str, Any], cluster_name: str) -> None:
        self.entry, self.cluster_name = entry, cluster_name
        self.person: str = entry["person"]
        self.claim_name = f"claim-{self.person}"
        self.volume_id = f"vol-{_hex(self.person)}"

    def has(self, what: str) -> bool:
        """Whether there is a ``claim``, a ``volume``, a ``record``; the entry says where not."""
        return bool(self.entry.get(what, True))

    def volumes(self, now: datetime) -> Iterator[dict[str, Any]]:
        """The volume, and the duplicate where there is one."""
        if not self.has("volume"):
            return
        volume = {
            "volume_id": self.volume_id,
            "size_gib": self.entry["size_gib"],
            "created_at": (now - timedelta(days=400)).isoformat(),
            "zone": ZONE,
            "volume_type": self.entry.get("volume_type", "gp3"),
            "tags": self._tags(now),
        }
        yield {**volume, **({"attached_to": f"i-{_hex(self.person)}"} if self.entry.get("attached") else {})}
        if self.entry.get("duplicate"):
            yield {**volume, "volume_id": f"vol-{_hex(self.person + ' again')}"}

    def snapshots(self, now: datetime) -> Iterator[dict[str, Any]]:
        """Its snapshots, good ones and the failed one."""
        nights = [*range(1, self.entry.get("nightly", 0) + 1), *self.entry.get("snapshots_days_ago", [])]
        for days in nights:
            yield self._snapshot(now, days, "completed")
        if "error_days_ago" in self.entry:
            yield self._snapshot(now, self.entry["error_days_ago"], "error")

    def sightings(self, now: datetime) -> Iterator[Sighting]:
        """What the nights before have seen: detached soon after its last use, and so ever since."""
        unattached_since = now - timedelta(days=self.entry.get("used_days_ago", 1)) + timedelta(minutes=20)
        for volume in self.volumes(now):
            rests = None if self.entry.get("attached") else unattached_since
            yield Sighting(volume["volume_id"], now - timedelta(days=100), rests)

    def manifests(self) -> Iterator[dict[str, Any]]:
        """PersistentVolume and claim, bound to each other, as the CSI driver would have left them."""
        size = f"{self.entry['size_gib']}Gi"
        yield {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {
                "name": self.volume_id,
                "annotations": {"pv.kubernetes.io/provisioned-by": "ebs.csi.aws.com"},
            },
            "spec": {
                "capacity": {"storage": size},
                "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": "Delete",
                "storageClassName": "gp3",
                "claimRef": {"namespace": "jupyter", "name": self.claim_name},
                "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": self.volume_id, "fsType": "ext4"},
                "nodeAffinity": {
                    "required": {
                        "nodeSelectorTerms": [
                            {"matchExpressions": [{"key": "topology.kubernetes.io/zone", "operator": "In", "values": [ZONE]}]}
                        ]
                    }
                },
            },
        }
        yield {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": self.claim_name, "namespace": "jupyter"},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "gp3",
                "volumeName": self.volume_id,
                "resources": {"requests": {"storage": size}},
            },
        }

    def record(self) -> UserRecord:
        """The person in the Users table."""
        return UserRecord(self.person, f"sub-{self.person}", f"{self.person}@example.org", Status.APPROVED, (self.cluster_name,))

    def warnings(self, now: datetime) -> Iterator[tuple[MailMessage, datetime]]:
        """The mails that its owner got before the end of retention, and when each was accepted."""
        if not self.entry.get("warned"):
            return
        (snapshot,) = self.snapshots(now)
        used_at = datetime.fromisoformat(snapshot["started_at"])
        ends_at = used_at + timedelta(days=POLICY["end_of_retention_days"])
        for days in StoragePolicy().warning_days:
            facts = {
                "snapshot_id": snapshot["snapshot_id"],
                "owner_sub": f"sub-{self.person}",
                "last_used_at": used_at.isoformat(),
                "days_before": days,
                "announced_delete_at": (ends_at + StoragePolicy().grace).isoformat(),
            }
            context = {
                "username": self.person,
                "cluster": self.cluster_name,
                "days_left": days,
                "deleted_on": f"{ends_at:%Y-%m-%d}",
                "sign_in_url": "https://opensarlab.asf.alaska.edu",
            }
            mail_id = f"storage_warning#{self.cluster_name}#{snapshot['snapshot_id']}#{used_at.isoformat()}#{days}"
            to = f"{self.person}@example.org"
            yield MailMessage(mail_id, "storage_warning", self.cluster_name, to, context, facts), ends_at - timedelta(days=days)

    def _snapshot(self, now: datetime, days: float, state: str) -> dict[str, Any]:
        return {
            "snapshot_id": f"snap-{_hex(f'{self.person} {days} {state}')}",
            "volume_id": self.volume_id,
            "size_gib": self.entry.get("snapshot_size_gib", self.entry["size_gib"]),
            "started_at": (now - timedelta(days=days)).isoformat(),
            "state": state,
            "tags": {key: value for key, value in self._tags(now).items() if key != "do-not-delete"},
        }

    def _tags(self, now: datetime) -> dict[str, str]:
        tags = {
            f"kubernetes.io/cluster/{self.cluster_name}": "owned",
            "KubernetesCluster": self.cluster_name,
            "kubernetes.io/created-for/pvc/name": self.claim_name,
            "kubernetes.io/created-for/pvc/namespace": "jupyter",
            "kubernetes.io/created-for/pv/name": self.volume_id,
            "osl-billing": self.cluster_name,
        }
        if "used_days_ago" in self.entry:
            tags["server-stop-time"] = str(now - timedelta(days=self.entry["used_days_ago"]))
        for key, value in self.entry.get("tags", {}).items():
            tags[key] = DAYS_AGO.sub(lambda found: str((now - timedelta(days=float(found[1]))).replace(tzinfo=None)), value)
        return tags


def _hex(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:17]
