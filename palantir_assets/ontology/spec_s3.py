"""The nouns of sources that are objects in a bucket: where it is, and who may look into it.

What must hold of them is asked in `source_rules`; how objects are listed and fetched, in `sources.s3`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from palantir_assets.ontology.spec_words import Spec


class S3Access(Spec):
    """Which environment variables hold the credentials of a bucket. The credentials themselves never stand in a spec."""

    key_id: str
    secret: str
    token: str | None = Field(None, description="of credentials that are lent for a while: the variable that holds their session token")


class S3(Spec):
    """A bucket of S3, or of a store that speaks its language."""

    bucket: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$")]
    prefix: str = Field("", max_length=500, description="the folder in the bucket that the tables' files stand in")
    endpoint: str | None = Field(None, description="the URL of a store that is not AWS, such as https://objects.example.org")
    region: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")] | None = None
    path_style: bool | None = Field(
        None,
        description="whether the bucket stands in the URL's path or before its host; in the path of an `endpoint` if not said",
    )
    access: Literal["anonymous"] | S3Access | None = Field(
        None, description="where credentials are found; as boto3 finds them on this machine if not said"
    )
