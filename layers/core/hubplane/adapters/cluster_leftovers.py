"""Schedules, image repositories, OAuth clients, secrets and logs that outlive a cluster: the sweep's ``Place`` for each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from hubplane.domain.deletion.things import Kind, Thing, tagged_thing, tags_of
from hubplane.domain.provider_errors import error_code, translated

RECOVERY_DAYS: Final = 30
"""How long a deleted secret can be taken back, and is by a build of the same name; the longest that Secrets Manager allows."""

GIB: Final = 1024**3


class SchedulePlace:
    """The schedules of the control plane's group; ``client`` is a boto3 ``scheduler`` client."""

    def __init__(self, client: Any, group_name: str) -> None:
        self._client = client
        self._group_name = group_name

    def find(self, cluster_name: str) -> Iterator[Thing]:
        """Those whose input names the cluster: a prefix of the name alone would be another cluster's too."""
        with translated(f"list the schedules of {cluster_name}"):
            pages = self._client.get_paginator("list_schedules").paginate(GroupName=self._group_name, NamePrefix=cluster_name)
            names = [item["Name"] for page in pages for item in page["Schedules"]]
        for name in names:
            thing = self.again(Thing(Kind.SCHEDULE, name))
            if thing is not None and cluster_name in thing.clusters:
                yield thing

    def again(self, thing: Thing) -> Thing | None:
        """With the cluster that its input names now."""
        with translated(f"read schedule {thing.thing_id}"):
            try:
                found = self._client.get_schedule(Name=thing.thing_id, GroupName=self._group_name)
            except Exception as error:
                if error_code(error) == "ResourceNotFoundException":
                    return None
                raise
        try:
            named = json.loads(found["Target"].get("Input") or "{}").get("cluster_name")
        except (ValueError, AttributeError):
            named = None
        return Thing(Kind.SCHEDULE, thing.thing_id, frozenset({str(named)}) if named else frozenset())

    def remove(self, thing: Thing) -> None:
        """Delete it; what is gone is success."""
        with translated(f"remove schedule {thing.thing_id}"):
            try:
                self._client.delete_schedule(Name=thing.thing_id, GroupName=self._group_name)
            except Exception as error:
                if error_code(error) != "ResourceNotFoundException":
                    raise


class ImagePlace:
    """The repositories that Hubplane made for a cluster, with their images; ``client`` is a boto3 ``ecr`` client."""

    def __init__(self, client: Any, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def find(self, cluster_name: str) -> Iterator[Thing]:
        """Those whose name begins with ``prefix``."""
        with translated("describe repositories"):
            pages = self._client.get_paginator("describe_repositories").paginate()
            found = [item for page in pages for item in page["repositories"] if item["repositoryName"].startswith(self._prefix)]
        for item in found:
            thing = self.again(Thing(Kind.IMAGE_REPOSITORY, item["repositoryName"]))
            if thing is not None:
                yield thing

    def again(self, thing: Thing) -> Thing | None:
        """With its tags and the size of its images."""
        name = thing.thing_id
        with translated(f"describe repository {name}"):
            try:
                [found] = self._client.describe_repositories(repositoryNames=[name])["repositories"]
            except Exception as error:
                if error_code(error) == "RepositoryNotFoundException":
                    return None
                raise
            tags = tags_of(self._client.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"])
            pages = self._client.get_paginator("describe_images").paginate(repositoryName=name)
            size = sum(item.get("imageSizeInBytes", 0) for page in pages for item in page["imageDetails"])
        return tagged_thing(Kind.IMAGE_REPOSITORY, name, tags, size_gib=size / GIB)

    def remove(self, thing: Thing) -> None:
        """The repository with all images: a build makes them again."""
        with translated(f"delete repository {thing.thing_id}"):
            try:
                self._client.delete_repository(repositoryName=thing.thing_id, force=True)
            except Exception as error:
                if error_code(error) != "RepositoryNotFoundException":
                    raise


class ClientPlace:
    """The OAuth clients of the user pool that are called after the cluster; ``client`` is a boto3 ``cognito-idp`` client.

    ``own_id`` is the client that the cluster's secret names: clients carry no tags, and any number may have one name.
    """

    def __init__(self, client: Any, user_pool_id: str, own_id: str | None) -> None:
        self._client = client
        self._user_pool_id = user_pool_id
        self._own_id = own_id

    def find(self, cluster_name: str) -> Iterator[Thing]:
        """All of the name."""
        with translated(f"list the app clients of user pool {self._user_pool_id}"):
            pages = self._client.get_paginator("list_user_pool_clients").paginate(UserPoolId=self._user_pool_id)
            ids = [item["ClientId"] for page in pages for item in page["UserPoolClients"] if item["ClientName"] == cluster_name]
        self._cluster_name = cluster_name
        yield from (self._thing(client_id) for client_id in ids)

    def again(self, thing: Thing) -> Thing | None:
        """None where the pool has no such client."""
        with translated(f"describe an app client of user pool {self._user_pool_id}"):
            try:
                self._client.describe_user_pool_client(UserPoolId=self._user_pool_id, ClientId=thing.thing_id)
            except Exception as error:
                if error_code(error) == "ResourceNotFoundException":
                    return None
                raise
        return self._thing(thing.thing_id)

    def remove(self, thing: Thing) -> None:
        """Delete it; a build makes another one."""
        with translated(f"delete app client {thing.thing_id}"):
            try:
                self._client.delete_user_pool_client(UserPoolId=self._user_pool_id, ClientId=thing.thing_id)
            except Exception as error:
                if error_code(error) != "ResourceNotFoundException":
                    raise

    def _thing(self, client_id: str) -> Thing:
        owners = frozenset({self._cluster_name}) if client_id == self._own_id else frozenset[str]()
        return Thing(Kind.OAUTH_CLIENT, client_id, owners)


class SecretPlace:
    """The secrets below a prefix; ``client`` is a boto3 ``secretsmanager`` client. None is read."""

    def __init__(self, client: Any, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def find(self, cluster_name: str) -> Iterator[Thing]:
        """Those that are not waiting for their deletion already."""
        with translated(f"list the secrets of {cluster_name}"):
            pages = self._client.get_paginator("list_secrets").paginate(Filters=[{"Key": "name", "Values": [self._prefix]}])
            names = [item["Name"] for page in pages for item in page["SecretList"] if item["Name"].startswith(self._prefix)]
        for name in names:
            thing = self.again(Thing(Kind.SECRET, name))
            if thing is not None:
                yield thing

    def again(self, thing: Thing) -> Thing | None:
        """None also where it waits for its deletion."""
        with translated(f"describe secret {thing.thing_id}"):
            try:
                found = self._client.describe_secret(SecretId=thing.thing_id)
            except Exception as error:
                if error_code(error) == "ResourceNotFoundException":
                    return None
                raise
        if found.get("DeletedDate"):
            return None
        return tagged_thing(Kind.SECRET, thing.thing_id, tags_of(found.get("Tags", ())))

    def remove(self, thing: Thing) -> None:
        """Mark it: for ``RECOVERY_DAYS`` it can be taken back, and costs nothing meanwhile."""
        with translated(f"delete secret {thing.thing_id}"):
            self._client.delete_secret(SecretId=thing.thing_id, RecoveryWindowInDays=RECOVERY_DAYS)


class LogPlace:
    """The log groups of a cluster's control plane; ``client`` is a boto3 ``logs`` client. They are listed and stay."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def find(self, cluster_name: str) -> Iterator[Thing]:
        """Those of EKS, and of CloudWatch's own agent where somebody installed that."""
        found = []
        for prefix in (f"/aws/eks/{cluster_name}/", f"/aws/containerinsights/{cluster_name}/"):
            with translated(f"describe the log groups below {prefix}"):
                pages = self._client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
                found += [item for page in pages for item in page["logGroups"]]
        for item in found:
            days = item.get("retentionInDays")
            until = f"its entries go by themselves after {days} days" if days else "it has no end of retention: set one"
            size = item.get("storedBytes", 0) / GIB
            stays = f"it tells what was done in the cluster, and {until}"
            yield Thing(Kind.LOG_GROUP, item["logGroupName"], frozenset({cluster_name}), size_gib=size, stays=stays)

    def again(self, thing: Thing) -> Thing | None:
        """As it was found: none is ever removed."""
        return thing

    def remove(self, thing: Thing) -> None:
        """Never: the planner keeps every log."""
        raise AssertionError(f"{thing.thing_id} was to be removed, and logs stay")
