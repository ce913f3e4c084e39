"""Mails reach whom they are for: in their language, under one id, so many an hour, and not who opted out."""

from __future__ import annotations

from collections.abc import Iterator
from email.policy import SMTP, SMTPUTF8, Policy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palantir_assets.effects.mailing import Recipient, composed
from palantir_assets.effects.opting_out import OptOuts
from palantir_assets.errors import NotSent
from palantir_assets.identity.accounts import Grant
from palantir_assets.stores.mail_choices import MailChoices
from palantir_assets.stores.outbox import Effect, Outbox
from tests.effects.letters import Letters, mail, put, sign, worker
from tests.fakes.identity import NOON, URL, World, world


@pytest.fixture
def kims(tmp_path: Path) -> Iterator[World]:
    made = world(tmp_path)
    made.identities.verify_email("kim", "kim@example.org", actor="kim", at=NOON)
    yield made
    made.close()


def only(kims: World) -> Effect:
    [effect] = Outbox(kims.database).list()
    return effect


def test_a_mail_reaches_a_user_once_and_its_id_names_the_effect(kims: World) -> None:
    post, action_no = Letters(), put(kims, mail("kim"))
    assert worker(kims, post).send_due() == 1
    assert worker(kims, post).send_due() == 0
    [(to, message)] = post.sent
    assert to == "kim@example.org" == message["To"]
    assert message["Message-ID"] == f"<effect-1.action-{action_no}@example.org>"
    assert (only(kims).state, only(kims).last_error) == ("done", None)


@pytest.mark.parametrize(
    ("language", "subject", "text"),
    [("ko", "접수됨", "도착했습니다."), ("en", "Taken in", "It is here."), (None, "Taken in / 접수됨", "It is here.")],
)
def test_a_mail_is_in_the_language_of_its_recipient_or_in_both(kims: World, language: str | None, subject: str, text: str) -> None:
    if language:
        kims.identities.grant(Grant("kim", "attribute", "language", f'"{language}"'), actor="test", at=NOON)
    post = Letters()
    put(kims, mail("kim"))
    worker(kims, post).send_due()
    message = post.sent[0][1]
    assert message["Subject"] == subject
    assert text in message.get_content()
    assert ("도착했습니다." in message.get_content()) == (language != "en")


def test_what_somebody_chose_goes_before_what_somebody_was_given(kims: World) -> None:
    kims.identities.grant(Grant("kim", "attribute", "language", '"en"'), actor="test", at=NOON)
    MailChoices(kims.database).speak("kim", "ko", actor="kim", at=NOON)
    post = Letters()
    put(kims, mail("kim"))
    worker(kims, post).send_due()
    assert post.sent[0][1]["Subject"] == "접수됨"


def test_so_many_an_hour_and_the_rest_waits_without_counting_as_a_try(kims: World) -> None:
    post = Letters()
    put(kims, *(mail("kim") for _ in range(5)))
    at_work = worker(kims, post, per_hour=2)
    while at_work.send_due():
        kims.clock.move(seconds=1)
    assert len(post.sent) == 2
    waiting = Outbox(kims.database).list("waiting")
    assert [(each.attempt, "2 mails an hour" in (each.last_error or "")) for each in waiting] == [(0, True)] * 3
    kims.clock.move(hours=1)
    while at_work.send_due():
        kims.clock.move(seconds=1)
    assert len(post.sent) == 4


def test_one_recipients_limit_is_not_anothers(kims: World) -> None:
    post = Letters()
    put(kims, mail("kim"), mail("kim"), mail("jo@example.org"))
    at_work = worker(kims, post, per_hour=1)
    while at_work.send_due():
        pass
    assert sorted(to for to, _ in post.sent) == ["jo@example.org", "kim@example.org"]


def test_who_opted_out_gets_none_and_the_effect_says_why(kims: World) -> None:
    post = Letters()
    put(kims, mail("kim"))
    MailChoices(kims.database).opt_out("kim", actor="kim", at=NOON)
    worker(kims, post).send_due()
    assert post.sent == []
    assert (only(kims).state, only(kims).last_error) == ("dropped", "the recipient has opted out")


def test_an_address_of_a_user_is_the_user_and_an_address_of_nobody_may_opt_out_too(kims: World) -> None:
    post = Letters()
    put(kims, mail("Kim@example.org"), mail("jo@example.org"))
    MailChoices(kims.database).opt_out("kim", actor="kim", at=NOON)
    at_work = worker(kims, post)
    at_work.send_due(), at_work.send_due()
    [(to, message)] = post.sent
    assert to == "jo@example.org"
    token = message["List-Unsubscribe"].partition("proof=")[2].rstrip(">")
    recipient = OptOuts(sign, URL).recipient(token)
    assert recipient is not None and "jo" not in recipient
    MailChoices(kims.database).opt_out(recipient, actor=recipient, at=NOON)
    put(kims, mail("JO@example.org"))
    at_work.send_due()
    assert len(post.sent) == 1


@pytest.mark.parametrize("target", ["nobody", "gone", "mute", "a@b\r\nBcc: x@y.z", "é@example.org", "role:viewer"])
def test_whom_no_mail_can_reach_is_dead_at_once_and_says_what_to_do(kims: World, target: str) -> None:
    kims.identities.add_user("gone", email="gone@example.org", actor="t", at=NOON)
    kims.identities.disable("gone", actor="t", at=NOON)
    kims.identities.add_user("mute", actor="t", at=NOON)
    post = Letters()
    put(kims, mail(target))
    worker(kims, post).send_due()
    assert post.sent == []
    assert only(kims).state == "dead" and only(kims).last_error
    assert target != "mute" or "the user adds one at /sign-in/verify" in (only(kims).last_error or "")


def test_a_mail_without_words_is_dead_at_once(kims: World) -> None:
    put(kims, mail("kim", subject={}))
    worker(kims, Letters()).send_due()
    assert only(kims).state == "dead"


def test_a_server_that_is_away_is_tried_again_and_one_that_refuses_for_good_is_not(kims: World) -> None:
    post = Letters(refusals=[NotSent("away"), NotSent("no", final=True)])
    put(kims, mail("kim"), mail("kim"))
    at_work = worker(kims, post)
    at_work.send_due(), at_work.send_due()
    assert [each.state for each in Outbox(kims.database).list()] == ["waiting", "dead"]
    kims.clock.move(seconds=10)
    at_work.send_due()
    assert len(post.sent) == 1


def test_a_senders_own_mistake_loses_nothing_and_its_words_stay_out_of_the_ledger(kims: World) -> None:
    put(kims, mail("kim"))
    worker(kims, Letters(refusals=[KeyError("secret")])).send_due()
    assert (only(kims).state, only(kims).last_error) == ("waiting", "unexpected: KeyError")


@pytest.mark.parametrize("policy", [SMTP, SMTPUTF8, None])
def test_the_link_that_stops_mails_is_one_that_mail_programs_follow(policy: Policy | None) -> None:
    stop = f"{URL}/mail/opt-out?proof={'a1' * 60}"
    effect = Effect(1, 1, "mail", "kim", {"subject": {"ko": "접수 " * 30}, "text": {"ko": "글"}}, "taken", 1, NOON, None)
    message = composed(effect, Recipient("kim", "kim@example.org"), sender="p@example.org", stop=stop, at=NOON)
    raw = message.as_bytes(policy=policy) if policy else message.as_bytes()
    assert f"List-Unsubscribe: <{stop}>".encode() in raw.splitlines()


@given(st.text(max_size=300), st.text(max_size=300))
def test_no_text_makes_a_header_or_breaks_a_mail(subject: str, text: str) -> None:
    effect = Effect(1, 1, "mail", "kim", {"subject": {"en": "s" + subject}, "text": {"en": "t" + text}}, "taken", 1, NOON, None)
    message = composed(effect, Recipient("kim", "kim@example.org", "en"), sender="p@example.org", stop=f"{URL}/x", at=NOON)
    raw = message.as_bytes()
    names = [line.partition(b":")[0] for line in raw.partition(b"\n\n")[0].splitlines() if not line.startswith((b" ", b"\t"))]
    assert names == [
        b"From", b"To", b"Subject", b"Date", b"Message-ID", b"Auto-Submitted", b"List-Unsubscribe", b"List-Unsubscribe-Post",
        b"Content-Type", b"Content-Transfer-Encoding", b"MIME-Version",
    ]  # fmt: skip


@given(st.text(min_size=1, max_size=100).filter(lambda text: text.encode("utf-8", "replace").decode() == text))
def test_a_link_names_its_recipient_and_nobody_makes_one_without_the_key(recipient: str) -> None:
    ours, theirs = OptOuts(sign, URL), OptOuts(lambda text: "0" * 64, URL)
    token = ours.token(recipient)
    assert ours.recipient(token) == recipient
    assert ours.recipient(theirs.token(recipient)) is None
    assert ours.recipient(token[:-1] + ("0" if token[-1] != "0" else "1")) is None
    assert ours.recipient("=" + token) is None


def test_a_link_that_is_no_text_of_ours_is_nobodys() -> None:
    ours = OptOuts(sign, URL)
    assert [ours.recipient(text) for text in ("", ".", "a", "a.b", "é.b", "_" * 500, "gA." + "0" * 64)] == [None] * 7
