"""`manage.py check --deploy` names settings that work and are dangerous, or that can't work in production.

Django's own checks cover DEBUG (security.W018), a weak SECRET_KEY (W009), HTTPS and cookies (W004, W008, W012, W016);
what is here is about the rest. docs/operating.md lists all ids.
"""

import ipaddress
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Warning
from django.core.exceptions import ImproperlyConfigured

from kaireon.delivery.addresses import allowed_networks

# Keys that stand in this project's own files, which everybody can read.
PUBLISHED_KEYS = (
    "insecure-for-development-alone",
    "build-only",
    "checks-only",
    "for-tests-alone",
    "Y2hlY2tzLW9ubHktMFZiM21ROXhaazdMcjJUbjhXczQ=",
)
_LOOPBACK_NAMES = {"localhost", "127.0.0.1", "[::1]", "::1"}
# Wider than any private network is.
_NARROWEST_WIDE = {4: 7, 6: 6}
# Where cloud machines find their credentials.
_METADATA = (ipaddress.ip_address("169.254.169.254"), ipaddress.ip_address("fd00:ec2::254"))


def the_keys_are_our_own(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """A key that is published protects nothing."""
    messages: list[CheckMessage] = []
    for name, values in (("SECRET_KEY", [settings.SECRET_KEY]), ("KAIREON_SECRETS_KEYS", settings.SECRETS_KEYS)):
        if any(published in value for value in values for published in PUBLISHED_KEYS):
            messages.append(
                Error(
                    f"{name} is an example that everybody can read.",
                    hint="Make one of your own, as docs/settings.md says.",
                    id="kaireon.E001",
                )
            )
    return messages


def the_web_is_served_safely(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """TLS, and the names that requests may ask for."""
    messages: list[CheckMessage] = []
    if settings.INSECURE_HTTP:
        messages.append(
            Warning(
                "Plain HTTP is served (KAIREON_INSECURE_HTTP): passwords, keys and sessions can be read on the way.",
                hint="Put a proxy that ends TLS in front, set KAIREON_INSECURE_HTTP=0 and KAIREON_BEHIND_PROXY=1.",
                id="kaireon.W001",
            )
        )
    elif not getattr(settings, "SECURE_PROXY_SSL_HEADER", None):
        messages.append(
            Warning(
                "KAIREON_BEHIND_PROXY is not set: the web server speaks plain HTTP by itself, so every request is"
                " redirected to HTTPS for ever.",
                hint="Set KAIREON_BEHIND_PROXY=1 once the proxy in front sets X-Forwarded-Proto itself.",
                id="kaireon.W002",
            )
        )
    if "*" in settings.ALLOWED_HOSTS:
        messages.append(
            Warning(
                "KAIREON_ALLOWED_HOSTS admits every host name: links can be made to lead elsewhere.",
                hint="Name the hosts that browsers and programs ask for.",
                id="kaireon.W003",
            )
        )
    elif set(settings.ALLOWED_HOSTS) <= _LOOPBACK_NAMES:
        messages.append(
            Warning(
                "KAIREON_ALLOWED_HOSTS names this machine alone: requests from elsewhere are answered with 400.",
                hint="Name the host that browsers and programs ask for.",
                id="kaireon.W004",
            )
        )
    if settings.RATE_LIMIT_PER_MINUTE == 0:
        messages.append(
            Warning(
                "KAIREON_RATE_LIMIT_PER_MINUTE is 0: one caller can take up the whole web server.",
                hint="Set a limit; a request may carry 1000 events.",
                id="kaireon.W005",
            )
        )
    return messages


def webhooks_reach_little(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Networks that are admitted are narrow, and hold nothing that must not be asked on a user's behalf."""
    try:
        networks = allowed_networks()
    except ImproperlyConfigured:  # delivery.E001 says so
        return []
    messages: list[CheckMessage] = []
    for network in networks:
        if network.prefixlen <= _NARROWEST_WIDE[network.version]:
            reason = "it is wider than any private network, so no address is refused any more"
        elif any(address in network for address in _METADATA):
            reason = "it holds the address at which cloud machines find their credentials"
        elif network.is_loopback:
            reason = "it is the delivery worker's own machine"
        else:
            continue
        messages.append(
            Warning(
                f"KAIREON_WEBHOOK_ALLOWED_NETWORKS admits {network}: {reason}.",
                hint="Admit the networks of your receivers alone, such as 10.20.0.0/16.",
                id="kaireon.W006",
            )
        )
    return messages


def the_databases_are_reached_safely(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Who can reach Redis can give the workers tasks; who is on the way to PostgreSQL can read everything."""
    messages: list[CheckMessage] = []
    redis = urlsplit(settings.REDIS_URL)
    if redis.scheme != "unix" and redis.hostname not in _LOOPBACK_NAMES and not redis.password:
        messages.append(
            Warning(
                "REDIS_URL has no password: whoever reaches Redis can give the workers tasks.",
                hint="Set requirepass in Redis, and the password in REDIS_URL.",
                id="kaireon.W007",
            )
        )
    database = settings.DATABASES["default"]
    host = str(database["HOST"])
    is_local = not host or host.startswith("/") or host in _LOOPBACK_NAMES
    # A name without a dot is a neighbour in the same network of containers.
    if (
        not is_local
        and "." in host
        and database["OPTIONS"].get("sslmode") not in {"require", "verify-ca", "verify-full"}
    ):
        messages.append(
            Warning(
                "DATABASE_URL does not ask for TLS: whoever is on the way to PostgreSQL can read everything.",
                hint="Add ?sslmode=verify-full&sslrootcert=… to DATABASE_URL.",
                id="kaireon.W008",
            )
        )
    return messages


def e_mails_go_out(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Without a mail server e-mails are files, and count as delivered."""
    if settings.EMAIL_HOST:
        return []
    return [
        Info(
            "KAIREON_EMAIL_HOST is not set: e-mails are written to files and count as delivered.",
            hint="Set it where there are channels for e-mail.",
            id="kaireon.I001",
        )
    ]


DEPLOYMENT_CHECKS = (
    the_keys_are_our_own,
    the_web_is_served_safely,
    webhooks_reach_little,
    the_databases_are_reached_safely,
    e_mails_go_out,
)
