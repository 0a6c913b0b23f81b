import Glibc
import Posix
import Spool
import TestSupport
import Testing

/// Many manifests at once, for the programs themselves.
@Suite struct FloodTests {
    /// A whole model of 5 kB: one block, of zeros.
    private static func writeModel(_ directory: String) throws {
        guard mkdir(directory, 0o755) == 0 else { throw SystemError("mkdir", directory) }
        let configuration = """
            {"model_type": "llama", "hidden_size": 8, "intermediate_size": 16, "vocab_size": 16,
             "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2,
             "rms_norm_eps": 1e-5, "hidden_act": "silu", "max_position_embeddings": 64,
             "tie_word_embeddings": false}
            """
        try writeFile(joined(directory, "config.json"), Array(configuration.utf8))
        let block = "model.layers.0."
        let tensors: [(String, [Int])] =
            [("model.embed_tokens.weight", [16, 8]), ("lm_head.weight", [16, 8])]
            + ["q", "k", "v", "o"].map { (block + "self_attn.\($0)_proj.weight", [8, 8]) }
            + ["gate", "up"].map { (block + "mlp.\($0)_proj.weight", [16, 8]) }
            + [(block + "mlp.down_proj.weight", [8, 16]), ("model.norm.weight", [8])]
            + ["input", "post_attention"].map { (block + "\($0)_layernorm.weight", [8]) }
        var (members, offset): ([String], Int) = ([], 0)
        for (name, shape) in tensors {
            let end = offset + shape.reduce(4, *)
            members.append(
                "\"\(name)\":{\"dtype\":\"F32\",\"shape\":\(shape),"
                    + "\"data_offsets\":[\(offset),\(end)]}")
            offset = end
        }
        var header = Array("{\(members.joined(separator: ","))}".utf8)
        while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
        try writeFile(
            joined(directory, "model.safetensors"),
            safetensors(header, [UInt8](repeating: 0, count: offset)))
    }

    /// Ticks of the processor (10 ms) that a process has taken: proc(5), stat.
    private static func ticks(_ process: pid_t) -> Int {
        let text = String(
            decoding: (try? readFile("/proc/\(process)/stat")) ?? [], as: UTF8.self)
        let fields = text.split(separator: " ").compactMap { Int($0) }
        // Without the two that are not numbers, user and system time are 11 and 12.
        return fields.count > 12 ? fields[11] + fields[12] : -1
    }

    /// The most memory that a process has held, in bytes.
    private static func peak(_ process: pid_t) -> Int {
        let text = String(
            decoding: (try? readFile("/proc/\(process)/status")) ?? [], as: UTF8.self)
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
        return (line.split(separator: " ").compactMap { Int($0) }.first ?? -1) << 10
    }

    @Test("fault 29: manifests by the thousand, 1 in 10 broken, run once each")
    func manyManifests() throws {
        let count = isSoak ? 10_000 : 500
        // All of them are counted in the end.
        let all = "jobs: \(count), jobs_per_user: \(count), rejected: \(count)"
        let box = try FaultBox("limits: {jobs: 2}\nhistory: {\(all)}")
        try Self.writeModel(joined(box.path, "in/mini"))
        var names: Set<String> = []
        for index in 0..<count {
            let name = "job-\(index)"
            let isBroken = index % 10 == 3
            if !isBroken { names.insert(name) }
            // Not one by one to the disk, which would take longer than all the rest.
            try replaceFile(
                joined(box.spool.inbox, name + ".yaml"),
                Array(
                    """
                    version: 1
                    \(isBroken ? "modle" : "model"): mini
                    output: \(name)
                    prune: {method: magnitude}
                    limits: {threads: 1}

                    """.utf8), durable: false)
        }
        let daemon = try box.start()
        func entries(_ state: JobState) -> Int { (try? box.spool.identifiers(state).count) ?? 0 }
        #expect(
            eventually(within: Double(count)) {
                usleep(200_000)
                return entries(.done) + entries(.failed) == count || daemon.ended != nil
            }, "\(entries(.done)) done, \(entries(.failed)) failed")
        #expect(box.jobs(.done).count == names.count)
        #expect(Set(box.jobs(.done).map(\.name)) == names)
        #expect(box.jobs(.done).allSatisfy { $0.attempts == 1 })
        #expect(box.jobs(.failed).allSatisfy { $0.reason?.contains(":2:1: ") == true })
        #expect(Set(try box.names(joined(box.root, "out"))) == names)
        let starts = daemon.output.split(separator: "\n").count { $0.contains(" has started, ") }
        let lost = daemon.output.contains("messages were lost")
        #expect(starts == names.count || lost)
        // Nothing is left to do.
        usleep(500_000)
        let before = Self.ticks(daemon.identifier)
        usleep(3_000_000)
        let idle = Self.ticks(daemon.identifier) - before
        let memory = Self.peak(daemon.identifier)
        print("\(count) manifests: at most \(memory >> 20) MiB, \(idle) ticks in 3 idle seconds")
        #expect(idle <= 1)
        #expect(memory > 0 && memory < 64 << 20)
        kill(daemon.identifier, SIGTERM)
        #expect(daemon.wait() == 0)
    }
}
