"""What a person calls his browser, from what it calls itself."""

from django.utils.translation import gettext

# the first that is found counts: most browsers also claim to be those below them
BROWSERS = {"Edg": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "CrOS": "ChromeOS",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}


def name(user_agent: str) -> str:
    browser = next((words for mark, words in BROWSERS.items() if mark in user_agent), gettext("A browser"))
    system = next((words for mark, words in SYSTEMS.items() if mark in user_agent), "")
    return gettext("%(browser)s on %(system)s") % {"browser": browser, "system": system} if system else browser
