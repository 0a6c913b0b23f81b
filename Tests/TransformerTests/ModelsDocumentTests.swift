import Foundation
import Posix
import Testing

import Transformer

struct ModelsDocumentTests {
    /// `make models` writes it.
    @Test func document_isMadeOfTheValues() throws {
        let made = Array(ModelsDocument.text.utf8)
        if ProcessInfo.processInfo.environment["STADE_WRITE_MODELS"] != nil {
            try Data(made).write(to: URL(fileURLWithPath: ModelsDocument.path))
        }
        #expect(try readFile(ModelsDocument.path) == made, "docs/models.md is old: make models")
    }
}
