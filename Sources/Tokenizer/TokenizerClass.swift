/// What transformers makes of a directory: takes `tokenizer.json` as it stands, or takes vocabulary
/// and merges out of it and adds tokens of its own choice, or makes a tokenizer of older files.
///
/// Source: `AutoTokenizer.from_pretrained` of transformers 5.23, and the tokenizers' own classes.
struct TokenizerClass: Sendable {
    /// What it is made of where there is no `tokenizer.json`.
    enum Construction: Sendable {
        /// `vocab.json` and `merges.txt`.
        case vocabulary(VocabularyPipeline)
        /// `tokenizer.model`.
        case pieces(PiecePipeline)
        /// Nothing, although `tokenizer.json` is not taken as it stands.
        case nothing
        /// The class is not known here.
        case unknown
    }

    enum VocabularyPipeline: Sendable {
        case gpt2, gptNeoX, qwen2, cohere
    }

    enum PiecePipeline: Sendable {
        case llama, gemma
        /// As the file itself says.
        case stored
    }

    let name: String
    let construction: Construction
    /// Special tokens where `tokenizer_config.json` has no such key.
    let defaults: [(key: String, content: String)]
    /// Adds all special tokens once more, without flags.
    let addsSpecialAgain: Bool

    /// Tokens of `added_tokens` count, whatever the other files say.
    var takesFile: Bool {
        switch construction {
        case .pieces(.stored), .unknown: true
        default: false
        }
    }

    private init(
        _ name: String, _ construction: Construction,
        _ defaults: [(key: String, content: String)] = [], addsSpecialAgain: Bool = false
    ) {
        self.name = name
        self.construction = construction
        self.defaults = defaults
        self.addsSpecialAgain = addsSpecialAgain
    }

    private static let backend = "TokenizersBackend"
    static let stored = TokenizerClass(backend, .pieces(.stored))

    private static let endOfText = "<|endoftext|>"
    private static let classes: [String: TokenizerClass] = {
        let all = [
            TokenizerClass(
                "LlamaTokenizer", .pieces(.llama),
                [("bos_token", "<s>"), ("eos_token", "</s>"), ("unk_token", "<unk>")]),
            TokenizerClass(
                "GemmaTokenizer", .pieces(.gemma),
                [
                    ("bos_token", "<bos>"), ("eos_token", "<eos>"), ("unk_token", "<unk>"),
                    ("pad_token", "<pad>"), ("mask_token", "<mask>"),
                ]),
            TokenizerClass(
                "GPT2Tokenizer", .vocabulary(.gpt2),
                [("bos_token", endOfText), ("eos_token", endOfText), ("unk_token", endOfText)]),
            TokenizerClass(
                "CodeGenTokenizer", .vocabulary(.gpt2),
                [("bos_token", endOfText), ("eos_token", endOfText), ("unk_token", endOfText)]),
            TokenizerClass(
                "GPTNeoXTokenizer", .vocabulary(.gptNeoX),
                [
                    ("bos_token", endOfText), ("eos_token", endOfText), ("unk_token", endOfText),
                    ("pad_token", "<|padding|>"),
                ]),
            TokenizerClass(
                "Qwen2Tokenizer", .vocabulary(.qwen2),
                [("eos_token", endOfText), ("unk_token", endOfText), ("pad_token", endOfText)],
                addsSpecialAgain: true),
            TokenizerClass(
                "Qwen3_5Tokenizer", .nothing,
                [("eos_token", endOfText), ("unk_token", endOfText), ("pad_token", endOfText)]),
            TokenizerClass(
                "CohereTokenizer", .vocabulary(.cohere),
                [
                    ("bos_token", "<BOS_TOKEN>"), ("eos_token", "<|END_OF_TURN_TOKEN|>"),
                    ("unk_token", "<UNK>"), ("pad_token", "<PAD>"), ("cls_token", "<CLS>"),
                    ("sep_token", "<SEP>"), ("mask_token", "<MASK_TOKEN>"),
                ]),
        ]
        let plain = [backend, "PreTrainedTokenizer", "PreTrainedTokenizerFast", "BloomTokenizer"]
        return Dictionary(
            uniqueKeysWithValues: all.map { ($0.name, $0) } + plain.map { ($0, stored) })
    }()

    /// The class that transformers has for a family. Of others the files decide.
    private static let byFamily: [String: String] = {
        let families = [
            "GemmaTokenizer": ["gemma", "gemma2", "gemma3", "gemma3_text"],
            "GPT2Tokenizer": ["gpt2", "gpt_neo", "gptj", "opt", "phi", "starcoder2"],
            "GPTNeoXTokenizer": ["gpt_neox", "olmo", "olmoe"],
            "CohereTokenizer": ["cohere", "cohere2"],
            "Qwen2Tokenizer": [
                "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "qwen3_next", "qwen3_vl",
                "qwen3_vl_moe",
            ],
            "Qwen3_5Tokenizer": ["qwen3_5", "qwen3_5_text", "qwen3_5_moe", "qwen3_5_moe_text"],
            backend: [
                "ernie4_5", "ernie4_5_moe", "glm", "glm4", "glm4_moe", "glm4_moe_lite",
                "gpt_bigcode", "granite", "granitemoe", "internlm3", "ministral3", "mistral",
                "mistral3", "mixtral", "nemotron", "olmo2", "olmo3", "phi3", "phimoe", "stablelm",
            ],
        ]
        return Dictionary(
            uniqueKeysWithValues: families.flatMap { name, list in list.map { ($0, name) } })
    }()

    /// Families whose files are known to name wrong classes.
    private static let misnamed: Set = ["qwen2", "qwen3_5", "qwen3_5_moe", "qwen3_5_moe_text"]

    /// - Parameters:
    ///   - family: `model_type` of `config.json`.
    ///   - name: `tokenizer_class`; nil where there is none.
    ///   - isByteLevel: `tokenizer.json` holds the word "ByteLevel".
    static func of(family: String, name: String?, isByteLevel: Bool) -> TokenizerClass {
        let registered = byFamily[family]
        guard let name else { return registered.map(named) ?? stored }
        let plain = name.hasSuffix("Fast") ? String(name.dropLast(4)) : name
        if plain == "LlamaTokenizer", isByteLevel, !misnamed.contains(family) { return stored }
        guard let registered, registered != plain else { return named(plain) }
        if registered == backend { return stored }
        return named(misnamed.contains(family) ? registered : plain)
    }

    /// One that is not known here takes `tokenizer.json` as it stands.
    private static func named(_ name: String) -> TokenizerClass {
        classes[name] ?? TokenizerClass(name, .unknown)
    }
}
