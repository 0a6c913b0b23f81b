import Documents
import Glibc
import Posix

/// Tokenizers in files that are not read here, and what to do about them.
enum OtherTokenizer {
    private static let write =
        "write a tokenizer.json: AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)"

    /// Patterns of fnmatch(3), what such a file is, and the advice; the first that fits counts.
    private static let kinds: [(patterns: [String], text: String)] = [
        (
            ["*tekken*.json"],
            "is Mistral's own form (tekken), which is not read here; take the model's "
                + "tokenizer.json, or \(write)"
        ),
        (
            ["tiktoken.model", "*.tiktoken"],
            "is a vocabulary of tiktoken, which is not read here; \(write) with the package "
                + "tiktoken"
        ),
        (
            ["tokenizer.model.v*", "spiece.model", "sentencepiece*.model", "spm.model"],
            "is a model of SentencePiece under a name that is not read here; \(write)"
        ),
        (["vocab.txt"], "is a vocabulary of BERT's kind, which is not read here; \(write)"),
        (["vocab.json"], "has no merges.txt beside it; download it too"),
        (["merges.txt"], "has no vocab.json beside it; download it too"),
        (
            ["tokenization_*.py"],
            "makes the model's tokenizer: it is a program, which nobody runs here; \(write)"
        ),
    ]

    /// - Parameter names: of the directory's files.
    /// - Returns: nil where none of them is known.
    static func error(_ names: [String], in directory: String) -> DocumentError? {
        for (patterns, text) in kinds {
            let found = names.sorted().first { name in
                patterns.contains { fnmatch($0, name, 0) == 0 }
            }
            guard let found else { continue }
            return DocumentError(
                file: joined(directory, found), position: nil, reason: text, exitCode: .data)
        }
        return nil
    }
}
