"""Django for all peers; bench.rivals says where database, mail server and Redis are."""

import os

from psycopg.conninfo import conninfo_to_dict

_database = conninfo_to_dict(os.environ["PEER_DATABASE_URL"])

SECRET_KEY = "of a peer that serves nobody"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _database["dbname"],
        **{key.upper(): _database.get(key, "") for key in ("host", "port", "user", "password")},
        "CONN_MAX_AGE": 60,
    }
}
INSTALLED_APPS = ["django.contrib.contenttypes", "django_q", "mailer", "post_office"]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [os.environ.get("PEER_LETTER", "")],
        "OPTIONS": {"context_processors": []},
    },
    {
        "BACKEND": "post_office.template.backends.post_office.PostOfficeTemplates",
        "NAME": "post_office",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": []},
    },
]
EMAIL_HOST, EMAIL_PORT = "127.0.0.1", int(os.environ.get("PEER_SMTP_PORT", "0"))
REDIS_URL = os.environ["PEER_REDIS_URL"]
QUEUE = os.environ["PEER_QUEUE"]
Q_CLUSTER = {
    "name": QUEUE,
    "orm": "default",
    "workers": 2,
    "timeout": 60,
    "retry": 120,
    "poll": 0.2,
    "scheduler": False,
    "log_level": "WARNING",
}
MAILER_EMPTY_QUEUE_SLEEP = 0
POST_OFFICE = {"BATCH_SIZE": 1000}
FRAME = os.environ.get("PEER_FRAME", "")  # the file that group_send reads
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": QUEUE},
    }
}
