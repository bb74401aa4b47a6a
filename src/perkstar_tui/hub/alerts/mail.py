"""One message by SMTP, with the standard library in a thread: what came of it, and never an exception."""

import smtplib
import socket
import ssl
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.normal import plain

TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail is handed in: `security` is starttls, tls or none; `ca_file` is whom to believe besides the usual."""

    host: str
    port: int
    security: str
    user: str = ""
    password: str = ""
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What came of an attempt. `final` says that another one would meet the same."""

    ok: bool
    words: str = ""
    final: bool = False


def parse_address(text: str) -> Address:
    """An address as it may stand in a header. Raises USAGE, so that nothing smuggles in a line of its own."""
    wanted = text.strip()
    good = wanted.isprintable() and not any(sign in wanted for sign in " ,;<>()[]\"'\\")
    try:
        found = Address(addr_spec=wanted) if good else None
    except Exception:
        # The parser of the standard library raises what it meets, an IndexError too.
        found = None
    if found is None or not found.username or not ("." in found.domain or found.domain == "localhost"):
        raise PerkstarError(
            ErrorKind.USAGE,
            f"{plain(wanted)[:60]!r} is no e-mail address.",
            remedy="Write it like sam@example.com, several with commas between.",
            field="to",
        )
    return found


def message(
    id_: str, sender: str, to: list[str], title: str, body: str, at: datetime, threads: list[str]
) -> EmailMessage:
    """The mail. Its Message-ID is the sending's own id, so a repeat after a crash is known for one by whoever folds."""
    mail = EmailMessage(policy=SMTP)
    home = parse_address(sender).domain
    mail["From"] = Address("Perkstar", addr_spec=str(parse_address(sender).addr_spec))
    mail["To"] = [parse_address(one) for one in to]
    mail["Subject"] = plain(title)[:200]
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{id_}@{home}>"
    if threads:
        # Opened and over of one alert stand together in a mail program.
        mail["References"] = " ".join(f"<{one}@{home}>" for one in threads)
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(body, cte="quoted-printable" if not body.isascii() else "7bit")
    return mail


def send(server: Server, mail: EmailMessage, sender: str, to: list[str]) -> Told:
    """Hand it in. Waits up to some timeouts of 20 s each."""
    try:
        with _connect(server, sender) as smtp:
            if server.user:
                smtp.login(server.user, server.password)
            refused = smtp.send_message(mail, sender, to)
    except smtplib.SMTPAuthenticationError as error:
        return Told(False, f"The mail server refuses the user or the password ({error.smtp_code}).", True)
    except smtplib.SMTPNotSupportedError:
        return Told(
            False, "The mail server offers no STARTTLS or no log-in. Set security to tls or none.", True
        )
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        words = f"The mail server refuses the recipient ({', '.join(map(str, sorted(set(codes))))})."
        return Told(False, words, all(code >= 500 for code in codes))
    except smtplib.SMTPResponseException as error:
        return Told(False, f"The mail server answered {error.smtp_code}.", error.smtp_code >= 500)
    except ssl.SSLError as error:
        why = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else error.reason
        return Told(False, f"The mail server's certificate or encryption is not good: {plain(str(why))}.")
    except (smtplib.SMTPException, OSError) as error:
        return Told(False, f"The mail server {server.host}:{server.port} cannot be reached: {_why(error)}.")
    if refused:
        number = len(refused)
        return Told(True, f"{number} of {len(to)} recipients {'was' if number == 1 else 'were'} refused.")
    return Told(True)


def _connect(server: Server, sender: str) -> smtplib.SMTP:
    name = parse_address(sender).domain
    if server.security == "none":
        return smtplib.SMTP(server.host, server.port, name, TIMEOUT_S)
    context = ssl.create_default_context(cafile=server.ca_file or None)
    if server.security == "tls":
        return smtplib.SMTP_SSL(server.host, server.port, name, timeout=TIMEOUT_S, context=context)
    smtp = smtplib.SMTP(server.host, server.port, name, TIMEOUT_S)
    try:
        smtp.starttls(context=context)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "it closed the connection"
