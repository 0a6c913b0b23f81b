"""Expected ids for tokens that are only in the files beside tokenizer.json.

    python added_tokens.py OUT.json.gz

Each case is a directory of tokenizer files; its texts hold the tokens that they add. The ids are AutoTokenizer's
(transformers 5.23). Cases that it does not load are written with `ids` null: they must be refused.
Writes `bases`, tokenizer.json by name, and `cases`: name, family, base, files, texts, ids.
"""

import gzip
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
import transformers  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402

transformers.logging.set_verbosity_error()


def entry(content, number, **flags):
    return {"id": number, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": True, **flags}


def alphabet():
    keep = [*range(33, 127), *range(161, 173), *range(174, 256)]
    other = [b for b in range(256) if b not in keep]
    return [chr(b) for b in keep] + [chr(256 + i) for i in range(len(other))]


def byte_level(added=(), vocab=None):
    vocab = vocab or {c: i for i, c in enumerate(alphabet())}
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": list(added), "normalizer": None,
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
            "post_processor": None, "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True,
                                                "use_regex": True},
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                      "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "vocab": vocab,
                      "merges": []}}


def gaps():
    vocab = {c: i for i, c in enumerate(alphabet())}
    vocab["<far>"] = 400
    return byte_level([entry("<a>", 256)], vocab)


def known():
    vocab = {c: i for i, c in enumerate(alphabet())}
    vocab["<s>"] = 256
    vocab["</s>"] = 257
    return byte_level([], vocab)


def pieces():
    vocab = {"<unk>": 0, "<s>": 1, "</s>": 2}
    for b in range(256):
        vocab[f"<0x{b:02X}>"] = len(vocab)
    for c in "▁abcdefghijklmnopqrstuvwxyz":
        vocab[c] = len(vocab)
    file = byte_level([entry(c, i) for i, c in enumerate(["<unk>", "<s>", "</s>"])], vocab)
    file.update(normalizer=None, decoder=None, pre_tokenizer={
        "type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False})
    file["model"].update(byte_fallback=True, fuse_unk=True, unk_token="<unk>")
    return file


BASES = {"plain": byte_level(), "one": byte_level([entry("<a>", 256)]), "gaps": gaps(), "known": known(),
         "pieces": pieces(), "normal": byte_level([entry("<a>", 256, normalized=True, special=False)])}


def decoder(**tokens):
    """added_tokens_decoder from names like `t300="<x>"` or with flags."""
    return {"added_tokens_decoder": {
        number[1:]: ({"content": token, "lstrip": False, "rstrip": False, "normalized": False, "single_word": False,
                      "special": True} if isinstance(token, str) else token) for number, token in tokens.items()}}


CONFIG, MAP, ADDED = "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"
FAST = {"tokenizer_class": "PreTrainedTokenizerFast"}


def mark(content, **flags):
    return {"__type": "AddedToken", "content": content, "lstrip": False, "rstrip": False, "normalized": True,
            "single_word": False, "special": True, **flags}


# Name, family, base, files beside it.
CASES = [
    ("nothing beside it", "llama", "one", {}),
    ("decoder", "llama", "one", {CONFIG: {**FAST, **decoder(t256="<a>", t257="<b>")}}),
    ("decoder, ids out of order", "llama", "one", {CONFIG: {**FAST, **decoder(t300="<b>", t257="<c>", t256="<a>")}}),
    ("decoder with a gap", "llama", "one", {CONFIG: {**FAST, **decoder(t900="<b>", t910="<c>")}}),
    ("decoder, an id of the model", "llama", "one", {CONFIG: {**FAST, **decoder(t5="<b>")}}),
    ("decoder, the same token twice", "llama", "one", {CONFIG: {**FAST, **decoder(t300="<b>", t301="<b>")}}),
    ("decoder with other flags", "llama", "one",
     {CONFIG: {**FAST, **decoder(t256={"content": "<a>", "lstrip": True, "rstrip": True, "normalized": False,
                                       "single_word": False, "special": True})}}),
    ("decoder, few flags", "llama", "plain", {CONFIG: {**FAST, **decoder(t256={"content": "<b>", "rstrip": True})}}),
    ("decoder, single word", "llama", "plain", {CONFIG: {**FAST, **decoder(t256={"content": "ab", "single_word": True})}}),
    ("decoder, a token of the model", "llama", "known", {CONFIG: {**FAST, **decoder(t256="<s>")}}),
    ("decoder hides the other files", "llama", "one",
     {CONFIG: {**FAST, **decoder(t256="<a>")}, ADDED: {"<b>": 257}, MAP: {"bos_token": "<c>"}}),
    ("empty decoder", "llama", "one", {CONFIG: {**FAST, "added_tokens_decoder": {}}, ADDED: {"<b>": 257}}),
    ("decoder, an entry that is text", "llama", "one", {CONFIG: {**FAST, "added_tokens_decoder": {"257": "<b>"}}}),
    ("decoder, a key that is no number", "llama", "one", {CONFIG: {**FAST, "added_tokens_decoder": {"x": {"content": "<b>"}}}}),
    ("added_tokens.json", "llama", "one", {CONFIG: FAST, ADDED: {"<b>": 257, "<c>": 258}}),
    ("added_tokens.json alone", "llama", "one", {ADDED: {"<c>": 258, "<b>": 257}}),
    ("added_tokens.json, an id that is taken", "llama", "one", {CONFIG: FAST, ADDED: {"<b>": 256}}),
    ("added_tokens.json with a gap", "llama", "gaps", {CONFIG: FAST, ADDED: {"<b>": 700}}),
    ("added_tokens.json, special", "llama", "one", {CONFIG: {**FAST, "pad_token": "<b>"}, ADDED: {"<b>": 257}}),
    ("a gap in the model", "llama", "gaps", {CONFIG: {**FAST, **decoder(t256="<a>", t400="<far>", t500="<b>")}}),
    ("a gap, and special tokens", "llama", "gaps", {CONFIG: {**FAST, "bos_token": "<far>", "eos_token": "<b>"}}),
    ("named special tokens", "llama", "plain", {CONFIG: {**FAST, "bos_token": "<b>", "eos_token": "<c>", "pad_token": "<b>"}}),
    ("named, known to the model", "llama", "known", {CONFIG: {**FAST, "bos_token": "<s>", "eos_token": "</s>"}}),
    ("named with flags", "llama", "plain", {CONFIG: {**FAST, "bos_token": mark("<b>", rstrip=True)}}),
    ("named, an object without a type", "llama", "plain", {CONFIG: {**FAST, "bos_token": {"content": "<b>"}}}),
    ("named, null", "llama", "plain", {CONFIG: {**FAST, "bos_token": None}}),
    ("named, a number", "llama", "plain", {CONFIG: {**FAST, "bos_token": 5}}),
    ("special_tokens_map.json", "llama", "plain", {CONFIG: FAST, MAP: {"bos_token": "<b>", "eos_token": {
        "content": "<c>", "lstrip": True, "rstrip": False, "normalized": False, "single_word": False}}}),
    ("special_tokens_map.json wins", "llama", "plain", {CONFIG: {**FAST, "bos_token": "<b>"}, MAP: {"bos_token": "<c>"}}),
    ("map with additional tokens", "llama", "plain", {CONFIG: FAST, MAP: {"additional_special_tokens": ["<b>", "<c>"]}}),
    ("map with extra tokens", "llama", "plain", {CONFIG: {**FAST, "extra_special_tokens": ["<c>"]}, MAP: {"extra_special_tokens": ["<b>", "<c>"]}}),
    ("map with extra names", "llama", "plain", {CONFIG: FAST, MAP: {"extra_special_tokens": {"image_token": "<b>"}}}),
    ("additional tokens", "llama", "plain", {CONFIG: {**FAST, "additional_special_tokens": ["<b>", "<c>"]}}),
    ("additional tokens with flags", "llama", "plain", {CONFIG: {**FAST, "additional_special_tokens": [mark("<b>", lstrip=True)]}}),
    ("additional and extra tokens", "llama", "plain", {CONFIG: {**FAST, "additional_special_tokens": ["<b>"], "extra_special_tokens": ["<c>"]}}),
    ("additional tokens, empty extra ones", "llama", "plain", {CONFIG: {**FAST, "additional_special_tokens": ["<b>"], "extra_special_tokens": []}}),
    ("extra tokens", "llama", "plain", {CONFIG: {**FAST, "extra_special_tokens": ["<c>", "<b>"]}}),
    ("extra names", "llama", "plain", {CONFIG: {**FAST, "extra_special_tokens": {"image_token": "<b>", "eoi_token": "<c>"}}}),
    ("a name of its own", "llama", "plain", {CONFIG: {**FAST, "image_token": "<b>", "add_bos_token": True}}),
    ("additional null", "llama", "plain", {CONFIG: {**FAST, "additional_special_tokens": None}}),
    ("all at once", "llama", "one", {CONFIG: {**FAST, "bos_token": "<b>", "extra_special_tokens": ["<e>"], "image_token": "<f>"},
                                     ADDED: {"<c>": 300, "<d>": 299}, MAP: {"eos_token": "<g>"}}),
    ("normalized in the file only", "llama", "normal", {CONFIG: {**FAST, **decoder(t256="<a>")}}),
    ("LlamaTokenizer", "llama", "pieces", {CONFIG: {"tokenizer_class": "LlamaTokenizer", **decoder(t0="<unk>", t1="<s>", t2="</s>", t290="<b>")}}),
    ("LlamaTokenizer, added_tokens.json", "llama", "pieces", {CONFIG: {"tokenizer_class": "LlamaTokenizer"}, ADDED: {"<b>": 500}}),
    ("LlamaTokenizer, a name", "llama", "pieces", {CONFIG: {"tokenizer_class": "LlamaTokenizerFast", "pad_token": "<pad>"}}),
    ("LlamaTokenizer, fewer in the decoder", "llama", "pieces", {CONFIG: {"tokenizer_class": "LlamaTokenizer", **decoder(t290="<b>")}}),
    ("LlamaTokenizer, byte-level", "llama", "one", {CONFIG: {"tokenizer_class": "LlamaTokenizer", **decoder(t290="<b>")}}),
    ("Mistral", "mistral", "pieces", {CONFIG: {"tokenizer_class": "LlamaTokenizer", **decoder(t290="<b>")}}),
    ("Qwen2", "qwen2", "one", {CONFIG: {"tokenizer_class": "Qwen2Tokenizer", "pad_token": "<b>", "eos_token": "<a>", "unk_token": None}}),
    ("Qwen2, defaults", "qwen2", "one", {}),
    ("Qwen2, flags again", "qwen2", "one", {CONFIG: {"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<b>", **decoder(
        t257={"content": "<b>", "lstrip": True, "rstrip": True, "normalized": False, "single_word": False, "special": True})}}),
    ("GPT2", "opt", "plain", {CONFIG: {"tokenizer_class": "GPT2Tokenizer", "bos_token": mark("<b>"), "pad_token": mark("<c>")}}),
    ("GPT-NeoX", "gpt_neox", "plain", {CONFIG: {"tokenizer_class": "GPTNeoXTokenizer", "additional_special_tokens": ["<b>"]}}),
    ("an unknown class", "llama", "one", {CONFIG: {"tokenizer_class": "Strange", "eos_token": "<b>"}}),
]
MARKS = ["<a>", "<b>", "<c>", "<d>", "<e>", "<f>", "<g>", "<s>", "</s>", "<far>", "<pad>", "<unk>", "<|endoftext|>", "<|padding|>"]
TEXTS = [f"x {m} y{m}z  {m}\n{m}" for m in MARKS] + ["ab abc ab", "".join(MARKS), " ".join(MARKS), " <a>", "<b> "]


def main():
    cases = []
    for name, family, base, files in CASES:
        with tempfile.TemporaryDirectory() as path:
            place = Path(path)
            (place / "config.json").write_text(json.dumps({"model_type": family}))
            (place / "tokenizer.json").write_text(json.dumps(BASES[base]))
            for file, contents in files.items():
                (place / file).write_text(json.dumps(contents))
            try:
                tokenizer = AutoTokenizer.from_pretrained(place)
                ids = [tokenizer(t, add_special_tokens=False).input_ids for t in TEXTS]
            except Exception as error:
                ids = None
                print(f"{name}: not loaded: {error!r:.100}")
        cases.append({"name": name, "family": family, "base": base, "files": files, "ids": ids})
    text = json.dumps({"bases": BASES, "texts": TEXTS, "cases": cases}, ensure_ascii=False, separators=(",", ":"))
    with open(sys.argv[1], "wb") as out:
        out.write(gzip.compress(text.encode(), mtime=0))
    print(len(cases), "cases with transformers", transformers.__version__)


if __name__ == "__main__":
    main()
