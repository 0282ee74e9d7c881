"""Prints what Python's `email` package reads in each mail, as JSON lines.

    python3 mail_fields.py FOLDER

One line a file, sorted by path: file, subject, from, to, cc, date, message_id, text, attachments.
The standard library only. A field that Python cannot read is {"error": TYPE}. It is the second
opinion of `besunny-core/tests/mail_python.rs`; nothing of our own parser is known here.
"""

import email
import email.policy
import email.utils
import json
import pathlib
import sys

BODY_TYPES = ("text/plain", "text/html")


def attempt(read):
    try:
        return read()
    except Exception as error:  # Python's parser raises many kinds on broken mail.
        return {"error": type(error).__name__}


def one_line(value):
    return None if value is None else " ".join(str(value).split())


def addresses(message, field):
    found = []
    for header in message.get_all(field, []):
        for address in header.addresses:
            name, spec = one_line(address.display_name), address.addr_spec
            if spec not in ("", "<>") or name:
                found.append([name or None, spec if spec != "<>" else ""])
    return found


def date(message):
    header = message["date"]
    if header is None:
        return None
    moment = email.utils.parsedate_to_datetime(str(header))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=email.utils.datetime.timezone.utc)
    return moment.isoformat()


def leaves(part):
    """Yields the parts that have no parts, without opening messages in the mail."""
    if part.is_multipart() and part.get_content_maintype() == "multipart":
        for child in part.get_payload():
            yield from leaves(child)
    else:
        yield part


def is_attachment(part):
    named = part.get_filename() is not None
    return part.is_attachment() or named or part.get_content_type() not in BODY_TYPES


def text_of(part):
    payload = part.get_payload(decode=True)
    charset = part.get_content_charset() or "us-ascii"
    try:
        return payload.decode(charset, "replace")
    except LookupError:
        return payload.decode("us-ascii", "replace")


def text(message):
    plain = [
        part
        for part in leaves(message)
        if part.get_content_type() == "text/plain" and not is_attachment(part)
    ]
    return "\n".join(text_of(part) for part in plain) if plain else None


def size(part):
    if part.get_content_maintype() == "message":
        return None
    payload = part.get_payload(decode=True)
    return None if payload is None else len(payload)


def attachments(message):
    return [[part.get_filename(), size(part)] for part in leaves(message) if is_attachment(part)]


def fields(raw):
    message = email.message_from_bytes(raw, policy=email.policy.default)
    return {
        "subject": attempt(lambda: one_line(message["subject"])),
        "from": attempt(lambda: addresses(message, "from")),
        "to": attempt(lambda: addresses(message, "to")),
        "cc": attempt(lambda: addresses(message, "cc")),
        "date": attempt(lambda: date(message)),
        "message_id": attempt(lambda: one_line(message["message-id"])),
        "text": attempt(lambda: text(message)),
        "attachments": attempt(lambda: attachments(message)),
    }


def without_surrogates(value):
    """Python keeps undecodable bytes as lone surrogates, which are no JSON."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if isinstance(value, list):
        return [without_surrogates(each) for each in value]
    if isinstance(value, dict):
        return {key: without_surrogates(each) for key, each in value.items()}
    return value


def main(folder):
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            line = {"file": path.relative_to(folder).as_posix(), **fields(path.read_bytes())}
            print(json.dumps(without_surrogates(line), ensure_ascii=True))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
