"""config_keys.py OUT.json: every key of config.json that transformers looks at, family by family, for ConfigKeyTests.

They are the fields of each family's configuration class and of the class above it, their other names, what the code of
the family and of what all families share reads of `config`, and what stands in the objects for rope.
"""
import json
import re
import sys
from dataclasses import fields
from pathlib import Path

import transformers
from transformers import CONFIG_MAPPING, GenerationConfig
from transformers.modeling_rope_utils import RopeParameters

FAMILIES = """llama mistral qwen2 qwen3 gemma gemma2 gemma3 gemma3_text smollm3 phi3 opt gpt_neox gpt2 phi granite olmo olmo2
olmo3 starcoder2 stablelm cohere cohere2 ministral3 mistral3 glm4 exaone4 seed_oss ernie4_5 hunyuan_v1_dense nemotron arcee
apertus qwen3_vl qwen3_vl_text gpt_neo gptj gpt_bigcode falcon bloom internlm3 qwen3_moe mixtral qwen2_moe
gpt_oss olmoe granitemoe granitemoeshared phimoe glm4_moe ernie4_5_moe
qwen3_5 qwen3_5_text qwen3_5_moe qwen3_5_moe_text qwen3_next lfm2 lfm2_moe
qwen3_vl_moe qwen3_vl_moe_text gemma4 gemma4_text
deepseek_v2 deepseek_v3 glm4_moe_lite""".split()
# Language models whose code stands beside that of what they are a part of.
PLACES = {"gemma3_text": "gemma3", "qwen3_vl_text": "qwen3_vl", "qwen3_5_text": "qwen3_5",
          "qwen3_5_moe_text": "qwen3_5_moe", "qwen3_vl_moe_text": "qwen3_vl_moe", "gemma4_text": "gemma4"}
# What sees beside them: of its own configuration only the keys at the top of config.json count here.
OUTER = ["gemma3", "mistral3", "qwen3_vl", "qwen3_5", "qwen3_5_moe", "qwen3_vl_moe", "gemma4"]
# A configuration of Mistral with layer_types is read as Ministral's.
ALSO = {"mistral": ["ministral"]}
SHARED = [
    "configuration_utils.py", "modeling_utils.py", "masking_utils.py", "modeling_rope_utils.py", "modeling_layers.py",
    "integrations/sdpa_attention.py", "loss/loss_utils.py", "heterogeneity/configuration_utils.py"]
# Read in ways that the patterns do not see.
MORE = {"rope_scaling", "per_layer_config", "torch_dtype", "num_labels", "output_attentions", "name_or_path",
        "use_bidirectional_attention", "transformers_weights"}
# Arguments of functions, and what is never in config.json.
NONE = {"json", "cache_dir", "commit_message", "force_download", "local_files_only", "proxies", "repo_id",
        "return_unused_kwargs", "revision", "sub_config_name", "subfolder", "token", "trust_remote_code", "gguf_file",
        "_attn_implementation_internal", "_commit_hash", "_configuration_file", "_experts_implementation_internal",
        "_from_auto", "_from_pipeline", "_post_init_done", "_rope_type_labels"}
ROOT = Path(transformers.__file__).parent
ATTRIBUTE = r"\b(?:text_|model_)?config\.([a-zA-Z_]\w*)\b(?!\()"
NAMED = r"(?:getattr|hasattr)\(\s*(?:self\.)?(?:text_|model_)?config,\s*[\"'](\w+)[\"']"
# In the classes of configurations themselves.
OWN = [r"(?:getattr|hasattr)\(\s*self,\s*[\"'](\w+)[\"']", r"kwargs\.(?:pop|get)\(\s*[\"'](\w+)[\"']",
       r"[\"'](\w+)[\"'] in kwargs"]


def read(path):
    """Keys that a file reads of a configuration."""
    file = ROOT / path
    if not file.exists():
        return set()
    text = file.read_text()
    patterns = [ATTRIBUTE, NAMED]
    if path.endswith("modeling_rope_utils.py") or "configuration_" in path:
        patterns += OWN
    found = set().union(*(re.findall(pattern, text) for pattern in patterns))
    # Methods, properties and what is no JSON value.
    members = set(dir(transformers.PreTrainedConfig)) - {field.name for field in fields(transformers.PreTrainedConfig)}
    return found - members


def keys(family):
    found = set()
    for name in [family] + ALSO.get(family, []):
        cls = CONFIG_MAPPING[name]
        found |= {field.name for field in fields(cls)} | set(cls.attribute_map)
        place = PLACES.get(name, name)
        if name not in OUTER:
            found |= read(f"models/{place}/configuration_{place}.py") | read(f"models/{place}/modeling_{place}.py")
    return found


shared = set().union(*(read(path) for path in SHARED)) - NONE | MORE
generation = set(GenerationConfig._get_default_generation_params())
result = {
    "transformers": transformers.__version__,
    "rope": sorted(RopeParameters.__annotations__ | {"type": None}),
    "generation": sorted(generation),
    "shared": sorted(shared - generation),
    "families": {family: sorted(keys(family) - generation - shared - NONE) for family in FAMILIES},
}
with open(sys.argv[1], "w") as file:
    json.dump(result, file, indent=1)
    file.write("\n")
