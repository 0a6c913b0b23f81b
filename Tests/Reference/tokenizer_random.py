"""Random tokenizers of every kind: compares the tokens of `stadectl tokenize` with those of the tokenizers library.

    python tokenizer_random.py STADECTL TEXT [SEED] [COUNT] [KIND...]

Makes ten tokenizers of each kind, with random normalizers, steps, added tokens and templates, trained on TEXT and on random words,
and gives COUNT random strings of each kind (5000) to both. Kinds that begin with "directory" have no tokenizer.json; what is expected
of them is what AutoTokenizer of transformers makes of their files. Says also how many of those strings SentencePiece itself cuts so.
Ends with status 1 where anything differs. What stade refuses by name is counted and printed.
"""

import contextlib
import io
import json
import os
import random
import subprocess
import sys
import tempfile
from multiprocessing.pool import ThreadPool
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", RUST_BACKTRACE="0")
import sentencepiece  # noqa: E402
import transformers  # noqa: E402
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers as norm, pre_tokenizers as pre, processors, trainers  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402

from tokenizer_kinds import BLOOM, CL100K, DEEPSEEK, MAP, O200K, ODD, QWEN35, TEKKEN  # noqa: E402

transformers.logging.set_verbosity_error()
BLOCKS = [(0x21, 0x7f)] * 4 + [(0xa0, 0x180), (0x180, 0x250), (0x300, 0x370), (0x370, 0x400), (0x400, 0x530), (0x590, 0x700), (0x900, 0xe00),
          (0xe00, 0xe80), (0x10a0, 0x1200), (0x1780, 0x1800), (0x1e00, 0x2000), (0x2000, 0x2070), (0x2100, 0x2c00), (0x3000, 0x3400),
          (0x4e00, 0x9fff), (0xa000, 0xa4d0), (0xac00, 0xd7a4), (0xe000, 0xe010), (0xf900, 0xfb00), (0xfb00, 0xfe00), (0xfe00, 0xff00),
          (0xff00, 0xfff0), (0x10000, 0x10100), (0x11000, 0x11d00), (0x1d000, 0x1d800), (0x1f000, 0x1fb00), (0x20000, 0x2a700),
          (0xe0000, 0xe0200), (0x10fff0, 0x110000)]
SPACES = [" ", " ", " ", "  ", "   ", "\t", "\n", "\n\n", "\r\n", "\r", "\v", "\f", "\x1c", "\x1f", "\x85", "\xa0", "\u1680", "\u2000",
          "\u2003", "\u2009", "\u200a", "\u200b", "\u2028", "\u2029", "\u202f", "\u205f", "\u2060", "\u3000", "\ufeff", "▁", " ▁ ", ""]
EMOJI = ["👩‍👩‍👧", "👍🏽", "🇩🇪🇫", "☎️", "❤️‍🔥", "🏴\U000e0067\U000e0062\U000e007f", "1️⃣", "🦊🦊"]
MARKED = ["<a>", "<|x|>", " pad ", "<mask>", "é<", "lower", "▁y", "İ", "日本", "<s>", "</s>", "<unk>", "[UNK]", "[CLS]", "<0x41>", "##s", "  "]


def character(r):
    if r.random() < 0.1:
        value = r.randrange(0x110000)
    else:
        value = r.randrange(*r.choice(BLOCKS))
    return chr(value) if not 0xd800 <= value < 0xe000 else "x"


def word(r, text):
    kind = r.randrange(10)
    if kind < 4:
        start = r.randrange(len(text) - 40)
        return text[start:start + r.randint(1, 30)]
    if kind == 4:
        return "".join(character(r) for _ in range(r.randint(1, 12)))
    if kind == 5:
        low, high = r.choice(BLOCKS)
        return "".join(chr(r.randrange(low, high)) for _ in range(r.randint(1, 12)))
    if kind == 6:
        return r.choice(ODD + EMOJI + MARKED)
    if kind == 7:
        return r.choice("aeéo가か") + "".join(chr(r.randrange(0x300, 0x370)) for _ in range(r.randint(1, 6)))
    if kind == 8:
        return chr(r.randrange(0x21)) if r.random() < 0.5 else str(r.randrange(10 ** r.randint(1, 12)))
    return r.choice(["ab", "a", "0", "ー", " ", "▁", "Ġ", "é", "🦊", "\u0301"]) * r.choice([3, 20, 100])


def string(r, text):
    if r.random() < 0.02:
        return r.choice([lambda: word(r, text)[:20] * r.randint(50, 300), lambda: "".join(character(r) for _ in range(1500)),
                         lambda: r.choice(SPACES) * 500])()
    parts = []
    for _ in range(r.randint(0, 7)):
        parts += [r.choice(SPACES), word(r, text)]
    return "".join(parts + [r.choice(SPACES)] * r.randint(0, 1))


def some(r, choices, low, high):
    return [r.choice(choices)() for _ in range(r.randint(low, high))]


def flag(r):
    return r.random() < 0.5


def normalizer(r, steps, high=3):
    made = some(r, steps, 0, high)
    return None if not made else made[0] if len(made) == 1 and flag(r) else norm.Sequence(made)


def forms(r):
    return [norm.NFC, norm.NFD, norm.NFKC, norm.NFKD]


def all_steps(r):
    return forms(r) + [norm.Lowercase, norm.StripAccents, norm.Nmt, lambda: norm.Strip(flag(r), flag(r)), lambda: norm.Precompiled(MAP),
                       lambda: norm.Replace(r.choice([" ", "a", "``", "\n"]), r.choice(["▁", "", "b ", " "])),
                       lambda: norm.Replace(Regex(r.choice([" {2,}", r"\s+", "[aeiou]", r"\p{N}", r"(?<=a)b", "x*"])), r.choice([" ", "", "▁"])),
                       lambda: norm.Prepend(r.choice(["▁", " ", "x"])),
                       lambda: norm.BertNormalizer(flag(r), flag(r), r.choice([None, True, False]), flag(r))]


def behavior(r):
    return r.choice(["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"])


def splits(r):
    expression = lambda: r.choice([CL100K, QWEN35, TEKKEN, O200K, DEEPSEEK, BLOOM, r"\p{N}{1,3}", r"\s+", r"\w+|[^\w\s]+", "[0-9]", "(?=[A-Z])"])  # noqa: E731
    return [lambda: pre.Split(Regex(expression()), r.choice(["isolated", behavior(r)]), r.random() < 0.2), lambda: pre.Digits(flag(r)),
            lambda: pre.Punctuation(behavior(r)), lambda: pre.Split(r.choice([" ", "a", "▁"]), behavior(r), r.random() < 0.2),
            lambda: pre.CharDelimiterSplit(r.choice(".- a")), pre.UnicodeScripts, lambda: pre.FixedLength(r.randint(1, 9))]


def metaspace(r):
    return pre.Metaspace(replacement=r.choice("▁▁▁_"), prepend_scheme=r.choice(["always", "first", "never"]), split=flag(r))


def sequence(r, steps):
    return steps[0] if len(steps) == 1 else pre.Sequence(steps)


def bytes_bpe(r):
    t = Tokenizer(models.BPE(ignore_merges=flag(r)))
    t.normalizer = normalizer(r, forms(r) + [norm.Lowercase] if flag(r) else all_steps(r), 2)
    last = pre.ByteLevel(add_prefix_space=flag(r), use_regex=flag(r))
    t.pre_tokenizer = sequence(r, some(r, splits(r), 0, 2) + [last])
    return t, trainers.BpeTrainer(vocab_size=r.randint(300, 700), show_progress=False, special_tokens=["<unk>", "<s>", "</s>"],
                                  initial_alphabet=pre.ByteLevel.alphabet())


def pieces(r):
    fallback = r.random() < 0.7
    t = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=fallback, fuse_unk=flag(r), ignore_merges=r.random() < 0.2))
    way = r.randrange(4)
    if way == 0:
        t.normalizer = norm.Sequence(some(r, [lambda: norm.Prepend("▁"), norm.NFC, lambda: norm.Precompiled(MAP)], 0, 1) + [norm.Replace(" ", "▁")])
    elif way == 1:
        t.normalizer, t.pre_tokenizer = norm.Replace(" ", "▁"), pre.Split(" ", "merged_with_previous")
    else:
        t.normalizer = normalizer(r, all_steps(r), 2)
        t.pre_tokenizer = sequence(r, ([] if way == 2 else some(r, splits(r), 1, 1)) + [metaspace(r)])
    special = ["<unk>", "<s>", "</s>"] + ([f"<0x{b:02X}>" for b in range(256)] if fallback else [])
    return t, trainers.BpeTrainer(vocab_size=len(special) + r.randint(150, 400), show_progress=False, special_tokens=special,
                                  limit_alphabet=r.choice([30, 100, 300]))


def unigram(r):
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizer(r, all_steps(r))
    t.pre_tokenizer = sequence(r, some(r, splits(r) + [pre.WhitespaceSplit], 0, 1) + [metaspace(r)]) if r.random() < 0.8 else None
    special = ["<unk>", "<s>", "</s>"] + ([f"<0x{b:02X}>" for b in range(256)] if flag(r) else [])
    return t, trainers.UnigramTrainer(vocab_size=len(special) + r.randint(2500, 4000), show_progress=False, unk_token="<unk>",
                                      special_tokens=special)


def words(r):
    return sequence(r, some(r, [pre.BertPreTokenizer, pre.Whitespace, pre.WhitespaceSplit, lambda: pre.ByteLevel(flag(r))], 1, 1)
                    + some(r, splits(r), 0, 1))


def word_piece(r):
    t = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=r.choice([5, 20, 100])))
    t.normalizer, t.pre_tokenizer = normalizer(r, all_steps(r)), words(r)
    return t, trainers.WordPieceTrainer(vocab_size=r.randint(200, 500), show_progress=False, special_tokens=["[UNK]", "<s>", "</s>"],
                                        continuing_subword_prefix=r.choice(["##", "##", "@"]))


def word_level(r):
    t = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    t.normalizer, t.pre_tokenizer = normalizer(r, all_steps(r)), words(r)
    return t, trainers.WordLevelTrainer(vocab_size=r.randint(100, 900), show_progress=False, special_tokens=["[UNK]", "<s>", "</s>"])


def lines(r, text):
    start = r.randrange(max(1, len(text) - 60000))
    return [line for line in text[start:start + 60000].split("\n") if line] + [string(r, text)[:200] for _ in range(200)]


def of_file(make, r, text, place):
    """A directory with a tokenizer.json."""
    t, trainer = make(r)
    try:
        t.train_from_iterator(lines(r, text), trainer)
    except BaseException as error:  # Where the library itself panics on a random line.
        if not type(error).__name__.startswith("Panic"):
            raise
        t.train_from_iterator(lines(r, text)[:-200], trainer)
    if isinstance(t.model, models.WordPiece):
        made = json.loads(t.to_str())
        made["model"].update(continuing_subword_prefix=trainer.continuing_subword_prefix)
        t = Tokenizer.from_str(json.dumps(made))
    begin, end = ("<s>", t.token_to_id("<s>")), ("</s>", t.token_to_id("</s>"))
    t.post_processor = r.choice([
        lambda: processors.TemplateProcessing(single=r.choice(["<s> $A", "$A </s>", "<s> $A </s>", "<s> <s> $A"]), pair="$A $B",
                                              special_tokens=[begin, end]),
        lambda: processors.BertProcessing(end, begin), lambda: processors.RobertaProcessing(end, begin, flag(r), flag(r)),
        lambda: processors.ByteLevel(trim_offsets=flag(r))])()
    for content in r.sample(MARKED, r.randint(0, 6)):
        token = AddedToken(content, single_word=r.random() < 0.2, lstrip=r.random() < 0.3, rstrip=r.random() < 0.3, normalized=flag(r))
        (t.add_special_tokens if flag(r) else t.add_tokens)([token])
    (place / "config.json").write_text('{"model_type": "llama"}')
    (place / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    (place / "tokenizer.json").write_text(t.to_str())
    t = Tokenizer.from_file(str(place / "tokenizer.json"))
    return lambda s: t.encode(s).ids, None


def settings(r, place, classes, bos, eos):
    family, name = r.choice(classes)
    config = {"add_bos_token": flag(r), "add_eos_token": flag(r), "bos_token": bos, "eos_token": eos}
    if name:
        config["tokenizer_class"] = name
    if r.random() < 0.3:
        config["add_prefix_space"] = flag(r)
    if r.random() < 0.3:
        config["additional_special_tokens"] = r.sample(["<a>", "<|x|>", "<mask>"], 2)
    (place / "config.json").write_text(json.dumps({"model_type": family}))
    (place / "tokenizer_config.json").write_text(json.dumps(config))


def of_vocabulary(r, text, place):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre.ByteLevel(add_prefix_space=False)
    t.train_from_iterator(lines(r, text), trainers.BpeTrainer(
        vocab_size=r.randint(300, 900), show_progress=False, special_tokens=["<|endoftext|>"], initial_alphabet=pre.ByteLevel.alphabet()))
    t.model.save(str(place))
    settings(r, place, [("gpt2", None), ("opt", "GPT2Tokenizer"), ("phi", "CodeGenTokenizer"), ("starcoder2", "GPT2Tokenizer"),
                        ("gpt_neox", "GPTNeoXTokenizer"), ("qwen2", "Qwen2Tokenizer"), ("qwen3", None), ("olmo", None)],
             "<|endoftext|>", "<|endoftext|>")
    loaded = AutoTokenizer.from_pretrained(place)
    return lambda s: loaded(s).input_ids, None


def of_model(kind):
    def make(r, text, place):
        with tempfile.TemporaryDirectory() as path:
            Path(path, "t.txt").write_text("\n".join(line.replace("\x00", "") for line in lines(r, text)))
            bytes_ = kind == "bpe" and r.random() < 0.8 or flag(r)
            with contextlib.redirect_stderr(io.StringIO()):
                sentencepiece.SentencePieceTrainer.train(
                    input=f"{path}/t.txt", model_prefix=f"{path}/m", minloglevel=2, model_type=kind, hard_vocab_limit=False,
                    vocab_size=r.randint(400, 700), byte_fallback=bytes_, character_coverage=r.choice([0.98, 0.99]),
                    normalization_rule_name=r.choice(["identity", "nmt_nfkc", "nfkc", "nmt_nfkc_cf"]), remove_extra_whitespaces=flag(r),
                    split_digits=flag(r), allow_whitespace_only_pieces=flag(r), user_defined_symbols=r.sample(["<|x|>", "<a>", "  "], r.randint(0, 2)),
                    control_symbols=r.sample(["<ctl>", "<mask>"], r.randint(0, 1)), add_dummy_prefix=flag(r))
            (place / "tokenizer.model").write_bytes(Path(path, "m.model").read_bytes())
        classes = [("mistral", None), ("internlm3", "LlamaTokenizer"), ("phi3", "LlamaTokenizer"), ("mixtral", "LlamaTokenizer")]
        if kind == "bpe":
            classes += [("llama", "LlamaTokenizer"), ("llama", "LlamaTokenizerFast"), ("gemma", "GemmaTokenizer"), ("gemma2", None)]
        settings(r, place, classes, "<s>", "</s>")
        loaded = AutoTokenizer.from_pretrained(place)
        itself = sentencepiece.SentencePieceProcessor(str(place / "tokenizer.model"))
        return lambda s: loaded(s).input_ids, lambda s: itself.encode(s) == loaded(s, add_special_tokens=False).input_ids
    return make


def kind_of_file(make):
    return lambda r, text, place: of_file(make, r, text, place)


KINDS = {
    "bytes": kind_of_file(bytes_bpe), "pieces": kind_of_file(pieces), "unigram": kind_of_file(unigram), "word-piece": kind_of_file(word_piece),
    "word-level": kind_of_file(word_level), "directory-vocabulary": of_vocabulary, "directory-bpe": of_model("bpe"),
    "directory-unigram": of_model("unigram"),
}


def stade(program, place, text, by_argument):
    words = [program, "tokenize", "--json", str(place)]
    if by_argument and "\0" not in text and not text.startswith("-"):
        done = subprocess.run(words + [text], capture_output=True)
    else:
        done = subprocess.run(words, input=text.encode(), capture_output=True)
    if done.returncode:
        return done.stderr.decode(errors="replace").strip()
    return json.loads(done.stdout)["ids"]


def main():
    program, text = sys.argv[1], Path(sys.argv[2]).read_text()[:400000]
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 5000
    kinds = sys.argv[5:] or list(KINDS)
    failures = 0
    for kind in kinds:
        same = different = itself = 0
        refused = {}
        for number in range(10):
            r = random.Random(f"{seed} {kind} {number}")
            with tempfile.TemporaryDirectory() as path, ThreadPool(2) as pool:
                place = Path(path)
                try:
                    expected, other = KINDS[kind](r, text, place)
                except BaseException as error:
                    if isinstance(error, KeyboardInterrupt):
                        raise
                    print(f"{kind} {number}: not made: {error!r:.200}", flush=True)
                    continue
                texts = [string(r, text) for _ in range(count // 10)]
                found = pool.starmap(stade, [(program, place, s, i % 2) for i, s in enumerate(texts)])
                shown = 0
                for s, ids in zip(texts, found):
                    try:
                        wanted = expected(s)
                    except BaseException as error:  # Rust's panics are no Exception.
                        wanted = f"{error}"
                    if other:
                        itself += other(s)
                    if isinstance(ids, str):
                        if isinstance(wanted, str):
                            same += 1
                        else:
                            reason = ids.replace(path, "")[:160]
                            refused[reason] = refused.get(reason, 0) + 1
                    elif ids == wanted:
                        same += 1
                    else:
                        different += 1
                        shown += 1
                        if shown < 3:
                            print(f"{kind} {number}: {s!r:.300}\n    {str(ids)[:200]}\n    not {str(wanted)[:200]}", flush=True)
                if shown:
                    steps = (place / "tokenizer.json").read_text() if (place / "tokenizer.json").exists() else "{}"
                    steps = {k: v for k, v in json.loads(steps).items() if k in ("normalizer", "pre_tokenizer", "added_tokens")}
                    print(f"    {shown} of tokenizer {number}: {str(steps).replace(str(MAP), '')[:1500]}", flush=True)
                    print((place / "config.json").read_text(), (place / "tokenizer_config.json").read_text(), flush=True)
        print(f"{kind}: {same} the same, {different} different, {sum(refused.values())} refused"
              + (f"; SentencePiece itself: {itself} the same" if itself else ""), flush=True)
        for reason, times in refused.items():
            print(f"    refused {times}: {reason}")
        failures += different
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
