"""The rules of single values that a regular expression cannot say, as formats of JSON Schema.

Each function takes a string and returns what is wrong with it beyond the property's own rule, or "" if that rule says it
all, or None if nothing is wrong. ``FORMATS`` names them as ``schema.json`` does.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from hubplane.domain.cluster_spec.eks_versions import CHECKED_ON, EKS_VERSIONS

Complaint = str | None

# RFC 1123 host name; at least one dot, because certificates and OAuth callbacks need a full name.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DNS_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<rest>.*)", re.DOTALL)

# https://github.com/distribution/reference/blob/main/reference.go (grammar of a repository name, at most 255 characters).
_IMAGE_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?")
_IMAGE_PATH = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*")

# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
_LABEL_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_LABEL_PREFIX = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
# eks API model, shapes labelKey and taintKey.
_LONGEST_LABEL_KEY: Final = 63

_SECRET_ARN = re.compile(
    r"arn:aws(?:-cn|-us-gov)?:secretsmanager:[a-z]{2}(?:-[a-z]+)+-[0-9]{1,2}:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]{1,512}-[A-Za-z0-9]{6}"
)
_CLUSTER_NAME = re.compile(r"(?!internal-|sg-)[a-z](?:[a-z0-9-]*[a-z0-9])?")

# https://git-scm.com/docs/git-check-ref-format, narrowed to characters that need no quoting in a shell.
_GIT_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+-]{0,199}")
_FOLDER = re.compile(r"[A-Za-z0-9._/+-]{1,255}")

# Tag names that AWS keeps, or that Hubplane, Kubernetes and the EBS CSI driver write or read themselves.
_RESERVED_TAG_PREFIXES = ("aws:", "hubplane:", "kubernetes.io/", "k8s.io/", "eks:", "ebs.csi.aws.com/", "csivolume")
_RESERVED_TAGS = frozenset(
    {
        "name",
        "kubernetescluster",
        "do-not-delete",
        "server-start-time",
        "server-stop-time",
        "jupyter-volume-stopping-time",
        "volume-delete-time",
        "snapshot-delete-time",
    }
)


def cluster_name(text: str) -> Complaint:
    if _CLUSTER_NAME.fullmatch(text):
        return None
    return f"in lower case it would do: {text.lower()}" if _CLUSTER_NAME.fullmatch(text.lower()) else ""


def ipv4_network(text: str) -> Complaint:
    if "/" not in text:
        return f"the prefix length is missing; for one address write {text}/32" if _is_address(text) else ""
    try:
        ipaddress.IPv4Network(text)
    except ValueError:
        return _why_no_network(text)
    prefix = text.partition("/")[2]
    return None if prefix.isascii() and prefix.isdigit() else "write the prefix length as one number from 0 to 32"


def _why_no_network(text: str) -> str:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return ""
    if network.version == 6:
        return "this is IPv6, and the load balancer has IPv4 addresses only"
    return f"bits are set behind the prefix; write {network}"


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def https_origin(text: str) -> Complaint:
    problem = _https_problem(text)
    if problem is not None:
        return problem
    parts = _URL.fullmatch(text)
    if parts and (parts["path"] or parts["rest"]):
        return f"leave out what follows the name: https://{parts['authority']}"
    return None


def git_url(text: str) -> Complaint:
    problem = _https_problem(text)
    if problem is not None:
        return problem
    parts = _URL.fullmatch(text)
    if parts is None or parts["rest"] or not re.fullmatch(r"(?:/[A-Za-z0-9._~+-]+)+/?", parts["path"]):
        return "after the name comes the repository's path and nothing else"
    return None


def _https_problem(text: str) -> Complaint:
    parts = _URL.fullmatch(text)
    if parts is None:
        return "https:// is missing at the start" if _DNS_NAME.match(text) else ""
    if parts["scheme"] != "https":
        return "only https:// is accepted"
    if "@" in parts["authority"]:
        return "a user or password in an address ends up in logs; take it out"
    host, colon, port = parts["authority"].partition(":")
    if colon and not host.startswith("[") and not (port.isascii() and port.isdigit() and 1 <= int(port[:6]) <= 65535):
        return "the port must be a number from 1 to 65535, or be left out"
    return _host_problem(host)


def _host_problem(host: str) -> Complaint:
    if _is_address(host) or host.startswith("["):
        return "an IP address has no certificate; give the DNS name"
    if not _DNS_NAME.fullmatch(host) or len(host) > 253 or host.rpartition(".")[2].isdigit():
        return "the host is not a full DNS name such as hub.example.org"
    return None


def image_name(text: str) -> Complaint:
    last = text.rpartition("/")[2]
    if "@" in text:
        return "a digest is not accepted here; give the name, and a tag in its own field"
    if ":" in last and "/" in text:
        return "move what follows the ':' into the tag's field"
    if len(text) > 255:
        return "the name is longer than 255 characters"
    head, slash, tail = text.partition("/")
    has_host = bool(slash) and ("." in head or ":" in head or head == "localhost")
    path = tail if has_host else text
    if has_host and not _IMAGE_HOST.fullmatch(head):
        return "the registry before the first '/' is no host name"
    if _IMAGE_PATH.fullmatch(path):
        return None
    return "in lower case it would do" if _IMAGE_PATH.fullmatch(path.lower()) else ""


def chart_source(text: str) -> Complaint:
    parts = _URL.fullmatch(text)
    if parts is None:
        return None if re.fullmatch(r"[A-Za-z0-9._/~+-]{1,1024}", text) else ""
    if parts["scheme"] == "https":
        problem = _https_problem(text)
        return problem if problem is not None else ("a query is not accepted" if parts["rest"] else None)
    if parts["scheme"] == "oci":
        return image_name(f"{parts['authority']}{parts['path']}") if not parts["rest"] and parts["path"] else ""
    return "only https:// and oci:// are accepted"


def git_ref(text: str) -> Complaint:
    wrong = ".." in text or "//" in text or "/." in text or text.endswith(("/", ".", ".lock"))
    return "" if wrong or not _GIT_REF.fullmatch(text) else None


def relative_folder(text: str) -> Complaint:
    if text.startswith("/") or ".." in text.split("/"):
        return "it would leave the repository"
    return None if _FOLDER.fullmatch(text) else ""


def kubernetes_version(text: str) -> Complaint:
    if text in EKS_VERSIONS:
        return None
    known = ", ".join(EKS_VERSIONS)
    return f"known on {CHECKED_ON} were {known}; choose one of them, or add a newer one to eks_versions.py once EKS offers it"


def label_key(text: str) -> Complaint:
    prefix, slash, name = text.rpartition("/")
    if len(text) > _LONGEST_LABEL_KEY or not _LABEL_NAME.fullmatch(name):
        return ""
    return "" if slash and not _LABEL_PREFIX.fullmatch(prefix) else None


def node_label_key(text: str) -> Complaint:
    """A label that the kubelet may set on its own node: NodeRestriction keeps most of Kubernetes' prefixes from it.

    https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction; EKS keeps its own
    prefix, https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateNodegroup.html.
    """
    problem = label_key(text)
    if problem is not None:
        return problem
    prefix = text.rpartition("/")[0]
    if _within(prefix, "node.kubernetes.io", "kubelet.kubernetes.io"):
        return None
    if _within(prefix, "kubernetes.io", "k8s.io", "eks.amazonaws.com"):
        return f"a node may not set labels of {prefix} itself and would never join; choose a prefix of your own"
    return None


def _within(prefix: str, *domains: str) -> bool:
    return any(prefix == domain or prefix.endswith(f".{domain}") for domain in domains)


def tag_key(text: str) -> Complaint:
    lower = text.lower()
    if lower in _RESERVED_TAGS or lower.startswith(_RESERVED_TAG_PREFIXES):
        return "this one is reserved"
    return None if 1 <= len(text) <= 128 and _of_tag_characters(text) else ""


def tag_value(text: str) -> Complaint:
    return None if len(text) <= 256 and _of_tag_characters(text) else ""


def _of_tag_characters(text: str) -> bool:
    """https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html: what every service accepts."""
    return all(mark.isalnum() or mark in " _.:/=+-@" for mark in text)


def secret_arn(text: str) -> Complaint:
    return None if _SECRET_ARN.fullmatch(text) else ""


FORMATS: Final[Mapping[str, Callable[[str], Complaint]]] = MappingProxyType(
    {
        "hubplane-cluster-name": cluster_name,
        "hubplane-ipv4-network": ipv4_network,
        "hubplane-https-origin": https_origin,
        "hubplane-git-url": git_url,
        "hubplane-git-ref": git_ref,
        "hubplane-relative-folder": relative_folder,
        "hubplane-image-name": image_name,
        "hubplane-chart-source": chart_source,
        "hubplane-kubernetes-version": kubernetes_version,
        "hubplane-node-label-key": node_label_key,
        "hubplane-taint-key": label_key,
        "hubplane-tag-key": tag_key,
        "hubplane-tag-value": tag_value,
        "hubplane-secret-arn": secret_arn,
    }
)
