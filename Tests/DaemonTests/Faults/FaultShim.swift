import Glibc
import Posix
import TestSupport

/// The test's end of `Tests/Faults/shim.c`: which call of a run is to fail, and how many there
/// were.
final class FaultShim: @unchecked Sendable {
    // Unchecked: the memory is shared with other processes in any case.

    enum Action: UInt32, Sendable {
        case count, kill
        /// Kills the daemon with its worker.
        case down
        case stop, error, record
    }

    struct Calls: OptionSet, Sendable {
        let rawValue: UInt32

        static let open = Calls(rawValue: 1)
        static let create = Calls(rawValue: 2)
        static let write = Calls(rawValue: 4)
        static let sync = Calls(rawValue: 8)
        static let rename = Calls(rawValue: 16)
        static let remove = Calls(rawValue: 32)
        static let mkdir = Calls(rawValue: 64)
        static let size = Calls(rawValue: 128)
        static let close = Calls(rawValue: 256)
        /// Everything that changes a disk.
        static let changes: Calls = [.create, .write, .sync, .rename, .remove, .mkdir, .size]
    }

    private static let size = 64
    private let memory: UnsafeMutableRawPointer
    private let file: String
    private let root: String
    let log: String

    /// The compiled shim; one for all tests.
    private static let library: Result<String, SystemError> = {
        let library = joined(P_tmpdir, "stade-shim-\(getpid()).so")
        let source = sourcePath("Tests/Faults/shim.c")
        let code = try? runProgram([
            "/usr/bin/gcc", "-shared", "-fPIC", "-O1", source, "-o", library,
        ])
        // Loaded by programs that the tests start, so it must stay until the last test has ended.
        atexit { unlink(joined(P_tmpdir, "stade-shim-\(getpid()).so")) }
        return code == 0 ? .success(library) : .failure(SystemError("compile", source, errno: EIO))
    }()

    /// - Parameters:
    ///   - directory: for the shim's own files.
    ///   - root: calls about what is below it count.
    init(in directory: String, root: String) throws {
        file = joined(directory, "fault")
        log = joined(directory, "operations")
        self.root = root
        let state = try File(file, O_RDWR | O_CREAT | O_TRUNC)
        guard ftruncate(state.descriptor, off_t(Self.size)) == 0,
            let memory = mmap(
                nil, Self.size, PROT_READ | PROT_WRITE, MAP_SHARED, state.descriptor, 0),
            memory != MAP_FAILED
        else { throw SystemError("map", file) }
        self.memory = memory
    }

    deinit { munmap(memory, Self.size) }

    /// Has the `number`-th of `calls` hit; to be called before the program starts.
    func arm(
        _ action: Action, at number: Int = 0, _ calls: Calls = .changes, errno: CInt = 0,
        isSticky: Bool = false
    ) {
        memory.storeBytes(of: UInt64(number), toByteOffset: 8, as: UInt64.self)
        memory.storeBytes(of: action.rawValue, toByteOffset: 16, as: UInt32.self)
        memory.storeBytes(of: calls.rawValue, toByteOffset: 20, as: UInt32.self)
        memory.storeBytes(of: UInt32(errno), toByteOffset: 24, as: UInt32.self)
        memory.storeBytes(of: isSticky ? 1 : 0, toByteOffset: 28, as: UInt32.self)
    }

    func hideWatches() { memory.storeBytes(of: 1, toByteOffset: 40, as: UInt32.self) }

    func muteJournal(_ isMute: Bool) {
        memory.storeBytes(of: isMute ? 1 : 0, toByteOffset: 44, as: UInt32.self)
    }

    /// Steps the wall clock.
    func step(seconds: Int32) { memory.storeBytes(of: seconds, toByteOffset: 52, as: Int32.self) }

    /// From now on no call fails any more.
    func relent() { memory.storeBytes(of: 0, toByteOffset: 28, as: UInt32.self) }

    /// Calls so far.
    var count: Int { Int(memory.load(as: UInt64.self)) }

    /// Calls that were hit so far.
    var hits: Int { Int(memory.load(fromByteOffset: 48, as: UInt32.self)) }

    func environment() throws -> [String] {
        [
            "LD_PRELOAD=\(try Self.library.get())", "STADE_FAULT_STATE=\(file)",
            "STADE_FAULT_ROOT=\(root)", "STADE_FAULT_LOG=\(log)",
        ]
    }
}
