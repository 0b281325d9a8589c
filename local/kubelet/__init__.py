"""Real processes for the pods that matter: the hub and its proxy run as themselves, every other pod only pretends to.

``make_runtime`` is what the Kubernetes stand-in is told to use. ``setup.sh`` makes the environment that the processes run in.
"""

from local.kubelet.runtime import HubRuntime, make_runtime

__all__ = ["HubRuntime", "make_runtime"]
