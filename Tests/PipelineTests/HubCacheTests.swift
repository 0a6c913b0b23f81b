import Glibc
import Manifests
import Posix
import Testing

import Pipeline

/// A model where the hub's client keeps it: a snapshot of links into `blobs`.
struct HubCacheTests {
    private static let models = "hub/models--org--name"

    /// The model's files as blobs, with links to them.
    private func cache() throws -> Workplace {
        let place = try Workplace()
        for name in [
            "hub", Self.models, "\(Self.models)/blobs", "\(Self.models)/refs",
            "\(Self.models)/snapshots", "\(Self.models)/snapshots/abc",
            "\(Self.models)/snapshots/old", "outputs",
        ] { mkdir(place[name], 0o755) }
        for (index, name) in ["config.json", "model.safetensors"].enumerated() {
            #expect(
                rename(place["model/\(name)"], place["\(Self.models)/blobs/\(index)"]) == 0)
            #expect(
                symlink(
                    "../../blobs/\(index)", place["\(Self.models)/snapshots/abc/\(name)"]) == 0)
        }
        #expect(rename(place["tokens.safetensors"], place["hub/tokens.safetensors"]) == 0)
        try writeFile(place["\(Self.models)/refs/main"], Array("abc\n".utf8))
        return place
    }

    private func run(_ place: Workplace, _ model: String) throws -> [String] {
        let text =
            "version: 1\nmodel: \(model)\noutput: out\n" + Workplace.calibration
            + "prune: {method: wanda, sparsity: 0.5}\n"
        let job = Job(
            id: "job", manifest: try Manifest.read(Array(text.utf8), file: "test.yaml"),
            paths: Roots(.below(read: [place["hub"]], write: [place["outputs"]])),
            ceiling: Configuration().limits)
        return try job.run(progress: { _ in }, isStopped: { false })
    }

    @Test(arguments: ["models--org--name/snapshots/abc", "models--org--name"])
    func run_readsASnapshotThroughItsLinks(_ model: String) throws {
        let place = try cache()
        _ = try run(place, model)
        #expect(
            try place.files("outputs/out").filter { $0.hasPrefix("model") } == [
                "model.safetensors"
            ])
        #expect(try place.checkpoint("outputs/out").tensors.count > 10)
        // The same as from a directory of files.
        let plain = try Workplace()
        try plain.run(Workplace.calibration + "prune: {method: wanda, sparsity: 0.5}\n")
        #expect(
            try readFile(plain["out/model.safetensors"])
                == readFile(place["outputs/out/model.safetensors"]))
    }

    @Test func run_whenALinkLeavesTheRoot_isRefused() throws {
        let place = try cache()
        let link = "\(Self.models)/snapshots/abc/config.json"
        unlink(place[link])
        try writeFile(place["config.json"], Array("{}".utf8))
        #expect(symlink("../../../../config.json", place[link]) == 0)
        let error = try #require(failure { _ = try run(place, "models--org--name") })
        #expect(error.exitCode == .notPermitted && error.description.contains(place[link]))
        #expect(error.description.contains("leads out of the allowed root"))
    }

    /// What `refs/main` says is a name and nothing more.
    @Test(arguments: ["../../..", "abc/..", "", ".", "gone"])
    func run_whenTheReferenceIsNoSnapshot(_ name: String) throws {
        let place = try cache()
        try writeFile(place["\(Self.models)/refs/main"], Array(name.utf8))
        let error = try #require(failure { _ = try run(place, "models--org--name") })
        #expect(error.exitCode == .noInput, "\(error)")
    }
}
