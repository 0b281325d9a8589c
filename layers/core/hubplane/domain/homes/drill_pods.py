"""What a drill makes in a cluster: claims and pods in a namespace of its own, where there is no Secret and nobody's home.

A pod may mount whatever lies in its namespace, so whoever may make pods may read all of it: hence not in the hub's.
"""

from __future__ import annotations

from typing import Any, Final

from hubplane.domain.homes.drilling import CANARY, CANARY_FILE, CANARY_GIB, DRILL_NAMESPACE

__all__ = ["LABELS", "canary_claim", "canary_pod", "reading_pod"]

LABELS: Final = {"app": "hubplane-drill"}
MOUNT: Final = "/home/drill"
DEADLINE_SECONDS: Final = 600
"""A pod that has not mounted, pulled its image and read by then never does; the machine gives up a little later."""

# Homes belong to the notebook images' user and group (docker-stacks: NB_UID 1000, NB_GID 100).
USER, GROUP = 1000, 100


def canary_claim(storage_class_name: str) -> dict[str, Any]:
    """The canary's claim, made once: its volume is the CSI driver's, and tagged as any home's."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": CANARY, "namespace": DRILL_NAMESPACE, "labels": LABELS},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": storage_class_name,
            "resources": {"requests": {"storage": f"{CANARY_GIB}Gi"}},
        },
    }


def canary_pod(image: str, marker: str) -> dict[str, Any]:
    """Writes the marker where the file is not there yet, and says what is in it."""
    file = f"{MOUNT}/{CANARY_FILE}"
    script = f'[ -s {file} ] || printf %s "$MARKER" > {file}; sync; cat {file}'
    return _pod(f"{CANARY}-writer", CANARY, image, script, {"MARKER": marker}, read_only=False)


def reading_pod(name: str, image: str, *, is_canary: bool) -> dict[str, Any]:
    """Mounts the claim ``name`` read-only; says what the canary's file holds, or of a person's home how many entries it has."""
    script = f"cat {MOUNT}/{CANARY_FILE}" if is_canary else f"ls -A {MOUNT} > /dev/null; ls -A {MOUNT} | wc -l"
    return _pod(name, name, image, f"set -e; {script}", {}, read_only=True)


def _pod(name: str, claim_name: str, image: str, script: str, variables: dict[str, str], *, read_only: bool) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": DRILL_NAMESPACE, "labels": LABELS},
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": DEADLINE_SECONDS,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {"runAsUser": USER, "runAsGroup": GROUP, "runAsNonRoot": True, "fsGroup": GROUP}
            if not read_only
            # A group for the file system would be written into every file of the home.
            else {"runAsUser": USER, "runAsGroup": GROUP, "runAsNonRoot": True},
            "containers": [
                {
                    "name": "drill",
                    "image": image,
                    "command": ["sh", "-c", script],
                    "env": [{"name": key, "value": value} for key, value in variables.items()],
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                    "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
                    "volumeMounts": [{"name": "home", "mountPath": MOUNT, "readOnly": read_only}],
                }
            ],
            "volumes": [{"name": "home", "persistentVolumeClaim": {"claimName": claim_name, "readOnly": read_only}}],
        },
    }
