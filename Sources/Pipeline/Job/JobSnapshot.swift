import Checkpoint
import Dispatch
import Documents
import Glibc
import Posix
import Synchronization

/// What a job leaves on the disk while it runs, so that it can go on after its process has gone:
/// the outputs that it is building, and in the snapshot's directory `progress.json` and two files
/// of hidden states, of which one belongs to it while the other is written.
///
/// The order makes it safe against a crash at any moment: states and tensors are on the disk before
/// `progress.json` names them, and nothing that it names is changed before the next one does.
/// (Tensors of later blocks may be there, whole or in part; they are written again.)
final class JobSnapshot: Sendable {
    private struct State {
        var isUnderWay = false
        /// There is a `progress.json`, of this attempt or of the one it goes on from.
        var exists = false
        /// Why no more is written.
        var failure: String?
        var slot = 0
        /// When the last one was begun, or the job.
        var begun = ContinuousClock.now
        /// What the last one took of the job's own time, in seconds.
        var cost: Double
        /// How long the sweep had waited for copies when the last one was begun.
        var waited = 0.0
        /// Outputs with every file and name durable but for the tensors written since.
        var durable: Set<String> = []
    }

    /// Snapshots may take one part in so many of the job's time.
    private static let share = 40.0
    /// The first one is expected to go at this speed, in bytes per second.
    private static let expectedSpeed = 1e9

    let resumption: Resumption
    /// `resumption.directory`, locked.
    private let directory: Directory
    private let identity: JobIdentity
    private let blocks: Int
    private let queue = DispatchQueue(label: "stade.snapshot")
    private let state: Mutex<State>

    /// - Throws: `SystemError` where the directory is missing or another process uses it.
    init(_ resumption: Resumption, _ plan: Plan) throws {
        self.resumption = resumption
        identity = JobIdentity(plan, version: resumption.version)
        blocks = plan.blocks
        state = Mutex(State(cost: Double(plan.memory.stateBytes) / Self.expectedSpeed))
        directory = Directory(
            try File(resumption.directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
        let status = try directory.status()
        guard status.st_uid == geteuid(), status.st_mode & 0o022 == 0 else {
            throw SystemError("trust", resumption.directory, errno: EPERM)
        }
        guard try directory.lock() else {
            throw SystemError("lock", resumption.directory, errno: EWOULDBLOCK)
        }
    }

    /// What an earlier attempt left; nil where there is nothing to go on from.
    func load() -> SavedJob? {
        let path = joined(resumption.directory, Layout.Snapshot.progress)
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try directory.read(Layout.Snapshot.progress, limit: SavedJob.maximumSize)
        } catch {
            if error.errno != ENOENT { resumption.notify(.refused(error.description)) }
            return nil
        }
        let node = try? JSON.parse(bytes, file: path)
        if let node, SavedJob.isOlder(node) {
            resumption.notify(.refused("the snapshot is of an older version of the program"))
            return nil
        }
        guard let node, let saved = SavedJob(node) else {
            resumption.notify(.refused("\(escaped(path)) is damaged"))
            return nil
        }
        if let difference = identity.difference(from: saved.identity) {
            resumption.notify(.refused("the snapshot is not of \(difference)"))
            return nil
        }
        state.withLock {
            $0.exists = true
            $0.slot = saved.slot
        }
        return saved
    }

    func restore(_ saved: SavedJob, into states: [SweepStates.Named]) throws {
        do {
            try StateFile.read(
                Layout.Snapshot.states(saved.slot), in: directory, saved.states, into: states)
        } catch let error as SystemError {
            throw StaleSnapshot(error.description)
        }
    }

    /// Renews the snapshot, in the background, where its time has come.
    ///
    /// - Parameters:
    ///   - block: everything before it is done.
    ///   - states: stay as they are until they are copied.
    ///   - sync: what makes the outputs durable that are under way.
    func keep(
        _ progress: JobProgress, _ states: [SweepStates.Named], sync: () -> [OutputSync]
    ) {
        let waited = states.reduce(0) { $0 + $1.states.secondsWaited }
        if resumption.interval == 0 { queue.sync {} }
        let slot: Int? = state.withLock { state in
            guard !state.isUnderWay, state.failure == nil else { return nil }
            let now = ContinuousClock.now
            let cost = state.cost + max(0, waited - state.waited)
            if resumption.interval > 0 {
                let wait = max(resumption.interval, Self.share * cost)
                guard (now - state.begun) / .seconds(1) >= wait else { return nil }
            }
            state.begun = now
            state.waited = waited
            state.isUnderWay = true
            return 1 - state.slot
        }
        guard let slot else { return }
        let saved = SavedJob(
            identity: identity, attempt: resumption.attempt, blocks: blocks, slot: slot,
            states: [], progress: progress)
        for named in states { named.states.beginReading() }
        let sync = sync()
        queue.async { [self] in
            let start = Self.threadSeconds()
            var waiting = 0.0
            var failure: String?
            var isStopped = false
            do {
                waiting = try commit(saved, states, sync)
            } catch {
                failure = (error as? any Failure)?.description ?? "\(error)"
                isStopped = error is Stopped
            }
            let cost = Self.threadSeconds() - start + waiting
            state.withLock { state in
                state.isUnderWay = false
                state.cost = cost
                state.failure = failure
                if failure == nil {
                    state.exists = true
                    state.slot = slot
                }
            }
            if let failure {
                if !isStopped { resumption.notify(.failed(failure)) }
            } else {
                resumption.notify(.kept(block: progress.block, blocks: blocks))
            }
        }
    }

    /// - Returns: seconds for which the job's own writes may have had to wait.
    private func commit(
        _ saved: SavedJob, _ states: [SweepStates.Named], _ sync: [OutputSync]
    ) throws -> Double {
        var saved = saved
        saved.states = try StateFile.write(
            Layout.Snapshot.states(saved.slot), in: directory, states)
        let start = ContinuousClock.now
        for output in sync {
            let isNew = state.withLock { $0.durable.insert(output.path).inserted }
            // An output's own failure is the job's.
            try output.run(withNames: isNew)
        }
        let waiting = (ContinuousClock.now - start) / .seconds(1)
        try directory.sync()
        try writeProgress(saved)
        return waiting
    }

    /// Notes that nothing is left to compute: from here on another attempt only publishes.
    ///
    /// - Parameter records: of the outputs, which are durable.
    func keepFinished(_ progress: JobProgress, _ records: [OutputRecord]) throws {
        queue.sync {}
        let slot = state.withLock { $0.slot }
        var saved = SavedJob(
            identity: identity, attempt: resumption.attempt, blocks: blocks, slot: slot,
            states: [], progress: progress)
        saved.isFinished = true
        do throws(SystemError) {
            try directory.replace(Layout.Snapshot.outputs, OutputRecord.bytes(of: records))
            try directory.sync()
        } catch {
            // Without it nobody finds the outputs, should this process end before it has said that
            // they are there. They are worth more than that.
            guard [ENOSPC, EDQUOT].contains(error.errno) else { throw error }
            resumption.notify(.failed(error.description))
        }
        do {
            try writeProgress(saved)
            state.withLock { $0.exists = true }
        } catch {
            resumption.notify(.failed(error.description))
        }
    }

    private func writeProgress(_ saved: SavedJob) throws(SystemError) {
        try directory.replace(Layout.Snapshot.progress, JSON.encode(saved.node, indent: nil))
        try directory.sync()
    }

    /// Waits for a snapshot that is being written.
    /// - Returns: whether there is one to go on from.
    func finish() -> Bool {
        let done = DispatchSemaphore(value: 0)
        queue.async { done.signal() }
        while done.wait(timeout: .now() + 1) == .timedOut { resumption.notify(.keeping) }
        return state.withLock { $0.exists }
    }

    /// Removes it: `progress.json` first, which alone makes it one.
    func remove() throws(SystemError) {
        queue.sync {}
        state.withLock {
            $0.exists = false
            $0.durable = []
        }
        try removeTree(Layout.Snapshot.progress, in: directory.descriptor)
        try directory.sync()
        // What a crash left of the next one, too.
        let states = (0...1).map { Layout.Snapshot.states($0) }
        for name in states + [Layout.Snapshot.progress + ".new"] {
            try removeTree(name, in: directory.descriptor)
        }
    }

    /// Forgets outputs that never came into their places: numbers of inodes are used again.
    func forgetUnpublished(_ plan: Plan) throws(SystemError) {
        let records = OutputRecord.load(from: directory)
        let kept = records.filter { record in
            plan.outputs.contains {
                OutputDirectory.isPublished($0.name, record.identity, in: plan.parent)
            }
        }
        if kept.count == records.count { return }
        if kept.isEmpty {
            try removeTree(Layout.Snapshot.outputs, in: directory.descriptor)
        } else {
            try directory.replace(Layout.Snapshot.outputs, OutputRecord.bytes(of: kept))
        }
        try directory.sync()
    }

    /// Processor time of the calling thread.
    private static func threadSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
