import Checkpoint
import Glibc
import Posix
import TestSupport
import Testing

/// Directories and files that are no model's: each is told by what it is.
struct OtherDirectoryTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        /// All must be in the message.
        let words: [String]
        /// Files and what they hold; directories end with a slash.
        let files: [String: String]

        init(_ name: String, _ words: [String], _ files: [String: String]) {
            self.name = name
            self.words = words
            self.files = files
        }

        var testDescription: String { name }
    }

    private static let pointer =
        "version https://git-lfs.github.com/spec/v1\noid sha256:0123456789abcdef\nsize 5398456\n"
    private static let page = "<!DOCTYPE html>\n<html><head><title>x</title></head></html>\n"
    private static let lfs = ["is a Git LFS pointer", "git lfs pull"]
    private static let html = ["is an HTML page", "download it again"]
    private static let config = #"{"model_type": "llama"}"#

    static let cases = [
        Case(
            "pointer as weights", lfs + ["model.safetensors"],
            [
                "config.json": config, "model.safetensors": pointer,
            ]),
        Case(
            "pointer as a shard", lfs + ["b.safetensors"],
            [
                "config.json": config, "b.safetensors": pointer,
                "model.safetensors.index.json": #"{"weight_map": {"x": "b.safetensors"}}"#,
            ]),
        Case("pointer as config", lfs + ["config.json"], ["config.json": pointer]),
        Case(
            "pointer as index", lfs + ["index.json"],
            [
                "config.json": config, "model.safetensors.index.json": pointer,
            ]),
        Case("page as weights", html, ["config.json": config, "model.safetensors": page]),
        Case(
            "short page as weights", html,
            [
                "config.json": config,
                "model.safetensors": "<html><body>Not found</body></html>\n",
            ]),
        Case(
            "page with a comment", html,
            [
                "config.json": "\n <!-- saved -->\n<HTML>\n<body>"
            ]),
        Case("page as config", html, ["config.json": page]),
        Case(
            "answer as config", ["server's answer", "Repository not found"],
            [
                "config.json": #"{"error": "Repository not found"}"#
            ]),
        Case(
            "answer as weights", ["server's answer", "Invalid username"],
            [
                "config.json": config, "model.safetensors": "Invalid username or password.",
            ]),
        Case(
            "answer as weights, JSON", ["server's answer"],
            [
                "config.json": config, "model.safetensors": #"{"error":"Entry not found"}"#,
            ]),
        Case(
            "XML as weights", ["is an XML page"],
            [
                "config.json": config,
                "model.safetensors":
                    "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>",
            ]),
        Case(
            "GGUF as weights", ["is a GGUF file"],
            [
                "config.json": config, "model.safetensors": "GGUF\u{3}\0\0\0\0\0\0\0\0\0\0\0",
            ]),
        Case(
            "ZIP as weights", ["is a ZIP archive"],
            [
                "config.json": config, "model.safetensors": "PK\u{3}\u{4}\0\0\0\0\0\0\0\0\0\0\0",
            ]),
        Case("empty", ["is an empty directory"], [:]),
        Case(
            "adapter", ["is an adapter (PEFT)", "merge_and_unload"],
            [
                "adapter_config.json": "{}", "adapter_model.safetensors": "x",
            ]),
        Case(
            "adapter with a config", ["is an adapter (PEFT)"],
            [
                "config.json": config, "adapter_config.json": "{}", "adapter_model.bin": "x",
            ]),
        Case("diffusers", ["pipeline of diffusers"], ["model_index.json": "{}", "unet/x": ""]),
        Case(
            "sentence-transformers", ["sentence-transformers"],
            [
                "modules.json": "[]", "0_Transformer/config.json": config,
            ]),
        Case(
            "cache", ["hub's cache", "snapshots/abc"],
            [
                "refs/main": "abc\n", "blobs/1": "", "snapshots/0aa/config.json": config,
                "snapshots/abc/config.json": config,
            ]),
        Case(
            "cache without refs", ["hub's cache", "snapshots/0aa"],
            [
                "blobs/1": "", "snapshots/0aa/config.json": config,
            ]),
        Case(
            "cache without snapshots", ["hub's cache", "download"],
            [
                "refs/main": "abc", "snapshots/": "",
            ]),
        Case(
            "cache of several", ["cache of the hub", "models--a--b/snapshots/abc"],
            [
                "models--a--b/refs/main": "abc", "models--a--b/snapshots/abc/config.json": config,
                "models--c--d/refs/main": "abc",
            ]),
        Case("snapshots", ["subdirectory 0aa"], ["0aa/config.json": config]),
        Case(
            "one level off", ["subdirectory llama", "name"],
            [
                "llama/config.json": config, "README.md": "x",
            ]),
        Case(
            "several models", ["several models", "a, b"],
            [
                "a/config.json": config, "b/config.json": config, "c/x": "",
            ]),
        Case("something else", ["no config.json", "notes.txt"], ["notes.txt": "x"]),
        Case("config missing", ["no config.json", "weights"], ["model.safetensors": "x"]),
        Case(
            "another name", ["llama.safetensors", "rename"],
            [
                "config.json": config, "llama.safetensors": "x",
            ]),
        Case(
            "several variants", ["model.bf16.safetensors, model.fp16.safetensors", "leave only"],
            [
                "config.json": config, "model.fp16.safetensors": "x",
                "model.bf16.safetensors": "x",
            ]),
        Case(
            "consolidated", ["consolidated.00.safetensors", "Mistral"],
            [
                "config.json": config, "consolidated.00.safetensors": "x",
            ]),
        Case(
            "shards of which some are absent",
            ["model-*-of-00004.safetensors", "2 are not there", "number 2"],
            [
                "config.json": config, "model-00001-of-00004.safetensors": "x",
                "model-00003-of-00004.safetensors": "x",
            ]),
        Case(
            "two sets of shards", ["model-*-of-00001", "model-*-of-00002", "leave only"],
            [
                "config.json": config, "model-00001-of-00002.safetensors": "x",
                "model-00002-of-00002.safetensors": "x",
                "model-00001-of-00001.safetensors": "x",
            ]),
        Case(
            "diffusion", ["diffusion_pytorch_model.safetensors", "diffusion model"],
            [
                "config.json": config, "diffusion_pytorch_model.safetensors": "x",
            ]),
        Case(
            "no archive", ["pytorch_model.bin", "no archive", "download it again"],
            [
                "config.json": config, "pytorch_model.bin": "x",
            ]),
        Case(
            "pointer as an archive", lfs + ["pytorch_model.bin"],
            [
                "config.json": config, "pytorch_model.bin": pointer,
            ]),
        Case(
            "another name of PyTorch's", ["model.pth", "save_pretrained"],
            [
                "config.json": config, "model.pth": "x",
            ]),
        Case(
            "Flax", ["flax_model.msgpack", "from_flax"],
            [
                "config.json": config, "flax_model.msgpack": "x",
            ]),
        Case(
            "TensorFlow", ["tf_model.h5", "from_tf"], ["config.json": config, "tf_model.h5": "x"]),
        Case(
            "GGUF beside config", ["q4.gguf", "gguf_file"],
            ["config.json": config, "q4.gguf": "x"]),
        Case("no weights at all", ["no weights"], ["config.json": config, "README.md": "x"]),
    ]

    @Test(arguments: cases)
    func open_tellsWhatItIs(_ wrong: Case) throws {
        let scratch = try Scratch()
        mkdir(scratch["m"], 0o755)
        for (name, text) in wrong.files {
            if name.hasSuffix("/") {
                mkdir(scratch["m/\(name)"], 0o755)
            } else {
                try scratch.write("m/\(name)", text)
            }
        }
        let error = #expect(throws: (any Error).self) { try Checkpoint(directory: scratch["m"]) }
        let text = try #require(error as? any Failure).description
        for word in wrong.words { #expect(text.contains(word), "\(word) is not in: \(text)") }
        #expect(!text.contains("\n"))
    }

    /// As the hub's client lays out a snapshot, where links are not followed.
    @Test func open_whenFilesAreLinksIntoTheCache() throws {
        let scratch = try Scratch()
        try scratch.write("c/blobs/1", Self.config)
        try scratch.write("c/snapshots/abc/x", "")
        #expect(symlink("../../blobs/1", scratch["c/snapshots/abc/config.json"]) == 0)
        let error = try #require(throws: CheckpointError.self) {
            try Checkpoint(directory: scratch["c/snapshots/abc"], followSymlinks: false)
        }
        #expect(error.reason == .link && error.exitCode == .notPermitted)
        #expect(error.description.contains("cp -rL"))
    }
}
