"""Settings, all from the environment, with defaults that are safe in production. docs/settings.md explains each."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import django_stubs_ext
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static

from kaireon.launch import environment

BASE_DIR = Path(__file__).resolve().parent.parent
KAIREON_HOME = Path(os.environ.get("KAIREON_HOME", BASE_DIR / ".kaireon"))

environment.adopt(KAIREON_HOME)

# Lets Django's classes be written with their type parameters (`forms.ModelForm[Trigger]`).
django_stubs_ext.monkeypatch()


def _flag(name: str, *, default: bool) -> bool:
    return os.environ.get(name, str(default)).strip().lower() in {"1", "true", "yes", "on"}


def _list(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in os.environ.get(name, default).split(",") if part.strip()]


def _whole(name: str, default: int) -> int:
    text = os.environ.get(name, str(default))
    if not text.isascii() or not text.isdigit():
        raise ImproperlyConfigured(f"{name} must be a whole number, not {text!r}.")
    return int(text)


def _database(url: str) -> dict[str, Any]:
    """Django's settings for `postgresql://user:password@host:port/name?host=/socket/folder`."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ImproperlyConfigured("DATABASE_URL must begin with postgresql://; PostgreSQL is the only database.")
    query = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
    options = {key: unquote(value) for key, value in query.items() if key not in {"host", "port"}}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "postgres",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(query.get("host", "")) or parts.hostname or "",
        "PORT": query.get("port", "") or str(parts.port or ""),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        # Django's own cursor prepares nothing; those past it prepare what has come five times.
        "OPTIONS": {"connect_timeout": "5", "application_name": "kaireon", "prepare_threshold": 5, **options},
    }


DEBUG = _flag("DEBUG", default=False)
SECRET_KEY = os.environ.get("SECRET_KEY", "")
if not SECRET_KEY:
    if not DEBUG:
        raise ImproperlyConfigured(
            f"SECRET_KEY is not set, and no Kaireon runs on {KAIREON_HOME}. Start one with make run in another"
            " terminal, or set DATABASE_URL, REDIS_URL and SECRET_KEY, a long random text (DEBUG=1 does without it)."
        )
    SECRET_KEY = "insecure-for-development-alone"  # noqa: S105  used with DEBUG only

SECRETS_KEYS = _list("KAIREON_SECRETS_KEYS")
AUDIT_KEYS = _list("KAIREON_AUDIT_KEYS")

# `make run` serves plain HTTP on the loopback interface; everything else is expected behind TLS.
INSECURE_HTTP = _flag("KAIREON_INSECURE_HTTP", default=DEBUG)
ALLOWED_HOSTS = _list("KAIREON_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = _list("KAIREON_CSRF_TRUSTED_ORIGINS")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = not INSECURE_HTTP
SECURE_HSTS_SECONDS = 0 if INSECURE_HTTP else 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not INSECURE_HTTP
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
BEHIND_PROXY = _flag("KAIREON_BEHIND_PROXY", default=False)
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_filters",
    "django_htmx",
    "lucide",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "kaireon",
    "kaireon.core",
    "kaireon.accounts",
    "kaireon.studio",
    "audit",
    "kaireon.secrets",
    "kaireon.delivery",
    "kaireon.events",
    "kaireon.customers",
    "kaireon.decisioning",
    "kaireon.journeys",
    "triggers",
    "kaireon.erasure",
]

MIDDLEWARE = [
    "kaireon.core.middleware.RequestContextMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "kaireon.core.response_headers.ResponseHeadersMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Behind all that has to do with every answer, before all that asks who is signed in.
    "kaireon.events.api.door.SingleEventDoor",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "kaireon.accounts.middleware.ActorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]

# Nothing from elsewhere, nothing inline. The admin's Alpine and the API's documentation can't live with that.
CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": ["/admin/", "/api/v1/docs"],
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    },
}

ROOT_URLCONF = "kaireon.urls"
WSGI_APPLICATION = "kaireon.wsgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": _database(os.environ.get("DATABASE_URL", "postgresql://localhost/kaireon"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = os.environ.get("REDIS_URL", "redis://localhost:6379/0")

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "/login"
LOGIN_REDIRECT_URL = "/studio/"
LOGOUT_REDIRECT_URL = "/login"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = Path(os.environ.get("KAIREON_STATIC_ROOT", KAIREON_HOME / "static"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedStaticFilesStorage"
    },
}

MAX_BODY_BYTES = 8 * 1024**2
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
# As many events may wait; then those from outside are asked to come later. 0: no limit.
MAX_WAITING_EVENTS = _whole("KAIREON_MAX_WAITING_EVENTS", 5_000_000)
RATE_LIMIT_PER_MINUTE = _whole("KAIREON_RATE_LIMIT_PER_MINUTE", 60_000)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "kaireon.accounts.authentication.ApiKeyAuthentication",
        "kaireon.accounts.authentication.BrowserSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["kaireon.accounts.permissions.RolePermission"],
    "DEFAULT_THROTTLE_CLASSES": ["kaireon.accounts.throttling.CallerThrottle"],
    "DEFAULT_PARSER_CLASSES": ["kaireon.core.rest.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["kaireon.core.rest.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "kaireon.core.rest.negotiation.OnlyRenderer",
    "DEFAULT_METADATA_CLASS": "kaireon.core.rest.metadata.RouteMetadata",
    "DEFAULT_PAGINATION_CLASS": "kaireon.core.rest.OffsetPagination",
    "DEFAULT_FILTER_BACKENDS": ["kaireon.core.rest.filters.StrictFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "kaireon.core.rest.schema.ContractSchema",
    "EXCEPTION_HANDLER": "kaireon.core.rest.exception_handler",
    "COERCE_DECIMAL_TO_STRING": False,
    # The audit log's export has a parameter by the name of `format`; DRF would read it as its own.
    "URL_FORMAT_OVERRIDE": None,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Kaireon Triggers",
    "DESCRIPTION": "When something happens to a customer, do something about it, once, and say why.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "POSTPROCESSING_HOOKS": [],
}

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Kaireon Triggers",
    "SITE_HEADER": "Kaireon Triggers",
    "SITE_SYMBOL": "bolt",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("kaireon/mark.svg")},
    ],
    # The scale of static/kaireon/tokens.css, so that the admin and our own pages are of one piece.
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 264)",
            "100": "oklch(94% .03 264)",
            "200": "oklch(89% .055 264)",
            "300": "oklch(82% .09 264)",
            "400": "oklch(71% .13 264)",
            "500": "oklch(62% .15 264)",
            "600": "oklch(47% .14 264)",
            "700": "oklch(42% .13 264)",
            "800": "oklch(36% .11 264)",
            "900": "oklch(31% .09 264)",
            "950": "oklch(23% .07 264)",
        }
    },
    "SHOW_HISTORY": False,
    "SIDEBAR": {"show_search": False, "navigation": "kaireon.sidebar.navigation"},
    "SHOW_VIEW_ON_SITE": False,
}

CELERY = {
    # Celery spells the URL of a socket in its own way.
    "broker_url": REDIS_URL.replace("unix://", "redis+socket://").replace("?db=", "?virtual_host="),
    "broker_connection_retry_on_startup": True,
    # A worker that loses the broker finishes what it has in hand and ends, and its supervisor starts a new one. In
    # connecting again by itself Celery has left workers behind that take messages up and never carry them out.
    "broker_connection_retry": False,
    "broker_transport_options": {"socket_timeout": 10, "socket_connect_timeout": 5, "health_check_interval": 25},
    "task_ignore_result": True,
    "task_store_errors_even_if_ignored": False,
    "task_acks_late": False,
    "task_serializer": "json",
    "accept_content": ["json"],
    "worker_prefetch_multiplier": 1,
    "worker_hijack_root_logger": False,
    "worker_send_task_events": False,
    "worker_max_tasks_per_child": 100_000,
    "timezone": "UTC",
    # Celery's Django fix-up closes the database connection round every task unless this is set; reconnecting took
    # two thirds of the time of a small task.
    "CELERY_DB_REUSE_MAX": 1_000_000,
}

# Deliveries: private targets are refused unless their network is named here.
WEBHOOK_ALLOWED_NETWORKS = _list("KAIREON_WEBHOOK_ALLOWED_NETWORKS")
# Replaces the public certificate authorities, for installations with one of their own.
WEBHOOK_CA_FILE = os.environ.get("KAIREON_WEBHOOK_CA_FILE", "")
DELIVERY_CONCURRENCY = _whole("KAIREON_DELIVERY_CONCURRENCY", 400)
# Failures in a row after which a host is sent nothing but probes; 0: never.
DELIVERY_BREAKER_FAILURES = _whole("KAIREON_DELIVERY_BREAKER_FAILURES", 10)
DELIVERY_TOTAL_SECONDS = 15.0
# None: the schedule of kaireon.delivery.retries.
DELIVERY_RETRY_SECONDS: list[float] | None = None

# Days after which rows are deleted that nobody needs any more; 0 keeps them for ever.
RETENTION_DAYS = {
    "events": _whole("KAIREON_RETENTION_EVENTS_DAYS", 90),
    "firings": _whole("KAIREON_RETENTION_FIRINGS_DAYS", 400),
    "tallies": _whole("KAIREON_RETENTION_TALLIES_DAYS", 90),
    "deliveries": _whole("KAIREON_RETENTION_DELIVERIES_DAYS", 90),
    "enrolments": _whole("KAIREON_RETENTION_ENROLMENTS_DAYS", 400),
    "recommendations": _whole("KAIREON_RETENTION_RECOMMENDATIONS_DAYS", 400),
    "outcomes": _whole("KAIREON_RETENTION_OUTCOMES_DAYS", 400),
    "messages": _whole("KAIREON_RETENTION_MESSAGES_DAYS", 400),
    "dead letters": _whole("KAIREON_RETENTION_DEAD_LETTERS_DAYS", 90),
}

# E-mail: by SMTP where a host is named, else as files that whoever tries things out can read.
EMAIL_HOST = os.environ.get("KAIREON_EMAIL_HOST", "")
EMAIL_PORT = _whole("KAIREON_EMAIL_PORT", 587)
EMAIL_HOST_USER = os.environ.get("KAIREON_EMAIL_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("KAIREON_EMAIL_PASSWORD", "")
_EMAIL_TLS = _flag("KAIREON_EMAIL_USE_TLS", default=True)
# Port 465 speaks TLS from the first byte on, all others begin in the clear and then go over to it.
EMAIL_USE_SSL = _EMAIL_TLS and EMAIL_PORT == 465
EMAIL_USE_TLS = _EMAIL_TLS and EMAIL_PORT != 465
DEFAULT_FROM_EMAIL = os.environ.get("KAIREON_EMAIL_FROM", "kaireon@localhost")
EMAIL_BACKEND = (
    "kaireon.delivery.smtp.EmailBackend" if EMAIL_HOST else "django.core.mail.backends.filebased.EmailBackend"
)
EMAIL_FILE_PATH = str(KAIREON_HOME / "mail")
# Within the lease of a delivery, and within the time that a worker waits for what is on its way when it stops.
EMAIL_TOTAL_SECONDS = 30.0

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"context": {"()": "kaireon.core.logs.ContextFilter"}},
    "formatters": {
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s %(request_id)s %(actor)s",
            "rename_fields": {"asctime": "at", "levelname": "level", "name": "logger"},
        },
        "line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": os.environ.get("KAIREON_LOG_FORMAT", "json"),
            "filters": ["context"],
        }
    },
    "root": {"handlers": ["console"], "level": os.environ.get("KAIREON_LOG_LEVEL", "INFO")},
    "loggers": {
        "django.server": {"handlers": [], "propagate": False},
        # Of answers it would say again what kaireon.requests says.
        "django.request": {"level": "ERROR"},
        # A line for each event, firing and attempt.
        "kaireon.trace": {"level": "DEBUG" if _flag("KAIREON_TRACE_EVENTS", default=False) else "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
    },
}
