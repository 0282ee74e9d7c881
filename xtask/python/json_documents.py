"""Random JSON documents, each as a body with ASCII escapes and as the text that Attendee signs.

    json_documents.py COUNT [SEED]

Writes two lines a document: json.dumps(document), and json.dumps with sorted keys, without spaces and
without escapes.
"""
import json
import random
import sys

ALPHABETS = [
    "abcXYZ_ 09",
    "\"\\/<>&'\b\f\n\r\t\x00\x01\x1f\x7f",
    "\u00e9\u00df\u2028\u2029\ufeff\uffee\ufffd\ud7ff\ue000",
    "\U0001f600\U0001f9ff\U0010ffff\U00010000",
]


def text(dice):
    letters = "".join(ALPHABETS)
    if dice.random() < 0.5:
        letters = dice.choice(ALPHABETS)
    return "".join(dice.choice(letters) for _ in range(dice.randrange(9)))


def number(dice):
    return dice.choice([
        lambda: dice.randrange(-10, 10),
        lambda: dice.randrange(-10**25, 10**25),
        lambda: dice.uniform(-1, 1),
        lambda: dice.uniform(-1, 1) * 10 ** dice.randrange(-320, 300),
        lambda: float(dice.randrange(-100, 100)),
        lambda: -0.0,
        lambda: 1e-07,
        lambda: 1e16,
        lambda: 5e-324,
    ])()


def document(dice, depth):
    kind = dice.randrange(10 if depth else 6)
    if kind < 3:
        return text(dice)
    if kind < 5:
        return number(dice)
    if kind < 6:
        return dice.choice([True, False, None])
    if kind < 8:
        return [document(dice, depth - 1) for _ in range(dice.randrange(5))]
    return {text(dice): document(dice, depth - 1) for _ in range(dice.randrange(6))}


def main():
    count = int(sys.argv[1])
    dice = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    out = sys.stdout.buffer
    for _ in range(count):
        value = document(dice, 4)
        out.write(json.dumps(value).encode() + b"\n")
        signed = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        out.write(signed.encode() + b"\n")


main()
