"""`make local` and `make local-stop`: ``python -m local.guide up | stop | token CLUSTER``."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import uuid
from pathlib import Path

from rich.console import Console

from local.guide import deploy, fleet, hub_visit, processes, round_trip, show, sign_up, storage_day
from local.guide.cluster_access import exec_credential, write_kubeconfig
from local.guide.diagnosis import explain
from local.guide.follow import Outcome, follow
from local.guide.input import build_input
from local.guide.progress import Progress

HOME = processes.REPOSITORY / ".local"
RUNNING = HOME / "cloud.json"


def up(console: Console) -> int:
    """Start what does not run, deploy what changed, build the 2019 cluster, show it. Returns an exit code."""
    progress = Progress(console)
    console.print("Hubplane on this machine", style="bold")
    with progress.shown():
        cloud = processes.load_running(RUNNING)
        if cloud is None:
            with progress.step("start the embedded cloud"):
                cloud = processes.start(HOME / "state")
                processes.save(cloud, RUNNING)
        with progress.step("sam build"):
            parameters = deploy.local_parameters(cloud)
            deploy.build(HOME / "sam/build", parameters["PythonRuntime"])
        with progress.step("sam deploy"):
            control_plane = deploy.deploy(cloud, HOME / "sam/build", parameters)
        write_environment(cloud, control_plane)
        with progress.step("store the secrets"):
            document = build_input(cloud)
    cluster_name = document["cluster_name"]
    console.print()
    console.print(f"build_cluster: {cluster_name}, from the parameter file of the 2019 system", style="bold")
    outcome = build(cloud, control_plane, document, console)
    if outcome.status != "SUCCEEDED":
        explain(console, cloud, outcome)
        return 1
    kubeconfig = HOME / "kubeconfig"
    write_kubeconfig(cloud, cluster_name, kubeconfig)
    changes = outcome.result["changes"]
    console.print()
    console.print(f"Cluster {cluster_name} is ACTIVE after {outcome.seconds:.0f} s: {outcome.result['reason']}.", style="bold")
    for change in changes:
        console.print(f"  - {change}", highlight=False, soft_wrap=True)
    show.what_exists(console, cloud, control_plane, outcome, kubeconfig)
    sign_up.tell(console, cloud, control_plane, cluster_name)
    trip = round_trip.RoundTrip(cloud, control_plane, cluster_name)
    left = round_trip.leave(console, trip)
    if not storage_days(console, cloud, control_plane, cluster_name, kubeconfig):
        return 1
    if left is not None:
        round_trip.come_back(console, trip, left)
    show.what_to_try(console, cloud, cluster_name, outcome.result["hub_url"])
    return 0


def storage_days(
    console: Console, cloud: processes.EmbeddedCloud, control_plane: deploy.ControlPlane, cluster_name: str, kubeconfig: Path
) -> bool:
    """Homes of every kind, then one storage day as a plan and one for real. False where one did not end well."""
    progress = Progress(console)
    console.print()
    console.print("Homes for a storage day", style="bold")
    with progress.shown(), progress.step("plant homes of every kind"):
        planted = fleet.plant(cloud, control_plane, cluster_name, kubeconfig)
    console.print(f"  {planted or 'planted before; this is their next storage day'}", highlight=False)
    for mode in ("plan", "enforce"):
        outcome = storage_day.run(console, cloud, control_plane, cluster_name, mode)
        if outcome.status != "SUCCEEDED":
            explain(console, cloud, outcome)
            return False
        storage_day.show(console, outcome)
    report = storage_day.fetch_report(cloud, control_plane, outcome, HOME / "reports")
    console.print()
    console.print(f"Its report: {report.relative_to(processes.REPOSITORY)} (open it in a browser)", highlight=False)
    return True


def build(
    cloud: processes.EmbeddedCloud, control_plane: deploy.ControlPlane, document: dict[str, object], console: Console
) -> Outcome:
    """Start ``build_cluster`` with ``document`` and follow it to its end."""
    states = deploy.client(cloud, "stepfunctions")
    started = states.start_execution(
        stateMachineArn=control_plane.outputs["BuildClusterStateMachineArn"],
        name=f"local-{uuid.uuid4().hex[:12]}",
        input=json.dumps(document),
    )
    progress = Progress(console)
    with progress.shown():
        return follow(states, started["executionArn"], progress.tell)


def write_environment(cloud: processes.EmbeddedCloud, control_plane: deploy.ControlPlane) -> None:
    """`.local/env`: shell exports for whoever works with this cloud."""
    exports = {
        **cloud.environment(),
        "KUBECONFIG": str(HOME / "kubeconfig"),
        "HUBPLANE_STACK": control_plane.stack_name,
    }
    (HOME / "env").write_text("".join(f"export {name}={value}\n" for name, value in exports.items()))


def stop(console: Console) -> int:
    """End the embedded cloud and remove all that it left. Harmless when nothing runs."""
    if RUNNING.exists():
        document = json.loads(RUNNING.read_text())
        processes.stop(processes.EmbeddedCloud(**{**document, "pids": tuple(document["pids"])}))
        console.print("The embedded cloud has ended.")
    else:
        console.print("No embedded cloud runs here.")
    shutil.rmtree(HOME, ignore_errors=True)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.guide", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start, deploy, build and show")
    commands.add_parser("stop", help="end it and leave nothing behind")
    commands.add_parser("token", help="credentials for kubectl").add_argument("cluster_name")
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 200)
    if arguments.command == "token":
        sys.stdout.write(exec_credential(arguments.cluster_name))
        return 0
    if arguments.command == "stop":
        return stop(console)
    try:
        return up(console)
    except (processes.EmbeddedCloudError, deploy.DeployError, sign_up.StoryFailed, hub_visit.VisitFailed) as error:
        console.print(f"\n{error}", style="red", highlight=False, soft_wrap=True, markup=False)
        return 1


if __name__ == "__main__":
    sys.exit(main())
