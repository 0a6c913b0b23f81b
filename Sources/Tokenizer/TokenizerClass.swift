/// What transformers makes of a `tokenizer.json`: takes it as it stands, or takes vocabulary and
/// merges out of it and adds tokens of its own choice.
///
/// Source: `AutoTokenizer.from_pretrained` of transformers 5.23, and the tokenizers' own classes.
struct TokenizerClass: Sendable {
    /// Tokens of `added_tokens` count, whatever the other files say.
    let takesFile: Bool
    /// Special tokens where `tokenizer_config.json` has no such key.
    let defaults: [(key: String, content: String)]
    /// Adds all special tokens once more, without flags.
    let addsSpecialAgain: Bool

    private init(
        takesFile: Bool = false, _ defaults: [(key: String, content: String)] = [],
        addsSpecialAgain: Bool = false
    ) {
        self.takesFile = takesFile
        self.defaults = defaults
        self.addsSpecialAgain = addsSpecialAgain
    }

    static let stored = TokenizerClass(takesFile: true)

    private static let llama = TokenizerClass([
        ("bos_token", "<s>"), ("eos_token", "</s>"), ("unk_token", "<unk>"),
    ])
    private static let gemma = TokenizerClass([
        ("bos_token", "<bos>"), ("eos_token", "<eos>"), ("unk_token", "<unk>"),
        ("pad_token", "<pad>"), ("mask_token", "<mask>"),
    ])
    private static let gpt2 = TokenizerClass([
        ("bos_token", "<|endoftext|>"), ("eos_token", "<|endoftext|>"),
        ("unk_token", "<|endoftext|>"),
    ])
    private static let gptNeoX = TokenizerClass([
        ("bos_token", "<|endoftext|>"), ("eos_token", "<|endoftext|>"),
        ("unk_token", "<|endoftext|>"), ("pad_token", "<|padding|>"),
    ])
    private static let qwen2 = TokenizerClass(
        [
            ("eos_token", "<|endoftext|>"), ("unk_token", "<|endoftext|>"),
            ("pad_token", "<|endoftext|>"),
        ], addsSpecialAgain: true)

    private static let byName = [
        "LlamaTokenizer": llama, "GemmaTokenizer": gemma, "GPT2Tokenizer": gpt2,
        "GPTNeoXTokenizer": gptNeoX, "Qwen2Tokenizer": qwen2,
    ]
    /// Of families that have one where the files name none.
    private static let byFamily = [
        "qwen2": qwen2, "qwen3": qwen2, "gemma2": gemma, "opt": gpt2, "gpt_neox": gptNeoX,
    ]

    /// - Parameters:
    ///   - family: `model_type` of `config.json`.
    ///   - name: `tokenizer_class`; nil where there is none.
    ///   - isByteLevel: the file holds the word "ByteLevel".
    static func of(family: String, name: String?, isByteLevel: Bool) -> TokenizerClass {
        // Their files are known to name wrong classes.
        if family == "mistral" || family == "phi3" { return stored }
        guard family != "qwen2", let name else { return byFamily[family] ?? stored }
        let plain = name.hasSuffix("Fast") ? String(name.dropLast(4)) : name
        if plain == "LlamaTokenizer", isByteLevel { return stored }
        return byName[plain] ?? stored
    }
}
