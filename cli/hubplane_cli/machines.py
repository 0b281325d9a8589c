"""Every state machine as a row of one table: its command, and which options make up its execution's input.

Nothing is checked here that the machine checks itself: it names all faults of an input at once. An option that is not given
is left out of the input, so that the machine's own default holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Field:
    """One key of an input. ``cluster`` is completed and looked up, ``author`` defaults to who runs the program, a
    ``confirmation`` is asked for at a terminal, ``texts`` and ``pairs`` (``NAME=VALUE``) may be given several times. ``key`` may
    have a dot: ``decision.approved``.
    """

    key: str
    words: str
    kind: Literal["cluster", "text", "choice", "number", "yes_no", "texts", "pairs", "author", "confirmation", "json_file"] = (
        "text"
    )
    choices: tuple[str, ...] = ()
    is_argument: bool = False
    option: str = ""

    @property
    def name(self) -> str:
        """How it is called on the command line: ``deadline_hours`` -> ``deadline-hours``."""
        return self.option or self.key.rpartition(".")[2].replace("_", "-")


@dataclass(frozen=True)
class Good:
    """The field of a result that tells whether all is well, and its values where it is; one that is not there is None.

    ``key`` may have dots: ``report.problems``.
    """

    key: str
    values: tuple[Any, ...]

    def found(self, result: Any) -> Any:
        """The field's value in ``result``."""
        for part in self.key.split("."):
            result = result.get(part) if isinstance(result, Mapping) else None
        return result


@dataclass(frozen=True)
class Machine:
    """A state machine: the file's name in statemachines/, the command that starts it, its input, and where its result says that
    it found trouble; without ``good`` an execution that succeeds is all there is to know.
    """

    name: str
    command: str
    words: str
    fields: tuple[Field, ...]
    good: Good | None = None
    reads_specification: bool = False
    is_new_cluster: bool = False

    @property
    def output_key(self) -> str:
        """The stack output that holds its ARN: ``run_storage_day`` -> ``RunStorageDayStateMachineArn``."""
        return output_key(self.name)


def output_key(machine_name: str) -> str:
    """The stack output of a machine's ARN, by the name of its file or command."""
    return "".join(part.capitalize() for part in machine_name.replace("-", "_").split("_")) + "StateMachineArn"


CLUSTER = Field("cluster_name", "name of the cluster", "cluster", is_argument=True)
BY = Field("by", "who decides this, for the record", "author")
WHY = Field("reason", "why, for the record; needed")
MODE = Field("mode", "plan says what it would do (the default), enforce does it", "choice", ("plan", "enforce"))
NIGHT_MODE = Field(
    "mode", "plan (the default), enforce, or what the cluster's policy says", "choice", ("plan", "enforce", "policy")
)
DEADLINE = Field("deadline_hours", "how long it may wait for snapshots", "number")
PERSON = Field("username", "whose home or server it is", is_argument=True)
NIGHT = (CLUSTER, NIGHT_MODE, DEADLINE)
NONE_FAILED = Good("counts.failed", (0, None))

MACHINES: tuple[Machine, ...] = (
    Machine(
        "build_cluster",
        "build",
        "Build or update a cluster from its specification",
        (Field("cluster_name", "name of the cluster; not needed where the file says it", "cluster", is_argument=True),),
        reads_specification=True,
        is_new_cluster=True,
    ),
    Machine(
        "diagnose_cluster",
        "diagnose",
        "Find out what is wrong with a cluster, and what mends it",
        (CLUSTER,),
        good=Good("healthy", (True,)),
    ),
    Machine("restart_hub", "restart-hub", "Make the hub's pod anew; people's servers stay up", (CLUSTER,)),
    Machine("repair_autoscaler", "repair-autoscaler", "Make the autoscaler's namespace and release anew", (CLUSTER,)),
    Machine(
        "rotate_secrets",
        "rotate-secrets",
        "Renew what the hub signs people in and talks to its proxy with",
        (CLUSTER, Field("secrets", "oauth-client, proxy-token or hub-token; all without it", "texts", option="secret")),
    ),
    Machine(
        "upgrade_cluster",
        "upgrade",
        "Bring a cluster to a later Kubernetes version, chart or image, one step at a time",
        (
            CLUSTER,
            Field("kubernetes_version", "the version to end at, such as 1.36"),
            Field("chart_version", "the JupyterHub chart's version"),
            Field("notebook_image_tag", "the notebook image's tag"),
            Field("ami_ids", "GROUP=AMI: the machine image of a node group that has a pinned one", "pairs", option="ami-id"),
            MODE,
        ),
        good=Good("gate.open", (True, None)),
    ),
    Machine(
        "delete_cluster",
        "delete",
        "End a cluster and keep its people's work",
        (
            CLUSTER,
            Field("confirm", "the cluster's name once more; needed, asked for at a terminal", "confirmation"),
            Field("homes", "what becomes of the homes", "choice", ("keep-snapshots", "keep-volumes", "delete-after-proof")),
            MODE,
        ),
        good=Good("unfinished", (0, None)),
    ),
    Machine(
        "run_storage_day", "storage-day", "Snapshots, pruning and the report of one night", NIGHT, Good("report.problems", ([],))
    ),
    Machine("snapshot_volumes", "snapshot-volumes", "The first step of a storage day by itself", NIGHT, NONE_FAILED),
    Machine("prune_volumes", "prune-volumes", "The second step of a storage day by itself", NIGHT, NONE_FAILED),
    Machine("prune_snapshots", "prune-snapshots", "The third step of a storage day by itself", NIGHT, NONE_FAILED),
    Machine(
        "adopt_homes",
        "adopt-homes",
        "Mark homes from before Hubplane as their people's",
        (
            CLUSTER,
            MODE,
            Field("plan_id", "the plan that was read, where the mode is enforce"),
            Field("by", "who has read it, where the mode is enforce"),
        ),
        good=Good("skipped", (0,)),
    ),
    Machine(
        "expand_home",
        "expand-home",
        "Make a person's home larger",
        (
            CLUSTER,
            PERSON,
            Field("size_gib", "the whole new size, in GiB; needed", "number"),
            Field("claim_name", "the claim, where the home has one of its own"),
            MODE,
        ),
    ),
    Machine(
        "list_homes",
        "list-homes",
        "List every home: who, size, last use, copies, cost, state",
        (CLUSTER,),
        good=Good("notes", ([],)),
    ),
    Machine(
        "restore_home",
        "restore-home",
        "Bring a home back as it was on a day",
        (
            CLUSTER,
            PERSON,
            Field("day", "the day in UTC, such as 2026-11-20; needed, or --snapshot-id"),
            Field("snapshot_id", "exactly this copy, instead of a day"),
            Field("placement", "beside the present home, or instead of it; needed", "choice", ("beside", "instead")),
            MODE,
        ),
    ),
    Machine(
        "drill_restore",
        "drill-restore",
        "Restore some homes to temporary volumes, look at them and remove them again",
        (CLUSTER, Field("count", "how many homes beside the drill's own", "number")),
        good=Good("status", ("passed",)),
    ),
    Machine("move_home", "move-home", "Bring a home into the Availability Zone of its cluster", (CLUSTER, PERSON, MODE)),
    Machine(
        "stop_server",
        "stop-server",
        "Stop a person's server and wait until it is gone",
        (CLUSTER, PERSON, Field("server_name", 'one server, "" for the default one; else all of the person\'s')),
    ),
    Machine(
        "review_sign_up",
        "review-sign-up",
        "Ask about a sign-up again, or decide it",
        (
            Field("username", "who signed up", is_argument=True),
            Field("sub", "the account's sub in the user pool"),
            Field("email", "the account's address"),
            Field("signed_up_at", "when, as the mail says it"),
            Field("decision.approved", "decide instead of asking", "yes_no", ("approve", "refuse")),
            Field("decision.by", "who decides this, for the record"),
            Field("decision.clusters", "a cluster that the person may use", "texts", option="cluster"),
            Field("decision.reason", "the reason of a refusal: the person reads it"),
        ),
        good=Good("status", ("approved", "refused")),
    ),
    Machine(
        "offboard_user",
        "offboard",
        "Off-board one person; every home is proved to lie in a snapshot",
        (
            Field("username", "who leaves", is_argument=True),
            BY,
            WHY,
            MODE,
            Field("servers_stopped_in", "a cluster whose hub does not answer, and where you stopped the servers", "texts"),
        ),
    ),
    Machine(
        "return_user",
        "return",
        "Let a person come back whose account was closed",
        (
            Field("username", "the former name", is_argument=True),
            Field(
                "way", "allow the name again, or transfer the homes to another account; needed", "choice", ("allow", "transfer")
            ),
            Field("to", "the person's new account, where the way is transfer"),
            BY,
            WHY,
            MODE,
        ),
    ),
    Machine(
        "import_users",
        "import-users",
        "Take over the people of a 2019 system",
        (
            Field(
                "users", "JSON file: a list of people with username, sub, email, email_verified", "json_file", is_argument=True
            ),
            BY,
            MODE,
        ),
        good=Good("counts.refuse", (0, None)),
    ),
)
BY_COMMAND: Mapping[str, Machine] = {machine.command: machine for machine in MACHINES}


def machine_of(execution_arn: str) -> Machine | None:
    """The machine that an execution is of, by the name that template.yaml gives it: ``<stack>-restart-hub``. None for others."""
    called = execution_arn.split(":")[6].replace("-", "_")
    return next((machine for machine in MACHINES if called.endswith(f"_{machine.name}")), None)


_LONGEST_TYPED = 300
"""Characters of an input that somebody might still paste into a line."""


def command_for(machine_name: str, document: Mapping[str, Any]) -> str:
    """What to type to start a machine with an input; ``hubplane start`` where no command has all of its keys."""
    import json
    import shlex

    machine = next((machine for machine in MACHINES if machine.name == machine_name), None)
    left, words = dict(document), ["hubplane", machine.command if machine else ""]
    for field in machine.fields if machine and not machine.reads_specification else ():
        if field.key not in left or field.kind == "json_file":
            continue
        value = left.pop(field.key)
        pairs = [f"{name}={item}" for name, item in value.items()] if isinstance(value, Mapping) else None
        values = pairs if pairs is not None else [str(item) for item in value] if isinstance(value, list) else [str(value)]
        words += values if field.is_argument else [word for item in values for word in (f"--{field.name}", item)]
    if machine is None or left:
        text = json.dumps(document)
        if len(text) > _LONGEST_TYPED:
            return f"hubplane start {machine_name} --input FILE, with the input that --json shows here"
        return f"echo {shlex.quote(text)} | hubplane start {machine_name} --input -"
    return shlex.join(words)


def execution_input(machine: Machine, given: Mapping[str, Any]) -> dict[str, Any]:
    """The input that ``given`` (key -> value, None and empty lists where nothing was given) makes for ``machine``."""
    document: dict[str, Any] = {}
    for field in machine.fields:
        value = given.get(field.key)
        if value is None or value == ():
            continue
        *parents, last = field.key.split(".")
        place = document
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = list(value) if field.kind == "texts" else value
    return document
