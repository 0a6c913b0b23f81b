import Glibc

extension CompanionFiles {
    /// A model card of its own takes its place in the output.

    /// Weights as other programs keep them; patterns of fnmatch(3).
    static let otherWeights = [
        "pytorch_model*.bin", "pytorch_model*.bin.index.json", "model*.bin", "*.pth", "*.pt",
        "tf_model*.h5", "tf_model.h5.index.json", "flax_model*.msgpack",
        "flax_model.msgpack.index.json", "rust_model.ot", "*.ckpt", "*.ckpt.*", "*.gguf", "*.ggml",
        "*.onnx", "*.onnx_data", "*.tflite", "*.mlpackage", "openvino_model*.bin",
        "openvino_model*.xml",
    ]

    /// What a training run leaves, directories too.
    private static let training = [
        "training_args.bin", "optimizer*.pt", "optimizer*.bin", "optimizer_*", "scheduler*.pt",
        "scheduler*.bin", "scaler.pt", "scaler.bin", "rng_state*.pth", "random_states_*.pkl",
        "trainer_state.json", "global_step*", "checkpoint-*", "pytorch_model_fsdp*", "distcp",
        "*.distcp", "zero_to_fp32.py", "latest", "runs", "events.out.tfevents*", "tensorboard",
        "lightning_logs", "mlruns", "wandb", "*.log", "logs", "nohup.out", "slurm-*.out",
    ]

    /// Files that loading needs: a link that leads nowhere in place of one is an error.
    private static let needed = [
        "config.json", "generation_config.json", "tokenizer*", "special_tokens_map.json",
        "added_tokens.json", "vocab.json", "merges.txt", "vocab.txt", "chat_template*", "*.py",
    ]

    private static let rules: [(patterns: [String], reason: String)] = [
        (training, "left by a training run"),
        (
            ["adapter_config.json", "adapter_model*", "README.adapter.md"],
            "an adapter, which would be loaded over the pruned weights"
        ),
        (otherWeights, "dense weights in another format"),
        (
            ["*.safetensors", "*.safetensors.index.json"],
            "safetensors that are not the model's weights"
        ),
        (
            [".git*", ".cache", ".huggingface", "*.lock", "*.incomplete", ".hg", ".svn", ".dvc*"],
            "belongs to a download, not to the model"
        ),
        (
            [
                "__pycache__", "*.pyc", ".ipynb_checkpoints", ".venv", ".DS_Store", "Thumbs.db",
                "*.swp", "*~", "*.tmp",
            ], "left by another program"
        ),
        (["stade-report.*"], "the report of an earlier run"),
        ([".stade-*"], "an unfinished output"),
    ]

    /// - Parameter path: below the model directory.
    static func isNeeded(_ path: String) -> Bool {
        needed.contains { fnmatch($0, path, 0) == 0 }
    }

    /// nil for what goes along into the output.
    static func reasonToSkip(_ name: String) -> String? {
        rules.first { rule in rule.patterns.contains { fnmatch($0, name, 0) == 0 } }?.reason
    }
}
