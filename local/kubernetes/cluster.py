"""One cluster: its store, its API, its controllers and its pods."""

from __future__ import annotations

import base64
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiohttp
import trustme
from aiohttp import web

from local.kubernetes.access.authentication import Authenticator
from local.kubernetes.access.pod_identity import PodIdentities
from local.kubernetes.api.resources import BY_NAME
from local.kubernetes.api.server import application
from local.kubernetes.api.writer import WriteOptions, Writer
from local.kubernetes.controllers.attachments import Attachments
from local.kubernetes.controllers.autoscaler import Autoscaler
from local.kubernetes.controllers.csi import EbsDriver
from local.kubernetes.controllers.daemon_sets import DaemonSets
from local.kubernetes.controllers.deployments import Deployments
from local.kubernetes.controllers.events import Recorder
from local.kubernetes.controllers.jobs import Jobs
from local.kubernetes.controllers.lifecycle import GarbageCollector, Namespaces
from local.kubernetes.controllers.loop import Controller, Loop
from local.kubernetes.controllers.replica_sets import ReplicaSets
from local.kubernetes.controllers.scheduler import Scheduler
from local.kubernetes.controllers.services import DisruptionBudgets, Endpoints
from local.kubernetes.controllers.stateful_sets import StatefulSets
from local.kubernetes.controllers.volumes import Volumes
from local.kubernetes.faults import Faults
from local.kubernetes.nodes import NodeGroup, match, nodes_of, remove
from local.kubernetes.pods.kubelet import ApiAddress, Kubelet
from local.kubernetes.runtime import PodRuntime
from local.kubernetes.store import Store

HOST = "127.0.0.1"
SHUTDOWN_SECONDS = 0.5
FIRST_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


@dataclass(frozen=True)
class ClusterOptions:
    """What EKS says of a cluster when it is made."""

    name: str
    version: str
    region: str
    account: str


class Cluster:
    """A running cluster; make it with ``start``."""

    def __init__(
        self,
        options: ClusterOptions,
        aws_endpoint: str,
        session: aiohttp.ClientSession,
        runtime: PodRuntime | None,
        aws: Callable[..., Any],
    ) -> None:
        self.name, self.version, self.region = options.name, options.version, options.region
        self.options = options
        self.store = Store()
        self.writer = Writer(self.store)
        self.faults = Faults()
        self.requests: Counter[str] = Counter()
        self.authenticator = Authenticator(options.name, aws_endpoint, session)
        self.recorder = Recorder(self.writer)
        self.port = 0
        self._runtime, self._ec2, self._aws_endpoint = runtime, aws, aws_endpoint
        sts, service_accounts = partial(aws, "sts"), self.authenticator.service_accounts
        self.identities = PodIdentities(options.name, options.region, service_accounts, sts)
        self._authority = trustme.CA(organization_name=f"Kubernetes stand-in of {options.name}")
        self._runner: web.AppRunner | None = None
        self.groups: dict[str, NodeGroup] = {}

    @property
    def endpoint(self) -> str:
        """Where the API answers."""
        return f"https://{HOST}:{self.port}"

    @property
    def certificate(self) -> bytes:
        """The certificate authority of the API, as PEM."""
        return self._authority.cert_pem.bytes()

    def described(self) -> dict[str, str]:
        """What DescribeCluster needs to know."""
        return {"endpoint": self.endpoint, "certificate_authority_data": base64.b64encode(self.certificate).decode()}

    async def start(self) -> None:
        """Begin to listen and to control."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._authority.issue_cert(HOST, "localhost", "kubernetes.default.svc").configure_cert(context)
        self._runner = web.AppRunner(
            application(self), handler_cancellation=True, shutdown_timeout=SHUTDOWN_SECONDS, access_log=None
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, 0, ssl_context=context)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._control()

    def _control(self) -> None:
        writer, recorder = self.writer, self.recorder
        address = ApiAddress(HOST, self.port, self.certificate.decode())
        self._attachments = Attachments(writer, recorder, self._ec2)
        service_accounts, waits = self.authenticator.service_accounts, self._attachments.waited_for
        self.pods = Kubelet(writer, recorder, self.faults, service_accounts, address, self._runtime, waits, self._aws_endpoint)
        self.pods.identities = self.identities
        self._driver = EbsDriver(self.name, writer, recorder, self._ec2, self._attachments.holds)
        self._autoscaler = Autoscaler(self.name, self.store, partial(self._ec2, "autoscaling"))
        controllers: list[Controller] = [
            Namespaces(writer, self.certificate.decode(), self.faults.namespace_deleted),
            Deployments(writer, recorder),
            ReplicaSets(writer, recorder),
            StatefulSets(writer, recorder),
            DaemonSets(writer),
            Jobs(writer, recorder),
            Volumes(writer, recorder),
            self._driver,
            self._attachments,
            Scheduler(writer, recorder),
            self._autoscaler,
            self.pods,
            Endpoints(writer),
            DisruptionBudgets(writer),
            GarbageCollector(writer),
        ]
        self._loop = Loop(controllers)
        self.store.on_change = self._loop.notice
        options = WriteOptions(manager="kube-apiserver")
        for name in FIRST_NAMESPACES:
            self.writer.create(BY_NAME["namespaces"], "", {"metadata": {"name": name}}, options)
        labels = {"component": "apiserver", "provider": "kubernetes"}
        ports = [{"name": "https", "port": 443, "targetPort": self.port}]
        body = {"metadata": {"name": "kubernetes", "labels": labels}, "spec": {"ports": ports}}
        self.writer.create(BY_NAME["services"], "default", body, options)
        self._loop.start()

    def put_group(self, group: NodeGroup) -> None:
        """Make a node group as wanted."""
        self.groups[group.name] = group
        match(self.writer, self.region, self.version, group)

    def drop_group(self, name: str) -> bool:
        """Remove a node group's nodes; whether there was such a group."""
        found = self.groups.pop(name, None)
        for node in nodes_of(self.writer, name):
            remove(self.writer, node)
        return found is not None

    async def stop(self) -> None:
        """End pods, controllers and the listener, in this order."""
        await self.pods.stop()
        await self._loop.stop()
        await self._autoscaler.stop()
        await self._driver.stop()
        await self._attachments.stop()
        if self._runner:
            await self._runner.cleanup()
