"""What each type of channel is configured with, checked when a channel is saved and parsed when it is used."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rest_framework import serializers

from kaireon.core.errors import Detail, ValidationFailed, join_path
from kaireon.core.json_values import decode, encode
from kaireon.core.rest import JSONObjectField, JSONValueField, StrictSerializer, Text, validated
from kaireon.core.rest.exceptions import flatten
from kaireon.core.templating import Template, TemplateError, parse
from kaireon.decisioning.models import ChannelType
from kaireon.delivery.addresses import TargetRefused, check_url
from kaireon.delivery.headers import check_headers
from kaireon.delivery.mail import address_problem, has_line_break

TEMPLATE_ROOTS = frozenset({"customer", "offer", "recommendation", "event"})
"""What templates of channels can read; those of webhooks can also have secrets filled in."""
_WITH_SECRETS = TEMPLATE_ROOTS | {"secret"}


class EmailConfig(StrictSerializer):
    """An e-mail. `to`, `subject` and `body` are Liquid; without `from` the settings' KAIREON_EMAIL_FROM is used."""

    to = Text(max_length=2000)
    subject = Text(max_length=2000)
    body = Text(max_length=64 * 1024, trim_whitespace=False)

    def get_fields(self) -> dict[str, Any]:
        """With `from`, which is a word of Python's own."""
        return {"from": Text(max_length=320, required=False), **super().get_fields()}


class WebhookChannelConfig(StrictSerializer):
    """A request to the user's own provider. `headers` and `bodyTemplate` are Liquid."""

    url = Text(max_length=2000)
    headers = JSONObjectField(default=dict, max_depth=1)
    bodyTemplate = JSONValueField()  # noqa: N815  as on the wire


class InAppConfig(StrictSerializer):
    """A message in the customer's inbox. Both are Liquid."""

    title = Text(max_length=2000)
    body = Text(max_length=64 * 1024, allow_blank=True, default="", trim_whitespace=False)


CONFIGS: Mapping[str, type[StrictSerializer]] = {
    ChannelType.EMAIL: EmailConfig,
    ChannelType.WEBHOOK: WebhookChannelConfig,
    ChannelType.IN_APP: InAppConfig,
}


@dataclass(frozen=True, slots=True)
class PreparedChannel:
    """A config with its templates parsed. `template` renders to an object with the keys of the config."""

    plain: Mapping[str, Any]
    template: Template


def checked_config(channel_type: str, config: object) -> dict[str, Any]:
    """`config` as it is stored. Raises ValidationFailed with paths below `config`."""
    try:
        values = validated(CONFIGS[channel_type], config)
    except serializers.ValidationError as error:
        problems = [Detail(join_path("config", detail.field), detail.message) for detail in flatten(error.detail)]
        raise ValidationFailed.of(problems) from None
    if problems := [Detail(f"config.{detail.field}", detail.message) for detail in _problems(channel_type, values)]:
        raise ValidationFailed.of(problems)
    return values


def prepared(channel_type: str, config: Mapping[str, Any]) -> PreparedChannel:
    """A stored config, parsed. What was checked on save can't fail here."""
    return _prepared(channel_type, encode(dict(config)))


@lru_cache(maxsize=512)
def _prepared(channel_type: str, config: bytes) -> PreparedChannel:
    """By the config itself, so that a change needs nobody to tell of it."""
    values = decode(config)
    names = _TEMPLATES[channel_type]
    return PreparedChannel(
        plain={name: value for name, value in values.items() if name not in names},
        template=parse({name: values[name] for name in names}, roots=_roots(channel_type)),
    )


_TEMPLATES: Mapping[str, tuple[str, ...]] = {
    ChannelType.EMAIL: ("to", "subject", "body"),
    ChannelType.WEBHOOK: ("headers", "bodyTemplate"),
    ChannelType.IN_APP: ("title", "body"),
}


def _roots(channel_type: str) -> frozenset[str]:
    return _WITH_SECRETS if channel_type == ChannelType.WEBHOOK else TEMPLATE_ROOTS


def _problems(channel_type: str, config: Mapping[str, Any]) -> list[Detail]:
    """Everything that is wrong with the values of a config of the right shape."""
    found = list(_CHECKS[channel_type](config))
    for name in _TEMPLATES[channel_type]:
        try:
            parse(config[name], roots=_roots(channel_type))
        except TemplateError as error:
            found += [Detail(join_path(name, path), message) for path, message in error.problems]
    return found


def _email_problems(config: Mapping[str, Any]) -> list[Detail]:
    found = []
    if "from" in config and (problem := address_problem(config["from"])):
        found.append(Detail("from", problem))
    if not _is_template(config["to"]) and (problem := address_problem(config["to"])):
        found.append(Detail("to", problem))
    if has_line_break(config["subject"]):
        found.append(Detail("subject", "must not contain line breaks or other control characters."))
    return found


def _webhook_problems(config: Mapping[str, Any]) -> list[Detail]:
    found = []
    if _is_template(config["url"]):
        found.append(Detail("url", "must be the plain address; put what differs into headers or bodyTemplate."))
    try:
        check_url(config["url"])
    except TargetRefused as error:
        found.append(Detail("url", str(error)))
    try:
        check_headers(config["headers"])
    except ValidationFailed as error:
        found += error.under("headers").details
    return found


def _in_app_problems(config: Mapping[str, Any]) -> list[Detail]:
    return []


_CHECKS: Mapping[str, Callable[[Mapping[str, Any]], list[Detail]]] = {
    ChannelType.EMAIL: _email_problems,
    ChannelType.WEBHOOK: _webhook_problems,
    ChannelType.IN_APP: _in_app_problems,
}


def _is_template(text: str) -> bool:
    return "{{" in text or "{%" in text
