"""The hooks: no server starts without a yes of EnsureHome, and each stop is recorded.

They work on a ``HomeSpawner`` (``spawner.py``). Whatever goes wrong before a start is a refusal with a sentence; what goes wrong
after a stop is logged, because the server has stopped and the storage day keeps what it does not know.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from hubplane_hub.answers import Answer, AnswerUnreadable, read_answer
from hubplane_hub.control_plane import ControlPlane, NotAnswered, NotConfigured
from hubplane_hub.refusal import HomeRefused, unanswered

SHARE_OF_START: Final = 0.5
"""Of the spawner's start timeout may pass before a home is given: the rest is for the node and the image. JupyterHub counts
that timeout only from the pod on (jupyterhub/user.py, ``spawn``), so a person waits 1.5 times as long at most."""

CLAIM_WAIT_SECONDS: Final = 2.0
LOOKING: Final = "Looking at your home."
FOUND: Final = "Your home is ready."
EMPTY: Final = "This is your first start: your home is made."
CLAIM_GONE: Final = "Your home has no claim in the cluster at this moment."


class Hooks:
    """``make_control_plane`` is called by the first hook and raises ``NotConfigured``; clock and pause are for tests."""

    def __init__(
        self,
        make_control_plane: Callable[[], ControlPlane],
        *,
        now: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._make = make_control_plane
        self._made: ControlPlane | None = None
        self._now, self._pause = now, pause
        self._recordings: set[asyncio.Task[None]] = set()

    async def pre_spawn(self, spawner: Any) -> None:
        """Return once the person's home is there to be mounted, with the answer given to ``spawner``. Raises ``HomeRefused``."""
        spawner.telling.tell(LOOKING)
        try:
            answer = await self._settled(spawner)
            spawner.give_home(answer)
            spawner.telling.tell(EMPTY if answer.may_create else FOUND)
        except HomeRefused as refusal:
            spawner.log.warning("no start for %s: %s", spawner._log_name, refusal.sentence)
            raise
        except Exception as error:
            spawner.log.exception("no start for %s: the home could not be asked for", spawner._log_name)
            raise unanswered(f"the hub failed while it asked for your home ({type(error).__name__})") from error
        finally:
            spawner.telling.end()

    async def post_stop(self, spawner: Any) -> None:
        """Have the stop recorded, without waiting for it. Nothing where this start was never given a home. Never raises.

        JupyterHub runs this hook after a refused start as well (jupyterhub/user.py, ``spawn``): whoever was refused has not
        used the home, and must not keep it from being pruned, still less write on another's.
        """
        if spawner.was_refused:
            return
        event = question(spawner, "")
        task = asyncio.ensure_future(self._record(event, spawner.log, spawner._log_name))
        self._recordings.add(task)
        task.add_done_callback(self._recordings.discard)

    async def recorded(self) -> None:
        """Wait for the recordings that are under way."""
        await asyncio.gather(*self._recordings)

    async def _settled(self, spawner: Any) -> Answer:
        """Ask until the answer is yes or no, or half of the start timeout has passed."""
        until = self._now() + spawner.start_timeout * SHARE_OF_START
        subject = await sign_in_subject(spawner)
        while True:
            answer = await self._ask(spawner, subject)
            if answer.allowed:
                if answer.may_create or await spawner.has_claim():
                    return answer
                # Deleted since EnsureHome looked. Ask anew: whoever deletes a volume has its copy first.
                answer = Answer(False, "wait", CLAIM_GONE, CLAIM_WAIT_SECONDS)
            if answer.wait_seconds is None:
                raise HomeRefused(answer.sentence)
            spawner.telling.tell(answer.sentence)
            if self._now() + answer.wait_seconds > until:
                raise HomeRefused(
                    f"{answer.sentence} That takes longer than a start may wait: start again in a few minutes.", 503
                )
            await self._pause(answer.wait_seconds)

    async def _ask(self, spawner: Any, subject: str | None) -> Answer:
        try:
            control_plane = self._control_plane()
            event = {**question(spawner, control_plane.addresses.cluster_name), "subject": subject}
            return read_answer(await control_plane.ensure_home(event))
        except NotConfigured as error:
            spawner.log.error("the hub cannot ask for homes: %s", error)
            raise unanswered("the hub was not told whom to ask for it") from error
        except (NotAnswered, AnswerUnreadable) as error:
            spawner.log.error("no answer for %s: %s", spawner._log_name, error)
            raise unanswered("the control plane did not say what may be mounted") from error

    async def _record(self, event: dict[str, Any], log: Any, name: str) -> None:
        try:
            control_plane = self._control_plane()
            told = await control_plane.record_server_stop({**event, "cluster_name": control_plane.addresses.cluster_name})
            log.info("stop of %s: %s", name, told.get("reason") if isinstance(told, dict) else told)
        except Exception:  # the server has stopped whatever comes of this
            log.exception("the stop of %s was not recorded", name)

    def _control_plane(self) -> ControlPlane:
        if self._made is None:
            self._made = self._make()
        return self._made


def question(spawner: Any, cluster_name: str) -> dict[str, Any]:
    """Who starts or stops what. The claim is named as KubeSpawner has expanded its template, under whichever slug scheme."""
    return {
        "cluster_name": cluster_name,
        "username": spawner.user.name,
        "server_name": spawner.name or "",
        "claim_name": spawner.pvc_name,
    }


async def sign_in_subject(spawner: Any) -> str | None:
    """The ``sub`` that the provider's user info carried at the last sign-in; None where the hub knows none.

    oauthenticator 17 keeps the user info in the auth state under ``user_auth_state_key``. A person whose session is older than
    the auth state, or whose server an admin starts before they ever signed in, has none.
    """
    state = await spawner.user.get_auth_state()
    key = getattr(spawner.authenticator, "user_auth_state_key", "oauth_user")
    told = state.get(key) if isinstance(state, dict) else None
    subject = told.get("sub") if isinstance(told, dict) else None
    return subject if isinstance(subject, str) and subject else None
