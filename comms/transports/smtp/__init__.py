"""Mail over SMTP: `SmtpTransport(SmtpSettings(...)).send(envelopes, before_data=...)`."""

from comms.transports.smtp.settings import SmtpSettings
from comms.transports.smtp.transport import SmtpTransport

__all__ = ["SmtpSettings", "SmtpTransport"]
