"""Expected values of the evaluation: perplexity, next-token agreement, KL divergence and multiple choice, of a
dense and a pruned model.

The model is the demo's. It is pruned here by magnitude, half of each row, without the product; the same forward passes
with PyTorch and transformers give every logit, in float32 with float64 from there on. Multiple choice follows
lm-evaluation-harness: `_encode_pair` and the task type `multiple_choice`.

    python evaluation.py REPOSITORY/etc/demo > REPOSITORY/Tests/PipelineTests/Fixtures/evaluation.json
"""
import json, sys

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

LENGTH, WINDOWS = 128, 12


def load(path):
    return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()


def prune(model):
    for layer in model.model.layers:
        for linear in layer.modules():
            if isinstance(linear, torch.nn.Linear):
                weight = linear.weight.data
                order = torch.sort(weight.abs(), dim=1, stable=True).indices
                weight.scatter_(1, order[:, : weight.shape[1] // 2], 0)
    return model


@torch.no_grad()
def logprobs(model, tokens):
    return torch.log_softmax(model(tokens).logits.double(), -1)


def estimate(values):
    values = np.asarray(values, dtype=np.float64)
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


def text_metrics(dense, pruned, tokens):
    windows = torch.tensor(tokens[: LENGTH * WINDOWS]).view(WINDOWS, LENGTH)
    p, q = (logprobs(model, windows)[:, :-1] for model in (dense, pruned))
    loss = [-x.gather(-1, windows[:, 1:, None])[..., 0].mean(1).numpy() for x in (p, q)]
    ratio = np.exp(loss[1].mean() - loss[0].mean())
    result = {"length": LENGTH, "windows": WINDOWS, "ratio_standard_error": ratio * estimate(loss[1] - loss[0])[1]}
    for name, values in zip(("dense", "pruned"), loss):
        mean, error = estimate(values)
        result[name], result[f"{name}_standard_error"] = float(np.exp(mean)), float(np.exp(mean) * error)
    same = (p.argmax(-1) == q.argmax(-1)).double().mean(1)
    result["next_token_agreement"], result["agreement_standard_error"] = estimate(same)
    result["kl_divergence"], result["kl_standard_error"] = estimate((p.exp() * (p - q)).sum(-1).mean(1))
    return result


def encode_pair(tokenizer, context, continuation):
    spaces = len(context) - len(context.rstrip())
    if spaces:
        context, continuation = context[:-spaces], context[-spaces:] + continuation
    whole, first = (tokenizer(x)["input_ids"] for x in (context + continuation, context))
    return first, whole[len(first) :]


def choice_metrics(models, tokenizer, questions):
    result = {"questions": len(questions)}
    right = {}
    for name, model in models.items():
        found = []
        for question in questions:
            values = []
            for choice in question["choices"]:
                context, continuation = encode_pair(tokenizer, question["question"], " " + choice)
                sequence = torch.tensor([context + continuation])
                scores = logprobs(model, sequence[:, :-1])[0, len(context) - 1 :]
                values.append(float(scores.gather(1, sequence[0, len(context) :, None]).sum()))
            found.append(values)
        lengths = [[len(choice) for choice in question["choices"]] for question in questions]
        answers = [question["answer"] for question in questions]
        acc = [float(np.argmax(v) == a) for v, a in zip(found, answers)]
        norm = [float(np.argmax(np.array(v) / np.array(n)) == a) for v, n, a in zip(found, lengths, answers)]
        right[name] = np.array([acc, norm])
        result[name] = {"log_likelihoods": found}
    right["change"] = right["pruned"] - right["dense"]
    for name, (acc, norm) in right.items():
        values = result.setdefault(name, {})
        values["acc"], values["acc_standard_error"] = estimate(acc)
        values["acc_norm"], values["acc_norm_standard_error"] = estimate(norm)
    return result


def main():
    demo = sys.argv[1]
    path = f"{demo}/models/tiny-llama"
    tokenizer = AutoTokenizer.from_pretrained(path)
    dense, pruned = load(path), prune(load(path))
    tokens = tokenizer(open(f"{demo}/text/evaluation.txt", encoding="utf-8").read())["input_ids"]
    questions = [json.loads(line) for line in open(f"{demo}/text/questions.jsonl", encoding="utf-8")]
    result = {"text": text_metrics(dense, pruned, tokens),
              "choices": choice_metrics({"dense": dense, "pruned": pruned}, tokenizer, questions)}
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
