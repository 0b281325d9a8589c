"""KubeSpawner that starts nothing without a home that was given, and makes no volume that it was not told to make."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from kubernetes_asyncio.client.exceptions import ApiException
from kubespawner import KubeSpawner

from hubplane_hub.answers import Answer
from hubplane_hub.refusal import unanswered
from hubplane_hub.telling import Telling

NOT_FOUND = 404


class HomeSpawner(KubeSpawner):
    """One start: ``clear_state`` begins it, ``give_home`` lets it go on, ``start`` uses what was given, once."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._begin()
        # A server that runs since before the hub's own restart had its home from the hub before.
        self.was_refused = False

    def _begin(self) -> None:
        self.telling, self._begun_at = Telling(), datetime.now(UTC)
        self.was_refused = True
        self._home: Answer | None = None
        self._may_create = False

    def clear_state(self) -> None:
        """JupyterHub calls it before each start and after each stop."""
        super().clear_state()
        self._begin()
        # Done since the last start: KubeSpawner's progress would take this start for ended as soon as it is asked.
        self._start_future = None

    def give_home(self, answer: Answer) -> None:
        """Let this start go on with what EnsureHome allowed."""
        self._home, self._may_create, self.was_refused = answer, answer.may_create, False
        # Without a claim a pod waits; with this on, KubeSpawner makes a claim, and its driver an empty volume.
        self.storage_pvc_ensure = answer.may_create
        if answer.may_create:
            # It remembers that it once made the claim (kubespawner/spawner.py, ``_start``) and would not look again.
            self._pvc_exists = False

    async def has_claim(self) -> bool:
        """Whether the claim is in the cluster and stays. Raises what the API raises, which refuses the start."""
        try:
            claim = await self.api.read_namespaced_persistent_volume_claim(name=self.pvc_name, namespace=self.namespace)
        except ApiException as error:
            if error.status == NOT_FOUND:
                return False
            raise
        return claim.metadata.deletion_timestamp is None

    def start(self) -> Any:
        """Start the pod. Raises ``HomeRefused`` where no home was given to this very start."""
        home, self._home = self._home, None
        if home is None:
            raise unanswered("nobody was asked what it may mount")
        return super().start()

    def get_pvc_manifest(self) -> Any:
        """The claim that KubeSpawner is about to make. Raises ``HomeRefused`` where this start may make none.

        Profiles and groups may change a spawner's settings after the hooks have run; this comes after all of them.
        """
        if not self._may_create:
            raise unanswered("a claim was about to be made where there is a home")
        return super().get_pvc_manifest()

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """What the hooks tell, then what Kubernetes tells of this start's pod."""
        async for event in self.telling.events():
            yield event
        async with aclosing(super().progress()) as events:
            async for event in events:
                if not is_older(event, self._begun_at):
                    yield event


def is_older(event: Mapping[str, Any], moment: datetime) -> bool:
    """Whether Kubernetes tells of something before ``moment``: the last pod of this name is still told of for an hour."""
    told = event.get("raw_event") or {}
    text = told.get("lastTimestamp") or told.get("eventTime") or ""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return False
    return at < moment.replace(microsecond=0)  # Kubernetes' times are whole seconds
