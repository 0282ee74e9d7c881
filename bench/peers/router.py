"""The router of a mailbox as one writes it with scikit-learn: TF-IDF with address tokens, linear SVM.

Usage: router.py quality FOLDER   accuracy and promises by the protocol of `besunny eval`
       router.py hidden FOLDER    the same without what gives a mailing list away, as `--hide-hints`
       router.py speed FOLDER     processor seconds of one training on all mails and of each classification

FOLDER holds messages.tar.gz and manifest.jsonl. Protocol: mails in the order of dates; for k = 100, 200, ... train on
the first k, predict the next 100. A promise's threshold is the lowest margin at which the last 1,000 predictions
kept it, at least 20 of them; it is applied to the next block only.
"""
import email
import json
import re
import resource
import sys
import tarfile
import time
from email.utils import getaddresses

import numpy as np
import sklearn
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

BLOCK, PAST, LEAST, WARM_UP = 100, 1000, 20, 3
PROMISES = ("0.90", "0.95", "0.98")
ASKED = 500  # classifications that are timed


HINTS = {"sender", "errors-to", "delivered-to", "reply-to", "precedence", "received", "return-path",
         "mailing-list", "to", "cc"}


def hide(raw, names):
    head, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    kept = []
    for field in re.split(rb"\n(?![ \t])", head):
        name = field.split(b":", 1)[0].decode("latin-1").lower()
        if name not in HINTS and not name.startswith(("list-", "x-")):
            kept.append(re.sub(rb"\[[^\]]*\]", b"", field) if name == "subject" else field)
    lines = []
    for line in body.decode("latin-1").split("\n"):
        if line == "-- " or re.fullmatch(r"_{20,}\s*", line):
            break
        lines.append(line)
    text = re.sub(r"\S*(://|@)\S*", " ", "\n".join(lines))
    for name in names:
        text = re.sub(rf"\S*{re.escape(name)}\S*", " ", text, flags=re.IGNORECASE)
    return b"\n".join(kept) + b"\n\n" + text.encode("latin-1")


def load(folder, hidden=False):
    with open(f"{folder}/manifest.jsonl", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    with tarfile.open(f"{folder}/messages.tar.gz") as archive:
        raw = {member.name: archive.extractfile(member).read() for member in archive if member.isfile()}
    rows.sort(key=lambda row: (row["date"] or "", row["n"]))
    names = {row["label"] for row in rows}
    mails = [hide(raw[row["file"]], names) if hidden else raw[row["file"]] for row in rows]
    return [text_of(mail) for mail in mails], np.array([row["label"] for row in rows])


def text_of(raw):
    mail = email.message_from_bytes(raw)
    part = next((part for part in mail.walk() if part.get_content_type() == "text/plain"), mail)
    body = (part.get_payload(decode=True) or b"").decode("latin-1")
    tokens = []
    for prefix, names in (("frm", ("From",)), ("rcp", ("To", "Cc"))):
        values = [str(value) for name in names for value in mail.get_all(name, [])]
        tokens += [prefix + re.sub(r"\W", "", address) for _, address in getaddresses(values) if address][:30]
    subject = str(mail["Subject"] or "")
    tokens += ["sbj" + word for word in re.findall(r"\w{2,}", subject.lower())]
    return (" ".join(tokens) + " " + subject + " " + body)[:20000]


def train(texts, labels):
    words = TfidfVectorizer(
        sublinear_tf=True, min_df=1 if len(texts) < 300 else 2, max_df=0.5, max_features=60000)
    return words, LinearSVC(C=1.0, tol=1e-2, max_iter=300).fit(words.fit_transform(texts), labels)


def scores_of(words, model, texts):
    scores = model.decision_function(words.transform(texts))
    return np.stack([-scores, scores], 1) if scores.ndim == 1 else scores


def threshold(margins, right, promise):
    order = np.argsort(-margins)
    precision = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    good = np.where(precision[LEAST:] >= promise)[0]
    return margins[order][good.max() + LEAST] if len(good) else np.inf


def quality(texts, labels):
    margins, right = [], []
    kept = {promise: [0, 0.0, 0] for promise in PROMISES}
    for k in range(BLOCK, len(texts), BLOCK):
        if len(set(labels[:k])) < 2:
            continue
        words, model = train(texts[:k], labels[:k])
        scores = scores_of(words, model, texts[k:k + BLOCK])
        top = np.sort(scores, 1)
        margin = top[:, -1] - top[:, -2]
        ok = (model.classes_[scores.argmax(1)] == labels[k:k + BLOCK]).astype(float)
        if len(margins) >= WARM_UP:
            past, past_ok = np.concatenate(margins)[-PAST:], np.concatenate(right)[-PAST:]
            for promise in PROMISES:
                chosen = margin >= threshold(past, past_ok, float(promise))
                kept[promise][0] += int(chosen.sum())
                kept[promise][1] += float(ok[chosen].sum())
                kept[promise][2] += len(ok)
        margins.append(margin)
        right.append(ok)
    return {
        "accuracy": round(float(np.concatenate(right).mean()), 4),
        "promised": {promise: {"coverage": round(taken / max(asked, 1), 4),
                               "precision": round(good / max(taken, 1), 4)}
                     for promise, (taken, good, asked) in kept.items()},
        "scikit_learn": sklearn.__version__,
    }


def speed(texts, labels):
    asked = texts[-ASKED:]
    began = time.process_time()
    words, model = train(texts, labels)
    trained = time.process_time()
    for text in asked:
        scores_of(words, model, [text])
    one_by_one = time.process_time()
    scores_of(words, model, asked)
    together = time.process_time()
    return {
        "mails": len(texts), "projects": len(set(labels)),
        "retrain_seconds": trained - began,
        "classify_seconds": (one_by_one - trained) / len(asked),
        "classify_together_seconds": (together - one_by_one) / len(asked),
        "peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "scikit_learn": sklearn.__version__,
    }


if __name__ == "__main__":
    mode, folder = sys.argv[1:3]
    measure = speed if mode == "speed" else quality
    print(json.dumps(measure(*load(folder, hidden=mode == "hidden"))))
