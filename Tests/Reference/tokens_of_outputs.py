"""Compares the tokens of outputs with those of the models that they were made from.

    python tokens_of_outputs.py STADECTL

Every relabelling (mistral and qwen2 become llama) and some outputs that keep their family, with tokenizers of
several kinds and in older and newer forms: AutoTokenizer of the installed transformers must give the same ids
for the model and for its output. Run it with transformers 5 and with transformers 4. Ends with 1 where
anything differs, or where what was to be relabelled was not.
"""

import gzip
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
import transformers  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402

transformers.logging.set_verbosity_error()
TESTS = Path(__file__).resolve().parent.parent
MODELS = TESTS / "PipelineTests/Fixtures"
TOKENIZERS = TESTS / "TokenizerTests/Fixtures"


def tokenizer(kind):
    return json.loads(gzip.decompress((TOKENIZERS / f"{kind}.tokenizer.json.gz").read_bytes()))


def strings(count=600):
    random.seed(15)
    special = ["<s>", "</s>", "<unk>", "<|endoftext|>", "<|im_start|>", "<|im_end|>", "[INST]", "<|begin_of_text|>"]
    words = ["Hello", "world", "naïve", "e\u0301", "日本語", "الله", "🦊", "👩‍👩‍👧", "don't", "I'LL", "12345", "x=1;", "ﬁ", "Ǆ",
             "\u00ad", "\x00", "\x07", "\x1b[0m", "\u200b", "\ufeff", "▁", "▁▁a", "Ġ", "\U0010ffff", "ẞ", "İ"]
    gaps = ["", " ", "  ", "   ", "\n", "\n\n", " \n ", "\t", "\r\n", "\u00a0", "\u3000", "        "]
    fixed = ["", " ", "  a", " a", "a ", "\na", "<s>a", "<s> a", "</s>  b c", "a<s>b", " <s>", "a\n<unk> b", "\u2581a"]
    made = []
    while len(made) < count:
        parts = [random.choice(gaps)]
        for _ in range(random.randint(1, 8)):
            parts += [random.choice(words + special), random.choice(gaps)]
        made.append("".join(parts))
    return fixed + made


def newer(file):
    """The same tokenizer as LlamaTokenizer writes it since `legacy: false`."""
    file["normalizer"] = None
    file["pre_tokenizer"] = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}
    return file


def older(file):
    file["pre_tokenizer"] = None
    file["normalizer"] = {"type": "Sequence", "normalizers": [
        {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}
    return file


def begins(file, token="<s>"):
    """With `token` before each text."""
    number = next(t["id"] for t in file["added_tokens"] if t["content"] == token)
    one = [{"SpecialToken": {"id": token, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    two = one + [{"SpecialToken": {"id": token, "type_id": 1}}, {"Sequence": {"id": "B", "type_id": 1}}]
    file["post_processor"] = {"type": "TemplateProcessing", "single": one, "pair": two,
                              "special_tokens": {token: {"id": token, "ids": [number], "tokens": [token]}}}
    return file


def ends(file):
    """With the token that Qwen2Tokenizer adds of its own."""
    file["added_tokens"].append({
        "id": file["model"]["vocab"].get("<|endoftext|>", len(file["model"]["vocab"]) + len(file["added_tokens"])),
        "content": "<|endoftext|>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
        "special": True})
    return file


def plain(file):
    file["post_processor"] = None
    return file


MARKS = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}


def llama(**more):
    return {"tokenizer_class": "LlamaTokenizer", **MARKS, **more}


# Name, family, tokenizer.json, tokenizer_config.json, whether it is relabelled.
CASES = [
    ("older form", "mistral", begins(older(tokenizer("mistral"))), llama(legacy=True), True),
    ("newer form", "mistral", begins(newer(tokenizer("mistral"))), llama(legacy=False), True),
    ("older form, legacy false", "mistral", begins(older(tokenizer("mistral"))), llama(legacy=False), True),
    ("newer form, legacy true", "mistral", begins(newer(tokenizer("mistral"))), llama(legacy=True), True),
    ("a fast class", "mistral", begins(older(tokenizer("llama2"))), llama(tokenizer_class="LlamaTokenizerFast"), True),
    ("add_prefix_space", "mistral", begins(older(tokenizer("mistral"))), llama(add_prefix_space=True), True),
    ("no prefix space", "mistral", begins(newer(tokenizer("mistral"))), llama(add_prefix_space=False, legacy=False), True),
    ("add_bos_token", "mistral", begins(older(tokenizer("mistral"))), llama(add_bos_token=True, add_eos_token=False), True),
    ("no settings", "mistral", begins(older(tokenizer("mistral"))), None, True),
    ("no class", "mistral", begins(newer(tokenizer("mistral"))), dict(MARKS), True),
    ("PreTrainedTokenizerFast", "mistral", older(tokenizer("mistral")), {"tokenizer_class": "PreTrainedTokenizerFast", **MARKS}, True),
    ("a wrong class", "mistral", begins(older(tokenizer("mistral"))), {"tokenizer_class": "GPT2Tokenizer", **MARKS}, True),
    ("byte-level", "mistral", tokenizer("llama3"), {"tokenizer_class": "PreTrainedTokenizerFast"}, True),
    ("bos only by the class", "mistral", plain(older(tokenizer("mistral"))), llama(add_bos_token=True), False),
    ("bos only in the file", "mistral", begins(older(tokenizer("mistral"))), llama(add_bos_token=False), False),
    ("no settings, no bos", "mistral", plain(older(tokenizer("mistral"))), None, False),
    ("a patched pattern", "mistral", tokenizer("llama3"), {"fix_mistral_regex": True, "tokenizer_class": "PreTrainedTokenizerFast"}, False),
    ("a program", "mistral", begins(older(tokenizer("mistral"))), llama(auto_map={"AutoTokenizer": ["a.B", None]}), False),
    ("qwen2", "qwen2", tokenizer("qwen2"), {"tokenizer_class": "Qwen2Tokenizer"}, True),
    ("qwen2 fast", "qwen2", tokenizer("qwen2"), {"tokenizer_class": "Qwen2TokenizerFast", "add_prefix_space": False}, True),
    ("qwen2, add_prefix_space", "qwen2", tokenizer("qwen2"), {"tokenizer_class": "Qwen2Tokenizer", "add_prefix_space": True}, True),
    ("qwen2, no settings", "qwen2", tokenizer("qwen2"), None, True),
    ("qwen2, no class", "qwen2", tokenizer("qwen2"), {"eos_token": "<|endoftext|>"}, True),
    ("qwen2, plain class", "qwen2", tokenizer("qwen2"), {"tokenizer_class": "PreTrainedTokenizerFast"}, False),
    ("qwen2, plain class and all tokens", "qwen2", ends(tokenizer("qwen2")), {"tokenizer_class": "PreTrainedTokenizerFast"}, True),
    ("qwen2, Llama's class", "qwen2", tokenizer("qwen2"), {"tokenizer_class": "LlamaTokenizerFast", "bos_token": "<|endoftext|>"}, False),
    ("llama keeps its family", "llama", begins(older(tokenizer("llama2"))), llama(legacy=True), None),
    ("opt keeps its family", "opt", tokenizer("opt"), {"tokenizer_class": "GPT2Tokenizer"}, None),
    ("gemma2 keeps its family", "gemma2", tokenizer("gemma2"), {"tokenizer_class": "GemmaTokenizer"}, None),
]


def make(place, family, file, settings):
    model = place / "model"
    shutil.copytree(MODELS / ("mistral-window" if family == "mistral" else family), model,
                    ignore=shutil.ignore_patterns("expected"))
    config = json.loads((model / "config.json").read_text())
    if family == "mistral":
        config["sliding_window"] = None
    (model / "config.json").write_text(json.dumps(config))
    (model / "tokenizer.json").write_text(json.dumps(file))
    if settings is not None:
        (model / "tokenizer_config.json").write_text(json.dumps(settings))
    (model / "tokens.safetensors").rename(place / "tokens.safetensors")
    (place / "m.yaml").write_text("version: 1\nmodel: model\noutput: out\nprune: {}\n"
                                  "calibration: {tokens: tokens.safetensors}\n")


def main():
    program = os.path.abspath(sys.argv[1])
    texts = strings()
    failed = 0
    for name, family, file, settings, relabels in CASES:
        with tempfile.TemporaryDirectory() as path:
            place = Path(path)
            make(place, family, file, settings)
            subprocess.run([program, "prune", "m.yaml"], cwd=place, check=True, capture_output=True)
            written = json.loads((place / "out/config.json").read_text())["model_type"]
            ok = relabels is None or (written == "llama") == relabels
            try:
                before = AutoTokenizer.from_pretrained(place / "model")
            except Exception as error:
                print(f"{'ok' if ok else 'WRONG'}  {name}: {written}; the model's own does not load: {error!r:.60}")
                failed += not ok
                continue
            after = AutoTokenizer.from_pretrained(place / "out")
            count = sum(before(t).input_ids != after(t).input_ids
                        or before(t, add_special_tokens=False).input_ids != after(t, add_special_tokens=False).input_ids
                        for t in texts)
            failed += count > 0 or not ok
            print(f"{'ok' if ok and not count else 'WRONG'}  {name}: {written}, {type(before).__name__} and "
                  f"{type(after).__name__}, {count} of {len(texts)} differ")
    print(f"transformers {transformers.__version__}: {failed} of {len(CASES)} wrong")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
