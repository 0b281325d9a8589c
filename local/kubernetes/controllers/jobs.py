"""Jobs: pods until enough have succeeded, or too many have failed."""

from __future__ import annotations

from datetime import UTC, datetime

from local.kubernetes.api.errors import ApiError
from local.kubernetes.api.resources import BY_NAME
from local.kubernetes.api.writer import WriteOptions, Writer
from local.kubernetes.controllers.events import Recorder
from local.kubernetes.controllers.ownership import is_active, is_ready, owned, pod_from, with_condition
from local.kubernetes.store import Change, Object, now_text

PODS, JOBS = BY_NAME["pods"], BY_NAME["jobs.batch"]


class Jobs:
    """The job controller of one cluster. CronJobs are stored, not fired: nothing here needs them."""

    ticks = True  # ttlSecondsAfterFinished

    def __init__(self, writer: Writer, recorder: Recorder) -> None:
        self.writer, self.store, self.recorder = writer, writer.store, recorder

    def wants(self, change: Change) -> bool:
        return change.resource in (JOBS, PODS)

    def run(self) -> None:
        for job in self.store.list(JOBS):
            if not job["metadata"].get("deletionTimestamp"):
                self._expire(job) if _ended(job) else self._advance(job)

    def _expire(self, job: Object) -> None:
        ttl = job["spec"].get("ttlSecondsAfterFinished")
        ended_at = max(one["lastTransitionTime"] for one in job["status"]["conditions"])
        age = datetime.now(UTC) - datetime.fromisoformat(ended_at.replace("Z", "+00:00"))
        if ttl is not None and age.total_seconds() >= ttl:
            self.writer.delete(JOBS, job["metadata"]["namespace"], job["metadata"]["name"], {})

    def _advance(self, job: Object) -> None:
        pods = owned(self.store, "pods", job)
        succeeded = sum(pod["status"].get("phase") == "Succeeded" for pod in pods)
        failed = sum(pod["status"].get("phase") == "Failed" for pod in pods)
        active = [pod for pod in pods if is_active(pod)]
        wanted = job["spec"].get("completions", 1)
        before: Object = job.get("status") or {}
        status: Object = {"startTime": before.get("startTime", now_text()), "ready": sum(is_ready(pod) for pod in active)}
        if succeeded >= wanted:
            status |= {"succeeded": succeeded, "completionTime": now_text()}
            words = ("CompletionsReached", "Reached expected number of succeeded pods")
            conditions = with_condition((), "SuccessCriteriaMet", True, *words)
            status["conditions"] = with_condition(conditions, "Complete", True, *words)
            self.recorder.note(job, "job-controller", "Completed", "Job completed")
        elif failed > job["spec"]["backoffLimit"]:
            status |= {"failed": failed}
            words = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
            conditions = with_condition((), "FailureTarget", True, *words)
            status["conditions"] = with_condition(conditions, "Failed", True, *words)
            self.recorder.note(job, "job-controller", *words, warning=True)
        else:
            if not job["spec"].get("suspend"):
                self._start(job, min(job["spec"]["parallelism"], wanted - succeeded) - len(active))
            active = [pod for pod in owned(self.store, "pods", job) if is_active(pod)]
            counts = {"active": len(active), "succeeded": succeeded, "failed": failed}
            status |= {name: count for name, count in counts.items() if count}
        current = self.store.get(JOBS, job["metadata"]["namespace"], job["metadata"]["name"])
        if current is not None:
            self.writer.set_status(JOBS, current, status)

    def _start(self, job: Object, count: int) -> None:
        labels = {
            "batch.kubernetes.io/controller-uid": job["metadata"]["uid"],
            "batch.kubernetes.io/job-name": job["metadata"]["name"],
            "controller-uid": job["metadata"]["uid"],
            "job-name": job["metadata"]["name"],
        }
        for _ in range(count):
            body = pod_from(job["spec"]["template"], job, labels, generateName=f"{job['metadata']['name']}-")
            try:
                self.writer.create(PODS, job["metadata"]["namespace"], body, WriteOptions(manager="kube-controller-manager"))
            except ApiError as refusal:
                self.recorder.note(job, "job-controller", "FailedCreate", f"Error creating: {refusal}", warning=True)


def _ended(job: Object) -> bool:
    return any(one["type"] in ("Complete", "Failed") for one in (job.get("status") or {}).get("conditions", ()))
