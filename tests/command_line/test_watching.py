"""Following an execution: what is told, how it ends, and that leaving it leaves it running."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading

import pytest

from tests.command_line.conftest import PROGRAM, Finished, Person
from tests.command_line.stub_aws import BEGAN, STATES, Refusal, Script, StubAws, done, entered, scheduled, submitted, succeeded

PARENT, CHILD = f"{STATES}:execution:day:one", f"{STATES}:execution:prune:two"
LAMBDA, NESTED = "invoke", "startExecution.sync:2"
RESULT = {
    "cluster_name": "opensarlab",
    "steps": [{"step": "snapshot_volumes", "status": "SUCCEEDED"}, {"step": "prune_volumes", "status": "SUCCEEDED"}],
    "notes": [],
    "report": {"summary": "2 snapshots", "problems": ["one volume has no tag"]},
    "reason": "3 of 3 steps ended well",
}


def scripted(aws: StubAws, arn: str, batches: list, **ending: object) -> None:
    aws.executions[arn] = Script(batches, {"status": "SUCCEEDED", "output": json.dumps(RESULT), **ending})


def lines_about(finished: Finished) -> list[str]:
    """Progress without its clock."""
    return [re.sub(r"^\d\d:\d\d  ", "", line) for line in finished.err.splitlines()]


def test_each_state_is_told_once_with_its_time_and_the_result_is_printed(person: Person, aws: StubAws) -> None:
    waiting = [entered("Wait", "Wait"), entered("CheckSnapshots"), scheduled(LAMBDA), done()]
    batches = [
        [entered("Begin", "Pass"), entered("EnterStorage"), entered("PrepareStorage"), done()],
        waiting,
        waiting,
        [*waiting, succeeded()],
    ]
    scripted(aws, PARENT, batches)

    finished = person.run("watch", PARENT)

    assert finished.code == 0
    assert lines_about(finished) == [PARENT, "PrepareStorage", "CheckSnapshots", "succeeded"]
    assert "00:02  PrepareStorage" in finished.err
    assert finished.out.splitlines() == [
        "reason: 3 of 3 steps ended well",
        "cluster_name: opensarlab",
        "steps:",
        "  STEP              STATUS",
        "  snapshot_volumes  SUCCEEDED",
        "  prune_volumes     SUCCEEDED",
        "notes: none",
        "report:",
        "  summary: 2 snapshots",
        "  problems:",
        "    - one volume has no tag",
    ]


def test_what_a_loop_waits_for_is_told_once_and_stands_in_the_live_line(person: Person, aws: StubAws) -> None:
    def looked(reason: str) -> list:
        return [
            entered("CopyHome"),
            scheduled(LAMBDA),
            done(LAMBDA, {"done": False, "reason": reason}),
            entered("WaitForCopy", "Wait"),
        ]

    last = [entered("CopyHome"), done(LAMBDA, {"done": True, "reason": "copied"}), entered("SwitchHome"), succeeded()]
    batches = [looked("snap-1 has 10%"), looked("snap-1\n  has 80%\n"), [], last]
    scripted(aws, PARENT, batches)
    assert lines_about(person.run("watch", PARENT)) == [PARENT, "CopyHome", "  snap-1 has 10%", "SwitchHome", "succeeded"]

    scripted(aws, PARENT, batches)
    shown = person.at_terminal("watch", PARENT).out

    assert "… CopyHome: snap-1 has 80%" in shown


def test_a_look_costs_one_call_however_long_the_history_is(person: Person, aws: StubAws) -> None:
    many = [event for number in range(150) for event in (entered(f"State{number}"), done())]
    scripted(aws, PARENT, [many, [entered("Last")], [succeeded()]])

    finished = person.run("watch", PARENT)

    pages = [given for operation, given in aws.asked if operation == "GetExecutionHistory"]
    assert len(lines_about(finished)) == 150 + 3
    assert len(pages) == 3 + 2  # the first look reads all 300 events in pages of 100


def test_nested_executions_are_followed_and_indented(person: Person, aws: StubAws) -> None:
    begun = [entered("PruneVolumes"), scheduled(NESTED), submitted(CHILD)]
    scripted(aws, PARENT, [begun, [], [done(NESTED), entered("WriteStorageReport"), done(), succeeded()]])
    scripted(aws, CHILD, [[entered("SweepStorage")], [entered("PlanStorage"), succeeded()]])

    told = lines_about(person.run("watch", PARENT))

    assert told == [
        PARENT,
        "PruneVolumes",
        f"         {CHILD}",
        "  SweepStorage",
        "  PlanStorage",
        "WriteStorageReport",
        "succeeded",
    ]


def test_nested_executions_side_by_side_are_all_followed(person: Person, aws: StubAws) -> None:
    other = f"{STATES}:execution:stop:three"
    begun = [entered("StopServers", "Map"), submitted(CHILD), submitted(other)]
    scripted(aws, PARENT, [begun, [done(NESTED)], [], [done(NESTED), succeeded()]])
    scripted(aws, CHILD, [[entered("StopFirst"), succeeded()]])
    scripted(aws, other, [[entered("StopSecond")], [], [entered("CheckSecond"), succeeded()]])

    told = lines_about(person.run("watch", PARENT))

    assert told == [
        PARENT,
        "StopServers",
        f"         {CHILD}",
        f"         {other}",
        "  StopFirst",
        "  StopSecond",
        "  CheckSecond",
        "succeeded",
    ]


def test_a_long_line_is_cut_to_the_terminal(person: Person, aws: StubAws) -> None:
    scripted(aws, PARENT, [[entered("A" * 70)], [], [succeeded()]])

    shown = person.at_terminal("watch", PARENT, columns=40).out

    live = [part for part in shown.split("\r") if "…" in part]
    assert live
    assert all(len(re.sub(r"\x1b\[[0-9;]*[mK]", "", part)) < 40 for part in live)


def test_a_map_tells_how_far_it_is(person: Person, aws: StubAws) -> None:
    scripted(aws, PARENT, [[entered("ApplyDeletions", "Map")], [], [succeeded()]])

    def one_more() -> None:
        counts = aws.map_run["itemCounts"] if aws.map_run else {"succeeded": -1}
        counts = {"total": 4, "failed": 1, "timedOut": 0, "aborted": 0, "succeeded": counts["succeeded"] + 1}
        empty = dict.fromkeys(("pending", "running", "resultsWritten"), 0)
        aws.map_run = {
            "mapRunArn": f"{STATES}:mapRun:day/x:1",
            "executionArn": PARENT,
            "stateMachineArn": "",
            "status": "RUNNING",
            "startDate": BEGAN + 2,
            "maxConcurrency": 1,
            "toleratedFailurePercentage": 0,
            "toleratedFailureCount": 0,
            "itemCounts": {**empty, **counts},
            "executionCounts": {**empty, **counts},
        }

    aws.on_history = one_more

    told = lines_about(person.run("watch", PARENT))

    assert told[1:4] == [
        "ApplyDeletions",
        "ApplyDeletions: 1 of 4 batches, 1 failed",
        "ApplyDeletions: 2 of 4 batches, 1 failed",
    ]


def test_a_question_comes_with_the_commands_that_answer_it(person: Person, aws: StubAws) -> None:
    payload = {"task_token": "t", "stop": {"reason": "it would delete 12 of 40 volumes"}}
    asking = [entered("AskStorageApproval"), scheduled("invoke.waitForTaskToken", payload)]
    scripted(aws, PARENT, [asking, [], [done("invoke.waitForTaskToken"), succeeded()]])

    told = person.run("watch", PARENT).err

    assert told.count("waiting for an answer: it would delete 12 of 40 volumes") == 1
    assert f"hubplane approve {PARENT}\n" in told
    assert f"hubplane reject {PARENT} --reason WHY\n" in told


def test_what_was_answered_before_anybody_looked_is_no_question(person: Person, aws: StubAws) -> None:
    scripted(aws, PARENT, [[entered("Ask"), scheduled("invoke.waitForTaskToken"), done("invoke.waitForTaskToken"), succeeded()]])

    assert "waiting" not in person.run("watch", PARENT).err


def test_a_failure_ends_with_1_and_its_cause_in_words(person: Person, aws: StubAws) -> None:
    cause = json.dumps({"errorMessage": "subnet-1 is in us-east-1a, the nodes are in us-east-1d", "errorType": "AccountNotReady"})
    ending = {"status": "FAILED", "error": "AccountNotReady", "cause": cause, "output": None}
    scripted(aws, PARENT, [[entered("CheckAccount"), {"type": "ExecutionFailed"}]], **ending)

    finished = person.run("watch", PARENT)

    assert (finished.code, finished.out) == (1, "")
    assert finished.err.splitlines()[-2:] == [
        "FAILED after 01:05: AccountNotReady",
        "subnet-1 is in us-east-1a, the nodes are in us-east-1d",
    ]


def test_a_failed_childs_cause_is_the_childs_own(person: Person, aws: StubAws) -> None:
    cause = json.dumps({"Error": "DeletionRefused", "Cause": "refused by ada", "Status": "FAILED"})
    scripted(aws, PARENT, [[{"type": "ExecutionFailed"}]], status="FAILED", error="States.TaskFailed", cause=cause, output=None)

    document = json.loads(person.run("watch", PARENT, "--json").out)

    assert (document["error"], document["cause"]) == ("DeletionRefused", "refused by ada")


def test_timed_out_and_aborted_are_failures(person: Person, aws: StubAws) -> None:
    for status, kind in (("TIMED_OUT", "ExecutionTimedOut"), ("ABORTED", "ExecutionAborted")):
        scripted(aws, PARENT, [[{"type": kind}]], status=status, output=None)

        finished = person.run("watch", PARENT)

        assert finished.code == 1
        assert f"{status} after" in finished.err


def test_json_is_one_document_on_standard_output_whatever_is_told(person: Person, aws: StubAws) -> None:
    aws.next_script = Script([[entered("PrepareStorage")], [succeeded()]], {"status": "SUCCEEDED", "output": json.dumps(RESULT)})

    finished = person.run("storage-day", "opensarlab", "--watch", "--json")

    document = json.loads(finished.out)
    assert (finished.code, document["status"], document["result"]) == (0, "SUCCEEDED", RESULT)
    assert "PrepareStorage" in finished.err


def test_interrupted_the_execution_goes_on_and_the_way_back_is_told(person: Person, aws: StubAws) -> None:
    scripted(aws, PARENT, [[entered("PrepareStorage")], *[[] for _ in range(1000)]])
    looked_twice = threading.Event()

    def look() -> None:
        if len([1 for operation, _ in aws.asked if operation == "GetExecutionHistory"]) > 1:
            looked_twice.set()

    aws.on_history = look
    process = person.popen("watch", PARENT)
    assert looked_twice.wait(60)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert (process.returncode, out) == (130, "")
    assert f"The execution goes on. Watch it with: hubplane watch {PARENT}" in err
    assert "Traceback" not in err
    assert {operation for operation, _ in aws.asked} == {"DescribeExecution", "GetExecutionHistory"}


def test_credentials_that_expire_meanwhile_end_the_watching_and_not_the_execution(person: Person, aws: StubAws) -> None:
    scripted(aws, PARENT, [[entered("PrepareStorage")], [], []])

    def expire() -> None:
        aws.refuse["GetExecutionHistory"] = Refusal("ExpiredTokenException", "The security token is expired")

    aws.on_history = expire

    finished = person.run("watch", PARENT)

    assert finished.code == 3
    assert "have expired" in finished.err and f"hubplane watch {PARENT}" in finished.err


def test_at_a_terminal_the_last_line_says_where_it_is_and_is_written_over(person: Person, aws: StubAws) -> None:
    scripted(aws, PARENT, [[entered("PrepareStorage")], [entered("SweepStorage")], [succeeded()]])

    shown = person.at_terminal("watch", PARENT).out

    assert "… PrepareStorage" in shown
    assert "\r\x1b[K" in shown
    last_screen = [line.rpartition("\x1b[K")[2] for line in shown.split("\n")]
    assert not any("…" in line for line in last_screen)


@pytest.mark.parametrize(
    ("variables", "is_live"), [({"NO_COLOR": "1"}, True), ({"TERM": "dumb"}, False)], ids=["no color", "a terminal that cannot"]
)
def test_who_wants_no_colors_gets_none(person: Person, aws: StubAws, variables: dict[str, str], is_live: bool) -> None:
    failing = [[entered("PrepareStorage")], [], [{"type": "ExecutionFailed"}]]
    scripted(aws, PARENT, failing, status="FAILED", error="ClusterBusy", cause="it is busy", output=None)

    shown = person.at_terminal("watch", PARENT, **variables).out

    assert "FAILED after 01:05: ClusterBusy" in shown
    assert set(re.findall(r"\x1b\[[0-9;]*[a-zA-Z]", shown)) == ({"\x1b[K"} if is_live else set())
    assert ("… PrepareStorage" in shown) == is_live


@pytest.mark.parametrize(
    ("unread", "more", "code"),
    [("stdout", (), 5), ("stdout", ("--json",), 5), ("stderr", (), 130)],
    ids=["the result", "JSON", "progress"],
)
def test_where_nobody_reads_on_the_exit_code_still_says_how_it_ended(
    person: Person, aws: StubAws, unread: str, more: tuple[str, ...], code: int
) -> None:
    arn = f"{STATES}:execution:hubplane-diagnose-cluster:one"
    aws.executions[arn] = Script([[entered("ExamineCluster")], [succeeded()]], {"status": "SUCCEEDED", "output": "{}"})
    reading, writing = os.pipe()
    os.close(reading)
    streams: dict[str, int] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, unread: writing}

    finished = subprocess.run(
        [str(PROGRAM), "watch", arn, *more], env=person.environment(), text=True, check=False, timeout=60, **streams
    )
    os.close(writing)

    assert finished.returncode == code
    assert "Traceback" not in (finished.stderr or "") and "Exception" not in (finished.stderr or "")


def test_credentials_that_a_profile_renews_are_renewed_while_one_watches(person: Person, aws: StubAws) -> None:
    """As those of single sign-on and of a role: botocore asks anew where the end is near, at each call here."""
    issuing = person.home / "issue"
    issuing.write_text(
        "#!/bin/sh\necho x >> $HOME/issued\n"
        'echo "{\\"Version\\": 1, \\"AccessKeyId\\": \\"AKIA$(wc -l < $HOME/issued)\\", \\"SecretAccessKey\\": \\"s\\", '
        '\\"SessionToken\\": \\"t\\", \\"Expiration\\": \\"$(date -u -d +2minutes +%Y-%m-%dT%H:%M:%SZ)\\"}"\n'
    )
    issuing.chmod(0o700)
    (person.home / ".aws").mkdir()
    (person.home / ".aws/config").write_text(f"[profile lab]\ncredential_process = {issuing}\n")
    del person.variables["AWS_ACCESS_KEY_ID"], person.variables["AWS_SECRET_ACCESS_KEY"]
    scripted(aws, PARENT, [[entered("PrepareStorage")], [entered("SweepStorage")], [succeeded()]])

    finished = person.run("--profile", "lab", "watch", PARENT)

    assert finished.code == 0, finished.err
    assert len((person.home / "issued").read_text().split()) > 3


def test_without_a_terminal_there_is_no_control_character(person: Person, aws: StubAws) -> None:
    scripted(aws, PARENT, [[entered("PrepareStorage")], [entered("SweepStorage")], [succeeded()]])

    finished = person.run("watch", PARENT)

    assert not re.search(r"[\x00-\x09\x0b-\x1f]", finished.out + finished.err)


def test_the_region_is_the_executions_own(person: Person, aws: StubAws) -> None:
    scripted(aws, PARENT, [[succeeded()]])

    assert person.run("watch", PARENT, AWS_REGION="").code == 0
