"""The hooks: a yes starts, everything else is a refusal in words; a stop is recorded and never waited for."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError, ReadTimeoutError
from tornado.web import HTTPError

from hubplane_hub.control_plane import ControlPlane, NotConfigured, read_addresses
from hubplane_hub.hooks import Hooks
from hubplane_hub.refusal import HomeRefused
from tests.hub.conftest import ADDRESSES, CREATE, ENSURE, RECORD, REFUSE, RESTORE, USE, FakeLambda, FakeSpawner, World

Make = Callable[..., World]


def text(document: Any) -> bytes:
    return json.dumps(document).encode()


async def told(spawner: FakeSpawner) -> list[str]:
    return [event["message"] async for event in spawner.telling.events()]


def refusal(world: World, spawner: FakeSpawner) -> HomeRefused:
    with pytest.raises(HomeRefused) as refused:
        asyncio.run(world.hooks.pre_spawn(spawner))
    assert spawner.given is None
    assert spawner.was_refused
    return refused.value


@pytest.mark.parametrize(
    ("server", "claim", "state", "subject"),
    [
        pytest.param("", "claim-rosalind", {"oauth_user": {"sub": "s-1", "username": "rosalind"}}, "s-1", id="signed in"),
        pytest.param("gpu", "claim-rosalind", {"oauth_user": {"sub": "s-1"}}, "s-1", id="a named server"),
        pytest.param("", "claim-ros-2ealind", None, None, id="no auth state"),
        pytest.param("", "claim-rosalind", {"oauth_user": None}, None, id="no user info"),
        pytest.param("", "claim-rosalind", {"oauth_user": {"sub": 7}}, None, id="a sub that is none"),
        pytest.param("", "claim-rosalind", {"oauth_user": {"sub": ""}}, None, id="an empty sub"),
    ],
)
def test_ensure_home_is_asked_for_this_person_claim_and_sign_in(
    world: Make, server: str, claim: str, state: Any, subject: str | None
) -> None:
    made, spawner = world(text(USE)), FakeSpawner(name=server, pvc_name=claim, auth_state=state)
    asyncio.run(made.hooks.pre_spawn(spawner))
    [(function, payload)] = made.aws.asked
    assert function == ENSURE
    assert json.loads(payload) == {
        "cluster_name": "opensarlab",
        "username": "rosalind",
        "server_name": server,
        "claim_name": claim,
        "subject": subject,
    }
    assert spawner.given
    assert not spawner.given.may_create


def test_only_a_first_start_may_make_a_claim(world: Make) -> None:
    spawner = FakeSpawner(claims=[False])
    asyncio.run(world(text(CREATE)).hooks.pre_spawn(spawner))
    assert spawner.given
    assert spawner.given.may_create


def test_a_restore_is_asked_for_again_until_it_is_done_and_told_meanwhile(world: Make) -> None:
    made, spawner = (
        world(text(RESTORE), text(RESTORE), text({**RESTORE, "action": "wait", "sentence": "Joining."}), text(USE)),
        FakeSpawner(),
    )
    asyncio.run(made.hooks.pre_spawn(spawner))
    assert made.clock.pauses == [5, 5, 5]
    assert asyncio.run(told(spawner)) == [
        "Looking at your home.",
        "Your home is brought back.",
        "Joining.",
        "Your home is ready.",
    ]


def test_what_lasts_longer_than_half_the_start_timeout_is_refused_with_its_sentence(world: Make) -> None:
    made, spawner = world(text({**RESTORE, "retry_seconds": 60})), FakeSpawner(start_timeout=1200)
    refused = refusal(made, spawner)
    assert made.clock.at == 600
    assert refused.sentence.startswith("Your home is brought back. ")
    assert "start again in a few minutes" in refused.sentence


def test_a_home_whose_claim_went_away_is_asked_for_again(world: Make) -> None:
    made, spawner = world(text(USE), text(RESTORE), text(USE)), FakeSpawner(claims=[False, True])
    asyncio.run(made.hooks.pre_spawn(spawner))
    assert len(made.aws.asked) == 3
    assert spawner.given


def test_a_claim_that_never_comes_is_no_start(world: Make) -> None:
    assert "no claim" in refusal(world(text(USE)), FakeSpawner(claims=[False])).sentence


def test_a_refusal_says_what_ensure_home_says_and_nothing_is_asked_twice(world: Make) -> None:
    made = world(text(REFUSE))
    assert refusal(made, FakeSpawner()).sentence == REFUSE["sentence"]
    assert len(made.aws.asked) == 1


DENIED = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}, "Invoke")
FAILURES = {
    "no credentials": NoCredentialsError(),
    "not allowed": DENIED,
    "no answer in time": ReadTimeoutError(endpoint_url="https://lambda.us-east-1.amazonaws.com"),
    "no network": ConnectionRefusedError("refused"),
    "the function timed out": ("Unhandled", text({"errorMessage": "Task timed out after 60.00 seconds"})),
    "the function failed but says yes": ("Unhandled", text(USE)),
    "no JSON": b"<html>yes</html>",
    "nothing": b"",
    "null": b"null",
    "a yes that is a word": text({**USE, "allowed": "yes"}),
}


@pytest.mark.parametrize("answer", FAILURES.values(), ids=FAILURES.keys())
def test_any_failure_to_ask_is_a_refusal_in_words_without_its_cause(world: Make, answer: Any) -> None:
    refused = refusal(world(answer), FakeSpawner())
    assert refused.status_code == 503
    assert "the control plane did not say what may be mounted" in refused.sentence
    assert "tell an operator" in refused.sentence


def test_a_hub_that_was_told_nothing_refuses() -> None:
    hooks, spawner = Hooks(lambda: ControlPlane(read_addresses({}))), FakeSpawner()
    with pytest.raises(HomeRefused, match="was not told whom to ask"):
        asyncio.run(hooks.pre_spawn(spawner))
    assert spawner.given is None


def test_an_unforeseen_failure_is_a_refusal_too(world: Make) -> None:
    assert "RuntimeError" in refusal(world(text(USE)), FakeSpawner(auth_state=RuntimeError("database is locked"))).sentence


def test_the_sentence_is_shown_as_it_is_and_escaped_in_pages() -> None:
    refused = HomeRefused('100 % of <b>"this"</b> belongs to & another')
    assert isinstance(refused, HTTPError)
    assert refused.log_message is not None
    assert refused.log_message % refused.args == refused.jupyterhub_message == refused.sentence
    assert refused.jupyterhub_html_message == "100 % of &lt;b&gt;&quot;this&quot;&lt;/b&gt; belongs to &amp; another"


def test_a_slow_answer_does_not_stop_the_hub() -> None:
    answered = threading.Event()

    class Slow(FakeLambda):
        def invoke(self, **call: Any) -> dict[str, Any]:
            assert answered.wait(10)
            return super().invoke(**call)

    async def run() -> None:
        hooks, spawner = Hooks(lambda: ControlPlane(ADDRESSES, Slow([text(USE)]))), FakeSpawner()
        asking = asyncio.create_task(hooks.pre_spawn(spawner))
        first = await anext(spawner.telling.events())
        assert first == {"progress": 5, "message": "Looking at your home."}
        assert not asking.done()
        answered.set()
        await asking
        assert spawner.given

    asyncio.run(run())


def test_readers_who_come_late_read_everything_and_the_bar_leaves_room_for_the_pod(world: Make) -> None:
    made = world(*(text({**RESTORE, "sentence": f"Step {number}."}) for number in range(8)), text(USE))
    spawner = FakeSpawner()

    async def run() -> tuple[list[Any], list[Any]]:
        early = asyncio.create_task(anext(spawner.telling.events()))  # type: ignore[arg-type]
        await made.hooks.pre_spawn(spawner)
        return [await early], [event async for event in spawner.telling.events()]

    early, late = asyncio.run(run())
    assert early[0]["message"] == "Looking at your home."
    assert [event["message"] for event in late][1:9] == [f"Step {number}." for number in range(8)]
    assert max(event["progress"] for event in late) == 25


def stop(made: World, spawner: FakeSpawner) -> None:
    async def run() -> None:
        await made.hooks.post_stop(spawner)
        await made.hooks.recorded()

    asyncio.run(run())


def test_a_stop_is_recorded_for_the_claim_that_was_mounted(world: Make) -> None:
    made = world(text({"recorded": True, "reason": "vol-1 was in use until now"}))
    stop(made, FakeSpawner(name="gpu", was_refused=False))
    [(function, payload)] = made.aws.asked
    assert function == RECORD
    asked = {"cluster_name": "opensarlab", "username": "rosalind", "server_name": "gpu", "claim_name": "claim-rosalind"}
    assert json.loads(payload) == asked


def test_a_refused_start_is_no_use_of_the_home(world: Make) -> None:
    made = world(text(REFUSE))
    spawner = FakeSpawner(was_refused=False)
    spawner.was_refused = True
    stop(made, spawner)
    assert made.aws.asked == []


@pytest.mark.parametrize("answer", FAILURES.values(), ids=FAILURES.keys())
def test_a_stop_that_cannot_be_recorded_is_logged_and_stops_all_the_same(
    world: Make, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    stop(world(answer), FakeSpawner(was_refused=False))
    assert "rosalind" in caplog.text or answer in (b"null", FAILURES["a yes that is a word"])


def test_stopping_does_not_wait_for_the_recording() -> None:
    answered = threading.Event()

    class Slow(FakeLambda):
        def invoke(self, **call: Any) -> dict[str, Any]:
            assert answered.wait(10)
            return super().invoke(**call)

    async def run() -> None:
        aws = Slow([text({})])
        hooks = Hooks(lambda: ControlPlane(ADDRESSES, aws))
        await hooks.post_stop(FakeSpawner(was_refused=False))
        assert aws.asked == []
        answered.set()
        await hooks.recorded()
        assert len(aws.asked) == 1

    asyncio.run(run())


NOT_CONFIGURED = {
    "nothing": ({}, "HUBPLANE_CLUSTER_NAME, HUBPLANE_ENSURE_HOME_ARN, HUBPLANE_RECORD_SERVER_STOP_ARN"),
    "one is empty": (
        {"HUBPLANE_CLUSTER_NAME": " ", "HUBPLANE_ENSURE_HOME_ARN": ENSURE, "HUBPLANE_RECORD_SERVER_STOP_ARN": RECORD},
        "HUBPLANE_CLUSTER_NAME: not set",
    ),
    "a name where an ARN belongs": (
        {"HUBPLANE_CLUSTER_NAME": "x", "HUBPLANE_ENSURE_HOME_ARN": "ensure", "HUBPLANE_RECORD_SERVER_STOP_ARN": RECORD},
        "HUBPLANE_ENSURE_HOME_ARN: found 'ensure'",
    ),
}


@pytest.mark.parametrize(("environment", "message"), NOT_CONFIGURED.values(), ids=NOT_CONFIGURED.keys())
def test_what_is_missing_is_named(environment: dict[str, str], message: str) -> None:
    with pytest.raises(NotConfigured, match=message):
        read_addresses(environment)


def test_the_region_is_that_of_the_functions() -> None:
    assert ADDRESSES.region == "us-east-1"
