import Posix
import Spool
import Testing

@testable import Daemon

/// A daemon and its Slurm.
struct SlurmPlace {
    let scratch: ScratchDaemon
    let slurm: FakeSlurm

    init(_ settings: String = "", slurm known: FakeSlurm? = nil) throws {
        let box = try ScratchDaemon(slurm: settings)
        scratch = box
        slurm = try FakeSlurm(joined(box.path, "slurm"))
    }

    func submit(_ name: String, _ more: String = "") throws {
        try scratch.submit(name, "executor: slurm\n" + more)
    }

    func stop() {
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    func text(_ name: String, of job: JobRecord) -> String {
        let path = joined(scratch.spool.directory(job.id, job.state), name)
        return String(decoding: (try? readFile(path)) ?? [], as: UTF8.self)
    }
}
