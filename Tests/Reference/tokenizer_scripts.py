"""Writes the table of scripts of `Sources/Tokenizer/Words/ScriptTable.swift`, as the tokenizers library has it.

    python tokenizer_scripts.py

Prints the lines of its text: runs of characters that the pre-tokenizer UnicodeScripts does not part, from U+0000 on. Each is its
length in base 36 with small letters, and its script in base 26 with capital ones; A is for what belongs to none.
"""

import string
import textwrap

from tokenizers import pre_tokenizers

DIGITS = string.digits + string.ascii_lowercase


def parts(text):
    return len(pre_tokenizers.UnicodeScripts().pre_tokenize_str(text))


def number(value, digits):
    text = ""
    while not text or value:
        value, digit = divmod(value, len(digits))
        text = digits[digit] + text
    return text


def main():
    known, runs, last = [], [], None  # One character of each script; first character and script.
    for value in range(0x110000):
        if 0xd800 <= value < 0xe000:
            continue
        c = chr(value)
        if not parts(c):
            script = 0
        elif last and parts(known[last - 1] + c) == 1:
            script = last
        else:
            script = next((i for i, k in enumerate(known, 1) if parts(k + c) == 1), 0)
            if not script:
                known.append(c)
                script = len(known)
        if script != last:
            runs.append((value, script))
            last = script
    ends = [start for start, _ in runs[1:]] + [0x110000]
    text = "".join(number(end - start, DIGITS) + number(script, string.ascii_uppercase) for (start, script), end in zip(runs, ends))
    print("\\\n".join(textwrap.wrap(text, 88)))


if __name__ == "__main__":
    main()
