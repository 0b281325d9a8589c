"""Every mail with sample data, to look at: ``python -m hubplane.domain.mail.preview <folder>``."""

from __future__ import annotations

import html
import pathlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from hubplane.domain.mail.catalogue import MAILS
from hubplane.domain.mail.rendering import render

_LETTERHEAD: Final = {"institution": "Institute of Examples", "contact": "help@example.org"}
_PERSON: Final = {"username": "ada_lovelace", "cluster": "sar", "sign_in_url": "https://sar.example.org/"}
_TOKEN: Final = "A1b2" * 60
_EXECUTION: Final = "arn:aws:states:us-east-1:111122223333:execution:"

SAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "verification_code": {"code": "{####}"},
    "password_code": {"code": "{####}"},
    "invitation": {"username": "{username}", "code": "{####}", "sign_in_url": _PERSON["sign_in_url"], "valid_days": 7},
    "please_wait": {"username": "ada_lovelace"},
    "please_review": {
        "username": "ada_lovelace",
        "email": "ada@uni.example.org",
        "signed_up_at": "2026-11-23 12:00 UTC",
        "approve_url": f"https://decide.example.org/?token={_TOKEN}",
        "refuse_url": f"https://decide.example.org/?token={_TOKEN[::-1]}",
        "expires_at": "2026-11-30 12:00 UTC",
        "execution": _EXECUTION + "review_sign_up:0001",
        "reminder_number": 1,
    },
    "review_expired": {
        "username": "ada_lovelace",
        "email": "ada@uni.example.org",
        "signed_up_at": "2026-11-23 12:00 UTC",
        "days": 30,
        "start_again": "arn:aws:states:us-east-1:111122223333:stateMachine:hubplane-review-sign-up",
    },
    "approved": {"username": "ada_lovelace", "sign_in_url": _PERSON["sign_in_url"], "clusters": ["sar", "ice"]},
    "refused": {"username": "ada_lovelace", "reason": "We could not find your project. Please sign up with its address."},
    "password_changed": {"username": "ada_lovelace", "changed_at": "2026-11-23 12:00 UTC"},
    "storage_warning": {**_PERSON, "days_left": 3, "deleted_on": "2026-11-26"},
    "volume_deleted": {**_PERSON, "copy_stays": "until 90 days after you last used it; you get mails before it is deleted"},
    "snapshot_deleted": {"username": "ada_lovelace", "cluster": "sar", "last_used_on": "2026-08-01"},
    "home_changed": {
        **_PERSON,
        "what": "A copy of your files as they were on 2026-11-20 10:02 UTC is ready.",
        "points": ["Your own files are as they were; nothing in them was changed.", "It is removed when you no longer need it."],
    },
    "home_expanded": {**_PERSON, "size_gib": 1000},
    "home_change_finished": {
        "cluster": "sar",
        "username": "ada_lovelace",
        "reason": "the home of ada_lovelace on sar comes back as it was 2026-11-20 10:02 UTC, in its place",
        "changes": ["vol-0123456789abcdef0 becomes the home", "vol-0fedcba9876543210 is set aside"],
        "notes": ["snap-0123456789abcdef0 holds the home as it was before and is protected from pruning"],
        "execution": _EXECUTION + "restore_home:0001",
    },
    "drill_failed": {
        "cluster": "sar",
        "summary": "1 of 4 homes could not be restored from its newest copy.",
        "findings": ["claim-ada: snap-0123456789abcdef0 gave a volume of 100 GiB, and 500 GiB were expected"],
        "execution": _EXECUTION + "drill_restore:2026-11",
    },
    "build_finished": {
        "cluster": "sar",
        "hub_url": "https://sar.example.org/",
        "changes": ["JupyterHub's chart goes from 4.3.2 to 4.3.3", "node group main may grow to 12 nodes"],
        "notes": ["the app client of 2019 was adopted"],
    },
    "cluster_unwell": {
        "cluster": "sar",
        "reason": "15 of 15 checks ran on 2 nodes and 14 claims: 1 critical",
        "findings": ["critical: The hub's database is locked, so sign-ins and starts fail (docs/runbooks/restart-hub.md)"],
        "mended": ["restart_hub ended well: the hub answers again"],
        "execution": _EXECUTION + "diagnose_cluster:sar-42",
    },
    "cluster_mended": {
        "cluster": "sar",
        "mending": "restart_hub",
        "outcome": "done",
        "reason": "the hub answers again; 12 servers run as before",
        "changes": ["deleted pod hub-7c9d6f5b4-x2x9q"],
        "execution": _EXECUTION + "restart_hub:sar-42",
    },
    "cluster_upgraded": {
        "cluster": "sar",
        "outcome": "stopped in BuildStep",
        "reason": "HubUnhealthy: the hub answers 503 through the load balancer",
        "versions": ["control plane: 1.36 (was 1.35)", "node group sar-main: 1.36 (was 1.35)"],
        "steps": [],
        "way_back": [
            "onward is the shortest way: mend the cause and start upgrade_cluster again with the same input",
            "homes are EBS volumes of their own and are not touched by any of this",
        ],
        "execution": _EXECUTION + "upgrade_cluster:sar-42",
    },
    "build_failed": {
        "cluster": "sar",
        "stage": "CheckAccount",
        "error": "AccountNotReady",
        "cause": "subnet subnet-0123456789abcdef0 is in us-east-1a, the cluster's nodes are in us-east-1d",
        "lock": "The lock is free.",
        "execution": _EXECUTION + "build_cluster:sar-42",
    },
    "cluster_deleted": {
        "cluster": "sar",
        "homes": "keep-snapshots",
        "kept": [
            "42 snapshots, at most 1050.00 USD a month: Kept: homes = keep-snapshots.",
            "log group /aws/eks/sar/cluster, at most 0.12 USD a month: Kept: it tells what was done in the cluster.",
        ],
        "cost": "1050.12",
        "listing": "s3://hubplane-storage/deletions/sar/2026-11-25.json",
    },
    "deletion_failed": {
        "cluster": "sar",
        "stage": "ProveClusterHomes",
        "error": "HomeNotProved",
        "cause": "3 snapshots of vol-0f1e2d3c4b5a69788 ended in error: ask AWS Support, then start again",
        "state": "Its record is DELETION_FAILED and its locks are free.",
        "execution": _EXECUTION + "delete_cluster:0001",
    },
    "approval_needed": {
        "cluster": "sar",
        "question": "The build of cluster sar would change its stack in a way that replaces or removes something.",
        "reason": "1 change replaces or removes something",
        "changes": ["replaces node group sar-main (Subnets): running servers are stopped"],
        "task_token": "AQCAAAAKgAAAAMAAAAA" + _TOKEN * 3,
        "execution": _EXECUTION + "build_cluster:sar-43",
    },
    "daily_report": {
        "cluster": "sar",
        "day": "2026-11-23",
        "summary": "62 homes, all with a completed snapshot of the last two days.",
        "sections": [
            ("Deleted", ["volume vol-0123456789abcdef0 of ada_lovelace: 31 days unused, snapshot of 2026-11-22 kept"]),
            ("Kept and worth a look", ["two volumes carry claim-bob: neither is touched until one is removed by hand"]),
            ("Warned", []),
        ],
    },
}


def previews() -> dict[str, str]:
    """File name to contents: each mail as ``<name>.html`` and ``<name>.txt`` (subject first), and an ``index.html``."""
    files: dict[str, str] = {}
    rows: list[str] = []
    for name, kind in MAILS.items():
        mail = render(name, {**_LETTERHEAD, **SAMPLES[name]})
        files[f"{name}.html"] = mail.html
        files[f"{name}.txt"] = f"Subject: {mail.subject}\n\n{mail.text}"
        rows.append(
            f'<li><a href="{name}.html">{html.escape(mail.subject)}</a> to {kind.audience} (<a href="{name}.txt">text</a>)</li>'
        )
    files["index.html"] = f'<!DOCTYPE html><meta charset="utf-8"><title>Mails</title><ul>{"".join(rows)}</ul>\n'
    return files


def main(arguments: Sequence[str]) -> int:
    """Write ``previews()`` into the folder that is the one argument; exit code 2 without it. Repeatable."""
    if len(arguments) != 1:
        sys.stderr.write("say where the previews go: python -m hubplane.domain.mail.preview <folder>\n")
        return 2
    folder = pathlib.Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    for name, contents in previews().items():
        (folder / name).write_text(contents, encoding="utf-8")
    sys.stdout.write(f"{len(MAILS)} mails: {folder / 'index.html'}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
