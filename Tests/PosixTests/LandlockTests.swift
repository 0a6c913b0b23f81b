import Glibc
import TestSupport
import Testing

import Posix

struct LandlockTests {
    /// In a child process, for there is no way back. Says by its status what went wrong.
    @Test func confine_leavesOnlyWhatWasNamed() throws {
        let scratch = try Scratch()
        for name in ["in", "out", "other"] { try scratch.makeDirectory(name) }
        for name in ["in/a", "other/a"] { try scratch.write(name, name) }
        let (inside, outside) = (scratch["in/a"], scratch["other/a"])
        let (made, forbidden) = (scratch["out/a"], scratch["in/b"])
        let (reading, writing) = try (
            [OpenFile(naming: scratch["in"])], [OpenFile(naming: scratch["out"])]
        )
        // vfork(2) and fork(2) are not for Swift; a thread is confined by itself.
        final class Outcome: @unchecked Sendable { var problems: [String]? }
        let outcome = Outcome()
        let body: @Sendable () -> Void = {
            guard
                (try? Landlock.confine(reading: reading, executing: [], writing: writing)) == true
            else { return }
            var problems: [String] = []
            if access(inside, F_OK) != 0 { problems.append("lookup") }
            if (try? readFile(inside)) == nil { problems.append("no read inside") }
            if (try? readFile(outside)) != nil { problems.append("read outside") }
            if (try? writeFile(made, [1])) == nil { problems.append("no write") }
            if rename(made, made + "2") != 0 { problems.append("no rename") }
            if unlink(made + "2") != 0 { problems.append("no unlink") }
            if (try? writeFile(forbidden, [1])) != nil { problems.append("write where read") }
            if unlink(inside) == 0 { problems.append("unlink where read") }
            outcome.problems = problems
        }
        run(body)
        if Landlock.version > 0 {
            #expect(outcome.problems == [])
        } else {
            #expect(outcome.problems == nil)
        }
        #expect((try? readFile(outside)) != nil)
    }

    /// It is what was looked at that may be read, not what its path leads to when the rules are
    /// made.
    @Test func confine_whenThePathIsSwapped() throws {
        let scratch = try Scratch()
        for name in ["in", "secret"] {
            try scratch.makeDirectory(name)
            try scratch.write("\(name)/a", "\(name)/a")
        }
        let reading = try [OpenFile(naming: scratch["in"])]
        #expect(rename(scratch["in"], scratch["away"]) == 0)
        #expect(rename(scratch["secret"], scratch["in"]) == 0)
        let (swapped, own) = (scratch["in/a"], scratch["away/a"])
        final class Outcome: @unchecked Sendable { var reads: [Bool]? }
        let outcome = Outcome()
        run {
            guard (try? Landlock.confine(reading: reading, executing: [], writing: [])) == true
            else { return }
            outcome.reads = [swapped, own].map { (try? readFile($0)) != nil }
        }
        #expect(outcome.reads == (Landlock.version > 0 ? [false, true] : nil))
    }

    /// On a thread of its own.
    private func run(_ body: @escaping @Sendable () -> Void) {
        final class Box: Sendable {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body() }
                return nil
            }, Unmanaged.passRetained(Box(body)).toOpaque())
        if code == 0 { pthread_join(thread, nil) }
    }
}
