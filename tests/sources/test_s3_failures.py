"""What goes wrong with a bucket is told with the place and the next command, and never with a secret."""

from __future__ import annotations

import logging
import socket
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import settings as moto_settings
from moto.core.responses import ActionAuthenticatorMixin
from moto.s3.models import s3_backends

from palantir_assets.errors import SourceError
from palantir_assets.ontology.spec import S3, Source, SourceTable
from palantir_assets.sources import s3_client
from palantir_assets.sources.fetching import fetcher_of
from palantir_assets.sources.raw_files import RawFiles
from palantir_assets.sources.s3 import Objects
from palantir_assets.sources.s3_client import client_of, told
from tests.buckets import ACCESS, ENVIRONMENT, KEY_ID, SECRET, Bucket, requests_of

ORDERS = SourceTable.model_validate({"file": "orders.csv", "columns": {"id": "integer"}})


def objects_of(bucket: Bucket, environment: dict[str, str] | None = None, **said: object) -> Objects:
    source = Source.model_validate({"kind": "s3", "s3": bucket.spec(**said), "tables": {"orders": ORDERS}})
    fetcher = fetcher_of(source, project=Path("/nowhere"), environment=ENVIRONMENT if environment is None else environment)
    assert isinstance(fetcher, Objects)
    return fetcher


@pytest.fixture
def raw_files(tmp_path: Path) -> RawFiles:
    return RawFiles(tmp_path / "raw_files")


@pytest.fixture
def guarded(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """A bucket whose store holds every request to its credentials, and grants nobody anything."""
    bucket.put(orders_csv=b"id\n1\n")
    monkeypatch.setattr(ActionAuthenticatorMixin, "request_count", 0)
    monkeypatch.setattr(moto_settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0)
    return bucket


def failure(do: Callable[[], object]) -> tuple[str, str]:
    """What was told, and the next step; neither holds the secret."""
    with pytest.raises(SourceError) as error:
        do()
    assert SECRET not in repr(error.value) + str(error.value)
    assert "palantir build --select 'group:raw'" in error.value.advice
    return error.value.message, error.value.advice


def test_a_bucket_that_does_not_exist_is_told(bucket: Bucket) -> None:
    objects = objects_of(Bucket("shop-gone", bucket.endpoint, bucket.client))
    message, step = failure(lambda: objects.version(ORDERS))
    assert message == f"s3://shop-gone at {bucket.endpoint}: there is no such bucket"
    assert "mend `bucket` or `endpoint`" in step


def test_an_object_that_does_not_exist_is_told_with_the_nearest_key(bucket: Bucket) -> None:
    bucket.put(exports__order_csv=b"id\n1\n", orders_csv=b"id\n1\n")
    message, _ = failure(lambda: objects_of(bucket, prefix="exports").version(ORDERS))
    assert message == (
        f"there is no object 'orders.csv' in s3://{bucket.name} at {bucket.endpoint} below 'exports'; did you mean 'order.csv'?"
    )


def test_a_pattern_that_nothing_fits_is_told(bucket: Bucket) -> None:
    bucket.put(orders_csv=b"id\n1\n")
    table = ORDERS.model_copy(update={"file": "orders/*.csv"})
    assert (
        failure(lambda: objects_of(bucket).version(table))[0] == f"no object in s3://{bucket.name} at {bucket.endpoint} fits 'orders/*.csv'"
    )


@pytest.mark.parametrize("file", ["/orders.csv", "../orders.csv", "a/../../orders.csv", "orders/"])
def test_a_key_out_of_the_prefix_is_refused_without_a_request(file: str) -> None:
    objects = objects_of(Bucket("shop", "http://127.0.0.1:9", None))
    for do in (objects.look, objects.version):
        with pytest.raises(SourceError, match="is no key below the prefix"):
            do(ORDERS.model_copy(update={"file": file}))


def test_a_key_id_that_nobody_has_is_told(guarded: Bucket) -> None:
    message, step = failure(lambda: objects_of(guarded).version(ORDERS))
    assert message == f"s3://{guarded.name} at {guarded.endpoint}: the credentials are not taken (InvalidAccessKeyId)"
    assert "SHOP_S3_KEY_ID and its secret" in step


@pytest.fixture
def user(bucket: Bucket, store: str) -> dict[str, str]:
    """Somebody whom the store knows and grants nothing."""
    names = {"aws_access_key_id": KEY_ID, "aws_secret_access_key": SECRET, "region_name": "us-east-1"}
    iam = boto3.session.Session().client("iam", endpoint_url=store, **names)
    iam.create_user(UserName=bucket.name)
    made = iam.create_access_key(UserName=bucket.name)["AccessKey"]
    return {"SHOP_S3_KEY_ID": made["AccessKeyId"], "SHOP_S3_SECRET": made["SecretAccessKey"]}


def test_a_wrong_secret_is_told(user: dict[str, str], guarded: Bucket) -> None:
    message, _ = failure(lambda: objects_of(guarded, {**user, "SHOP_S3_SECRET": SECRET}).version(ORDERS))
    assert "the credentials are not taken (SignatureDoesNotMatch)" in message


def test_somebody_without_the_right_is_told_what_to_be_granted(user: dict[str, str], guarded: Bucket) -> None:
    message, step = failure(lambda: objects_of(guarded, user).version(ORDERS))
    assert "these credentials may not list 'orders.csv' (AccessDenied)" in message
    assert "s3:ListBucket and s3:GetObject" in step and user["SHOP_S3_SECRET"] not in message + step


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"SHOP_S3_KEY_ID": KEY_ID}, "needs the environment variable SHOP_S3_SECRET, which is not set"),
        ({"SHOP_S3_KEY_ID": " ", "SHOP_S3_SECRET": SECRET}, "needs the environment variable SHOP_S3_KEY_ID, which is not set"),
        ({"SHOP_S3_KEY_ID": KEY_ID, "SHOP_S3_SECRET": f"{SECRET}\n{SECRET}"}, "SHOP_S3_SECRET holds no credential"),
        ({**ENVIRONMENT, "SHOP_S3_TOKEN": f"{SECRET} x"}, "SHOP_S3_TOKEN holds no credential"),
        ({**ENVIRONMENT, "SHOP_S3_TOKEN": f"{SECRET}é"}, "SHOP_S3_TOKEN holds no credential"),
    ],
)
def test_credentials_that_are_missing_or_none_are_told_by_their_variable(bucket: Bucket, environment: dict[str, str], words: str) -> None:
    objects = objects_of(bucket, environment, access={**ACCESS, **({"token": "SHOP_S3_TOKEN"} if "SHOP_S3_TOKEN" in environment else {})})
    assert words in failure(lambda: objects.version(ORDERS))[0]


def test_a_machine_without_credentials_is_told(bucket: Bucket) -> None:
    message, step = failure(lambda: objects_of(bucket, access=None).version(ORDERS))
    assert "no credentials are found on this machine" in message and "declare `access`" in step


def test_what_boto3_finds_on_this_machine_is_used_where_no_access_is_declared(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.put(orders_csv=b"id\n1\n")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "machine-key-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    for access, signed in ((None, "machine-key-id"), (ACCESS, KEY_ID), ("anonymous", None)):
        objects = objects_of(bucket, access=access)
        sent = requests_of(objects.client, "ListObjectsV2")
        objects.version(ORDERS)
        header = sent[0].headers.get("Authorization")
        assert (header is None) if signed is None else (f"Credential={signed}/".encode() in header)


def test_a_session_token_goes_with_the_request(bucket: Bucket) -> None:
    bucket.put(orders_csv=b"id\n1\n")
    objects = objects_of(bucket, {**ENVIRONMENT, "SHOP_S3_TOKEN": "lent"}, access={**ACCESS, "token": "SHOP_S3_TOKEN"})
    sent = requests_of(objects.client, "ListObjectsV2")
    objects.version(ORDERS)
    assert sent[0].headers["X-Amz-Security-Token"] == b"lent"


def test_no_credential_stands_in_a_log_however_much_is_logged(bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    bucket.put(orders_csv=b"id\n1\n")
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="botocore")
    environment = {**ENVIRONMENT, "SHOP_S3_TOKEN": "lent-t0ken"}
    objects_of(bucket, environment, access={**ACCESS, "token": "SHOP_S3_TOKEN"}).version(ORDERS)
    assert "list-type=2" in caplog.text, "urllib3 tells what is asked"
    assert not any(secret in caplog.text for secret in (SECRET, "lent-t0ken", "Signature="))


def test_credentials_stand_in_no_repr(bucket: Bucket) -> None:
    objects = objects_of(bucket)
    assert objects.client is objects.client
    assert SECRET not in repr(objects) and KEY_ID not in repr(objects)


@pytest.mark.parametrize(
    ("path_style", "url"), [(None, "http://store.test/shop/x"), (True, "http://store.test/shop/x"), (False, "http://shop.store.test/x")]
)
def test_a_bucket_stands_where_it_is_declared_to(path_style: bool | None, url: str) -> None:
    s3 = S3.model_validate(
        {"bucket": "shop", "endpoint": "http://store.test", "region": "eu-1", "access": ACCESS, "path_style": path_style}
    )
    asked = client_of(s3, ENVIRONMENT).generate_presigned_url("get_object", Params={"Bucket": "shop", "Key": "x"})
    assert asked.partition("?")[0] == url


def test_nothing_but_what_is_declared_says_where_a_bucket_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://elsewhere.test")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://elsewhere.test")
    s3 = S3.model_validate({"bucket": "shop", "region": "eu-west-1", "access": ACCESS})
    asked = client_of(s3, ENVIRONMENT).generate_presigned_url("get_object", Params={"Bucket": "shop", "Key": "x"})
    assert asked.startswith("https://shop.s3.") and "elsewhere" not in asked


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("PermanentRedirect", "the bucket is in another region (PermanentRedirect)"),
        ("RequestTimeTooSkewed", "the clock of this machine is wrong"),
        ("InvalidObjectState", "cannot read 'a': it lies in an archive"),
        ("SlowDown", "cannot read 'a': the store is not well (SlowDown, 4 times)"),
        ("ExpiredToken", "the credentials are not taken (ExpiredToken)"),
        ("Unheard", "cannot read 'a' (Unheard)"),
        ("", "the store is not well (503, 4 times)"),
    ],
)
def test_what_a_store_answers_is_told_in_words_and_with_its_code_alone(code: str, words: str) -> None:
    answer: Any = {"Error": {"Code": code, "Message": SECRET}, "ResponseMetadata": {"HTTPStatusCode": 503}}

    def refused() -> None:
        with told(S3(bucket="shop", access="anonymous"), "read 'a'"):
            raise ClientError(answer, "GetObject")

    assert words in failure(refused)[0]


def test_a_store_that_is_down_is_told(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_client, "ATTEMPTS", 1)
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets the port, and it answers nobody
        objects = objects_of(Bucket("shop", f"http://127.0.0.1:{taken.getsockname()[1]}", None))
        message, step = failure(lambda: objects.version(ORDERS))
    assert "does not answer: cannot list 'orders.csv' (EndpointConnectionError)" in message and "see that the endpoint is up" in step


class Store(BaseHTTPRequestHandler):
    """A store with one object, which sends fewer bytes than it says, or in small pieces, or later than anybody waits."""

    protocol_version = "HTTP/1.1"
    size: ClassVar[int] = 0
    listed: ClassVar[int] = 0
    broken: ClassVar[bool] = False
    cut: ClassVar[list[bool]] = []
    wait: ClassVar[threading.Event | None] = None
    served: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        Store.served.append(self.path)
        if Store.wait is not None:
            Store.wait.wait(10)
        if Store.broken:
            self._send(b"<html>Sign in")
            return
        if "list-type" in self.path:
            entry = f'<Contents><Key>orders.csv</Key><ETag>"a"</ETag><Size>{Store.listed}</Size></Contents>'
            self._send(f"<ListBucketResult><IsTruncated>false</IsTruncated>{entry}</ListBucketResult>".encode())
            return
        self.send_response(200)
        self.send_header("Content-Length", str(Store.size))
        self.end_headers()
        cut = Store.cut.pop() if Store.cut else False
        for _ in range(Store.size // 2 >> 16 if cut else Store.size >> 16):
            self.wfile.write(b"1\n" * (1 << 15))
        self.close_connection = cut

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is said of a request."""


class Serving(ThreadingHTTPServer):
    """A server that says nothing of clients that go away."""

    def handle_error(self, request: object, client_address: object) -> None:
        """They went because they were meant to."""


@pytest.fixture
def strange(bucket: Bucket) -> Iterator[Bucket]:
    """A bucket in a store that does what a good one does not."""
    Store.size = Store.listed = 1 << 20
    Store.broken, Store.cut, Store.wait, Store.served = False, [], None, []
    server = Serving(("127.0.0.1", 0), Store)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Bucket("shop", f"http://127.0.0.1:{server.server_port}", None)
    server.shutdown()
    server.server_close()
    thread.join()


def test_bytes_that_end_too_early_are_read_anew(strange: Bucket, raw_files: RawFiles) -> None:
    Store.cut = [True, True]
    (file,) = objects_of(strange).fetch(ORDERS, raw_files)
    assert file.bytes == 1 << 20 and len(Store.served) == 1 + 3


def test_bytes_that_always_end_too_early_are_told_and_not_kept(strange: Bucket, raw_files: RawFiles) -> None:
    Store.cut = [True] * 100
    message, _ = failure(lambda: objects_of(strange).fetch(ORDERS, raw_files))
    assert "does not answer: cannot read 'orders.csv'" in message
    assert len(Store.served) == 1 + 4 and list(raw_files.folder.iterdir()) == []


def test_an_object_of_another_length_than_was_listed_is_told(strange: Bucket, raw_files: RawFiles) -> None:
    Store.listed = 5
    message, _ = failure(lambda: objects_of(strange).fetch(ORDERS, raw_files))
    assert "was 5 bytes long in the listing, and 1,048,576 came" in message


def test_a_page_that_is_no_listing_is_told(strange: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    Store.broken = True
    monkeypatch.setattr(s3_client, "ATTEMPTS", 2)
    message, _ = failure(lambda: objects_of(strange).version(ORDERS))
    assert "cannot list 'orders.csv': the store is not well (500, 2 times)" in message


def test_bytes_that_do_not_fit_the_checksum_of_the_store_are_told(bucket: Bucket, raw_files: RawFiles) -> None:
    bucket.put(orders_csv=b"id\n1\n")
    stored = next(iter(s3_backends.values()))["aws"].get_object(bucket.name, "orders.csv")
    assert stored is not None and stored.etag
    stored._value_buffer.seek(0)
    stored._value_buffer.write(b"id\n2\n")
    message, _ = failure(lambda: objects_of(bucket).fetch(ORDERS, raw_files))
    assert "cannot read 'orders.csv': what came is damaged (FlexibleChecksumError)" in message
    assert list(raw_files.folder.iterdir()) == []


def test_a_store_that_does_not_answer_in_time_is_told(strange: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    Store.wait = threading.Event()
    monkeypatch.setattr(s3_client, "READ_SECONDS", 0.2)
    monkeypatch.setattr(s3_client, "ATTEMPTS", 2)
    message, _ = failure(lambda: objects_of(strange).version(ORDERS))
    Store.wait.set()
    assert "does not answer: cannot list 'orders.csv' (ReadTimeoutError)" in message and len(Store.served) == 2


def test_an_object_is_never_whole_in_memory(strange: Bucket, raw_files: RawFiles) -> None:
    Store.size = Store.listed = 64 << 20
    objects = objects_of(strange)
    objects.version(ORDERS)  # what botocore loads once is not counted
    tracemalloc.start()
    (file,) = objects.fetch(ORDERS, raw_files)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert file.bytes == 64 << 20 and peak < 8 << 20, f"{peak:,} bytes"


def test_no_metadata_service_is_asked_where_access_is_declared(
    strange: Bucket, raw_files: RawFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", strange.endpoint)
    monkeypatch.setenv("AWS_DEFAULTS_MODE", "auto")
    for access in (ACCESS, "anonymous"):
        for region in ("us-east-1", None):
            objects_of(strange, access=access, region=region).fetch(ORDERS, raw_files)
    assert Store.served and not [path for path in Store.served if not path.startswith("/shop")]
    with pytest.raises(SourceError):
        objects_of(strange, access=None).version(ORDERS)
    assert [path for path in Store.served if "meta-data" in path or "/latest/" in path], "where none is, boto3 asks it"
