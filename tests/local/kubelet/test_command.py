"""What a kubelet and the cluster's network do to a container's command."""

from pathlib import Path

import pytest

from local.kubelet.command import (
    CommandRefused,
    container_command,
    expanded,
    hub_command,
    proxy_command,
    with_service_addresses,
    with_sign_in_addresses,
)

TOOLS = Path("/tools")
SERVICES = {
    "HUB_SERVICE_HOST": "127.0.0.1",
    "HUB_SERVICE_PORT": "41001",
    "PROXY_API_SERVICE_HOST": "127.0.0.1",
    "PROXY_API_SERVICE_PORT": "41002",
}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        pytest.param("http://hub:$(HUB_SERVICE_PORT)", "http://hub:41001", id="a known name"),
        pytest.param("$(NOBODY)", "$(NOBODY)", id="an unknown name stays"),
        pytest.param("$$(HUB_SERVICE_PORT)", "$(HUB_SERVICE_PORT)", id="a doubled dollar escapes"),
        pytest.param(
            "$HUB_SERVICE_PORT ${HUB_SERVICE_PORT}", "$HUB_SERVICE_PORT ${HUB_SERVICE_PORT}", id="shell forms are not expanded"
        ),
    ],
)
def test_references_are_expanded_as_kubernetes_does(text: str, result: str) -> None:
    assert expanded(text, SERVICES) == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        pytest.param("http://hub:8081/hub/error", "http://127.0.0.1:41001/hub/error", id="a service"),
        pytest.param("http://proxy-api.jupyter.svc.cluster.local:8001", "http://127.0.0.1:41002", id="its full name"),
        pytest.param("http://example.org:8081", "http://example.org:8081", id="no service of that name"),
        pytest.param("http://127.0.0.1:9", "http://127.0.0.1:9", id="an address"),
    ],
)
def test_urls_of_services_lead_to_their_addresses(text: str, result: str) -> None:
    assert with_service_addresses(text, SERVICES) == result


def test_the_hub_listens_on_the_reserved_port_and_knows_its_neighbours() -> None:
    assert hub_command(TOOLS, ["--config", "/x.py"], SERVICES, {8081: 5001}) == [
        "/tools/bin/jupyterhub",
        "--config",
        "/x.py",
        "--JupyterHub.hub_bind_url=http://127.0.0.1:5001",
        "--JupyterHub.hub_connect_url=http://127.0.0.1:41001",
        "--ConfigurableHTTPProxy.api_url=http://127.0.0.1:41002",
    ]


def test_the_proxy_s_own_addresses_are_taken_out_because_it_misreads_a_repeated_flag() -> None:
    given = ["--ip=", "--api-ip=", "--port=8000", "--api-port", "8001", "--default-target=http://hub", "--log-level", "debug"]
    command = proxy_command(TOOLS, given, {8000: 5002, 8001: 5003})
    assert command[2:] == [
        "--default-target=http://hub",
        "--log-level",
        "debug",
        "--ip=127.0.0.1",
        "--port=5002",
        "--api-ip=127.0.0.1",
        "--api-port=5003",
    ]


@pytest.mark.parametrize(
    ("container", "arguments"),
    [
        pytest.param({"command": ["jupyterhub", "--upgrade-db"]}, ["--upgrade-db"], id="command"),
        pytest.param(
            {"command": ["/usr/local/bin/jupyterhub"], "args": ["-f", "x"]}, ["-f", "x"], id="command with a path, and args"
        ),
        pytest.param({}, [], id="the image's entry point"),
    ],
)
def test_the_arguments_of_a_container_are_kept(container: dict[str, list[str]], arguments: list[str]) -> None:
    assert container_command(container, "jupyterhub", SERVICES) == arguments


def test_another_program_is_refused_by_name() -> None:
    with pytest.raises(CommandRefused, match=r"container hub: its command starts with 'sh', but only 'jupyterhub'"):
        container_command({"name": "hub", "command": ["sh", "-c", "jupyterhub"]}, "jupyterhub", {})


COGNITO = "https://opensarlab.auth.us-east-1.amazoncognito.com/oauth2"


@pytest.mark.parametrize(
    ("text", "endpoint", "result"),
    [
        pytest.param(f'"{COGNITO}/token"', "http://e:1", '"http://e:1/oauth2/token"', id="where the hub fetches tokens"),
        pytest.param(f'"{COGNITO}/userInfo"', "http://e:1", '"http://e:1/oauth2/userInfo"', id="where it asks who came"),
        pytest.param(
            f'"{COGNITO}/authorize"', "http://e:1", f'"{COGNITO}/authorize"', id="where people are sent stays Cognito's"
        ),
        pytest.param(f'"{COGNITO}/token"', "", f'"{COGNITO}/token"', id="no emulator"),
        pytest.param(
            '"https://login.example.org/oauth2/token"', "http://e:1", '"https://login.example.org/oauth2/token"', id="others"
        ),
    ],
)
def test_the_hub_reaches_the_emulated_cognito(text: str, endpoint: str, result: str) -> None:
    assert with_sign_in_addresses(text.encode(), endpoint) == result.encode()
