"""Passwords and opaque secrets are compared, never read back."""

from __future__ import annotations

import os

import pytest

from palantir_assets.identity import opaque, passwords


def test_a_password_fits_its_own_hash_only() -> None:
    kept = passwords.hashed("correct horse battery", user="kim")
    assert kept.startswith("$argon2id$") and "correct" not in kept
    assert passwords.fits("correct horse battery", kept)
    assert not passwords.fits("correct horse battery ", kept)
    assert not passwords.fits("correct horse battery", None)
    assert not passwords.fits("nobody has this password", None)
    assert not passwords.fits("\ud800", kept)


@pytest.mark.parametrize("password", ["short", "x" * 257, "kimkimkimkimkim", "kim-password1", "aaaaaaaaaaaaaaaa"])
def test_a_weak_password_is_refused(password: str) -> None:
    with pytest.raises(passwords.PasswordRefused):
        passwords.hashed(password, user="kim")


def test_secrets_differ_and_are_kept_as_hashes() -> None:
    made = {opaque.new_secret(opaque.PERSONAL, os.urandom) for _ in range(100)}
    assert len(made) == 100 and all(len(secret) == 47 for secret in made)
    assert all(secret not in opaque.digest(secret) for secret in made)
    assert opaque.plain_user_code(" abcd 2345") == "ABCD-2345"
    assert len(opaque.new_user_code(os.urandom)) == 9


def test_a_verifier_proves_its_own_challenge_only() -> None:
    # the example of RFC 7636, appendix B
    verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert opaque.proves(verifier, challenge)
    assert not opaque.proves(verifier, verifier)
    assert not opaque.proves("", challenge)
