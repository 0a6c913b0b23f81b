import Checkpoint
import Documents
import Posix

/// Which class of tokenizer keeps the tokens of a checkpoint that is written under another family.
///
/// Loaders choose a class by `tokenizer_class` of `tokenizer_config.json` and by `model_type`, and
/// some classes make the tokenizer anew instead of taking `tokenizer.json` as it stands. Source:
/// `tokenization_auto.py` and `tokenization_utils_tokenizers.py` of transformers 5.23;
/// `tokenization_llama_fast.py` and `tokenization_utils_fast.py` of 4.57. Converters to GGUF read
/// the same files through the same classes.
package enum TokenizerLabel: Sendable, Hashable {
    /// There is no tokenizer in the checkpoint.
    case absent
    /// `tokenizer_config.json` as it must be.
    case settings(Node)
    /// No class gives the same tokens everywhere; in words.
    case impossible(String)

    private static let file = "tokenizer.json"
    package static let settingsFile = "tokenizer_config.json"
    /// Tokenizers in other forms, which older loaders convert by class.
    private static let otherForms = [
        "tokenizer.model", "vocab.json", "merges.txt", "vocab.txt", "tiktoken.model",
    ]

    init(_ checkpoint: Checkpoint, relabel: Architecture.Relabel) {
        do {
            self = try Self.find(checkpoint, relabel)
        } catch {
            self = .impossible((error as? any Failure)?.description ?? "\(error)")
        }
    }

    package var obstacle: String? {
        if case .impossible(let reason) = self { reason } else { nil }
    }

    private static func find(
        _ checkpoint: Checkpoint, _ relabel: Architecture.Relabel
    ) throws -> TokenizerLabel {
        let names = try checkpoint.companionNames()
        if let tekken = names.first(where: { $0.contains("tekken") && $0.hasSuffix(".json") }) {
            return .impossible("\(tekken) is read by \(relabel.from) alone")
        }
        guard names.contains(file) else {
            if names.contains(settingsFile) || otherForms.contains(where: names.contains) {
                return .impossible("there is no \(file)")
            }
            return .absent
        }
        let settings =
            names.contains(settingsFile) ? try checkpoint.companion(settingsFile) : .object([:])
        if let map = settings["auto_map"], !map.isNull {
            return .impossible("\(settingsFile) has the key auto_map: its tokenizer is a program")
        }
        if settings["fix_mistral_regex"]?.bool == true {
            return .impossible(
                "\(settingsFile) has fix_mistral_regex, which a \(relabel.name) loses")
        }
        let given =
            settings["tokenizer_class"]?.string ?? checkpoint.config["tokenizer_class"]?.string
            ?? relabel.formerClass
        let old = given.hasSuffix("Fast") ? String(given.dropLast(4)) : given
        if old != relabel.tokenizerClass, given != relabel.tokenizerClass {
            let legacy = LegacyTokenizer(
                old: old, new: relabel.tokenizerClass, settings: settings,
                file: try checkpoint.companion(file), hasModel: names.contains("tokenizer.model"))
            if let difference = legacy.difference {
                return .impossible("\(escaped(given)) of transformers 4 \(difference)")
            }
        }
        return .settings(
            settings.setting("tokenizer_class", to: Node(.string(relabel.tokenizerClass))))
    }
}

/// What the fast classes of transformers 4 make of a `tokenizer.json`.
private struct LegacyTokenizer {
    /// Names of classes, the one that was and the one that will be.
    let old: String
    let new: String
    let settings: Node
    let file: Node
    /// Whether there is a `tokenizer.model` beside it.
    let hasModel: Bool

    private var isLlama: Bool { old.contains("Llama") }

    /// Special tokens that classes add where `tokenizer_config.json` names none.
    private static let defaults = [
        "LlamaTokenizer": [("unk_token", "<unk>"), ("bos_token", "<s>"), ("eos_token", "</s>")],
        "CodeLlamaTokenizer": [
            ("unk_token", "<unk>"), ("bos_token", "<s>"), ("eos_token", "</s>"),
        ],
        "GemmaTokenizer": [
            ("unk_token", "<unk>"), ("bos_token", "<bos>"), ("eos_token", "<eos>"),
            ("pad_token", "<pad>"),
        ],
        "GPT2Tokenizer": [("unk_token", "<|endoftext|>"), ("eos_token", "<|endoftext|>")],
        "GPTNeoXTokenizer": [("unk_token", "<|endoftext|>"), ("eos_token", "<|endoftext|>")],
        "Qwen2Tokenizer": [("unk_token", "<|endoftext|>"), ("pad_token", "<|endoftext|>")],
    ]

    /// Classes that put special tokens around a text by `add_bos_token` and `add_eos_token`.
    private static let ownTemplate: Set = [
        "LlamaTokenizer", "CodeLlamaTokenizer", "GemmaTokenizer", "CohereTokenizer",
        "GPTNeoXTokenizer",
    ]

    /// nil where it takes the file as it stands.
    var difference: String? {
        let known = Set(
            (file["added_tokens"]?.array ?? []).compactMap { $0["content"]?.string })
        for name in [old, new] {
            let missing = Self.defaults[name]?.first {
                settings[$0.0] == nil && !known.contains($0.1)
            }
            if let missing { return "adds \(missing.1) of its own, or \(new) does" }
        }
        return Self.ownTemplate.contains(old) ? templateDifference : nil
    }

    private var templateDifference: String? {
        let around = specialTokens
        let wanted = (
            before: flag("add_bos_token", isLlama) ? [content("bos_token", "<s>")] : [],
            after: flag("add_eos_token", false) ? [content("eos_token", "</s>")] : []
        )
        guard let around, around.before == wanted.before, around.after == wanted.after else {
            return "puts other special tokens around a text than tokenizer.json does"
        }
        let step = file["pre_tokenizer"]
        if step?["type"]?.string == "ByteLevel", step?["add_prefix_space"]?.bool == true,
            settings["add_prefix_space"]?.isNull ?? true
        {
            return "keeps add_prefix_space of tokenizer.json, others do not"
        }
        if isLlama, let prefix = settings["add_prefix_space"]?.bool, hasModel, !isMade(prefix) {
            return "makes the tokenizer anew from tokenizer.model, and not as tokenizer.json is"
        }
        return nil
    }

    private func flag(_ key: String, _ absent: Bool) -> Bool { settings[key]?.bool ?? absent }

    private func content(_ key: String, _ absent: String) -> String {
        settings[key]?["content"]?.string ?? settings[key]?.string ?? absent
    }

    /// Those of `post_processor`; nil where it is of a kind that is not known here.
    private var specialTokens: (before: [String], after: [String])? {
        guard let processor = file["post_processor"], !processor.isNull else { return ([], []) }
        let parts =
            processor["type"]?.string == "Sequence"
            ? processor["processors"]?.array ?? [] : [processor]
        var before: [String] = []
        var after: [String] = []
        for part in parts where part["type"]?.string != "ByteLevel" {
            guard part["type"]?.string == "TemplateProcessing", let single = part["single"]?.array
            else { return nil }
            var isBehind = false
            for piece in single {
                if piece["Sequence"] != nil { isBehind = true }
                guard let id = piece["SpecialToken"]?["id"]?.string else { continue }
                if isBehind { after.append(id) } else { before.append(id) }
            }
        }
        return (before, after)
    }

    /// Whether the file is what `LlamaConverter` writes with this `add_prefix_space`.
    private func isMade(_ prefix: Bool) -> Bool {
        let (normalizer, step) = (file["normalizer"], file["pre_tokenizer"])
        if flag("legacy", true) {
            let parts = normalizer?["normalizers"]?.array?.compactMap { $0["type"]?.string }
            return (step?.isNull ?? true) && parts == (prefix ? ["Prepend"] : []) + ["Replace"]
        }
        return (normalizer?.isNull ?? true) && step?["type"]?.string == "Metaspace"
            && step?["prepend_scheme"]?.string == (prefix ? "first" : "never")
            && step?["split"]?.bool == false
    }
}
