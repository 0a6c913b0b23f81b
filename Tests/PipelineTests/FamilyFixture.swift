import Checkpoint
import Documents
import Foundation
import Posix
import TestSupport
import Testing

import Pipeline

/// A small fixture of a model family, as `Tests/Reference/families.py` writes it: a directory below
/// `Families`. Whatever is there is tested.
struct FamilyFixture: Sendable, CustomTestStringConvertible {
    static let root =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Families").path

    static let all: [FamilyFixture] = {
        let names = try? FileManager.default.contentsOfDirectory(atPath: root)
        return (names ?? []).sorted().map { FamilyFixture(name: $0) }
    }()

    let name: String
    var testDescription: String { name }

    private var directory: String { "\(Self.root)/\(name)" }

    /// The checkpoint as `model` with the tokens beside it.
    func place() throws -> Workplace {
        try Workplace(files: [
            "model/config.json": readFile("\(directory)/config.json"),
            "model/model.safetensors": inflated("\(directory)/model.safetensors.gz"),
            "tokens.safetensors": inflated("\(directory)/expected.safetensors.gz"),
        ])
    }

    /// The reference's report of each case.
    func cases() throws -> [String: Node] {
        let path = "\(directory)/expected.json"
        let members = try #require(JSON.parse(readFile(path), file: path)["cases"]?.members)
        return Dictionary(uniqueKeysWithValues: members.map { ($0.key, $0.value) })
    }
}
