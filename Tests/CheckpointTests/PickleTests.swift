import Checkpoint
import Glibc
import Posix
import TestSupport
import Testing

/// Pickles that are no model's weights: each is refused with its opcode and place, within a second,
/// and nothing of it is executed.
struct PickleTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let pickle: [UInt8]
        /// Must be in the message.
        let words: [String]
        var testDescription: String { name }

        init(_ name: String, _ pickle: [UInt8], _ words: String...) {
            self.name = name
            self.pickle = pickle
            self.words = words
        }
    }

    private typealias P = PickleText

    private static func called(_ module: String, _ name: String) -> [UInt8] {
        [0x80, 2] + P.global(module, name) + P.tuple([P.text("touch /tmp/owned")]) + [0x52, 0x2E]
    }

    private static let start: [UInt8] = [0x80, 2]

    static let cases: [Case] = [
        Case("empty", [], "byte 0", "without the opcode STOP"),
        Case("only a version", start, "byte 2", "STOP"),
        Case("future version", [0x80, 9, 0x2E], "PROTO (0x80)", "version 9"),
        Case("no opcode", start + [0xFF], "byte 2", "none that Python knows (0xFF)"),
        Case("os.system", called("os", "system"), "GLOBAL (0x63)", "byte 2", "os.system"),
        Case("posix.system", called("posix", "system"), "posix.system"),
        Case("eval", called("builtins", "eval"), "builtins.eval", "nothing of it was executed"),
        Case(
            "getattr from the stack",
            [0x80, 4] + P.text("builtins") + P.text("getattr") + [0x93, 0x2E],
            "STACK_GLOBAL (0x93)", "builtins.getattr"),
        Case("torch.load", called("torch", "load"), "torch.load"),
        Case("torch.jit", called("torch.jit._serialization", "load"), "torch.jit"),
        Case("a name with a newline's end", start + Array("cos\nsystem".utf8), "cut short"),
        Case("INST", start + Array("(ios\nsystem\n.".utf8), "INST (0x69)", "byte 3"),
        Case("OBJ", start + [0x28] + P.global("collections", "OrderedDict") + [0x6F], "OBJ"),
        Case("NEWOBJ", start + P.global("collections", "OrderedDict") + [0x29, 0x81], "NEWOBJ"),
        Case("EXT1", start + [0x82, 1, 0x2E], "EXT1 (0x82)"),
        Case("PERSID", start + Array("Pstorage\n.".utf8), "PERSID (0x50)"),
        Case("list of tensors", start + [0x5D, 0x2E], "EMPTY_LIST (0x5D)"),
        Case("ends with a tensor", start + P.tensor() + [0x2E], "ends with a tensor"),
        Case("ends with a number", start + [0x4B, 1, 0x2E], "ends with a number"),
        Case("a number in place", P.of([0x4B, 1]), "tensor w", "a number in place of a tensor"),
        Case(
            "state_dict inside", P.dictionary([("state_dict", [0x7D])]), "a dictionary in place",
            "state_dict"),
        Case("key is a number", start + [0x7D, 0x4B, 1] + P.tensor() + [0x73, 0x2E], "a number"),
        Case(
            "named twice", P.dictionary([("w", P.tensor()), ("w", P.tensor())]), "named twice"),
        Case("stack is empty", start + [0x85, 0x2E], "TUPLE1", "nothing on the stack"),
        Case("no mark", start + [0x74, 0x2E], "TUPLE (0x74)", "no MARK"),
        Case("below a mark", start + [0x4E, 0x28, 0x85], "TUPLE1", "nothing on the stack"),
        Case("odd members", start + [0x7D, 0x28] + P.text("a") + [0x75], "SETITEMS"),
        Case("nothing remembered", start + [0x68, 7], "BINGET", "never kept"),
        Case("far memo", start + [0x6A, 0xFF, 0xFF, 0xFF, 0xFF], "LONG_BINGET"),
        Case(
            "keeps far", start + [0x4E, 0x72, 0xFF, 0xFF, 0xFF, 0xFF], "LONG_BINPUT", "too large"),
        Case(
            "keeps much", [0x80, 4, 0x4E] + [UInt8](repeating: 0x94, count: 5_000_000), "MEMOIZE",
            "too many objects"),
        Case(
            "many texts",
            start + (0..<1_500_000).flatMap { _ in [0x8C, 0] as [UInt8] }, "too much on the stack"),
        Case("remembers nothing", start + [0x71, 0], "BINPUT"),
        Case("text beyond the end", start + [0x58, 0xFF, 0xFF, 0xFF, 0xFF, 0x61], "cut short"),
        Case("no UTF-8", start + [0x58, 1, 0, 0, 0, 0xFF], "UTF-8"),
        Case("long number", start + [0x8A, 200] + [UInt8](repeating: 1, count: 200), "too large"),
        Case(
            "itself in itself",
            start + [0x7D, 0x71, 0] + P.text("w") + [0x68, 0, 0x73, 0x2E], "a dictionary in place"),
        Case(
            "deep tuples", start + [0x29] + [UInt8](repeating: 0x85, count: 5_000_000),
            "too many objects"),
        Case(
            "deep marks", start + [UInt8](repeating: 0x28, count: 5_000_000), "too many objects"),
        Case(
            "high stack", start + [UInt8](repeating: 0x4E, count: 2_000_000),
            "too much on the stack"),
        Case(
            "tuples that grow",
            start + [0x29, 0x71, 0] + (0..<40).flatMap { _ in [0x68, 0, 0x68, 0, 0x86, 0x71, 0] }
                + [0x2E], "ends with a tuple"),
        Case("huge shape", P.of(P.tensor([1 << 40, 1 << 40], [1, 1])), "too large"),
        Case("overflow at the end", P.of(P.tensor([2, 2], [.max, .max])), "reaches beyond"),
        Case("beyond the storage", P.of(P.tensor([3])), "reaches beyond its elements"),
        Case("offset beyond", P.of(P.tensor([1], offset: 2)), "reaches beyond"),
        Case("far offset", P.of(P.tensor([2], offset: .max)), "reaches beyond"),
        Case("negative offset", P.of(P.tensor([2], offset: -1)), "wrong shape"),
        Case("negative size", P.of(P.tensor([-2])), "wrong shape"),
        Case("negative stride", P.of(P.tensor([2], [-1])), "wrong shape"),
        Case("more strides", P.of(P.tensor([2], [1, 1])), "wrong shape"),
        Case(
            "many dimensions",
            P.of(
                P.tensor(
                    [Int](repeating: 1, count: 65), [Int](repeating: 1, count: 65))),
            "wrong shape"),
        Case("repeated elements", P.of(P.tensor([1 << 40], [0])), "repeats its elements"),
        Case(
            "huge storage", P.of(P.tensor(storage: P.storage(1 << 62))), "data/0", "has 8 bytes"),
        Case(
            "overflow of the storage", P.of(P.tensor(storage: P.storage(.max))), "has 8 bytes"),
        Case("other storage", P.of(P.tensor(storage: P.storage(2, key: "../1"))), "data/../1"),
        Case(
            "quantised storage", P.of(P.tensor(storage: P.storage(2, type: "QInt8Storage"))),
            "torch.QInt8Storage"),
        Case(
            "storage without a type",
            P.of(
                P.tensor(
                    storage: P.storage(8, type: "UntypedStorage", module: "torch.storage"))),
            "without a type"),
        Case("storage is no tuple", start + [0x4E, 0x51], "BINPERSID (0x51)"),
        Case(
            "storage of a function",
            P.of(P.tensor(storage: P.storage(2, type: "OrderedDict", module: "collections"))),
            "names no storage"),
        Case(
            "conjugated",
            P.of(
                P.tensor(
                    also: [[0x7D] + P.text("conj") + [0x88, 0x73]])), "properties"),
        Case("call of a type", P.of(P.global("torch", "float32") + [0x29, 0x52]), "REDUCE (0x52)"),
        Case("call without a function", P.of([0x4E, 0x29, 0x52]), "calls what is no function"),
        Case(
            "dictionary of arguments",
            P.of(P.global("collections", "OrderedDict") + P.tuple([[0x4E]]) + [0x52]),
            "no function of tensors"),
        Case("state of a number", start + [0x4B, 1, 0x7D, 0x62], "BUILD (0x62)"),
        Case(
            "sparse", P.of(P.global("torch._utils", "_rebuild_sparse_tensor") + [0x29, 0x52]),
            "_rebuild_sparse_tensor"),
        Case(
            "numpy",
            P.of(P.global("numpy.core.multiarray", "_reconstruct") + [0x29, 0x52]), "numpy"),
    ]

    @Test(arguments: cases)
    func read_isRefused(_ wrong: Case) throws {
        let scratch = try Scratch()
        try scratch.write("config.json", "{}")
        try scratch.write(
            "pytorch_model.bin",
            StoredZip(pickle: wrong.pickle, storages: [("0", pattern(8, seed: 1))]).bytes)
        let begin = seconds()
        let error = try #require(throws: CheckpointError.self) {
            try Checkpoint(directory: scratch.path)
        }
        #expect(seconds() - begin < 1)
        #expect(error.exitCode == .data)
        let text = error.description
        for word in wrong.words { #expect(text.contains(word), "\(word) is not in: \(text)") }
        #expect(!text.contains("\n") && text.utf8.count < 1000)
    }

    /// Of this thread's work.
    private func seconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// What is not refused, so that the cases above are refused for what is wrong in them.
    @Test func read_isTaken() throws {
        let scratch = try Scratch()
        try scratch.write("config.json", "{}")
        let pickle = P.dictionary([
            ("a", P.tensor()), ("b", P.tensor([1], offset: 1)), ("c", P.tensor([2, 1], [1, 9])),
            ("d", P.tensor([], [])), ("e", P.tensor([0, 5], [5, 1])),
            ("f", P.tensor(storage: P.storage(4, type: "HalfStorage"))),
        ])
        let bytes = pattern(8, seed: 1)
        try scratch.write(
            "pytorch_model.bin", StoredZip(pickle: pickle, storages: [("0", bytes)]).bytes)
        let found = try Checkpoint(directory: scratch.path)
        #expect(found.tensorNames == ["a", "b", "c", "d", "e", "f"])
        let parts = [bytes, Array(bytes[4...]), bytes, Array(bytes[..<4]), [], Array(bytes[..<4])]
        for (tensor, part) in zip(found.tensors, parts) {
            #expect(tensor.bytes == part, "\(tensor.name)")
        }
    }

    /// Any byte of a real pickle changed: an error or tensors of the archive, never a crash.
    @Test func read_isDamaged() throws {
        let whole = try readFile(joined(TorchFileTests.fixtures, "plain.bin"))
        // The pickle comes first, behind a header of 64 bytes.
        let start = try #require(
            whole.indices.first { whole[$0...].starts(with: [0x80, 2, 0x63]) })
        let scratch = try Scratch()
        try scratch.write("config.json", "{}")
        var state: UInt64 = 5
        func random(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(count))
        }
        var refused = 0
        for _ in 0..<1500 {
            var bytes = whole
            for _ in 0...random(3) { bytes[start + random(2180)] = UInt8(random(256)) }
            try scratch.write("pytorch_model.bin", bytes)
            do {
                let found = try Checkpoint(directory: scratch.path)
                for tensor in found.tensors { #expect(tensor.bytes.count <= whole.count) }
            } catch let error as CheckpointError {
                #expect(!error.description.contains("\n"))
                refused += 1
            }
        }
        #expect(refused > 500)
    }
}
