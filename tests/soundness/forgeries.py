"""Tokens that look like ours and are not: what an attacker writes into `Authorization`, by name."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from palantir_assets.identity import keys as signing
from palantir_assets.identity.accounts import COMMAND_LINE, Client
from palantir_assets.identity.opaque import digest
from tests.fakes.identity import URL, World

Parts = dict[str, Any]


def forgeries(world: World, genuine: str, family: str) -> Mapping[str, bytes]:
    """Values of the header by what is wrong with them; the clock and the keys of the world may have moved afterwards."""
    now = int(world.clock().timestamp())
    header = {"alg": "ES256", "typ": "at+jwt", "kid": world.tokens.keys.current.id}
    claims = {
        "iss": URL, "aud": f"{URL}/api", "sub": "kim", "client_id": "cli", "iat": now, "exp": now + 600, "jti": "j", "sid": family,
        "scope": "read write account", "auth_time": now,
    }  # fmt: skip
    texts = {
        **_unsigned(header, claims),
        **_confused(world, header, claims),
        **_headers(world, header, claims),
        **_claims(world, header, claims, now),
        **_texts(genuine),
        **_ended(world, genuine),
    }
    return {name: b"Bearer " + (text if isinstance(text, bytes) else text.encode("latin-1")) for name, text in texts.items()}


def _unsigned(header: Parts, claims: Parts) -> dict[str, str]:
    named = {f"alg {alg}": _joined({**header, "alg": alg}, claims, b"") for alg in ("none", "None", "NONE", "nOnE", "")}
    return {**named, "no signature": _joined(header, claims, b""), "a signature of zeros": _joined(header, claims, bytes(64))}


def _confused(world: World, header: Parts, claims: Parts) -> dict[str, str]:
    """Signed, with a key that is not for signing, or by an algorithm that is not ours."""
    key = world.tokens.keys.current.key
    other, rsa = ECKey.generate_key("P-256"), RSAKey.generate_key(2048)
    made = {}
    for alg, how in (("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512")):
        for what, secret in (("pem", key.as_pem(private=False)), ("jwk", json.dumps(key.as_dict(private=False)).encode()), ("empty", b"")):
            made[f"{alg} with the public {what}"] = _hmac({**header, "alg": alg}, claims, secret, how)
    made["another EC key under our kid"] = jwt.encode(header, claims, other, ["ES256"])
    made["an RSA key under our kid"] = jwt.encode({**header, "alg": "RS256"}, claims, rsa, ["RS256"])
    made["another key under its own kid"] = jwt.encode({**header, "kid": other.thumbprint()}, claims, other, ["ES256"])
    made["lower-case alg"] = _signed(world, {**header, "alg": "es256"}, claims)
    made["an algorithm as a list"] = _signed(world, {**header, "alg": ["ES256"]}, claims)
    return made


def _headers(world: World, header: Parts, claims: Parts) -> dict[str, str]:
    other = ECKey.generate_key("P-256")
    public = other.as_dict(private=False)
    theirs = {
        "jwk": {"jwk": public},
        "jku": {"jku": "https://evil.example/jwks.json"},
        "x5u": {"x5u": "https://evil.example/cert.pem"},
        "x5c": {"x5c": ["MIIB"]},
        "a kid with a path": {"kid": "../../../../dev/null"},
        "a kid with SQL": {"kid": "x' UNION SELECT 'secret' --"},
        "a kid that is a list": {"kid": [header["kid"]]},
        "a kid that is null": {"kid": None},
    }
    made = {name: _hand(other, {**header, **extra}, claims) for name, extra in theirs.items()}
    ours = {
        "crit": {"crit": ["exp"], "exp": 1},
        "crit that is empty": {"crit": []},
        "b64 false": {"b64": False, "crit": ["b64"]},
        "zip": {"zip": "DEF"},
        "cty JWT": {"cty": "JWT"},
        "typ JWT": {"typ": "JWT"},
        "typ at+JWT": {"typ": "at+JWT"},
        "typ application/at+jwt": {"typ": "application/at+jwt"},
        "typ of a logout token": {"typ": "logout+jwt"},
        "jku beside our kid": {"jku": "https://evil.example/jwks.json"},
    }
    made |= {name: _signed(world, {**header, **extra}, claims) for name, extra in ours.items()}
    for name in ("typ", "kid"):
        made[f"no {name}"] = _signed(world, {key: value for key, value in header.items() if key != name}, claims)
    return made


def _claims(world: World, header: Parts, claims: Parts, now: int) -> dict[str, str]:
    changed: dict[str, Parts] = {
        "another issuer": {"iss": "https://evil.example"},
        "an issuer with a slash": {"iss": URL + "/"},
        "another audience": {"aud": "https://other.example/api"},
        "audiences in a list": {"aud": [f"{URL}/api", "https://evil.example"]},
        "an empty audience": {"aud": ""},
        "expired": {"iat": now - 700, "exp": now - 100, "auth_time": now - 700},
        "a life too long": {"exp": now + 601},
        "exp 1e308": {"exp": 1e308},
        "exp as a text": {"exp": str(now + 600)},
        "a negative exp": {"exp": -1},
        "exp true": {"exp": True},
        "exp null": {"exp": None},
        "a huge exp": {"exp": 2**70, "iat": 2**70 - 10},
        "exp with a fraction": {"exp": now + 600.5},
        "issued in the future": {"iat": now + 120, "exp": now + 700},
        "iat as a text": {"iat": str(now)},
        "not before in the future": {"nbf": now + 120},
        "nbf as a text": {"nbf": "soon"},
        "a subject that is a number": {"sub": 1},
        "an empty subject": {"sub": ""},
        "a subject that is a list": {"sub": ["kim"]},
        "another subject for the family": {"sub": "admin"},
        "an unknown family": {"sid": "f" * 32},
        "a family with SQL": {"sid": "x' OR '1'='1"},
        "scopes in a list": {"scope": ["read"]},
        "signed in after it was issued": {"auth_time": now + 600},
        "a client that is a number": {"client_id": 7},
        "a long jti": {"jti": "j" * 300},
    }
    made = {name: _signed(world, header, {**claims, **extra}) for name, extra in changed.items()}
    for name in ("iss", "aud", "exp", "iat", "sub", "jti", "client_id", "sid", "scope", "auth_time"):
        made[f"no {name}"] = _signed(world, header, {key: value for key, value in claims.items() if key != name})
    made["an ID token"] = _signed(world, {**header, "typ": "JWT"}, {**claims, "aud": COMMAND_LINE, "nonce": "n"})
    made["exp NaN"] = _raw(world, header, json.dumps(claims).replace(str(now + 600), "NaN"))
    made["exp Infinity"] = _raw(world, header, json.dumps(claims).replace(str(now + 600), "Infinity"))
    made["sub twice"] = _raw(world, header, json.dumps(claims)[:-1] + ', "sub": "admin"}')
    made["claims in a list"] = _raw(world, header, json.dumps([claims]))
    made["claims nested deep"] = _raw(world, header, "[" * 2000 + "]" * 2000)
    made["alg twice"] = _hand_text(world.tokens.keys.current.key, '{"alg":"none",' + json.dumps(header)[1:], json.dumps(claims))
    made["a token in a token"] = _raw(world, {**header, "cty": "JWT"}, json.dumps(_signed(world, header, claims)))
    return made


def _texts(genuine: str) -> dict[str, str | bytes]:
    head, body, signature = genuine.split(".")
    return {
        "truncated": genuine[:-5],
        "cut in half": genuine[: len(genuine) // 2],
        "one bit off": genuine[:-1] + ("A" if genuine[-1] != "A" else "Q"),
        "with padding": f"{head}=.{body}=.{signature}==",
        "five parts": f"{genuine}.{head}.{body}",
        "parts moved": f"{body}.{head}.{signature}",
        "with a space": f"{head}. {body}.{signature}",
        "with a new line": f"{head}.{body}.{signature}%0a",
        "with Korean letters": f"{head}.{body}.{signature}".encode() + "가".encode(),
        "with a NUL": f"{head}.{body}\x00.{signature}",
        "empty": "",
        "dots": "..",
        "3 MB": "x" * 3_000_000,
        "two tokens": f"{genuine}, {genuine}",
        "standard base64": genuine.replace("-", "+").replace("_", "/") + "/",
        "a personal token of nobody": "pat_" + "A" * 43,
        "a personal token with SQL": "pat_' OR 1=1 --",
    }


def _ended(world: World, genuine: str) -> dict[str, str]:
    """Real ones whose time is over: revoked, used, expired, for another thing, of somebody disabled."""
    flows, reading = world.flows, frozenset({"read"})
    revoked = flows.personal("kim", scopes=reading, label="", life=timedelta(days=1), actor="test")
    world.credentials.revoke(revoked[0].id, subject="kim", actor="test", at=world.clock())
    world.identities.add_user("lee", actor="test", at=world.clock())
    disabled = flows.personal("lee", scopes=reading, label="", life=timedelta(days=1), actor="test")[1]
    world.identities.disable("lee", actor="test", at=world.clock())
    client = Client("etl", "ETL", world.clock(), secret_hash=digest("its secret"))
    world.identities.add_client(client, actor="test", at=world.clock())
    service = flows.service("etl", "its secret", reading).access_token
    family = world.tokens.verify(service).family
    world.credentials.revoke_family(family, actor="test", at=world.clock())
    dropped = world.tokens.keys
    world.tokens.keys = signing.SigningKeys(signing.new_key(world.clock()))
    retired = world.tokens.issue(subject="kim", client_id="c", family=family, scopes=reading, authenticated_at=world.clock())
    world.tokens.keys = dropped
    return {
        "a revoked personal token": revoked[1],
        "a personal token of somebody disabled": disabled,
        "an access token whose sign-in was revoked": service,
        "signed with a key that was dropped": retired,
        "a session as a token": flows.session("kim"),
        "a one-time code as a token": flows.one_time("login", "kim", actor="test"),
    }


def _part(value: object) -> str:
    return _encoded(json.dumps(value).encode())


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _joined(header: Parts, claims: Parts, signature: bytes) -> str:
    return f"{_part(header)}.{_part(claims)}.{_encoded(signature)}"


def _hmac(header: Parts, claims: Parts, secret: bytes, how: str) -> str:
    signed = f"{_part(header)}.{_part(claims)}"
    return f"{signed}.{_encoded(hmac.new(secret, signed.encode(), how).digest())}"


def _signed(world: World, header: Parts, claims: Parts) -> str:
    """With our own key: only what is said is wrong."""
    return _hand(world.tokens.keys.current.key, header, claims)


def _raw(world: World, header: Parts, claims: str) -> str:
    return _hand_text(world.tokens.keys.current.key, json.dumps(header), claims)


def _hand(key: ECKey, header: Parts, claims: Parts) -> str:
    return _hand_text(key, json.dumps(header), json.dumps(claims))


def _hand_text(key: ECKey, header: str, claims: str) -> str:
    """A proper ES256 signature over whatever stands in the parts."""
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    signed = f"{_encoded(header.encode())}.{_encoded(claims.encode())}"
    private = key.private_key
    assert isinstance(private, EllipticCurvePrivateKey)
    r, s = decode_dss_signature(private.sign(signed.encode(), ECDSA(SHA256())))
    return f"{signed}.{_encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
