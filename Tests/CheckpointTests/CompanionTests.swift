import Checkpoint
import Glibc
import Posix
import TestSupport
import Testing

struct CompanionTests {
    private func model(_ scratch: Scratch) throws {
        try scratch.write("m/config.json", "{}")
        try scratch.write(
            "m/model.safetensors", safetensors("{\(member("w", "U8", "[1]", 0, 1))}", [1]))
    }

    private func copy(_ scratch: Scratch, followSymlinks: Bool = true) throws
        -> [CompanionFiles.Skipped]
    {
        mkdir(scratch["out"], 0o750)
        let source = try Checkpoint(directory: scratch["m"], followSymlinks: followSymlinks)
        let layout = try CheckpointLayout(source, edits: [])
        try CheckpointWriter(layout, into: Directory(scratch["out"]), config: nil).finish()
        return layout.companions.skipped
    }

    @Test func copy_whatGoesAlongAndWhatDoesNot() throws {
        let scratch = try Scratch()
        try model(scratch)
        let along = [
            "LICENSE", "chat_template.jinja", "generation_config.json", "modeling_x.py",
            "tokenizer.json", "tokenizer.model", "a/b/deep.txt", "chat_templates/rag.jinja",
        ]
        let behind = [
            ".cache/huggingface/x", ".gitattributes", "consolidated.00.pth",
            "consolidated.safetensors", "flax_model.msgpack", "model-00001-of-00002.safetensors",
            "model.q4.gguf", "onnx/model.onnx", "optimizer.pt", "original/consolidated.00.pth",
            "pytorch_model-00001-of-00002.bin", "pytorch_model.bin.index.json",
            "stade-report.json", "stade-statistics.safetensors", "tf_model.h5",
            "x.ckpt.index", ".stade-7.partial/config.json", ".stade-job",
            "training_args.bin", "scheduler.pt",
            "rng_state.pth", "rng_state_3.pth", "trainer_state.json",
            "global_step500/mp_rank_00.pt",
            "runs/Nov28/events.out.tfevents.1.x", "events.out.tfevents.2.y", "train.log",
            "wandb/run-1/config.yaml", ".git/HEAD", "checkpoint-500/model.safetensors", "latest",
            "zero_to_fp32.py", "optimizer_0/x", "adapter_config.json", "adapter_model.bin",
            "model.pt", "__pycache__/modeling_x.cpython-311.pyc", "model.safetensors.lock",
            "logs/1.txt", "lightning_logs/version_0/hparams.yaml",
        ]
        for name in along + behind { try scratch.write("m/\(name)", name) }
        try scratch.write("m/README.md", "dense")
        let skipped = try copy(scratch)
        #expect(
            try scratch.files("out")
                == (along + ["config.json", "model.safetensors", "README.dense.md"]).sorted())
        for name in along { #expect(try scratch.text("out/\(name)") == name) }
        #expect(try scratch.text("out/README.dense.md") == "dense")
        #expect(!scratch.exists("out/onnx"))
        let names = behind.map { name in
            // Whole directories are named once.
            [
                ".cache", ".stade-7.partial", "global_step500", "runs", "wandb", ".git",
                "checkpoint-500", "optimizer_0", "__pycache__", "logs", "lightning_logs",
            ].first { name.hasPrefix($0 + "/") } ?? name
        }
        #expect(skipped.map(\.path).sorted() == names.sorted())
        #expect(skipped.allSatisfy { !$0.reason.isEmpty })
    }

    @Test func copy_whenPrunedBefore_keepsTheDenseCard() throws {
        let scratch = try Scratch()
        try model(scratch)
        try scratch.write("m/README.md", "of stade")
        try scratch.write("m/README.dense.md", "dense")
        let skipped = try copy(scratch)
        #expect(try scratch.text("out/README.dense.md") == "dense")
        #expect(!scratch.exists("out/README.md"))
        #expect(skipped.map(\.path) == ["README.md"])
    }

    @Test(.timeLimit(.minutes(1))) func copy_whenSpecialFilesAreThere() throws {
        let scratch = try Scratch()
        try model(scratch)
        #expect(mkfifo(scratch["m/pipe"], 0o600) == 0)
        #expect(mkfifo(scratch["pipe"], 0o600) == 0)
        #expect(symlink("../pipe", scratch["m/link-to-pipe"]) == 0)
        #expect(symlink("..", scratch["m/loop"]) == 0)
        try scratch.write("outside.txt", "outside")
        let name: [CChar] = Array(scratch["m/"].utf8CString.dropLast()) + [-1, -2, 0]
        let descriptor = creat(name, 0o600)
        #expect(descriptor >= 0)
        close(descriptor)
        let skipped = try copy(scratch)
        #expect(
            Set(skipped.map(\.path)) == [
                "pipe", "link-to-pipe", "loop/pipe", "loop/m", "\u{FFFD}\u{FFFD}",
            ])
        #expect(try scratch.text("out/loop/outside.txt") == "outside")
    }

    @Test func copy_whenLinksAreNotFollowed() throws {
        let scratch = try Scratch()
        try model(scratch)
        try scratch.write("secret", "x")
        #expect(symlink("../secret", scratch["m/tokenizer.json"]) == 0)
        let error = try #require(throws: CheckpointError.self) {
            try copy(scratch, followSymlinks: false)
        }
        #expect(error.reason == .link && error.file == scratch["m/tokenizer.json"])
    }

    @Test func copy_whenLinkLeadsNowhere_leavesItOut() throws {
        let scratch = try Scratch()
        try model(scratch)
        try scratch.write("m/a/x", "x")
        for (target, name) in [("nowhere", "dangling"), ("../../blobs/x", "a/y"), ("me", "me")] {
            #expect(symlink(target, scratch["m/\(name)"]) == 0)
        }
        let skipped = try copy(scratch)
        #expect(Set(skipped.map(\.path)) == ["dangling", "a/y", "me"])
        #expect(skipped.allSatisfy { $0.reason == "a link that leads nowhere" })
        #expect(try scratch.files("out") == ["a/x", "config.json", "model.safetensors"])
    }

    /// What loading needs is missed.
    @Test func copy_whenLinkToTokenizerLeadsNowhere() throws {
        let scratch = try Scratch()
        try model(scratch)
        #expect(symlink("../blobs/x", scratch["m/tokenizer.json"]) == 0)
        let error = try #require(throws: SystemError.self) { try copy(scratch) }
        #expect(error.path == scratch["m/tokenizer.json"] && error.errno == ENOENT)
    }
}
