import pytest

STORY = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    # WhiteNoise opens static files for WSGI; Django's ASGI handler reads them in a thread and says that it does
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous iterators:Warning"),
    # a browser that leaves in the middle of a request cancels it, and its thread's connection is collected unclosed:
    # these tests have no pool, to which production gives it back
    pytest.mark.filterwarnings("ignore:Exception ignored in. <function BaseConnection.__del__"),
]
