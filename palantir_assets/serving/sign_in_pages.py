"""The pages of a sign-in, in Korean and English: rendered here, without a script, and loading nothing from anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from starlette.responses import HTMLResponse

from palantir_assets.serving.languages import Language

WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "sign_in": ("Sign in", "로그인"),
    "name": ("User name or mail address", "사용자 이름 또는 이메일 주소"),
    "password": ("Password", "비밀번호"),
    "new_password": ("New password (12 characters or more)", "새 비밀번호 (12자 이상)"),
    "code": ("One-time code", "일회용 코드"),
    "user_code": ("Code on your device", "기기에 표시된 코드"),
    "email": ("Mail address", "이메일 주소"),
    "provider": ("Sign in with your organisation", "조직 계정으로 로그인"),
    "with_code": ("I have a one-time code", "일회용 코드가 있습니다"),
    "forgotten": ("I forgot my password", "비밀번호를 잊었습니다"),
    "set_password": ("Set a password", "비밀번호 설정"),
    "send": ("Send", "보내기"),
    "device": ("Allow a device", "기기 허용"),
    "allow": ("Allow", "허용"),
    "sign_out": ("Sign out", "로그아웃"),
    "signed_in": ("You are signed in.", "로그인되었습니다."),
    "to_docs": ("What the API answers", "API 문서"),
    "to_dagster": ("Dagster: how things are built", "Dagster: 빌드 화면"),
    "signed_out": ("You are signed out.", "로그아웃되었습니다."),
    "allowed": ("The device is signed in. You can close this page.", "기기가 로그인되었습니다. 이 창을 닫아도 됩니다."),
    "sent": (
        "If that address belongs to a user, a mail is on its way.",
        "해당 주소의 사용자가 있으면 이메일이 발송됩니다.",
    ),
    "verified": ("The mail address is verified.", "이메일 주소가 확인되었습니다."),
    "verify": ("Verify a mail address", "이메일 주소 확인"),
    "wrong": ("The name or the password is not right.", "이름 또는 비밀번호가 올바르지 않습니다."),
    "wrong_code": ("The code is not valid, or it has expired.", "코드가 올바르지 않거나 만료되었습니다."),
    "weak": (
        "Choose another password: 12 to 256 characters, not easy to guess.",
        "다른 비밀번호를 선택하세요: 12~256자, 추측하기 어려운 것.",
    ),
    "stale": ("The page was too old. Please try again.", "페이지가 오래되었습니다. 다시 시도하세요."),
    "mails": ("Mails", "메일"),
    "no_mails": ("No more mails", "수신 거부"),
    "mails_stopped": ("There will be no more of these mails.", "이 메일은 더 이상 발송되지 않습니다."),
    "wrong_link": ("The link is not one of ours.", "올바르지 않은 링크입니다."),
    "provider_failed": ("Your organisation's sign-in did not work. Please try again.", "조직 로그인에 실패했습니다. 다시 시도하세요."),
}

MAILS: Final[Mapping[str, tuple[tuple[str, str], tuple[str, str]]]] = {
    "reset": (
        ("A code to set a new password", "새 비밀번호를 설정하는 코드"),
        (
            "Type this code within 30 minutes at {page}\n\n{code}\n\nIf you did not ask for it, there is nothing to do.\n",
            "30분 안에 {page} 에서 이 코드를 입력하세요.\n\n{code}\n\n요청하지 않았다면 무시하셔도 됩니다.\n",
        ),
    ),
    "verify": (
        ("A code to verify your mail address", "이메일 주소 확인 코드"),
        (
            "Type this code within a day at {page}\n\n{code}\n\nIf you did not ask for it, there is nothing to do.\n",
            "하루 안에 {page} 에서 이 코드를 입력하세요.\n\n{code}\n\n요청하지 않았다면 무시하셔도 됩니다.\n",
        ),
    ),
}

_PAGE: Final = """<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width"><style>
body{{font:16px/1.5 system-ui,sans-serif;max-width:24rem;margin:4rem auto;padding:0 1rem;color:#1c2127;background:#fff}}
label{{display:block;margin:.8rem 0}}input{{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.4rem}}
button{{font:inherit;padding:.4rem 1.2rem}}p[role=alert]{{color:#a3160b}}</style></head>
<body><main><h1>{title}</h1>{body}</main></body></html>"""


def said(word: str, language: Language) -> str:
    """A word of the pages in a language."""
    english, korean = WORDS[word]
    return korean if language == "ko" else english


def page(title: str, language: Language, parts: Sequence[str], *, alert: str = "", status: int = 200) -> HTMLResponse:
    """A page of parts that are HTML already; `alert` is a word that says what went wrong."""
    warned = f'<p role="alert">{escape(said(alert, language))}</p>' if alert else ""
    text = _PAGE.format(language=language, title=escape(said(title, language)), body=warned + "".join(parts))
    return HTMLResponse(text, status, headers={"Cache-Control": "no-store", "Content-Language": language})


def form(action: str, fields: Sequence[str], button: str, language: Language, hidden: Mapping[str, str]) -> str:
    """A form: its fields by their words, with the types that browsers and password managers know."""
    inputs = "".join(_field(name, language) for name in fields)
    kept = "".join(f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in hidden.items())
    return f'<form method="post" action="{escape(action)}">{kept}{inputs}<button>{escape(said(button, language))}</button></form>'


def paragraph(word: str, language: Language) -> str:
    return f"<p>{escape(said(word, language))}</p>"


def link(word: str, language: Language, to: str) -> str:
    return f'<p><a href="{escape(to)}">{escape(said(word, language))}</a></p>'


def mail(what: str, language: Language, page: str, code: str) -> tuple[str, str]:
    """Subject and text of a mail with a code. The code stands beside the page, not in its URL."""
    subjects, texts = MAILS[what]
    which = 1 if language == "ko" else 0
    return subjects[which], texts[which].format(page=page, code=code)


def _field(name: str, language: Language) -> str:
    kinds = {
        "password": 'type="password" autocomplete="current-password"',
        "new_password": 'type="password" autocomplete="new-password" minlength="12"',
        "name": 'type="text" autocomplete="username" autocapitalize="none"',
        "email": 'type="email" autocomplete="email"',
    }
    kind = kinds.get(name, 'type="text" autocomplete="one-time-code"')
    return f'<label>{escape(said(name, language))}<input name="{name}" required maxlength="256" {kind}></label>'
