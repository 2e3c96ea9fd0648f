from django.apps import AppConfig


class CommsConfig(AppConfig):
    name = "comms"
    verbose_name = "communication"
    default_auto_field = "django.db.models.BigAutoField"
