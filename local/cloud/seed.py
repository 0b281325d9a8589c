"""Put ``seed.yaml`` into the emulator's records before it serves."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from local.cloud.eks_versions import VERSIONS

SEED_PATH = Path(__file__).with_name("seed.yaml")


@cache
def seed() -> dict[str, Any]:
    """The seed file's content."""
    content: dict[str, Any] = yaml.safe_load(SEED_PATH.read_text())
    return content


@dataclass(frozen=True)
class EksImage:
    """A machine image of EKS and the public parameter that names it."""

    image_id: str
    name: str
    description: str
    architecture: str
    parameter: str


def eks_images() -> list[EksImage]:
    """An image for each kind and Kubernetes version; the ids stay the same from run to run."""
    wanted = seed()["eks_images"]
    return [
        EksImage(
            image_id="ami-0" + hashlib.sha256(f"{kind['name']}-{version}".encode()).hexdigest()[:16],
            name=f"{kind['name']}-{version}-{wanted['release']}",
            description=f"EKS-optimized Kubernetes node based on Amazon Linux 2023, (k8s: {version}.0, containerd: 2.1.*)",
            architecture=kind["architecture"],
            parameter=f"/aws/service/eks/optimized-ami/{version}/{kind['path']}/recommended/image_id",
        )
        for kind in wanted["kinds"]
        for version in VERSIONS
    ]


def plant() -> None:
    """Put VPC, certificate, images and parameters into the emulator. Run once, after the environment is prepared."""
    _network()
    _certificate()
    _machine_images()
    _container_images()


def _network() -> None:
    from ministack.services import ec2  # noqa: PLC0415  after the environment is prepared

    vpc = seed()["vpc"]
    group_id = "sg-" + hashlib.sha256(vpc["id"].encode()).hexdigest()[:8]
    ec2._vpcs[vpc["id"]] = {
        **ec2._vpcs[ec2._DEFAULT_VPC_ID],
        "VpcId": vpc["id"],
        "CidrBlock": vpc["cidr"],
        "IsDefault": False,
        "DefaultSecurityGroupId": group_id,
    }
    ec2._security_groups[group_id] = {
        **ec2._security_groups[ec2._DEFAULT_SG_ID],
        "GroupId": group_id,
        "VpcId": vpc["id"],
    }
    for subnet in vpc["subnets"]:
        ec2._subnets[subnet["id"]] = {
            **ec2._subnets[ec2._DEFAULT_SUBNET_ID],
            "SubnetId": subnet["id"],
            "VpcId": vpc["id"],
            "CidrBlock": subnet["cidr"],
            "AvailabilityZone": subnet["zone"],
            "AvailabilityZoneId": ec2._az_id_for_zone_name(subnet["zone"]),
            "AvailableIpAddressCount": subnet["free_addresses"],
            "DefaultForAz": False,
        }


def _certificate() -> None:
    from ministack.services import acm  # noqa: PLC0415

    wanted = seed()["certificate"]
    acm._request_certificate({"DomainName": wanted["domain"]})
    (made,) = [record for record in acm._certificates.values() if record["DomainName"] == wanted["domain"]]
    del acm._certificates[made["CertificateArn"]]
    acm._certificates[wanted["arn"]] = {**made, "CertificateArn": wanted["arn"]}


def _machine_images() -> None:
    from ministack.services import ec2, ssm  # noqa: PLC0415

    for image in eks_images():
        ec2._images[image.image_id] = {
            "ImageId": image.image_id,
            "Name": image.name,
            "ImageLocation": "",
            "Description": image.description,
            "Architecture": image.architecture,
            "RootDeviceType": "ebs",
            "RootDeviceName": "/dev/xvda",
            "BlockDeviceMappings": [],
            "VirtualizationType": "hvm",
            "CreationDate": "2026-11-06T00:00:00.000Z",
            "OwnerId": seed()["eks_images"]["owner"],
            "LaunchPermissions": [{"Group": "all"}],
        }
        # The API refuses names below /aws: only AWS itself puts parameters there.
        ssm._put_parameter({"Name": f"/seed{image.parameter}", "Value": image.image_id, "Type": "String"})
        record = ssm._parameters[f"/seed{image.parameter}"]
        del ssm._parameters[f"/seed{image.parameter}"]
        ssm._parameters[image.parameter] = {
            **record,
            "Name": image.parameter,
            "ARN": f"arn:aws:ssm:us-east-1::parameter{image.parameter}",
        }


def _container_images() -> None:
    from ministack.services import ecr  # noqa: PLC0415

    for image in seed()["images"]:
        ecr._create_repository({"repositoryName": image["repository"]})
        push_image(image["repository"], image["tag"], image["labels"])


def push_image(repository: str, tag: str, labels: dict[str, str]) -> str:
    """Put an image into ECR as ``docker push`` would; answers its digest. Raises ``ValueError`` in ECR's words."""
    from ministack.services import ecr  # noqa: PLC0415

    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Labels": labels}}, sort_keys=True).encode()
    config_digest = "sha256:" + hashlib.sha256(config).hexdigest()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                "size": len(config),
                "digest": config_digest,
            },
            "layers": [],
            "annotations": {"tag": f"{repository}:{tag}"},
        },
        sort_keys=True,
    )
    status, _, content = ecr._put_image({"repositoryName": repository, "imageManifest": manifest, "imageTag": tag})
    answer = json.loads(content)
    if status >= 400:
        raise ValueError(f"{answer.get('__type', '')}: {answer.get('message', answer)}")
    ecr._layer_blobs.setdefault(repository, {})[config_digest] = config
    return str(answer["image"]["imageId"]["imageDigest"])
