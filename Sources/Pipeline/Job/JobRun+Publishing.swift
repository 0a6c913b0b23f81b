import Checkpoint
import Posix

extension JobRun {
    /// Does what is left of a job whose outputs are complete.
    func publish(_ saved: SavedJob) throws {
        let progress = saved.progress
        guard let snapshot, progress.outputs.count == plan.outputs.count else {
            throw StaleSnapshot("it does not fit the job")
        }
        snapshot.resumption.notify(.resumed(block: plan.blocks, blocks: plan.blocks))
        let parent = plan.parent
        let waiting = zip(plan.outputs, progress.outputs).filter { output, built in
            !OutputDirectory.isPublished(output.name, built.identity, in: parent)
        }
        let partial = try unlessShort {
            try PartialDirectory(
                resuming: progress.place.name, progress.place.identity, id: job.id, in: parent,
                mustBePrivate: job.paths.actsForOthers)
        }
        do {
            for (output, built) in waiting {
                let found = try unlessShort {
                    try partial.map {
                        try OutputDirectory(
                            resuming: output.name, number: output.number, built.identity, in: $0,
                            overwrite: output.overwrite)
                    }
                }
                guard let directory = found ?? nil else {
                    throw StaleSnapshot("\(escaped(output.path)) has gone")
                }
                try directory.publish(for: job.paths.submitterID)
            }
            try parent.sync()
        } catch {
            if (error as? any Failure)?.exitCode != .tryAgain, !(error is StaleSnapshot) {
                try? snapshot.remove()
                remove(partial)
            }
            throw error
        }
        try? snapshot.remove()
        remove(partial)
    }

    /// nil where it is not there; a lack of descriptors or memory does not say so.
    private func unlessShort<Value>(_ body: () throws -> Value) throws -> Value? {
        do {
            return try body()
        } catch {
            if (error as? any Failure)?.exitCode == .tryAgain { throw error }
            return nil
        }
    }

    /// Removes what the outputs were built in, and with it the old ones that they have replaced.
    func remove(_ partial: PartialDirectory?) {
        do {
            try partial?.remove()
        } catch {
            job.warn("\(error); it is left for you to remove")
        }
    }
}
