import Manifests
import Posix
import Testing

import Pipeline

/// What `model`, and other paths, may be instead of a path that is there.
struct ModelPathTests {
    @Test(arguments: [
        ("org/name", ["hf download org/name", "hub"]),
        ("meta-llama/Llama-3.2-1B", ["hf download meta-llama/Llama-3.2-1B"]),
        ("~/model", ["'~' means nothing here"]), ("~", ["'~' means nothing here"]),
        ("$HOME/model", ["$HOME", "whole path"]), ("${MODELS}/m", ["whole path"]),
        ("hf://org/name", ["is an address"]), ("https://huggingface.co/a/b", ["is an address"]),
        ("s3://bucket/m", ["is an address"]), ("model ", ["ends with a space"]),
        (" model", ["begins or ends with a space"]), ("models", ["not found"]),
        ("f.gguf", ["is a GGUF file", "save_pretrained"]), ("F.GGUF", ["is a GGUF file"]),
        ("f.safetensors", ["name the directory that holds it"]),
        ("pytorch_model.bin", ["PyTorch's weights"]), ("f.pt", ["PyTorch's weights"]),
        ("f.pth", ["PyTorch's weights"]), ("f.ckpt", ["PyTorch's weights"]),
        ("f.onnx", ["is a model of another kind"]), ("f.zip", ["is an archive", "unpack it"]),
        ("f.tar.gz", ["is an archive"]), ("f", ["is a file, not a directory"]),
        ("model/config.json", ["name the directory that holds it"]),
    ])
    func model_isToldByWhatItIs(_ model: String, _ words: [String]) throws {
        let place = try Workplace()
        for name in [
            "f.gguf", "F.GGUF", "f.safetensors", "pytorch_model.bin", "f.pt", "f.pth", "f.ckpt",
            "f.onnx", "f.zip", "f.tar.gz", "f",
        ] { try writeFile(place[name], [0]) }
        let error = try #require(
            failure {
                _ = try place.job("prune: {method: magnitude}\n", model: "'\(model)'").validate()
            })
        let text = error.description
        for word in words { #expect(text.contains(word), "\(word) is not in: \(text)") }
        #expect(!text.contains("\n") && error.exitCode == .noInput)
    }

    @Test(arguments: [
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git lfs pull"),
        ("<!doctype html><html></html>", "HTML page"),
        (#"{"error": "Entry not found"}"#, "server's answer"),
    ])
    func text_isToldByWhatItIs(_ contents: String, _ word: String) throws {
        for (name, section) in [
            ("t.txt", "calibration: {text: t.txt, samples: 1, length: 16}"),
            ("t.jsonl", "calibration: {text: t.jsonl, samples: 1, length: 16}"),
            ("t.txt.gz", "calibration: {text: t.txt.gz, samples: 1, length: 16}"),
            ("t.safetensors", "calibration: {tokens: t.safetensors}"),
            (
                "q.jsonl",
                "evaluation: {choices: q.jsonl}\ncalibration: {tokens: tokens.safetensors}"
            ),
        ] {
            let place = try Workplace()
            try place.store(questions: "")
            try writeFile(place[name], Array(contents.utf8))
            let error = try #require(
                failure { _ = try place.job("prune: {}\n\(section)\n").validate() })
            #expect(error.description.contains(word), "\(name): \(error.description)")
            #expect(error.description.contains(name) && error.exitCode == .data)
        }
    }
}
