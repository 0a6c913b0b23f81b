import Checkpoint
import Documents
import Posix
import Tokenizer

/// The tokenizer of a model's directory; its weights need not be there.
package enum ModelTokenizer {
    /// - Throws: `PlanError` where there is none, else as `Tokenizer` does.
    package static func load(_ path: String, _ paths: Roots) throws -> Tokenizer {
        let directory = try ModelPath.directory(path, paths)
        let config = try Checkpoint.config(
            directory: directory.path, followSymlinks: paths.followSymlinks, opened: directory)
        return try load(
            directory.path, opened: directory, family: config["model_type"]?.string ?? "", config,
            paths, memory: nil)
    }

    /// - Parameter memory: what reading it may take, in bytes; nil: any.
    static func load(
        _ directory: String, opened: OpenFile?, family: String, _ config: Node, _ paths: Roots,
        memory: Int?
    ) throws -> Tokenizer {
        do {
            return try Tokenizer(
                directory: directory, opened: opened, family: family,
                tokenizerClass: config["tokenizer_class"]?.string,
                followSymlinks: paths.followSymlinks, memory: memory)
        } catch let error as SystemError where error.exitCode == .noInput {
            throw PlanError(place: directory, reason: .noTokenizer)
        }
    }
}
