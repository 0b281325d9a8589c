"""Each rule of the typed form refuses what breaks it, names the field and says what to do, and nothing else is found."""

from __future__ import annotations

from typing import Any

import pytest

from hubplane.domain.cluster_spec.validation import validate
from hubplane.domain.errors import SpecInvalid
from tests.unit.cluster_spec.examples import TAKEN_OUT, broken, only_fault, refusal, typed_input
from tests.unit.cluster_spec.node_fault_cases import NODE_CASES

IMAGE = {"repository_url": "https://github.com/asfadmin/images", "ref": "main"}

# id, what is changed, the line's beginning, a part of its rule
CASES: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "cluster upper case",
        {"cluster_name": "OpenSARLab"},
        'cluster_name = "OpenSARLab"',
        "in lower case it would do: opensarlab",
    ),
    ("cluster underscore", {"cluster_name": "open_sar"}, 'cluster_name = "open_sar"', "a-z, 0-9 and hyphens"),
    ("cluster digit first", {"cluster_name": "1lab"}, 'cluster_name = "1lab"', "must start with a lower-case letter"),
    ("cluster hyphen last", {"cluster_name": "lab-"}, 'cluster_name = "lab-"', "end in a letter or digit"),
    ("cluster internal-", {"cluster_name": "internal-lab"}, 'cluster_name = "internal-lab"', "not start with 'internal-'"),
    ("cluster sg-", {"cluster_name": "sg-lab"}, 'cluster_name = "sg-lab"', "not start with 'internal-' or 'sg-'"),
    ("cluster newline", {"cluster_name": "lab\n"}, 'cluster_name = "lab\\n"', "a-z, 0-9 and hyphens"),
    (
        "cluster too long",
        {"cluster_name": "a" * 27},
        f'cluster_name = "{"a" * 27}"',
        "may have 26: the target group is called <cluster>-<port>",
    ),
    ("cluster number", {"cluster_name": 7}, "cluster_name = 7", "write it in quotes"),
    ("cluster missing", {"cluster_name": TAKEN_OUT}, "cluster_name = (missing)", "is required"),
    ("vpc missing", {"network.vpc_id": TAKEN_OUT}, "network.vpc_id = (missing)", "is required; must be a VPC id"),
    ("vpc id", {"network.vpc_id": "vpc-XYZ"}, 'network.vpc_id = "vpc-XYZ"', "copy it from the console's 'Your VPCs'"),
    ("subnet id", {"network.subnet_ids.0": "sn-39a09073"}, 'network.subnet_ids[0] = "sn-39a09073"', "must be a subnet id"),
    (
        "one subnet",
        {"network.subnet_ids": ["subnet-4388e824"]},
        "network.subnet_ids = (a list of 1)",
        "at least two different subnet ids",
    ),
    (
        "subnet twice",
        {"network.subnet_ids": ["subnet-4388e824", "subnet-39a09073", "subnet-4388e824"]},
        'network.subnet_ids = "subnet-4388e824"',
        "this one stands there twice",
    ),
    ("subnets as text", {"network.subnet_ids": "subnet-4388e824"}, 'network.subnet_ids = "subnet-4388e824"', "write a list"),
    ("no active subnet", {"network.active_subnet_ids": []}, "network.active_subnet_ids = (a list of 0)", "at least one"),
    (
        "active subnet elsewhere",
        {"network.active_subnet_ids": ["subnet-00000000"]},
        'network.active_subnet_ids[0] = "subnet-00000000"',
        "is not among network.subnet_ids",
    ),
    (
        "cidr host bits",
        {"network.load_balancer_cidr": "10.1.2.3/8"},
        'network.load_balancer_cidr = "10.1.2.3/8"',
        "write 10.0.0.0/8",
    ),
    (
        "cidr bare address",
        {"network.load_balancer_cidr": "10.1.2.3"},
        'network.load_balancer_cidr = "10.1.2.3"',
        "write 10.1.2.3/32",
    ),
    ("cidr IPv6", {"network.load_balancer_cidr": "::/0"}, 'network.load_balancer_cidr = "::/0"', "this is IPv6"),
    (
        "cidr netmask",
        {"network.load_balancer_cidr": "10.0.0.0/255.0.0.0"},
        "network.load_balancer_cidr",
        "as one number from 0 to 32",
    ),
    ("cidr prefix 33", {"network.load_balancer_cidr": "10.0.0.0/33"}, "network.load_balancer_cidr", "must be one IPv4 network"),
    (
        "certificate region",
        {"hub.certificate_arn": "arn:aws:acm:moon:553778890976:certificate/1"},
        "hub.certificate_arn",
        "ACM certificate",
    ),
    (
        "certificate account",
        {"hub.certificate_arn": "arn:aws:acm:us-east-1:5537:certificate/1"},
        "hub.certificate_arn",
        "12-digit account",
    ),
    (
        "certificate of IAM",
        {"hub.certificate_arn": "arn:aws:iam::553778890976:server-certificate/x"},
        "hub.certificate_arn",
        "acm",
    ),
    ("no admin", {"hub.admin_users": []}, "hub.admin_users = (a list of 0)", "somebody has to admit the others"),
    ("admin with space", {"hub.admin_users": ["em lundell"]}, 'hub.admin_users[0] = "em lundell"', "without spaces"),
    ("admin newline", {"hub.admin_users": ["em\n"]}, 'hub.admin_users[0] = "em\\n"', "must be a user name"),
    ("admins in two cases", {"hub.admin_users": ["bob", "Bob"]}, 'hub.admin_users[1] = "Bob"', "is the same person as bob"),
    ("url http", {"hub.url": "http://hub.example.org"}, 'hub.url = "http://hub.example.org"', "only https:// is accepted"),
    ("url without scheme", {"hub.url": "hub.example.org"}, 'hub.url = "hub.example.org"', "https:// is missing at the start"),
    ("url path", {"hub.url": "https://hub.example.org/"}, "hub.url", "leave out what follows the name: https://hub.example.org"),
    ("url query", {"hub.url": "https://hub.example.org?a=b"}, "hub.url", "leave out what follows the name"),
    ("url user", {"hub.url": "https://bob:hunter2@hub.example.org"}, "hub.url = (hidden)", "ends up in logs"),
    ("url address", {"hub.url": "https://10.0.0.1"}, 'hub.url = "https://10.0.0.1"', "an IP address has no certificate"),
    ("url IPv6 address", {"hub.url": "https://[::1]:8443"}, "hub.url", "an IP address has no certificate"),
    ("url port 0", {"hub.url": "https://hub.example.org:0"}, "hub.url", "a number from 1 to 65535"),
    ("url short host", {"hub.url": "https://hub"}, "hub.url", "not a full DNS name"),
    ("port low", {"hub.node_port": 29999}, "hub.node_port = 29999", "from 30000 to 32767"),
    ("port high", {"hub.node_port": 32768}, "hub.node_port = 32768", "from 30000 to 32767"),
    ("port in quotes", {"hub.node_port": "30052"}, 'hub.node_port = "30052"', "write the digits without quotes"),
    ("port true", {"hub.node_port": True}, "hub.node_port = true", "true and false are no numbers"),
    ("port half", {"hub.node_port": 30052.5}, "hub.node_port = 30052.5", "must be a whole number"),
    ("port null", {"hub.node_port": None}, "hub.node_port = null", "leave the field out for its default"),
    (
        "chart http",
        {"hub.chart": {"source": "http://charts.example.org", "version": "4.3.1"}},
        "hub.chart.source",
        "only https:// and oci://",
    ),
    (
        "chart unpinned",
        {"hub.chart": {"source": "https://hub.jupyter.org/helm-chart/"}},
        "hub.chart.version = null",
        "pin one, such as 4.4.0",
    ),
    (
        "chart range",
        {"hub.chart": {"source": "oci://ghcr.io/x/hub", "version": ">=4"}},
        'hub.chart.version = ">=4"',
        "one exact chart version",
    ),
    (
        "chart folder version",
        {"hub.chart": {"source": "./charts/hub", "version": "4.3.1"}},
        "hub.chart.version",
        "a folder holds one version",
    ),
    (
        "chart tag in oci",
        {"hub.chart": {"source": "oci://ghcr.io/x/hub:4.3.1", "version": "4.3.1"}},
        "hub.chart.source",
        "move what follows",
    ),
    ("cull 0", {"hub.idle_cull_minutes": 0}, "hub.idle_cull_minutes = 0", "from 1 to 43200"),
    ("oauth domain path", {"oauth.domain_url": "https://a.example.org/login"}, "oauth.domain_url", "https://a.example.org"),
    (
        "only the client id",
        {"oauth.client_secret_secret_arn": None},
        "oauth.client_secret_secret_arn = null",
        "is required with oauth.client_id_secret_arn",
    ),
    (
        "only the client secret",
        {"oauth.client_id_secret_arn": TAKEN_OUT},
        "oauth.client_id_secret_arn = null",
        "is required with oauth.client_secret_secret_arn",
    ),
    ("oauth path", {"oauth.token_path": "token?x=y"}, 'oauth.token_path = "token?x=y"', "must be a path that starts with '/'"),
    ("claim", {"oauth.username_claim": "user name"}, 'oauth.username_claim = "user name"', "the name of one claim"),
    ("scope with space", {"oauth.scopes": ["openid email"]}, 'oauth.scopes[0] = "openid email"', "list several as several items"),
    (
        "own client without openid",
        {"oauth": {"domain_url": "https://a.example.org", "scopes": ["email"]}},
        "oauth.scopes = (a list of 1)",
        "must hold openid",
    ),
    (
        "image with tag",
        {"notebook_image.name": "quay.io/x/lab:1"},
        'notebook_image.name = "quay.io/x/lab:1"',
        "into the tag's field",
    ),
    ("image with digest", {"notebook_image.name": "quay.io/x/lab@sha256:aa"}, "notebook_image.name", "a digest is not accepted"),
    ("image upper case", {"notebook_image.name": "quay.io/X/Lab"}, "notebook_image.name", "in lower case it would do"),
    ("image url", {"notebook_image.name": "https://quay.io/x"}, "notebook_image.name", "as registries have it"),
    ("image too long", {"notebook_image.name": "quay.io/" + "a-" * 130 + "a"}, "notebook_image.name", "longer than 255"),
    ("tag space", {"notebook_image.tag": "v 1"}, 'notebook_image.tag = "v 1"', "must be an image tag"),
    ("tag too long", {"notebook_image.tag": "v" * 129}, "notebook_image.tag", "up to 127"),
    ("tag number", {"notebook_image.tag": 2019}, "notebook_image.tag = 2019", "write it in quotes"),
    ("hub version", {"notebook_image.jupyterhub_version": "latest"}, "notebook_image.jupyterhub_version", "such as '5.3.0'"),
    (
        "build over ssh",
        {"notebook_image.build": {**IMAGE, "repository_url": "git@github.com:a/b"}},
        "notebook_image.build.repository_url",
        "git",
    ),
    ("build ref", {"notebook_image.build": {**IMAGE, "ref": "a..b"}}, 'notebook_image.build.ref = "a..b"', "as git allows it"),
    (
        "build leaves",
        {"notebook_image.build": {**IMAGE, "directory": "../x"}},
        "notebook_image.build.directory",
        "leave the repository",
    ),
    ("version number", {"kubernetes_version": 1.3}, "kubernetes_version = 1.3", "reads 1.30 as the number 1.3: write '1.30'"),
    ("version unknown", {"kubernetes_version": "1.14"}, 'kubernetes_version = "1.14"', "choose one of them"),
    ("version patch", {"kubernetes_version": "1.35.1"}, 'kubernetes_version = "1.35.1"', "1.35"),
    ("storage class", {"storage.class_name": "GP3"}, 'storage.class_name = "GP3"', "Kubernetes object name"),
    ("home too large", {"storage.home_size_gib": 16385}, "storage.home_size_gib = 16385", "from 1 to 16384"),
    ("hour of the day", {"storage.policy.snapshot_hour": 24}, "storage.policy.snapshot_hour = 24", "from 0 to 23"),
    ("no share", {"storage.policy.largest_share": 0}, "storage.policy.largest_share = 0", "above 0 and at most 1"),
    ("prune in words", {"storage.policy.prune": "yes"}, 'storage.policy.prune = "yes"', "true or false"),
    *(
        (f"{field} out of range", {f"storage.policy.{field}": value}, f"storage.policy.{field}", said)
        for field, value, said in [
            ("volume_idle_days", 0, "from 1 to 3650"),
            ("grace_days", 0, "from 1 to 3650"),
            ("daily_snapshots", -1, "from 0 to 366"),
            ("weekly_snapshots", -1, "from 0 to 520"),
            ("monthly_snapshots", -1, "from 0 to 120"),
            ("largest_share", 1.01, "at most 1"),
            ("pending_reserve", 100, "from 0 to 99"),
            ("warning_days", [], "1 to 10 different"),
            ("protection_tag", "", "1 to 128"),
            ("hub_database_claim", "", "claim"),
        ]
    ),
    ("warned twice", {"storage.policy.warning_days": [3, 3]}, "storage.policy.warning_days = 3", "stands there twice"),
    (
        "retention shorter than its warning",
        {"storage.policy": {"end_of_retention_days": 14, "volume_idle_days": 7, "warning_days": [7, 1]}},
        "storage.policy.end_of_retention_days = 14",
        "more than 14 days, storage.policy.volume_idle_days 7 and the first of storage.policy.warning_days 7 together",
    ),
    *NODE_CASES,
    ("tag of AWS", {"tags": {"aws:x": "y"}}, 'tags["aws:x"] = "y"', "this one is reserved"),
    ("tag in AWS' case", {"tags": {"AWS:x": "y"}}, 'tags["AWS:x"] = "y"', "this one is reserved"),
    ("tag that protects", {"tags": {"do-not-delete": "true"}}, 'tags["do-not-delete"]', "this one is reserved"),
    (
        "tag of Kubernetes",
        {"tags": {"kubernetes.io/cluster/x": "owned"}},
        'tags["kubernetes.io/cluster/x"]',
        "this one is reserved",
    ),
    ("tag name long", {"tags": {"n" * 129: "y"}}, "tags[", "1 to 128"),
    ("tag value long", {"tags": {"owner": "v" * 257}}, "tags.owner", "at most 256"),
    ("tag value characters", {"tags": {"owner": "a<b"}}, 'tags.owner = "a<b"', "spaces and _.:/=+-@"),
    ("tag value number", {"tags": {"cost": 7}}, "tags.cost = 7", "in quotes"),
    ("too many tags", {"tags": {f"t{n}": "" for n in range(41)}}, "tags = (an object of 41)", "at most 40 tags"),
    ("retention", {"log_retention_days": 100}, "log_retention_days = 100", "90, 120"),
    ("retention text", {"log_retention_days": "abc"}, 'log_retention_days = "abc"', "CloudWatch Logs knows"),
    ("unknown, near", {"hub.admin_user": ["x"]}, "hub.admin_user = (a list of 1)", "did you mean admin_users?"),
    ("unknown, elsewhere", {"node_port": 30052}, "node_port = 30052", "it belongs to hub.node_port"),
    (
        "unknown, of 2019",
        {"NodeInstanceType": "m5.large"},
        'NodeInstanceType = "m5.large"',
        "in the typed form it is node_groups[].instance_type",
    ),
    ("unknown, dropped since 2019", {"CodeBuildServiceRoleArn": "x"}, "CodeBuildServiceRoleArn", "no longer used, leave it out"),
    ("unknown, nothing like it", {"storage.zzz": 1}, "storage.zzz = 1", "its fields are class_name, home_size_gib, policy"),
    ("too long", {"notebook_image.tag": "v" * 3000}, "notebook_image.tag", "longer than 2048"),
    ("network missing", {"network": TAKEN_OUT}, "network = (missing)", "is required; must be an object with vpc_id"),
    ("storage null", {"storage": None}, "storage = null", "leave the field out"),
]


@pytest.mark.parametrize(("changes", "start", "part"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_broken_rule_is_the_one_fault_and_says_what_to_do(changes: dict[str, Any], start: str, part: str) -> None:
    line = only_fault(broken(typed_input(), changes))
    assert line.startswith(start)
    assert part in line.split(": ", 1)[1]
    assert "\n" not in line


def test_the_table_above_holds_distinct_faults() -> None:
    lines = [only_fault(broken(typed_input(), changes)) for _, changes, _, _ in CASES]
    assert len(set(lines)) == len(CASES) >= 60


def test_all_faults_are_found_at_once_and_none_hides_another() -> None:
    changes = {
        "cluster_name": "Lab",
        "network.vpc_id": 5,
        "network.active_subnet_ids": ["subnet-00000000"],
        "hub.node_port": 1,
        "hub.admin_users": ["a", "A"],
        "oauth.client_id_secret_arn": "plain",
        "node_groups": [{"min_size": 9, "ami_id": "x"}, {"max_size": "8"}],
        "tags": {"aws:a": "b"},
        "nodeport": 3,
    }
    fields = {fault.field for fault in refusal(broken(typed_input(), changes)).faults}
    assert fields == {
        "cluster_name",
        "network.vpc_id",
        "network.active_subnet_ids[0]",
        "hub.node_port",
        "hub.admin_users[1]",
        "oauth.client_id_secret_arn",
        "node_groups[0].min_size",
        "node_groups[0].ami_id",
        "node_groups[1].max_size",
        "node_groups[1].name",
        'tags["aws:a"]',
        "nodeport",
    }


def test_what_is_nested_without_end_is_refused_where_it_begins() -> None:
    endless: dict[str, Any] = {}
    inner = endless
    for _ in range(5000):
        inner["a"] = inner = {}
    assert only_fault(broken(typed_input(), {"tags": {"owner": endless}})).startswith("tags.owner = (an object of 1)")


def test_more_faults_than_a_message_holds_are_counted_in_it_and_all_kept_beside_it() -> None:
    """Step Functions keeps 32,768 characters of an error's cause."""
    document = typed_input()
    document["spec"] |= {f"unknown{number}": 1 for number in range(500)}
    with pytest.raises(SpecInvalid) as caught:
        validate(document)
    *lines, last = str(caught.value).splitlines()
    assert len(caught.value.faults) == 500
    assert lines[0] == "the specification has 500 faults:"
    assert last == f"… and {500 - (len(lines) - 1)} more: mend these first"
    assert 20_000 < len(str(caught.value)) < 25_000
