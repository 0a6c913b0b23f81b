import Glibc
import Posix
import Spool
import Testing

/// A short job whose every operation is logged, and the power cut after each.
@Suite struct PowerLossTests {
    @Test("fault 44: the power cut after any operation, exactly one result")
    func powerLoss_anywhere() throws {
        let box = try FaultBox()
        // Accepted already, so that it may not get lost.
        try box.drop()
        let shim = try FaultShim(in: box.path, root: box.root)
        shim.arm(.record)
        var log = try DiskLog(box.root)
        let daemon = try box.start(shim.environment())
        try #require(
            eventually(within: 60) { box.jobs(.done).count == 1 }, "\(daemon.output)")
        kill(daemon.identifier, SIGTERM)
        #expect(daemon.wait() == 0)
        let reference = try FaultBox.reference.get()
        #expect(box.objections(reference) == [])
        try log.read(shim.log)
        let total = log.operations.count
        #expect(total > 100)
        // The log knows all that happened.
        let end = log.nodes(after: total, losing: .everything)
        try removeTree(box.root)
        try DiskLog.restore(end, to: box.root)
        #expect(box.objections(reference) == [])

        var seen: Set<Int> = []
        var disks: [(Int, DiskLog.Loss)] = []
        for count in 0...total {
            for loss in DiskLog.Loss.allCases {
                let nodes = log.nodes(after: count, losing: loss)
                if seen.insert(DiskLog.digest(nodes)).inserted { disks.append((count, loss)) }
            }
        }
        let tries = points(disks.count, sample: 24, seed: 3).map { disks[$0 - 1] }
        var problems: [String] = []
        for (count, loss) in tries {
            let name = "\(loss) lost after operation \(count) of \(total)"
            do {
                try removeTree(box.root)
                try DiskLog.restore(log.nodes(after: count, losing: loss), to: box.root)
                try box.finish()
                problems += box.objections(reference).map { "\(name): \($0)" }
            } catch {
                problems.append("\(name): \(error)")
            }
        }
        print("power cut: \(tries.count) of \(disks.count) different disks, \(total) operations")
        #expect(problems == [])
    }
}
