extension Configuration {
    /// Why a manifest is not taken from a user: it asks for more than there is, or than this
    /// allows; nil where it is.
    package func refusal(of manifest: Manifest, from uid: UInt32) -> String? {
        limits.refusal(of: manifest, from: uid) ?? refusal(ofExecutor: manifest)
    }

    private func refusal(ofExecutor manifest: Manifest) -> String? {
        guard manifest.executor == .slurm else { return nil }
        guard let slurm else {
            return "executor is slurm, and this daemon offers none (executor.slurm of the "
                + "daemon's configuration)"
        }
        if let time = limits.timeLimit(of: manifest), time <= slurm.margin {
            return "limits.time is \(span(time)), and the last \(span(slurm.margin)) before "
                + "Slurm ends a job are for its snapshot (executor.slurm.margin of the daemon's "
                + "configuration); give it more"
        }
        return nil
    }
}

extension Configuration.Limits {
    /// Why a manifest is not taken from a user: it asks for more than the configuration allows; nil
    /// where it is.
    package func refusal(of manifest: Manifest, from uid: UInt32) -> String? {
        if let time, let asked = manifest.limits.time, asked > time {
            return "limits.time is \(span(asked)), and a job may take \(span(time)) at most "
                + "(limits.time of the daemon's configuration)"
        }
        if let priorityMax, manifest.priority > priorityMax, uid != 0 {
            return "the priority is \(manifest.priority), and users may ask for \(priorityMax) at "
                + "most (limits.priority_max of the daemon's configuration)"
        }
        return nil
    }

    /// Seconds that an attempt of the job may take; nil: as long as it likes.
    package func timeLimit(of manifest: Manifest?) -> Int? {
        [manifest?.limits.time, time].compactMap { $0 }.min()
    }
}

/// A time as documents have it, in the largest unit that leaves nothing over: `90s`, `2h`.
private func span(_ seconds: Int) -> String {
    for (unit, length) in [("d", 86400), ("h", 3600), ("m", 60)] where seconds % length == 0 {
        return "\(seconds / length)\(unit)"
    }
    return "\(seconds)s"
}
