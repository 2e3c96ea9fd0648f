"""The first simple rules of B2 and B3, for texts in English.

What is copied from a machine (logs, codes, commands) reads the same in every language; words do not.
A weight below 1 is a hint that never decides alone; from 2 on one is enough while it is new.
"""

import re
from dataclasses import dataclass

from customers.choices import Track


@dataclass(frozen=True)
class Rule:
    """`description` completes "the customer ..."; `at_least` different hits are needed; `copied` marks
    what a forwarded text may contain without its sender understanding it."""

    name: str
    track: Track
    weight: float
    description: str
    pattern: re.Pattern[str]
    at_least: int = 1
    copied: bool = False

    def find(self, text: str) -> tuple[int, int] | None:
        """Where the first hit is, None if there are fewer different ones than needed."""
        first = self.pattern.search(text)
        if first is None:
            return None
        different = {hit.group().lower() for hit in self.pattern.finditer(text)} if self.at_least > 1 else ()
        return first.span() if len(different) >= self.at_least or self.at_least == 1 else None


def _words(alternatives: str) -> re.Pattern[str]:
    """Any of the expressions between the bars, as whole words."""
    joined = "|".join(part.strip() for line in alternatives.strip().splitlines() for part in line.split(" | "))
    return re.compile(rf"(?<!\w)(?:{joined})(?!\w)", re.IGNORECASE)


def _copied(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.MULTILINE)


FORWARDED_SUBJECT = re.compile(r"\s*(?:re:\s*)*(?:fwd?|wg|tr)\s*:", re.IGNORECASE)
ANSWERED_SUBJECT = re.compile(r"\s*re\s*:", re.IGNORECASE)

# B2, correct use of hosting terms. Words that laymen pick up (server, DNS,
# cloud, SPF) or use for other things (table, queue, instance) are left out.
HOSTING_TERMS = _words(r"""
    (?-i:A records?) | access logs? | allow-?list | api keys? | apex | autoscal\w+ | bgp | bmc | brotli
    buckets? | cach(?:e|es|ed|ing) | caa | cidr | cli | clusters? | cname | cold reset
    connection pool\w* | containers? | cors | cpu | crons?(?:job|tab)? | daemon | deploy\w* | dkim
    dmarc | docker\w* | dumps? | egress | endpoints? | etag | fail-?over | firewall | gateway | gpu
    haproxy | hash(?:es)? | headers? | health ?checks? | hypervisor | idempoten\w+ | index(?:es)?
    ingress | inodes? | iops | ipmi | ipv[46] | jailed | json | keepalives? | kernel | kubernetes | k8s
    latency | litespeed | load balanc\w+ | lock file | log ?rotat\w+ | memory leak | metrics?
    milliseconds? | mount ?points? | mutex | mx records? | mysql | nat | nginx | nodes? | ntp | oom
    passthrough | php-fpm | pods? | postgres\w* | prometheus | provision\w* | prox(?:y|ies) | ptr
    query | queries | race condition | raid | rate limit\w* | redis | replicas? | replication
    repositor\w+ | restore test | reverse proxy | rollback | root cause | rsync | s3 | scrapes? | sftp
    shell | smoke test | smtp | snapshots? | sql | ssh | staging | starttls | static ip | stderr
    stdout | systemd | tcp | terraform | throughput | timeouts? | tls | tokens? | ttl | txt records?
    udp | upstream | utf-?8 | vlan | vpn | webhooks?
""")
SPECIFICATIONS = _words(r"""
    availability zones? | bandwidth | cores? | cpu | driver version | ecc | fail-?over | gpu
    hypervisor | iops | ipmi | ipv6 | kernel | kvm | latency | nvme | passthrough | peering | raid
    replication | ssd | throughput | vcpus? | vlan | which (?:php|postgres\w*|mysql|node|python) version
""")
SERVICE_LEVELS = _words(r"""
    slas? | service level\w* | uptime (?:guarantee|figure|report)s? | guarantees? | compensation
    (?:what|how much) do you (?:promise|guarantee) | can you promise | 99[.,]\d+ ?%
    response times? (?:do you|you) (?:promise|guarantee) | on call
""")

STACK_TRACE = _copied(
    r"Traceback \(most recent",
    r"Exception in thread",
    r"\bat [\w$.<>]{1,200}\([\w.]{1,100}:\d+\)",
    r"\bFile \"[^\"\n]{1,200}\", line \d+",
    r"\bPHP (?:Warning|Fatal error|Notice|Parse error)",
    r"\bSQLSTATE\[",
    r"\bORA-\d{5}",
    r"\bE(?:CONN(?:RESET|REFUSED)|TIMEDOUT|ACCES|NOENT|ADDRINUSE|PIPE)\b",
    r"\bsegfault\b",
    r"\bSIG(?:TERM|KILL|SEGV|PIPE)\b",
    r"\b(?:Table|Column) '[^'\n]{1,100}' doesn't exist",
)
LOG_LINES = _copied(
    r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d",
    r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S{0,12} {1,3}\[?(?:DEBUG|INFO|WARN|ERROR|FATAL)",
    r"^[A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d \S{1,100} \S{1,100}\[\d+\]:",
    r"^(?:warning|error|fatal|crit|notice): \w",
    r"\berror:\d{6,}:",
    r"\b(?:job|instance|level|msg)=\S",
)
COMMAND = _copied(
    r"\b(?:curl|dig|openssl|tcpdump|rsync|chown|chmod|ls|grep|ssh|tar|ping) -{1,2}[A-Za-z\d]",
    r"\b(?:dig|nslookup|traceroute|mtr) (?:shows|\+\w|[\w-]+\.\w)",
    r"\b(?:openssl s_client|systemctl|journalctl|kubectl|chown|chmod) \w",
    r"\b(?:docker|terraform|git|npm|composer) (?:inspect|plan|apply|run|ps|push|pull|logs|install)\b",
    r"\bSELECT .{1,80}\bFROM\b",
    r"\b(?:EXPLAIN|ALTER TABLE|LEFT JOIN|INNER JOIN)\b",
    r"\bsudo \w",
    r"^[$#] \w",
)
CONFIGURATION = _copied(
    r"\b[a-z]{2,40}(?:_[a-z\d]{2,40}){2,6}\b",
    r"\b[A-Z]{2,40}_[A-Z]{2,40}(?:_[A-Z]+)*\b",
    r"\b[a-z_]{3,60}=\d+\b",
    r"\bmod_[a-z]{3,}\b",
    r"\bX-[A-Z]\w+-\w",
    r"\bAccess-Control-\w",
    r"\b(?:Dockerfile|docker-compose|my\.cnf|php\.ini|nginx\.conf)\b",
    r"\.htaccess\b",
    r"\b(?:public_html|etc|var|usr|opt|srv)/[\w.-]",
    r"\b[a-z]{2,40}[A-Z][a-z]{1,40}[A-Z][a-z]+\b",
    r"\broot:root\b",
)
ADDRESS = _copied(
    r"\b\d{1,3}(?:\.\d{1,3}){3}(?:[/:]\d{1,5})?\b",
    r"\b(?:[Pp]ort|puerto) \d{2,5}\b",
    r"\b(?:localhost|\w{2,60}\.internal):\d{2,5}\b",
)
VERSION = re.compile(
    r"\b(?:php|nginx|apache|mysql|mariadb|postgres(?:ql)?|node|python|java|ruby|redis|debian|ubuntu|freebsd|tls)"
    r" v?\d+(?:\.\d+)+\b",
    re.IGNORECASE,
)
ERROR_CODE = re.compile(
    r"\b(?:http|status|error|code|gives|returns?|answers|sends) ?(?:status|code)?:? ?\"?[45]\d\d\b"
    r"|\b[45]\d\d (?:\d\.\d\.\d|error|service unavailable|bad gateway)|\b0x[\da-f]{6,8}\b|\berror \d{3,5}\b"
    r"|\b50[0-4]\b",
    re.IGNORECASE,
)
MEASUREMENT = re.compile(r"\b\d[\d.,]{0,20} ?(?:ms|milliseconds|bytes|[KMGT]iB|Mbit/s|Gbit/s|req/s|rps)\b")

BILLING = _words(r"""
    bills? | invoices? | charged? | refunds? | prices? | costs? | paid | pay(?:ment|ing)? | subscription
    renewal | cancel(?:ling|lation)? | credit card | contract | budget | PO number | tax | rechnung\w*
    kündig\w+ | facture | factura
""")
WEBSITE = _words(r"""
    (?:my|our) (?:new |whole |web ?)?(?:pages?|site|shop|blog|menu|form) | (?:white|empty|blank) page
    pictures? | photos? | button | mailbox | web ?shop | (?:whole|complete) shop
""")
IMPACT = _words(r"""
    (?:my|our) (?:own )?(?:customers?|clients?|guests?|patients?|pupils?|students?|members?|readers?|staff)
    (?:people|customers|clients|parents) (?:can't|cannot|wait|think|believe|order)
    (?:my|our) (?:daughter|son|husband|wife|boss|director|publisher)
    los(?:e|ing) (?:money|sales|orders|customers) | pre-?orders | sales
""")
PLAIN_HELP = _words(r"""
    (?:pls|please) (?:call|ring)(?: me)? | call me | what do i do | what did i do wrong
    is it (?:me|my) | i don't (?:understand|know) | i'm not good at | how do i | makes no sense to me
    a real person | on the (?:tele)?phone | do (?:we|i) have to
""")
RELAYED = _words(r"""
    (?:he|she) says?
    (?:our|my|the) (?:accountant|developer|webmaster|lawyer|agency|it guy) (?:says|asks|wants|said)
    a friend (?:says|said|told me) | i got this from you | i was (?:told|advised) to
""")
PLAIN_QUESTION = _words(r"""
    is it hard to | pictures? | photos? | how much | what does it cost
""")

TECHNICAL, BUSINESS = Track.TECHNICAL, Track.BUSINESS

RULES: tuple[Rule, ...] = (
    Rule("stack_trace", TECHNICAL, 3.0, "quotes a stack trace or a program's error", STACK_TRACE, copied=True),
    Rule("log_lines", TECHNICAL, 3.0, "quotes lines of a log file", LOG_LINES, copied=True),
    Rule("command", TECHNICAL, 2.5, "quotes a command or a query", COMMAND),
    Rule("configuration", TECHNICAL, 2.5, "names a setting, a path or a header", CONFIGURATION, copied=True),
    Rule("address", TECHNICAL, 2.0, "names a network address or a port", ADDRESS, copied=True),
    Rule("version", TECHNICAL, 1.5, "names a program with its version", VERSION),
    Rule("error_code", TECHNICAL, 0.8, "quotes an error code", ERROR_CODE, copied=True),
    Rule("hosting_terms", TECHNICAL, 2.0, "uses several hosting terms", HOSTING_TERMS, at_least=2),
    Rule("hosting_term", TECHNICAL, 0.8, "uses a hosting term", HOSTING_TERMS),
    Rule("measurement", TECHNICAL, 1.0, "measures in units of machines", MEASUREMENT),
    Rule("service_levels", BUSINESS, 1.5, "asks about guarantees or service levels", SERVICE_LEVELS),
    Rule("billing", BUSINESS, 0.8, "writes about bills, prices or the contract", BILLING),
    Rule("website", BUSINESS, 1.2, "writes about how the website works, not the server", WEBSITE),
    Rule("impact", BUSINESS, 1.5, "names who suffers from it, not the fault", IMPACT),
    Rule("plain_help", BUSINESS, 1.2, "asks for help in plain words", PLAIN_HELP),
    Rule("relayed", BUSINESS, 2.0, "passes on what somebody else said", RELAYED),
)

# A ticked box counts by its name ...
TICK_RULES: tuple[Rule, ...] = (
    Rule("ssh_keys", TECHNICAL, 2.0, "asked for SSH keys at onboarding", _words(r"ssh(?: ?keys?)?")),
    Rule("api_access", TECHNICAL, 1.5, "asked for API access at onboarding", _words(r"apis?")),
)

# ... an answer in words by its words.
ANSWER_RULES: tuple[Rule, ...] = (
    Rule(
        "ssh_keys",
        TECHNICAL,
        2.0,
        "asked for SSH keys at onboarding",
        _words(r"(?<!no )ssh (?:keys?|access)"),
    ),
    Rule(
        "api_access",
        TECHNICAL,
        1.5,
        "asked for API access at onboarding",
        _words(r"(?<!no )api (?:access|keys?)"),
    ),
    Rule(
        "specifications",
        TECHNICAL,
        2.5,
        "asked for infrastructure specifications before buying",
        SPECIFICATIONS,
    ),
    Rule("service_levels", BUSINESS, 1.5, "asks about guarantees or service levels", SERVICE_LEVELS),
    Rule("plain_question", BUSINESS, 1.2, "asked in plain words how it works or what it costs", PLAIN_QUESTION),
)
