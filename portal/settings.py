"""Every setting, driven by the environment; docs/settings.md lists each with its default."""

from pathlib import Path
from urllib.parse import urlsplit

import environ
import structlog
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="django-insecure-trial-key-change-it-before-anyone-else-can-reach-this")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
SITE_URL = env.str("SITE_URL", default="http://localhost:8000").rstrip("/")
ON_LOCALHOST = urlsplit(SITE_URL).hostname in {"localhost", "127.0.0.1"}
if SECRET_KEY.startswith("django-insecure-") and not ON_LOCALHOST:
    raise ImproperlyConfigured("Set SECRET_KEY: only a trial on localhost runs with the one that everybody knows.")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[SITE_URL])

# A key that is shown once stays on the server, not in a cookie.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "rest_framework",
    "django_q",
    "pgtrigger",
    "pghistory",
    "customers",
    "comms",
    "portal",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "portal.middleware.StaticFiles",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "portal.status.urls.status_first",  # before whatever asks the database
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "pghistory.middleware.HistoryMiddleware",
    "portal.middleware.reader_timezone",
]
ROOT_URLCONF = "portal.urls"
ASGI_APPLICATION = "portal.asgi.application"
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
                "portal.access.page_context",
            ],
            "builtins": ["portal.templatetags.portal"],
        },
    }
]

DATABASES = {"default": env.db("DATABASE_URL", default="postgres://localhost/portal")}
# Plain connections kept for a minute: right for workers and commands. Web processes take the pool (`supervise` does it
# by itself; DATABASE_POOL=1 for a web process that is started in another way).
DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
# What is asked many times a second is planned once a connection; off behind a PgBouncer that cannot keep plans.
DATABASES["default"]["OPTIONS"] = {
    **DATABASES["default"].get("OPTIONS", {}),
    "prepare_threshold": 2 if env.bool("DATABASE_PREPARE", default=True) else None,
}
DATABASE_POOL = {"pool": {"min_size": 1, "max_size": env.int("DATABASE_POOL_SIZE", default=8), "timeout": 10}}
if env.bool("DATABASE_POOL", default=False):
    DATABASES["default"] |= {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False}
    DATABASES["default"]["OPTIONS"] = {**DATABASES["default"].get("OPTIONS", {}), **DATABASE_POOL}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

SILENCED_SYSTEM_CHECKS = ["auth.W004"]  # the e-mail is unique by a constraint on its lower case, which the check misses
AUTH_USER_MODEL = "customers.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_ADAPTER = "portal.signin.adapter.ClosedSignup"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_CHANGE_EMAIL = True  # one address, replaced when the new one is proven
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 900  # mail is slow on the days on which everybody signs in
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_FORMS = {"request_login_code": "portal.signin.forms.RequestCodeForm"}
# allauth counts an address as a whole, and an office is one address; what is guessed at is counted in signin.limits.
ACCOUNT_RATE_LIMITS = {
    "login": None,
    "login_failed": "10/5m/key",  # of a second factor, whose first somebody has: passwords are counted otherwise
    "request_login_code": None,
    "reset_password": "5/m/key",  # every link that was mailed works, so nobody is kept out
    "reset_password_from_key": None,
}
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
MFA_ADAPTER = "portal.signin.factors.Factors"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # nobody makes himself a login with an address that is not his
MFA_RATE_LIMITS = {"webauthn_login": None}  # there is nothing to guess
STAFF_SECOND_FACTOR = env.bool("STAFF_SECOND_FACTOR", default=True)
if not STAFF_SECOND_FACTOR and not ON_LOCALHOST:
    raise ImproperlyConfigured("STAFF_SECOND_FACTOR=0 is for a trial on localhost.")
SOCIALACCOUNT_ADAPTER = "portal.signin.company.CompanySignIn"
SOCIALACCOUNT_LOGIN_ON_GET = True  # a form may lead to ourselves only (CSP), and the company's provider is elsewhere
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True}}
INVITATION_DAYS = 7
# What is counted against guessing, and codes that were used: the same for all processes of all machines.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "portal_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SITE_URL.startswith("https://")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if SITE_URL.startswith("https://") else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_TLS_PROXY", default=False) else None
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["portal.formats"]

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# A trial serves the sources as they are; with STATIC_FROM_SOURCE=0 `setup` collects and compresses them.
STATIC_FROM_SOURCE = env.bool("STATIC_FROM_SOURCE", default=True)
STATIC_ROOT = None if STATIC_FROM_SOURCE else env.str("STATIC_ROOT", default=str(BASE_DIR / "static-root"))
WHITENOISE_USE_FINDERS = STATIC_FROM_SOURCE
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if STATIC_FROM_SOURCE
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
# Sources may change while they are served: each request looks again, and browsers ask before they use their copy.
WHITENOISE_AUTOREFRESH = STATIC_FROM_SOURCE
WHITENOISE_MAX_AGE = 0 if STATIC_FROM_SOURCE else 60

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["portal.api.authentication.KeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["portal.api.authentication.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["portal.api.parsing.BoundedJSONParser"],
    "UNAUTHENTICATED_USER": None,
    "EXCEPTION_HANDLER": "portal.api.errors.answer",
}
WEBHOOK_MAX_BYTES = 256 * 1024
WEBHOOK_TOLERANCE_SECONDS = 300

# Sending. The lanes are three django-q2 clusters; the ledger, not the queue, holds retries and attempts.
LANE_WORKERS = env.int("LANE_WORKERS", default=1)
_CLUSTER = {
    "orm": "default",
    "broker_class": "comms.enqueue.Broker",
    "workers": LANE_WORKERS,
    "timeout": 60,
    "retry": 600,
    "max_attempts": 1,
    "ack_failures": True,
    "save_limit": -1,
    "catch_up": False,
    "poll": 0.2,
    "guard_cycle": 1,
    "scheduler": False,
    "label": "Queue",
}
Q_CLUSTER = {
    **_CLUSTER,
    "name": "portal",  # the prefix that all lanes share; no cluster of this name runs
    "ALT_CLUSTERS": {lane: {**_CLUSTER, "name": lane} for lane in ("critical", "normal", "bulk")},
}
# Leases, back-off, the relay's pauses and the lanes' signs of life are divided by it: only the fault tests change it.
TIME_SCALE = env.float("TIME_SCALE", default=1)
# A lane or the clocks without a sign of life for so long are started again as a whole.
LANE_SILENT_SECONDS = env.float("LANE_SILENT_SECONDS", default=30)
# Outside of the database, so that an old backup is noticed: the number of the last published update.
STATE_FILE = env.str("STATE_FILE", default=str(BASE_DIR / ".data" / "publications"))
# Accounts whose deliveries are queued in one transaction: the first range with the update, the others behind it.
FANOUT_RANGE_ACCOUNTS = env.int("FANOUT_RANGE_ACCOUNTS", default=10_000)
PUMP_SECONDS = env.int("PUMP_SECONDS", default=20)
MAIL_PROVIDER = env.str("MAIL_PROVIDER", default="")  # django-anymail's name of it
SMTP_HOST = env.str("SMTP_HOST", default="" if MAIL_PROVIDER else "localhost")
SMTP_PORT = env.int("SMTP_PORT", default=25)
SMTP_USER = env.str("SMTP_USER", default="")
SMTP_PASSWORD = env.str("SMTP_PASSWORD", default="")
SMTP_SECURITY = env.str("SMTP_SECURITY", default="none")  # none, starttls, tls
SEND_DEADLINE_SECONDS = env.float("SEND_DEADLINE_SECONDS", default=30)
SMTP_CONNECTIONS = env.int("SMTP_CONNECTIONS", default=16)
MAIL_DOMAIN = env.str("MAIL_DOMAIN", default="localhost.localdomain")
EMAIL_HOST, EMAIL_PORT, EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = SMTP_HOST, SMTP_PORT, SMTP_USER, SMTP_PASSWORD
EMAIL_USE_TLS, EMAIL_USE_SSL = SMTP_SECURITY == "starttls", SMTP_SECURITY == "tls"
EMAIL_TIMEOUT = SEND_DEADLINE_SECONDS
# Both are read by django-anymail itself: keys and options under the names of its documentation, and who may report.
ANYMAIL = env.json("ANYMAIL", default={})
ANYMAIL_WEBHOOK_SECRET = env.str("ANYMAIL_WEBHOOK_SECRET", default="")
PROVIDERS = [  # those that need no further package, both ways
    *("brevo", "mailersend", "mailgun", "mailjet", "mailtrap", "mandrill"),
    *("postmark", "resend", "sendgrid", "sparkpost", "unisender_go"),
]
if MAIL_PROVIDER and MAIL_PROVIDER not in PROVIDERS:
    raise ImproperlyConfigured(f"MAIL_PROVIDER is none of {', '.join(PROVIDERS)}. Use the SMTP relay of any other.")
if ANYMAIL_WEBHOOK_SECRET and ":" not in ANYMAIL_WEBHOOK_SECRET:
    raise ImproperlyConfigured("ANYMAIL_WEBHOOK_SECRET is a name and a password with a colon between them.")
MAIL_BACKEND = f"anymail.backends.{MAIL_PROVIDER}.EmailBackend"
if MAIL_PROVIDER and not SMTP_HOST:
    EMAIL_BACKEND = MAIL_BACKEND  # mails about signing in
# Where mail comes back to: `bounces@portal.example`; each mail's own address is bounces+<token>@portal.example.
BOUNCE_ADDRESS = env.str("BOUNCE_ADDRESS", default="")
if BOUNCE_ADDRESS and not (BOUNCE_ADDRESS.count("@") == 1 and 0 < BOUNCE_ADDRESS.index("@") <= 26):
    raise ImproperlyConfigured("BOUNCE_ADDRESS is an e-mail address with at most 26 characters before its @.")

HTTP_DEADLINE_SECONDS = env.float("HTTP_DEADLINE_SECONDS", default=10)
HTTP_ALLOWED_TARGETS = env.list("HTTP_ALLOWED_TARGETS", default=[])  # internal webhook targets: host:port or networks
SMS_SENDER = env.str("SMS_SENDER", default="")
SMS_URL = env.str("SMS_URL", default="")
SMS_TOKEN = env.str("SMS_TOKEN", default="")
TWILIO_ACCOUNT = env.str("TWILIO_ACCOUNT", default="")
TWILIO_TOKEN = env.str("TWILIO_TOKEN", default="")
TWILIO_URL = env.str("TWILIO_URL", default="https://api.twilio.com")

# The public page: the folder of its static copy, on a disk of this machine that web and clocks share.
STATUS_DIR = env.str("STATUS_DIR", default=str(BASE_DIR / ".data" / "status"))
# Signs who a visitor of the company's own site is, for the banner; empty: it shows what is public only.
BANNER_SECRET = env.str("BANNER_SECRET", default="")

# Clocks.
UNDO_SECONDS = env.int("UNDO_SECONDS", default=10)
PROMISE_WARNING_MINUTES = env.list("PROMISE_WARNING_MINUTES", cast=int, default=[10, 5])
DISPATCH_SECONDS = env.float("DISPATCH_SECONDS", default=0.5)
FURTHER_CLOCKS = ["portal.status.copy.tick"]  # by name: `comms`, whose command runs them, does not know the portal
SOCKET_REVALIDATE_SECONDS = env.int("SOCKET_REVALIDATE_SECONDS", default=4)

# The trial: `make demo` sets these; a real installation has none of them.
DEMO = env.bool("DEMO", default=False)
DEMO_MAIL_URL = env.str("DEMO_MAIL_URL", default="")
DEMO_PLAY_FILE = env.str("DEMO_PLAY_FILE", default="")
DESIGN_PAGE = env.bool("DESIGN_PAGE", default=False)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *(
                    [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
                    if env.str("LOG_FORMAT", default="line") == "line"
                    else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
                ),
            ],
            "foreign_pre_chain": [
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
            ],
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="WARNING")},
}
