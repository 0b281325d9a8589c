"""Configuration of the hub, from the values that the release was installed with.

JupyterHub runs this file with ``c`` and ``__file__`` defined. The values lie beside it in ``secret/values.yaml`` (JSON,
with the chart's and the release's names); names of Services reach the hub as Kubernetes gives them to every pod.
"""

import importlib.util
import json
import os
from pathlib import Path

HERE = Path(__file__).resolve().parent
SECRET = HERE / "secret"
VALUES = json.loads((SECRET / "values.yaml").read_text())
HUB, SINGLEUSER = VALUES["hub"], VALUES["singleuser"]
HUB_PORT = 8081

c = get_config()  # noqa: F821 - given by traitlets

# The proxy is another pod with its own life: the hub finds it by its Service and never starts or stops it.
c.ConfigurableHTTPProxy.api_url = f"http://proxy-api:{os.environ['PROXY_API_SERVICE_PORT']}"
c.ConfigurableHTTPProxy.auth_token = os.environ["CONFIGPROXY_AUTH_TOKEN"]
c.ConfigurableHTTPProxy.should_start = False
c.JupyterHub.cleanup_servers = False

c.JupyterHub.base_url = HUB["baseUrl"]
c.JupyterHub.hub_bind_url = f"http://:{HUB_PORT}"
c.JupyterHub.hub_connect_url = f"http://hub:{os.environ['HUB_SERVICE_PORT']}"
c.JupyterHub.cookie_secret = bytes.fromhex((SECRET / "hub.config.JupyterHub.cookie_secret").read_text())
c.CryptKeeper.keys = (SECRET / "hub.config.CryptKeeper.keys").read_text().split(";")
c.JupyterHub.db_url = {"sqlite-pvc": "sqlite:///jupyterhub.sqlite", "sqlite-memory": "sqlite://"}.get(
    HUB["db"]["type"], HUB["db"].get("url")
)
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
if VALUES["debug"]["enabled"]:
    c.JupyterHub.log_level = "DEBUG"

c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
c.Spawner.consecutive_failure_limit = HUB["consecutiveFailureLimit"]
spawner = c.KubeSpawner
spawner.namespace = os.environ["POD_NAMESPACE"]
spawner.common_labels = {"app": VALUES["Chart"]["Name"], "heritage": "jupyterhub", "release": VALUES["Release"]["Name"]}
spawner.image = f"{SINGLEUSER['image']['name']}:{SINGLEUSER['image']['tag']}"
spawner.start_timeout = SINGLEUSER["startTimeout"]
spawner.extra_annotations = SINGLEUSER["extraAnnotations"]
spawner.environment = SINGLEUSER["extraEnv"]
if VALUES["scheduling"]["userScheduler"]["enabled"]:
    spawner.scheduler_name = "user-scheduler"
if SINGLEUSER.get("profileList"):
    spawner.profile_list = SINGLEUSER["profileList"]
if SINGLEUSER.get("cmd"):
    c.Spawner.cmd = SINGLEUSER["cmd"]
if SINGLEUSER.get("defaultUrl"):
    c.Spawner.default_url = SINGLEUSER["defaultUrl"]

storage = SINGLEUSER["storage"]
if storage["type"] == "dynamic":
    claim, volume = storage["dynamic"]["pvcNameTemplate"], storage["dynamic"]["volumeNameTemplate"]
    spawner.storage_pvc_ensure = True
    spawner.pvc_name_template = claim
    spawner.storage_capacity = storage["capacity"]
    spawner.storage_access_modes = storage["dynamic"]["storageAccessModes"]
    if storage["dynamic"].get("storageClass"):
        spawner.storage_class = storage["dynamic"]["storageClass"]
    spawner.volumes = [{"name": volume, "persistentVolumeClaim": {"claimName": claim}}, *storage["extraVolumes"]]
    spawner.volume_mounts = [{"name": volume, "mountPath": storage["homeMountPath"]}, *storage["extraVolumeMounts"]]

metadata = SINGLEUSER["cloudMetadata"]
if metadata["blockWithIptables"]:
    tools = SINGLEUSER["networkTools"]["image"]
    spawner.init_containers = [
        {
            "name": "block-cloud-metadata",
            "image": f"{tools['name']}:{tools['tag']}",
            "command": ["iptables", "-A", "OUTPUT", "-d", metadata["ip"], "-j", "DROP"],
            "securityContext": {"privileged": True, "runAsUser": 0, "capabilities": {"add": ["NET_ADMIN"]}},
        }
    ]

c.JupyterHub.services = []
c.JupyterHub.load_roles = []
cull = VALUES["cull"]
if cull["enabled"]:
    # JupyterHub starts a service again and again that cannot start: better no culler than a log full of it.
    if importlib.util.find_spec("jupyterhub_idle_culler") is None:
        print("the idle culler is not installed in this hub's image: idle servers run on", flush=True)
    else:
        arguments = [f"--timeout={cull['timeout']}", f"--cull-every={cull['every']}", f"--concurrency={cull['concurrency']}"]
        scopes = ["list:users", "read:users:activity", "read:servers", "delete:servers"]
        if cull["users"]:
            arguments.append("--cull-users")
            scopes.append("admin:users")
        if not cull["adminUsers"]:
            arguments.append("--cull-admin-users=false")
        if cull["maxAge"]:
            arguments.append(f"--max-age={cull['maxAge']}")
        command = ["python3", "-m", "jupyterhub_idle_culler", *arguments]
        c.JupyterHub.services.append({"name": "jupyterhub-idle-culler", "command": command})
        c.JupyterHub.load_roles.append(
            {"name": "jupyterhub-idle-culler", "scopes": scopes, "services": ["jupyterhub-idle-culler"]}
        )

for name, service in HUB["services"].items():
    renamed = {("api_token" if key == "apiToken" else key): value for key, value in service.items()}
    c.JupyterHub.services.append({"name": name, **renamed})
for name, role in HUB["loadRoles"].items():
    c.JupyterHub.load_roles.append({"name": name, **role})

# Last, as in the real chart: hub.config has the last word over everything above, hub.extraConfig over that.
for section, settings in HUB["config"].items():
    for key, value in settings.items():
        c[section][key] = value
for name, code in sorted(HUB["extraConfig"].items()):
    exec(compile(code, f"hub.extraConfig.{name}", "exec"))  # noqa: S102 - the operator's own configuration
