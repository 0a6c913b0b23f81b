import Foundation
import Manifests
import Posix
import Testing

@testable import Daemon

struct ConfinementTests {
    /// A worker that is confined reads nothing that the manifest does not name, and all that it
    /// does.
    @Test func everyFileOfTheManifest_mayBeRead() throws {
        let place = FileManager.default.temporaryDirectory
            .appendingPathComponent("stade-confinement-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: "\(place)/model", withIntermediateDirectories: true)
        defer { try? removeTree(place) }
        for name in ["c.txt", "e.txt", "q.jsonl"] { try writeFile("\(place)/\(name)", []) }
        let manifest = try Manifest.read(
            Array(
                """
                version: 1
                model: model
                output: out
                calibration: {text: c.txt}
                evaluation: {text: e.txt, choices: q.jsonl}
                """.utf8), file: "m.yaml")
        let confinement = Confinement(
            manifest, Roots(.unrestricted(base: place)), directory: place)
        #expect(
            Set(confinement.reading.map(\.path))
                == Set(["model", "c.txt", "e.txt", "q.jsonl"].map { "\(place)/\($0)" }))
    }
}
