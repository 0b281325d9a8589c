"""The front answers as the load balancer would: listener, rule, target group, node port, security group."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.local.cloud.lambda_functions import create as create_function
from tests.local.cloud.lambda_functions import invoke
from tests.local.cloud.running import RunningCloud
from tests.local.cloud.test_eks import SUBNETS, make_cluster, make_group
from tests.local.cloud.test_seed import CERTIFICATE, code_of

HOST = "opensarlab.asf.alaska.edu"


class Hub(BaseHTTPRequestHandler):
    """A hub that tells what it was asked."""

    def do_GET(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        told = {"path": self.path, "headers": {key.lower(): value for key, value in self.headers.items()}}
        told["body"] = self.rfile.read(length).decode()
        payload = json.dumps(told).encode()
        self.send_response(302 if self.path.startswith("/moved") else 200)
        if self.path.startswith("/moved"):
            self.send_header("Location", "/elsewhere")
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.send_header("content-length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def hub() -> Iterator[tuple[str, int]]:
    """Where a hub answers."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield "127.0.0.1", server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def served(cloud: RunningCloud, hub: tuple[str, int]) -> dict[str, str]:
    """A cluster behind a load balancer as the cluster's stack makes it; answers ids."""
    make_cluster(cloud, "opensarlab")
    name = make_group(cloud, "opensarlab")["resources"]["autoScalingGroups"][0]["name"]
    return make_balancer(cloud, "opensarlab", name, "0.0.0.0/0")


def make_balancer(cloud: RunningCloud, name: str, scaling_group: str | None, cidr: str) -> dict[str, str]:
    """Load balancer 80 -> 443 -> node port 30080, open to ``cidr``."""
    ec2, balancing = cloud.client("ec2"), cloud.client("elbv2")
    group = ec2.create_security_group(GroupName=f"{name}-lb", Description="x", VpcId="vpc-4da21e37")["GroupId"]
    for port in (80, 443):
        allowed = [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": cidr}]}]
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=allowed)
    balancer = balancing.create_load_balancer(Name=name, Subnets=SUBNETS, SecurityGroups=[group])["LoadBalancers"][0]
    targets = balancing.create_target_group(Name=f"{name}-30080", Protocol="HTTP", Port=30080, VpcId="vpc-4da21e37")
    arn = targets["TargetGroups"][0]["TargetGroupArn"]
    redirect = {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}
    balancing.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "redirect", "RedirectConfig": redirect}],
    )
    balancing.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTPS",
        Port=443,
        Certificates=[{"CertificateArn": CERTIFICATE}],
        DefaultActions=[{"Type": "forward", "TargetGroupArn": arn}],
    )
    if scaling_group:
        cloud.client("autoscaling").attach_load_balancer_target_groups(AutoScalingGroupName=scaling_group, TargetGroupARNs=[arn])
    assert {zone["ZoneName"] for zone in balancer["AvailabilityZones"]} == {"us-east-1a", "us-east-1d"}
    assert balancer["VpcId"] == "vpc-4da21e37"
    return {"dns": balancer["DNSName"], "targets": arn, "group": group}


def ask(
    cloud: RunningCloud, path: str, host: str = HOST, scheme: str = "https", method: str = "GET", body: str = ""
) -> http.client.HTTPResponse:
    """Ask the front, with the certificate checked against its authority and the host's name."""
    if scheme == "https":
        context = ssl.create_default_context(cafile=cloud.facts["front_ca_file"])
        plain = socket.create_connection(("127.0.0.1", cloud.facts["front_port"]), 10)
        connection: Any = http.client.HTTPConnection(host)
        connection.sock = context.wrap_socket(plain, server_hostname=host)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", cloud.facts["front_http_port"], timeout=10)
    connection.request(method, path, body=body or None, headers={"Host": host})
    response: http.client.HTTPResponse = connection.getresponse()
    return response


def test_without_a_node_port_the_answer_is_502(cloud: RunningCloud, served: dict[str, str]) -> None:
    response = ask(cloud, "/hub/health")
    assert (response.status, response.getheader("X-Hubplane-Reason")) == (502, "no ready pod")


def test_requests_reach_the_hub_and_tell_where_they_came_from(
    cloud: RunningCloud, served: dict[str, str], hub: tuple[str, int]
) -> None:
    cloud.stand_in.node_ports["opensarlab", 30080] = hub
    response = ask(cloud, "/hub/health?a=%2Fb", method="POST", body="name=x")
    told = json.load(response)
    assert (response.status, told["path"], told["body"]) == (200, "/hub/health?a=%2Fb", "name=x")
    assert told["headers"]["host"] == HOST
    assert told["headers"]["x-forwarded-proto"] == "https"
    assert told["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert response.msg.get_all("Set-Cookie") == ["a=1", "b=2"]


def test_redirects_of_the_hub_pass_through(cloud: RunningCloud, served: dict[str, str], hub: tuple[str, int]) -> None:
    cloud.stand_in.node_ports["opensarlab", 30080] = hub
    response = ask(cloud, "/moved")
    assert (response.status, response.getheader("Location")) == (302, "/elsewhere")


@pytest.mark.parametrize(
    ("host", "location"),
    [
        pytest.param(HOST, "https://opensarlab.asf.alaska.edu:443/hub?next=1", id="as-alb-says"),
        pytest.param("127.0.0.1:8080", "https://127.0.0.1:{front_port}/hub?next=1", id="a-person-on-this-machine"),
    ],
)
def test_plain_http_is_redirected(cloud: RunningCloud, served: dict[str, str], host: str, location: str) -> None:
    response = ask(cloud, "/hub?next=1", host=host, scheme="http")
    assert (response.status, response.getheader("Location")) == (301, location.format(**cloud.facts))


def test_a_host_is_led_to_its_load_balancer(cloud: RunningCloud, served: dict[str, str], hub: tuple[str, int]) -> None:
    cloud.stand_in.node_ports["opensarlab", 30080] = hub
    second = make_balancer(cloud, "second", None, "127.0.0.0/8")
    assert ask(cloud, "/", host="other.asf.alaska.edu").status == 503
    assert ask(cloud, "/", host=second["dns"]).status == 503
    assert ask(cloud, "/", host=served["dns"]).status == 200
    body = json.dumps({"other.asf.alaska.edu": "opensarlab"}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{cloud.endpoint_url}/_hubplane/front/hosts", body, method="POST")).close()
    assert ask(cloud, "/", host="other.asf.alaska.edu").status == 200


def test_whom_the_security_group_keeps_out_gets_no_answer(cloud: RunningCloud, served: dict[str, str]) -> None:
    closed = make_balancer(cloud, "closed", None, "10.0.0.0/8")
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected, ssl.SSLError)):
        ask(cloud, "/", host=closed["dns"])


def test_a_lambda_trusts_the_front(cloud: RunningCloud, served: dict[str, str], hub: tuple[str, int]) -> None:
    cloud.stand_in.node_ports["opensarlab", 30080] = hub
    source = """
import socket, ssl

def handler(event, context):
    plain = socket.create_connection(("127.0.0.1", event["port"]), 5)
    with ssl.create_default_context().wrap_socket(plain, server_hostname=event["host"]) as secure:
        return secure.getpeercert()["subjectAltName"][0][1]
"""
    create_function(cloud, "visitor", source)
    assert invoke(cloud, "visitor", {"port": cloud.facts["front_port"], "host": HOST}) == ("*.asf.alaska.edu", None)


def test_load_balancers_and_listeners_are_checked(cloud: RunningCloud, served: dict[str, str]) -> None:
    balancing = cloud.client("elbv2")
    assert code_of(balancing.create_load_balancer, Name="one-zone", Subnets=SUBNETS[:1]) == "InvalidConfigurationRequest"
    assert code_of(balancing.create_load_balancer, Name="x" * 33, Subnets=SUBNETS) == "ValidationError"
    arn = balancing.describe_load_balancers(Names=["opensarlab"])["LoadBalancers"][0]["LoadBalancerArn"]
    unknown = CERTIFICATE[:-4] + "0000"
    forward = [{"Type": "forward", "TargetGroupArn": served["targets"]}]
    listener = {"LoadBalancerArn": arn, "Protocol": "HTTPS", "Port": 444, "DefaultActions": forward}
    assert code_of(balancing.create_listener, Certificates=[{"CertificateArn": unknown}], **listener) == "CertificateNotFound"


def test_classic_load_balancers_have_an_api_of_their_own(cloud: RunningCloud) -> None:
    classic = cloud.client("elb")
    listener = {"Protocol": "tcp", "LoadBalancerPort": 80, "InstancePort": 30080}
    tags = [{"Key": "kubernetes.io/cluster/sar", "Value": "owned"}]
    classic.create_load_balancer(LoadBalancerName="a1b2", Listeners=[listener], Tags=tags)
    listed = classic.describe_load_balancers()["LoadBalancerDescriptions"]
    assert [item["LoadBalancerName"] for item in listed] == ["a1b2"]
    assert classic.describe_tags(LoadBalancerNames=["a1b2"])["TagDescriptions"][0]["Tags"] == tags
    assert "a1b2" not in str(cloud.client("elbv2").describe_load_balancers()["LoadBalancers"])
    for _ in range(2):
        classic.delete_load_balancer(LoadBalancerName="a1b2")
    assert classic.describe_load_balancers()["LoadBalancerDescriptions"] == []
    with pytest.raises(classic.exceptions.AccessPointNotFoundException):
        classic.describe_tags(LoadBalancerNames=["a1b2"])
