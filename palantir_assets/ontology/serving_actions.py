"""From declared actions and mails to their served form."""

from __future__ import annotations

from palantir_assets.ontology.served_actions import (
    ServedAction,
    ServedActionParameter,
    ServedCriterion,
    ServedEffect,
    ServedMail,
    ServedStep,
)
from palantir_assets.ontology.spec import Action, ActionParameter, Effect, Mail, Ontology, Step


def served_actions(ontology: Ontology) -> dict[str, ServedAction]:
    """Every action by name."""
    return {name: _action(name, action) for name, action in ontology.actions.items()}


def served_mails(ontology: Ontology) -> dict[str, ServedMail]:
    """Every template by name."""
    return {name: _mail(mail) for name, mail in ontology.mails.items()}


def served_effect(effect: Effect) -> ServedEffect:
    """An effect of an action or a rule."""
    if effect.mail is not None:
        return ServedEffect(kind="mail", names=(effect.mail.template,), to=effect.mail.to)
    if effect.webhook is not None:
        return ServedEffect(kind="webhook", names=(effect.webhook,))
    if effect.job is not None:
        return ServedEffect(kind="job", names=(effect.job,))
    return ServedEffect(kind="materialize", names=effect.materialize or ())


def _action(name: str, action: Action) -> ServedAction:
    return ServedAction(
        name=name,
        label=action.label,
        description=action.description,
        status=action.status,
        parameters={word: _parameter(parameter) for word, parameter in action.parameters.items()},
        allow=action.allow.roles,
        approve=action.approve.roles if action.approve else (),
        four_eyes=action.approve.four_eyes if action.approve else False,
        require=tuple(ServedCriterion(that=criterion.that, say=criterion.say) for criterion in action.require),
        do=tuple(_step(step) for step in action.do),
        then=tuple(served_effect(effect) for effect in action.then),
        undo=tuple(served_effect(effect) for effect in action.undo),
    )


def _parameter(parameter: ActionParameter) -> ServedActionParameter:
    said = parameter.model_dump(exclude={"type"})
    return ServedActionParameter.model_validate({"type": parameter.type or "object", **said})


def _step(step: Step) -> ServedStep:
    link = step.link or step.unlink
    if link is not None:
        ends = {"what": link.link, "source": link.from_, "target": link.to}
        return ServedStep.model_validate({"verb": step.verb, "when": step.when, **ends})
    what = {"what": getattr(step, step.verb), "key": step.key, "set": step.set, "given": step.with_, "edits": step.edits}
    return ServedStep.model_validate({"verb": step.verb, "when": step.when, **what})


def _mail(mail: Mail) -> ServedMail:
    return ServedMail(subject=mail.subject, text=mail.text)
