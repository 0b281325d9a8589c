"""One pod whose containers are run by the runtime: started, watched, restarted after it fails, stopped."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from local.kubernetes.pods.status import ContainerState
from local.kubernetes.runtime import EndingPod, PodRuntime, PodStart, RunningPod

log = logging.getLogger(__name__)
POLL_SECONDS = 0.2
PROBE_PERIOD_SECONDS = 1.0
"""How often a pod that is ready is asked again, twice as often as the charts say; one that is not yet ready, at every look."""
FIRST_BACK_OFF_SECONDS, LONGEST_BACK_OFF_SECONDS = 1.0, 10.0
"""A kubelet begins with 10 s and ends at 5 minutes; nobody waits that long at a desk."""


class PodProcess:
    """Runs the containers in ``starts`` (by name) and tells ``report`` their states whenever they change."""

    def __init__(
        self,
        runtime: PodRuntime,
        starts: Mapping[str, PodStart],
        report: Callable[[Mapping[str, ContainerState]], None],
        *,
        restart: bool,
    ) -> None:
        self._runtime, self._starts, self._report, self._restart = runtime, starts, report, restart
        self._running: dict[str, RunningPod | None] = {}
        self._past_logs: dict[str, str] = {}
        self._states: dict[str, ContainerState] = {}
        self._told: dict[str, ContainerState] | None = None
        self._task = asyncio.create_task(self._live())
        self._stopped = False

    @property
    def real(self) -> bool:
        """Whether any container is a real process."""
        return any(running is not None for running in self._running.values())

    async def log(self, container: str) -> str | None:
        """What a container wrote; None for one that only pretends to run."""
        running = self._running.get(container)
        if running is not None:
            return await asyncio.to_thread(running.log)
        return self._past_logs.get(container)

    async def stop(self) -> None:
        """End every container and wait for it; may be repeated."""
        self._stopped = True
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        for name, running in list(self._running.items()):
            if running is not None:
                await asyncio.to_thread(running.stop)
            self._running.pop(name, None)

    async def _live(self) -> None:
        await asyncio.gather(*(self._keep(name, start) for name, start in self._starts.items()))

    async def _keep(self, name: str, start: PodStart) -> None:
        restarts, pause, failure = 0, FIRST_BACK_OFF_SECONDS, ""
        while True:
            failure = await self._run_once(name, start, restarts, failure)
            if not failure:
                return
            running = self._running.get(name)
            if running is not None:
                self._past_logs[name] = await asyncio.to_thread(running.log)
                await asyncio.to_thread(running.stop)
                self._running[name] = None
            if not self._restart:
                self._tell(name, ContainerState(exit_code=1, message=failure, restarts=restarts, last_failure=failure))
                return
            restarts += 1
            self._tell(name, ContainerState(waiting="CrashLoopBackOff", message=failure, restarts=restarts, last_failure=failure))
            await asyncio.sleep(pause)
            pause = min(LONGEST_BACK_OFF_SECONDS, pause * 2)

    async def _run_once(self, name: str, start: PodStart, restarts: int, last_failure: str) -> str:
        """Start a container and watch it until it fails; answers why. "" for one that pretends to run, or has done its work."""
        try:
            running = await asyncio.shield(self._begin(name, start))
        except Exception as error:
            log.exception("container %s of pod %s could not be started", name, start.pod["metadata"]["name"])
            return f"could not be started: {error}"
        if running is None:
            self._tell(name, ContainerState(ready=True, restarts=restarts))
            return ""
        ready, asked_at = False, 0.0
        while True:
            failure = await asyncio.to_thread(running.failure)
            if failure is not None:
                return failure or "ended"
            if isinstance(running, EndingPod) and await asyncio.to_thread(running.succeeded):
                self._tell(name, ContainerState(exit_code=0, restarts=restarts))
                return ""
            now = asyncio.get_running_loop().time()
            if not ready or now - asked_at >= PROBE_PERIOD_SECONDS:
                ready, asked_at = await asyncio.to_thread(running.ready), now
            self._tell(name, ContainerState(ready=ready, restarts=restarts, last_failure=last_failure))
            await asyncio.sleep(POLL_SECONDS)

    def _begin(self, name: str, start: PodStart) -> asyncio.Task[RunningPod | None]:
        async def begin() -> RunningPod | None:
            running = await asyncio.to_thread(self._runtime.start, start)
            if running is not None and self._stopped:
                await asyncio.to_thread(running.stop)  # Stopped while it was starting: leave nothing behind
                return None
            self._running[name] = running
            return running

        return asyncio.create_task(begin())

    def _tell(self, name: str, state: ContainerState) -> None:
        self._states[name] = state
        if self._states != self._told and not self._stopped:
            self._told = dict(self._states)
            self._report(self._told)
