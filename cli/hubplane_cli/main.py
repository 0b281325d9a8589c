"""The program: its options, its commands, and what its exit codes mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from hubplane_cli.cloud import STACK, Cloud
from hubplane_cli.commands import ClusterName, follow_options, machine_commands, place_of, with_place
from hubplane_cli.errors import INTERRUPTED, USAGE, Problem

_EPILOG = """\b
Exit codes:
  0    it succeeded, or was started where --watch is not given
  1    the execution failed, timed out or was stopped
  2    wrong use: a name, an option, a file; nothing was started
  3    no credentials, expired ones, or ones that may not do it
  4    AWS gives no answer, or refuses for a reason of its own
  5    it succeeded, and its result says that something is wrong
  130  interrupted; an execution that was started goes on
"""


class TwoKinds(click.Group):
    """Help lists what starts a state machine apart from the rest, each in the order of its table or of this file."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        started = machine_commands()
        own = [name for name in self.commands if name not in started]
        for title, names in (("State machines", list(started)), ("Executions and clusters", own)):
            with formatter.section(title):
                formatter.write_dl([(name, self.commands[name].get_short_help_str(limit=90)) for name in names])


@click.group(cls=TwoKinds, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--stack", envvar="HUBPLANE_STACK", default=STACK, show_default=True, help="The control plane's stack (HUBPLANE_STACK)."
)
@click.option("--region", help="AWS Region (AWS_REGION).")
@click.option("--profile", help="AWS profile (AWS_PROFILE).")
@click.version_option(package_name="hubplane-cli", prog_name="hubplane")
@click.pass_context
def program(ctx: click.Context, stack: str, region: str | None, profile: str | None) -> None:
    """Starts Hubplane's state machines, follows them, and gives access to the clusters that they built."""
    from hubplane_cli.screen import colors

    ctx.obj, ctx.color = Cloud(place_of(ctx)), colors()


@program.command()
@click.argument("execution_arn")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
@click.pass_obj
def watch(cloud: Cloud, execution_arn: str, as_json: bool) -> int:
    """Follow an execution to its end and print its result."""
    from hubplane_cli import executions

    return executions.follow(cloud, execution_arn, as_json)


@program.command()
@click.argument("machine")
@click.option(
    "--input", "input_file", type=click.Path(), required=True, help="File with the input as JSON. - reads standard input."
)
@follow_options
@click.pass_obj
def start(cloud: Cloud, machine: str, input_file: str, watch: bool, as_json: bool, name: str | None) -> int:
    """Start any state machine of the stack, by its name, with an input of your own."""
    from hubplane_cli import executions
    from hubplane_cli.commands import read_json

    return executions.run(cloud, machine.replace("-", "_"), read_json(input_file), name, watch, as_json)


@program.command()
@click.argument("command", required=False, metavar="[COMMAND]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
@click.pass_obj
def executions(cloud: Cloud, command: str | None, as_json: bool) -> int:
    """List what runs now; of one command, such as storage-day, the newest of those that have ended too."""
    from hubplane_cli import overview

    return overview.show_executions(cloud, command, as_json)


@program.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
@click.pass_obj
def clusters(cloud: Cloud, as_json: bool) -> int:
    """List the clusters with their state."""
    from hubplane_cli import overview

    return overview.show_clusters(cloud, as_json)


def _answering(approved: bool, words: str) -> click.Command:
    def answer(cloud: Cloud, target: str | None, token: str | None, by: str | None, sure: bool, **more: Any) -> int:
        from hubplane_cli import answers

        document: dict[str, Any] = {"approved": approved, "by": by or answers.caller(cloud)}
        given = {name: list(value) if isinstance(value, tuple) else value for name, value in more.items() if value}
        return answers.answer(cloud, target, token, {**document, **given}, sure)

    parameters: list[click.Parameter] = [
        click.Argument(["target"], type=ClusterName(), required=False, metavar="[CLUSTER_OR_EXECUTION_ARN]"),
        click.Option(["--token"], help="The task token, where the mail is all there is."),
        click.Option(["--by"], help="Who answers, for the record; else the ARN of the credentials."),
        click.Option(["--yes", "sure"], is_flag=True, help="Do not ask again."),
    ]
    if approved:
        allowed = "Of a sign-up: a cluster that the person may use; without it every one."
        parameters.append(click.Option(["--cluster", "clusters"], type=ClusterName(), multiple=True, help=allowed))
    else:
        parameters.append(click.Option(["--reason"], help="Why, for the record; of a sign-up the person reads it."))
    return click.Command("approve" if approved else "reject", callback=click.pass_obj(answer), params=parameters, help=words)


program.add_command(_answering(True, "Allow what an execution asks about."))
program.add_command(_answering(False, "Refuse what an execution asks about; it ends as refused."))


@program.command()
@click.argument("cluster_name", type=ClusterName(), metavar="CLUSTER_NAME")
@click.option("--context", help="Name of the context; else the cluster's name.")
@click.option("--role-arn", help="A role to take first: one that the specification lists under access.")
@click.option("--keep-context", is_flag=True, help="Leave the current context as it is.")
@click.pass_obj
def kubeconfig(cloud: Cloud, cluster_name: str, context: str | None, role_arn: str | None, keep_context: bool) -> int:
    """Let kubectl and helm use a cluster: a context in KUBECONFIG or ~/.kube/config."""
    from hubplane_cli import cluster_access

    return cluster_access.add_context(cloud, cluster_name, context or cluster_name, role_arn, not keep_context)


@program.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print what makes a shell complete commands and cluster names."""
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    if found is not None:
        click.echo(found(program, {}, "hubplane", "_HUBPLANE_COMPLETE").source())
    return 0


for _command in machine_commands().values():
    program.add_command(_command)
for _name, _command in program.commands.items():
    if _name != "completion":
        with_place(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; its exit code."""
    try:
        code = program.main(args=list(arguments) if arguments is not None else None, prog_name="hubplane", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return USAGE
    except Problem as problem:
        click.echo(f"Error: {problem}", err=True)
        return problem.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except SystemExit:  # Click, where nobody reads on: hubplane clusters | head
        return 0
    return code if isinstance(code, int) else 0
