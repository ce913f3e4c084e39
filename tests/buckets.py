"""A store of objects on loopback, for tests: moto's server, which speaks S3, started once and asked by boto3 alone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

KEY_ID, SECRET = "shop-key-id", "shop-s3cret-that-nobody-prints"
ENVIRONMENT = {"SHOP_S3_KEY_ID": KEY_ID, "SHOP_S3_SECRET": SECRET}
ACCESS = {"key_id": "SHOP_S3_KEY_ID", "secret": "SHOP_S3_SECRET"}

_numbers = count(1)


@dataclass(frozen=True)
class Bucket:
    """A bucket, empty at first, and whoever writes into it."""

    name: str
    endpoint: str
    client: Any

    def put(self, **objects: bytes) -> None:
        """Objects by key, in which `__` is a slash and the last `_` a dot."""
        self.put_all({".".join(key.replace("__", "/").rsplit("_", 1)): data for key, data in objects.items()})

    def put_all(self, objects: Mapping[str, bytes]) -> None:
        for key, data in objects.items():
            self.client.put_object(Bucket=self.name, Key=key, Body=data)

    def spec(self, **said: object) -> dict[str, object]:
        """The block `s3:` that declares it."""
        return {"bucket": self.name, "endpoint": self.endpoint, "region": "us-east-1", "access": ACCESS, **said}


@contextmanager
def running() -> Iterator[str]:
    """The endpoint of a store."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()


def new_bucket(endpoint: str) -> Bucket:
    client = boto3.session.Session().client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET
    )
    name = f"shop-{next(_numbers)}"
    client.create_bucket(Bucket=name)
    return Bucket(name, endpoint, client)


def without_aws(monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str]) -> None:
    """Nothing that this machine knows of AWS is seen by a test, and nobody asks a metadata service."""
    for name in [name for name in environment if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")


def requests_of(client: Any, operation: str) -> list[Any]:
    """The requests of one kind that a client sends from now on, as they are sent; a list that grows."""
    sent: list[Any] = []
    before(client, operation, sent.append)
    return sent


def before(client: Any, operation: str, do: Callable[[Any], object]) -> None:
    """Do something before each request of one kind is sent."""

    def handler(request: Any, **_: object) -> None:
        do(request)

    client.meta.events.register(f"before-send.s3.{operation}", handler)
