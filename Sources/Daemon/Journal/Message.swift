/// What kind of thing happened: `MESSAGE_ID` of the journal, explained in `etc/stade.catalog`.
package enum Message: String, Sendable, Hashable, CaseIterable {
    /// The daemon has started.
    case daemonStarted = "3371b772acab47cc92552bd4e5e335e2"
    /// The daemon has stopped.
    case daemonStopped = "4272fa8eed7649c28526e4377d98e690"
    /// The configuration was read anew.
    case reloaded = "089831f743ac415b9b97376f93496117"
    /// The new configuration is wrong; the old one stays in force.
    case reloadRefused = "b8532a7013954db1a99aa4955ba14e61"
    /// A job was taken into the queue.
    case jobQueued = "ff9b628c63b9420f8b2f6fdaed19d18d"
    /// A job has started.
    case jobStarted = "ed7c9e2b717b4a998328b55df0f5ab63"
    /// A job goes on where an earlier attempt ended.
    case jobResumed = "c87e5b1e4d3a4f6f9a5b7d0e21f4a6c3"
    /// A job has come further.
    case jobProgress = "73b34b7f9895445a96456903c8009771"
    /// A job is done.
    case jobFinished = "cb411139f68444088802692052fb728e"
    /// A job has failed.
    case jobFailed = "5fe0d31eb0db4395b8081754e9d5aa28"
    /// A job's worker ended early; the job runs again.
    case jobRetried = "b94935ecdb4a4c0d89f86d4414111161"
    /// A job was put off.
    case jobDeferred = "cbad2374017841e091dee202bab90eef"
    /// A manifest was rejected.
    case jobRejected = "ef92974981184c14ac0cd80c1d2f80dc"
    /// A job was stopped or moved because the daemon ends or its owner asked for it.
    case jobStopped = "c3b7a27fe56e467f82209752ebd130fb"
    /// The inbox is not there.
    case inboxLost = "68bf5f264bde4283b0f9f3161b0f6f30"
    /// The inbox is back.
    case inboxBack = "af4429520ada4165b7c67685982b1650"
    /// The inbox cannot be watched.
    case noWatches = "e841071c00684fbea5a68fd7df96777b"
    /// A request was not granted.
    case requestRefused = "7d1c3a5e2f6b4b0c9a8e4d2f1b3c5a70"
    /// Manifests of a user wait in the inbox.
    case jobsWait = "5d9a3be1c0724f4fa6d87e1b93c2f0a8"
    /// The spool's disk is nearly full: manifests wait in the inbox.
    case diskLow = "c41f7a0e68d94b3bb25ea9d07f6313de"
    /// Jobs are no longer, or again, started.
    case drained = "2b9e6f0d4c1a4e7f8d3b5a6c7e9f0b14"
    /// Slurm does not answer; its jobs go on.
    case slurmLost = "8c1f3d5e7a924b06b3d1e84f5a6c7092"
    /// Slurm answers again.
    case slurmBack = "e02b4a6c8d1f43579a7b3c5d6e8f1024"
}
