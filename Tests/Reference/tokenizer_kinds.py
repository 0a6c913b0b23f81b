"""Tokenizers of every kind that is read, small, with what the tokenizers library makes of hard strings.

    python tokenizer_kinds.py TEXT OUT [COUNT]

Trains each kind on TEXT. Writes OUT/kinds.json.gz, a list of name, tokenizer (tokenizer.json) and vectors (text, ids,
ids_with_special), COUNT strings each, and OUT/unicode.json.gz, a checksum of what each normalizer makes of every character and
of random pairs, triples and quadruples, and one of the classes of every character. To compare thousands of strings:

    cp -r Tests/TokenizerTests/Fixtures OUT
    python tokenizer_kinds.py TEXT OUT 5000
    STADE_FIXTURES=OUT swift test -c release --filter 'KindTests|DirectoryTests'
"""

import base64
import gzip
import json
import random
import sys
import tempfile
import zlib
from pathlib import Path

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers as norm, pre_tokenizers as pre, processors, trainers

CL100K = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN35 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
TEKKEN = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
          r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?"
         r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")
DEEPSEEK = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|"
            r"\s+(?!\S)|\s+")
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"


def charsmap():
    """SentencePiece's own map for nmt_nfkc."""
    with tempfile.TemporaryDirectory() as path:
        text = Path(path, "t.txt")
        text.write_text("\n".join(f"the quick brown fox {n} jumps" for n in range(400)))
        sentencepiece.SentencePieceTrainer.train(input=str(text), model_prefix=f"{path}/m", vocab_size=40, minloglevel=2)
        proto = sentencepiece_model_pb2.ModelProto()
        proto.ParseFromString(Path(path, "m.model").read_bytes())
        return proto.normalizer_spec.precompiled_charsmap


MAP = charsmap()


def isolated(pattern):
    return pre.Split(Regex(pattern), "isolated")


def bytes_only():
    return pre.ByteLevel(add_prefix_space=False, use_regex=False)


def metaspace(scheme, split=True):
    return pre.Metaspace(replacement="▁", prepend_scheme=scheme, split=split)


def byte_level(steps, normalizer=None, **options):
    t = Tokenizer(models.BPE(**options))
    t.normalizer = normalizer
    t.pre_tokenizer = steps[0] if len(steps) == 1 else pre.Sequence(steps)
    return t, trainers.BpeTrainer(vocab_size=420, show_progress=False, special_tokens=["<unk>", "<s>", "</s>"],
                                  initial_alphabet=pre.ByteLevel.alphabet())


def pieces(normalizer, pre_tokenizer, fallback=True):
    t = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=fallback, fuse_unk=True))
    t.normalizer, t.pre_tokenizer = normalizer, pre_tokenizer
    bytes_ = [f"<0x{b:02X}>" for b in range(256)] if fallback else []
    return t, trainers.BpeTrainer(vocab_size=len(bytes_) + 240, show_progress=False, special_tokens=["<unk>", "<s>", "</s>"] + bytes_,
                                  limit_alphabet=60)


def unigram(normalizer, pre_tokenizer, fallback=False):
    t = Tokenizer(models.Unigram())
    t.normalizer, t.pre_tokenizer = normalizer, pre_tokenizer
    special = ["<unk>", "<s>", "</s>"] + ([f"<0x{b:02X}>" for b in range(256)] if fallback else [])
    return t, trainers.UnigramTrainer(vocab_size=len(special) + 260, show_progress=False, unk_token="<unk>", special_tokens=special)


def word_piece(normalizer, pre_tokenizer, **options):
    t = Tokenizer(models.WordPiece(unk_token="[UNK]", **options))
    t.normalizer, t.pre_tokenizer = normalizer, pre_tokenizer
    return t, trainers.WordPieceTrainer(vocab_size=320, show_progress=False, special_tokens=["[UNK]", "[CLS]", "[SEP]"])


def word_level(normalizer, pre_tokenizer):
    t = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    t.normalizer, t.pre_tokenizer = normalizer, pre_tokenizer
    return t, trainers.WordLevelTrainer(vocab_size=300, show_progress=False, special_tokens=["[UNK]", "[CLS]", "[SEP]"])


KINDS = {
    "bloom": lambda: byte_level([isolated(BLOOM), bytes_only()]),
    "falcon": lambda: byte_level([pre.Punctuation("contiguous"), pre.ByteLevel(add_prefix_space=False), pre.Digits(False),
                                  isolated("[0-9][0-9][0-9]")]),
    "cohere": lambda: byte_level([pre.Digits(True), pre.ByteLevel(add_prefix_space=False)], norm.NFC()),
    "gpt_oss": lambda: byte_level([isolated(O200K), bytes_only()], ignore_merges=True),
    "glm4": lambda: byte_level([isolated(CL100K), bytes_only()], ignore_merges=True),
    "qwen3_5": lambda: byte_level([isolated(QWEN35), bytes_only()], norm.NFC()),
    "nemotron": lambda: byte_level([isolated(TEKKEN), bytes_only()], ignore_merges=True),
    "deepseek": lambda: byte_level([isolated(r"\p{N}{1,3}"), isolated("[一-龥぀-ゟ゠-ヿ]+"), isolated(DEEPSEEK), bytes_only()]),
    "gemma3": lambda: pieces(norm.Replace(" ", "▁"), pre.Split(" ", "merged_with_previous")),
    "ernie": lambda: pieces(norm.Sequence([norm.Prepend("▁"), norm.Replace(" ", "▁")]), None),
    "internlm": lambda: pieces(norm.Sequence([norm.Precompiled(MAP), norm.Replace(" ", "▁")]), None),
    "nfkc-pieces": lambda: pieces(norm.Sequence([norm.Nmt(), norm.NFKC(), norm.Strip()]), metaspace("always"), fallback=False),
    "t5": lambda: unigram(norm.Precompiled(MAP), pre.Sequence([pre.WhitespaceSplit(), metaspace("always")])),
    "umt5": lambda: unigram(norm.Sequence([norm.Precompiled(MAP), norm.Replace(Regex(" {2,}"), " ")]), metaspace("always"), fallback=True),
    "unigram-whole": lambda: unigram(norm.Replace(" ", "▁"), None, fallback=True),
    "unigram-first": lambda: unigram(norm.NFD(), metaspace("first", split=False)),
    "albert": lambda: unigram(norm.Sequence([norm.Replace("``", '"'), norm.Replace("''", '"'), norm.NFKD(), norm.StripAccents(),
                                             norm.Lowercase(), norm.Precompiled(MAP), norm.Replace(Regex(" {2,}"), " ")]),
                              metaspace("always")),
    "bert": lambda: word_piece(norm.BertNormalizer(), pre.BertPreTokenizer()),
    "bert-cased": lambda: word_piece(norm.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=None, lowercase=False),
                                     pre.BertPreTokenizer(), max_input_chars_per_word=12),
    "bert-accents": lambda: word_piece(norm.BertNormalizer(clean_text=False, handle_chinese_chars=True, strip_accents=False, lowercase=True),
                                       pre.Sequence([pre.WhitespaceSplit(), pre.Punctuation("merged_with_next")])),
    "word-level": lambda: word_level(norm.Sequence([norm.NFKC(), norm.Lowercase()]), pre.Whitespace()),
    "delimiter": lambda: word_level(norm.Strip(left=True, right=False), pre.Sequence([pre.CharDelimiterSplit("."), pre.WhitespaceSplit()])),
    "fixed-length": lambda: unigram(norm.NFKD(), pre.FixedLength(length=7)),
    "scripts": lambda: unigram(norm.NFKC(), pre.Sequence([pre.UnicodeScripts(), pre.WhitespaceSplit()])),
    "bytes-normalized": lambda: byte_level([pre.Split(Regex("Ġ+"), "merged_with_next")], norm.Sequence([norm.NFC(), norm.ByteLevel()])),
    "bytes-word-piece": lambda: word_piece(norm.Lowercase(), pre.ByteLevel(add_prefix_space=True)),
}

ODD = ["'s", "'S", "'LL", "don't", "1234567", "½", "²", "٣٤", "x=1;", "\t", "\n", "\r\n", "\r", "\x00", "\x07", "\x0b", "\x0c", "\x1b[0m", "\x7f", "\x85",
       "\u00a0", "\u00ad", "\u200b", "\u200d", "\u200e", "\u2028", "\u3000", "\ufeff", "\ufffd", "▁", "▁▁a", "Ġ", "e\u0301", "e\u0323\u0301", "\u0301",
       "é", "Å", "A\u030a", "ẛ̣", "İ", "ſ", "ß", "ẞ", "ΑΣ", "Ǆ", "ﬁ", "Ⅷ", "㎏", "ｶﾞ", "ﾊﾟ", "가", "각", "각", "日本語", "中文字。", "ハンド",
       "हिन्दी", "क्षि", "ไทย", "שָׁלוֹם", "الله", "\U0001d15e", "🦊", "👩\u200d👩\u200d👧", "🇩🇪🇫", "👍🏽", "☎️", "…", "``x''", "<s>", "</s>", "<|extra|>", "a<|strip|> ",
       "𝔘𝔫𝔦", "\U0010ffff", "\ue000", "\U000e0100", "\U00011938", "Straße", "naïve", "aaaaaaaaaaaaaaaaaaaa", "----", "(a)", "http://a.b/c?d=e"]
GAPS = ["", " ", " ", " ", "  ", "   ", "\n", "\n\n", " \n ", "                "]


def strings(text, count, seed):
    r = random.Random(seed)
    made = ["", " ", "a", " a", "a ", "\n", "<s>a", "<s> a </s>"]
    while len(made) < count:
        kind = r.randrange(4)
        if kind == 0:
            start = r.randrange(len(text) - 200)
            made.append(text[start:start + r.randint(1, 200)])
        elif kind == 1:
            made.append("".join(chr(r.choice([r.randrange(32, 127), r.randrange(160, 0x600), r.randrange(0x300, 0x370), r.randrange(0x1100, 0x1200),
                                              r.randrange(0x2000, 0x2100), r.randrange(0x3000, 0x3100), r.randrange(0xfb00, 0xffee),
                                              r.randrange(0x900, 0xe80), r.randrange(0x10000, 0x1f000)])) for _ in range(r.randint(1, 40))))
        else:
            words = text.split()
            parts = [r.choice(GAPS)]
            for _ in range(r.randint(1, 8)):
                parts += [r.choice(ODD) if r.random() < 0.6 else r.choice(words), r.choice(GAPS)]
            made.append("".join(parts))
    return made


def train(make, text):
    t, trainer = make()
    t.train_from_iterator([line for line in text.split("\n") if line], trainer)
    if "[CLS]" in t.get_vocab():
        t.post_processor = processors.BertProcessing(("[SEP]", t.token_to_id("[SEP]")), ("[CLS]", t.token_to_id("[CLS]")))
    else:
        t.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A $B", special_tokens=[
            (n, t.token_to_id(n)) for n in ("<s>", "</s>")])
    t.add_tokens([AddedToken("<|extra|>", special=False, normalized=False), AddedToken("<|strip|>", lstrip=True, rstrip=True)])
    return t


def characters():
    return (chr(v) for v in range(0x110000) if not 0xd800 <= v < 0xe000)


def splitmix(seed):
    """The generator that the tests have, too."""
    mask = (1 << 64) - 1
    while True:
        seed = seed + 0x9e3779b97f4a7c15 & mask
        value = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9 & mask
        value = (value ^ value >> 27) * 0x94d049bb133111eb & mask
        yield value ^ value >> 31


# Where marks and what composes with them stand, so that they often meet.
CLOSE = [[0x41, 0x7b], [0xc0, 0x180], [0x300, 0x345], [0x1100, 0x1113], [0x1161, 0x1176], [0x11a8, 0x11c3], [0xac00, 0xac60],
         [0x9be, 0x9d8], [0x3041, 0x3100], [0xff61, 0xffa0], [0x1e00, 0x1f00], [0x900, 0x980]]


def checksum(apply):
    close = [v for a, b in CLOSE for v in range(a, b)]
    draw = splitmix(7)
    total = 0
    for text in characters():
        total = zlib.crc32(apply(text).encode() + b"\1", total)
    for number in range(100000):
        text = ""
        for _ in range(2 + number % 3):
            r = next(draw)
            v = (r >> 8) % 0x30000 if r & 3 == 0 else close[(r >> 8) % len(close)]
            text += "" if 0xd800 <= v < 0xe000 else chr(v)
        total = zlib.crc32(apply(text).encode() + b"\1", total)
    return total


def scripts_checksum():
    def count(values):
        text = "".join(chr(v) for v in values if v < 0x110000 and not 0xd800 <= v < 0xe000)
        return len(pre.UnicodeScripts().pre_tokenize_str(text))

    counts = bytearray(count([v, v + 1]) for v in range(0x110000) if not 0xd800 <= v < 0xe000)
    draw = splitmix(11)
    for number in range(200000):
        counts.append(count([(next(draw) >> 8) % (0x20000 if number % 2 else 0x3100) for _ in range(2 + number % 3)]))
    return zlib.crc32(bytes(counts))


def unicode_checks():
    steps = {"NFC": norm.NFC(), "NFD": norm.NFD(), "NFKC": norm.NFKC(), "NFKD": norm.NFKD(), "Lowercase": norm.Lowercase(),
             "StripAccents": norm.StripAccents(), "Nmt": norm.Nmt(), "Strip": norm.Strip(), "BertNormalizer": norm.BertNormalizer(),
             "Precompiled": norm.Precompiled(MAP)}
    splits = [(4, pre.WhitespaceSplit()), (16, pre.Digits(True)), (32, pre.Punctuation())]
    classes = bytearray()
    for c in characters():
        text = f"a{c}b"
        bits = sum(bit for bit, p in splits if len(p.pre_tokenize_str(text)) > 1)
        classes.append(bits | (64 if len(pre.Whitespace().pre_tokenize_str(text)) == 1 else 0))
    return {"close": CLOSE, "classes": zlib.crc32(bytes(classes)), "scripts": scripts_checksum(),
            "normalizers": {name: {"step": json.loads(n.__getstate__()), "sum": checksum(n.normalize_str)} for name, n in steps.items()}}


def main():
    text = Path(sys.argv[1]).read_text()[:400000]
    out = Path(sys.argv[2])
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 60
    kinds = []
    for name, make in KINDS.items():
        t = Tokenizer.from_str(train(make, text).to_str())
        rows = [{"text": s, "ids": t.encode(s, add_special_tokens=False).ids, "ids_with_special": t.encode(s).ids}
                for s in strings(text, count, 5)]
        print(name, t.get_vocab_size(), sum(len(r["ids"]) for r in rows), flush=True)
        # The map stands once, in unicode.json.
        packed = t.to_str().replace(base64.b64encode(MAP).decode(), "@")
        kinds.append({"name": name, "tokenizer": json.loads(packed), "vectors": rows})
    for name, value in {"kinds": kinds, "unicode": unicode_checks()}.items():
        packed = gzip.compress(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), mtime=0)
        (out / f"{name}.json.gz").write_bytes(packed)


if __name__ == "__main__":
    main()
