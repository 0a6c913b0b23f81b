"""Expected ids for directories without tokenizer.json: vocab.json with merges.txt, and tokenizer.model.

    python tokenizer_directories.py TEXT OUT [COUNT]

The ids are AutoTokenizer's (transformers 5.23, with sentencepiece and protobuf). Cases that it does not load have null
and must be refused. Writes OUT/NAME.tokenizer.model.gz, vocabulary.vocab.json.gz and vocabulary.merges.txt.gz, and
directories.json.gz: `texts`, `maps` (models to which SentencePiece's map of characters, which stands in unicode.json, is to be
appended) and `cases`: name, family, files, model, ids, ids_with_special.
"""

import base64
import gzip
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
import sentencepiece  # noqa: E402
import transformers  # noqa: E402
from sentencepiece import sentencepiece_model_pb2  # noqa: E402
from tokenizers import Tokenizer, models, pre_tokenizers, trainers  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402

from tokenizer_kinds import strings  # noqa: E402

transformers.logging.set_verbosity_error()
CONFIG, MAP, ADDED = "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"


def vocabulary(text):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.train_from_iterator(text.split("\n"), trainers.BpeTrainer(
        vocab_size=400, show_progress=False, special_tokens=["<|endoftext|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    model = json.loads(t.to_str())["model"]
    merges = "#version: 0.2\n" + "".join(" ".join(m) + "\n" for m in model["merges"])
    return {"vocab.json": json.dumps(model["vocab"], ensure_ascii=False), "merges.txt": merges}


def piece_models(text):
    made = {}
    with tempfile.TemporaryDirectory() as path:
        Path(path, "t.txt").write_text(text)
        for name, options in {
            "llama": dict(model_type="bpe", vocab_size=520, byte_fallback=True, split_digits=True, allow_whitespace_only_pieces=True,
                          user_defined_symbols=["<|user|>", "  "], control_symbols=["<|ctl|>"]),
            "pairs": dict(model_type="bpe", vocab_size=240, pad_id=3, user_defined_symbols=["<x>"]),
            "unigram": dict(model_type="unigram", vocab_size=240),
            "unigram-bytes": dict(model_type="unigram", vocab_size=520, byte_fallback=True, user_defined_symbols=["<x>"], bos_id=-1),
        }.items():
            sentencepiece.SentencePieceTrainer.train(
                input=f"{path}/t.txt", model_prefix=f"{path}/m", minloglevel=2, character_coverage=0.999,
                normalization_rule_name="nmt_nfkc" if name in ("pairs", "unigram") else "identity",
                remove_extra_whitespaces=False, **options)
            made[name] = Path(path, "m.model").read_bytes()
    return made


def decoder(**tokens):
    return {"added_tokens_decoder": {n[1:]: {"content": t, "lstrip": False, "rstrip": False, "normalized": False, "single_word": False,
                                             "special": True} for n, t in tokens.items()}}


def cls(name, **more):
    return {"tokenizer_class": name, **more}


# Name, family, what of (True: vocab.json and merges.txt; else a model), files beside it.
CASES = [
    ("gpt2", "gpt2", True, {}),
    ("opt", "opt", True, {CONFIG: cls("GPT2Tokenizer", add_prefix_space=False, add_bos_token=True, bos_token="</s>", eos_token="</s>",
                                      unk_token="</s>", pad_token="<pad>")}),
    ("opt, map", "opt", True, {CONFIG: cls("GPT2Tokenizer"), MAP: {"bos_token": "</s>", "pad_token": "<pad>"}}),
    ("gpt2, prefix", "gpt2", True, {CONFIG: {"add_prefix_space": True, "add_eos_token": True}}),
    ("phi, added", "phi", True, {CONFIG: cls("CodeGenTokenizer"), ADDED: {"<a>": 400, "  ": 401}}),
    ("phi, no class", "phi", True, {ADDED: {"<a>": 400, "  ": 401, "\t\t": 402}}),
    ("starcoder2", "starcoder2", True, {CONFIG: cls("GPT2Tokenizer", additional_special_tokens=["<fim>"])}),
    ("gpt_neox", "gpt_neox", True, {CONFIG: cls("GPTNeoXTokenizer", add_bos_token=True)}),
    ("olmo", "olmo", True, {}),
    ("qwen2", "qwen2", True, {CONFIG: cls("Qwen2Tokenizer", eos_token="<|im_end|>", **decoder(t400="<|im_start|>", t401="<|im_end|>"))}),
    ("qwen2, wrong class", "qwen2", True, {CONFIG: cls("GPT2Tokenizer")}),
    ("qwen3_moe", "qwen3_moe", True, {CONFIG: {"add_prefix_space": True}}),
    ("cohere", "cohere", True, {CONFIG: cls("CohereTokenizer", add_bos_token=True, bos_token="<BOS>")}),
    ("llama, GPT2's class", "llama", True, {CONFIG: cls("GPT2Tokenizer")}),
    ("llama, no class", "llama", True, {}),
    ("glm4", "glm4", True, {CONFIG: cls("GPT2Tokenizer")}),
    ("qwen3_5", "qwen3_5", True, {}),
    *[(f"{model}, llama", "llama", model, {CONFIG: cls("LlamaTokenizer", add_bos_token=True)}) for model in
      ("llama", "pairs", "unigram", "unigram-bytes")],
    *[(f"{model}, no class", "llama", model, {CONFIG: {"add_bos_token": True, "add_eos_token": True}}) for model in
      ("llama", "pairs", "unigram", "unigram-bytes")],
    *[(f"{model}, mistral", "mistral", model, {CONFIG: cls("LlamaTokenizer", add_bos_token=True)}) for model in ("llama", "unigram")],
    *[(f"{model}, gemma", "gemma", model, {CONFIG: cls("GemmaTokenizer", add_bos_token=True, bos_token="<s>", eos_token="</s>")}) for model in
      ("llama", "pairs")],
    ("legacy", "llama", "llama", {CONFIG: cls("LlamaTokenizerFast", legacy=True)}),
    ("no prefix", "llama", "llama", {CONFIG: cls("LlamaTokenizer", add_prefix_space=False)}),
    ("gemma3_text", "gemma3_text", "llama", {}),
    ("phi3, more tokens", "phi3", "llama", {CONFIG: cls("LlamaTokenizer", **decoder(t0="<unk>", t1="<s>", t2="</s>", t520="<|end|>"))}),
    ("a symbol of the user with another name", "internlm3", "llama", {CONFIG: cls("LlamaTokenizer", **decoder(t1="<begin>", t4="<other>"))}),
    ("a merged piece with another name", "internlm3", "llama", {CONFIG: cls("LlamaTokenizer", **decoder(t300="<other>"))}),
    ("added_tokens.json", "llama", "llama", {CONFIG: cls("LlamaTokenizer"), ADDED: {"<a>": 520, "<b>": 521}}),
    ("tokens of its own", "llama", "llama", {CONFIG: cls("LlamaTokenizer", additional_special_tokens=["<a>"])}),
    ("tokens of its own, empty", "llama", "llama", {CONFIG: cls("LlamaTokenizer", extra_special_tokens=[])}),
    ("tokens of the map", "llama", "llama", {CONFIG: cls("LlamaTokenizer"), MAP: {"additional_special_tokens": ["<a>"], "pad_token": "<p>"}}),
    ("unigram with a decoder", "mistral", "unigram-bytes", {CONFIG: decoder(t1="<begin>")}),
    ("null begin", "mistral", "llama", {CONFIG: {"bos_token": None, "add_bos_token": True}}),
    ("an unknown class", "llama", "llama", {CONFIG: cls("Strange")}),
]
MARKS = ["<a>", "<b>", "<x>", "<s>", "</s>", "<|user|>", "<|ctl|>", "<|endoftext|>", "<pad>", "<|im_end|>", "<begin>", "<other>", "<unk>",
         "<|end|>", "<fim>", "<BOS>", "\t\t", "<0x41>"]


def main():
    text = Path(sys.argv[1]).read_text()[:200000]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 40
    texts = strings(text, count, 3) + [f"x {m} y{m}z  {m}\n{m}" for m in MARKS] + ["".join(MARKS)]
    old, made = vocabulary(text), piece_models(text)
    cases = []
    for name, family, of, files in CASES:
        with tempfile.TemporaryDirectory() as path:
            place = Path(path)
            (place / "config.json").write_text(json.dumps({"model_type": family}))
            for file, contents in files.items():
                (place / file).write_text(json.dumps(contents))
            if of is True:
                for file, contents in old.items():
                    (place / file).write_text(contents)
            else:
                (place / "tokenizer.model").write_bytes(made[of])
            case = {"name": name, "family": family, "model": None if of is True else of, "files": files, "ids": None}
            try:
                tokenizer = AutoTokenizer.from_pretrained(place)
                case.update(ids=[tokenizer(t, add_special_tokens=False).input_ids for t in texts],
                            ids_with_special=[tokenizer(t).input_ids for t in texts], class_=type(tokenizer).__name__)
                print(name, type(tokenizer).__name__)
            except Exception as error:
                print(f"{name}: not loaded: {error!r:.100}")
            cases.append(case)
    out = Path(sys.argv[2])

    def write(name, data):
        (out / f"{name}.gz").write_bytes(gzip.compress(data, mtime=0))

    maps = []
    for name, data in made.items():
        proto = sentencepiece_model_pb2.ModelProto()
        proto.ParseFromString(data)
        if proto.normalizer_spec.precompiled_charsmap:
            maps.append(name)
        proto.normalizer_spec.ClearField("precompiled_charsmap")
        write(f"{name}.tokenizer.model", proto.SerializeToString())
    for name, contents in old.items():
        write(f"vocabulary.{name}", contents.encode())
    value = {"texts": texts, "maps": maps, "cases": cases}
    write("directories.json", json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


if __name__ == "__main__":
    main()
