import Dispatch
import Documents
import Glibc
import Posix
import Synchronization

/// What a job leaves on the disk while it runs, so that it can go on after its process has gone: the
/// outputs that it is building, and in the checkpoint's directory `progress.json` and two files of
/// hidden states, of which one belongs to it while the other is written.
///
/// The order makes it safe against a crash at any moment: states and tensors are on the disk before
/// `progress.json` names them, and nothing that it names is changed before the next one does. (Tensors of
/// later blocks may be there, whole or in part; they are written again.)
final class JobCheckpoint: Sendable {
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

    /// A checkpoint may take one part in so many of the job's time.
    private static let share = 40.0
    /// The first one is expected to go at this speed, in bytes per second.
    private static let expectedSpeed = 1e9

    let resumption: Resumption
    private let lock: File
    private let identity: Node
    private let blocks: Int
    private let queue = DispatchQueue(label: "stade.checkpoint")
    private let state: Mutex<State>

    /// - Throws: `SystemError` where the directory is missing or another process uses it.
    init(_ resumption: Resumption, _ plan: Plan) throws {
        self.resumption = resumption
        identity = plan.identity(version: resumption.version)
        blocks = plan.blocks
        state = Mutex(State(cost: Double(plan.memory.stateBytes) / Self.expectedSpeed))
        lock = try File(resumption.directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        // Whoever ends just now, or starts another program, may hold it for a moment.
        for attempt in 0... {
            if flock(lock.descriptor, LOCK_EX | LOCK_NB) == 0 { break }
            guard errno == EWOULDBLOCK || errno == EINTR, attempt < 100 else {
                throw SystemError("lock", resumption.directory)
            }
            usleep(10_000)
        }
    }

    /// A checkpoint is being written: what it needs must be written too, even if the job stops.
    var isUnderWay: Bool { state.withLock { $0.isUnderWay } }

    /// What an earlier attempt left; nil where there is nothing to go on from.
    func load() -> SavedJob? {
        let path = joined(resumption.directory, SavedJob.fileName)
        let bytes: [UInt8]
        do throws(SystemError) {
            let file = try File(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
            bytes = try file.readAll(limit: SavedJob.maximumSize)
        } catch {
            if error.errno != ENOENT { resumption.notify(.refused(error.description)) }
            return nil
        }
        guard let node = try? JSON.parse(bytes, file: path), let saved = SavedJob(node) else {
            resumption.notify(.refused("\(escaped(path)) is damaged"))
            return nil
        }
        if let difference = Plan.difference(saved.identity, identity) {
            resumption.notify(.refused("the checkpoint is not of \(difference)"))
            return nil
        }
        state.withLock {
            $0.exists = true
            $0.slot = saved.slot
        }
        return saved
    }

    func restore(_ saved: SavedJob, into states: [HiddenStates]) throws {
        do {
            try StateFile.read(statesPath(saved.slot), saved.states, into: states)
        } catch let error as SystemError {
            throw StaleCheckpoint(error.description)
        }
    }

    /// Renews the checkpoint, in the background, where its time has come.
    ///
    /// - Parameters:
    ///   - block: everything before it is done.
    ///   - states: stay as they are until they are copied.
    ///   - shares: what a survey has found.
    func keep(
        _ block: Int, _ states: [HiddenStates], of builds: [OutputBuild],
        shares: [Survey.Shares], seconds: Double, work: Int
    ) {
        let waited = states.reduce(0) { $0 + $1.secondsWaited }
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
            identity: identity, attempt: resumption.attempt, block: block, blocks: blocks,
            slot: slot, states: [], seconds: seconds, work: work, shares: shares,
            outputs: builds.map { $0.state.withLock { $0 } })
        for states in states { states.beginReading() }
        queue.async { [self] in
            let start = Self.threadSeconds()
            var waiting = 0.0
            var failure: String?
            var isStopped = false
            do {
                waiting = try commit(saved, states, builds)
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
                resumption.notify(.kept(block: block, blocks: blocks))
            }
        }
    }

    /// - Returns: seconds for which the job's own writes may have had to wait.
    private func commit(
        _ saved: SavedJob, _ states: [HiddenStates], _ builds: [OutputBuild]
    ) throws -> Double {
        var saved = saved
        saved.states = try StateFile.write(statesPath(saved.slot), states)
        let start = ContinuousClock.now
        for build in builds {
            let path = build.partialPath
            let isNew = state.withLock { $0.durable.insert(path).inserted }
            // An output's own failure is the job's.
            try build.sync(withNames: isNew)
        }
        let waiting = (ContinuousClock.now - start) / .seconds(1)
        try lock.sync()
        try writeProgress(saved)
        return waiting
    }

    /// Notes that nothing is left to compute: from here on another attempt only publishes.
    func keepFinished(_ builds: [OutputBuild], seconds: Double, work: Int) throws {
        queue.sync {}
        // What fsync(2) refuses ends the job; a note that cannot be written does not.
        for build in builds { try syncTree(build.partialPath) }
        let slot = state.withLock { $0.slot }
        var saved = SavedJob(
            identity: identity, attempt: resumption.attempt, block: blocks, blocks: blocks,
            slot: slot, states: [], seconds: seconds, work: work, shares: [],
            outputs: builds.map { $0.state.withLock { $0 } })
        saved.finished = try builds.map { try $0.inode() }
        do {
            try writeProgress(saved)
            state.withLock { $0.exists = true }
        } catch {
            resumption.notify(.failed(error.description))
        }
    }

    private func writeProgress(_ saved: SavedJob) throws(SystemError) {
        try replaceFile(
            joined(resumption.directory, SavedJob.fileName), JSON.encode(saved.node, indent: nil))
        try lock.sync()
    }

    /// Waits for a checkpoint that is being written.
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
        try removeTree(SavedJob.fileName, in: lock.descriptor)
        try lock.sync()
        // What a crash left of the next one, too.
        for name in [Self.statesName(0), Self.statesName(1), SavedJob.fileName + ".new"] {
            try removeTree(name, in: lock.descriptor)
        }
    }

    private func statesPath(_ slot: Int) -> String {
        joined(resumption.directory, Self.statesName(slot))
    }

    private static func statesName(_ slot: Int) -> String { "states-\(slot)" }

    /// Processor time of the calling thread.
    private static func threadSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
