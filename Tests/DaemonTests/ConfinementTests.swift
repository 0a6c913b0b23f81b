import Manifests
import Posix
import TestSupport
import Testing

@testable import Daemon

struct ConfinementTests {
    /// A worker that is confined reads nothing that the manifest does not name, and all that it
    /// does.
    @Test func everyFileOfTheManifest_mayBeRead() throws {
        let scratch = try Scratch()
        let place = scratch.path
        try scratch.makeDirectory("model")
        for name in ["c.txt", "e.txt", "q.jsonl"] { try scratch.write(name, "") }
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
                == Set(["model", "c.txt", "e.txt", "q.jsonl"].map { scratch[$0] }))
    }
}
