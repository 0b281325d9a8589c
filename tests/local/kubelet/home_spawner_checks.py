"""A program for test_home_spawner.py: what a HomeSpawner does, as JSON. Runs in the hub's own environment."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from unittest import mock

from kubernetes_asyncio.client.exceptions import ApiException
from kubespawner import KubeSpawner
from traitlets.config import Config

from hubplane_hub import configure
from hubplane_hub.answers import Answer
from hubplane_hub.refusal import HomeRefused
from hubplane_hub.spawner import HomeSpawner, is_older

USE, CREATE = Answer(True, "use", "x"), Answer(True, "create", "x")
c = Config()
c.KubeSpawner.storage_pvc_ensure = True
c.Spawner.pre_spawn_hook = c.KubeSpawner.pre_spawn_hook = lambda spawner: None
c.Spawner.post_stop_hook = c.KubeSpawner.post_stop_hook = lambda spawner: None
configure(c)


def spawner():
    return c.JupyterHub.spawner_class(_mock=True, config=c)


def refused(call):
    try:
        call()
    except HomeRefused as refusal:
        return refusal.sentence
    return None


async def has_claim(answer):
    one = spawner()
    one.api = mock.Mock()
    one.api.read_namespaced_persistent_volume_claim = mock.AsyncMock(**answer)
    return await one.has_claim()


def claim(deleted_at):
    return {"return_value": mock.Mock(metadata=mock.Mock(deletion_timestamp=deleted_at))}


async def main():
    found = {}
    one = spawner()
    found["is_ours"] = type(one) is HomeSpawner
    found["hooks"] = [one.pre_spawn_hook.__module__, one.post_stop_hook.__module__]
    found["runs_since_before"] = one.was_refused
    one.clear_state()
    found["begun"] = one.was_refused
    found["start_without_home"] = refused(one.start)
    found["claim_without_home"] = refused(one.get_pvc_manifest)
    with mock.patch.object(KubeSpawner, "start", return_value="started"):
        one.give_home(USE)
        found["start"] = [one.start(), refused(one.start)]
    found["use"] = [one.was_refused, one.storage_pvc_ensure, refused(one.get_pvc_manifest)]
    one._pvc_exists = True
    one.give_home(CREATE)
    found["create"] = [one.storage_pvc_ensure, one._pvc_exists, one.get_pvc_manifest().metadata.name == one.pvc_name]
    one.clear_state()
    found["cleared"] = [one.was_refused, refused(one.start) is not None, refused(one.get_pvc_manifest) is not None]
    found["claims"] = [
        await has_claim(claim(None)),
        await has_claim(claim("now")),
        await has_claim({"side_effect": ApiException(status=404)}),
    ]
    try:
        found["claims"].append(await has_claim({"side_effect": ApiException(status=500)}))
    except ApiException:
        found["claims"].append("raised")
    now = datetime.now(UTC)

    def event(at):
        return {"raw_event": {"lastTimestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "eventTime": None}}

    told = (event(now - timedelta(seconds=9)), event(now), {"message": "x"})
    found["older"] = [is_older(each, now) for each in told]
    one.telling.tell("first")
    one.telling.end()

    async def own(self):
        for at in (now - timedelta(hours=1), datetime.now(UTC)):
            yield {"message": str(at < now), **event(at)}

    with mock.patch.object(KubeSpawner, "progress", own):
        found["progress"] = [told["message"] async for told in one.progress()]
    overridden = ("clear_state", "start", "get_pvc_manifest", "progress")
    found["overridden"] = [name for name in overridden if not hasattr(KubeSpawner, name)]
    print(json.dumps(found))


asyncio.run(main())
