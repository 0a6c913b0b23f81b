import CLAPACK
import Glibc
import Synchronization

/// OpenBLAS with its LAPACK, loaded by dlopen(3) when it is first needed.
///
/// As it is loaded it starts threads and takes address space, and where it gets none it ends the
/// process in its own words. Before `main` nobody could say what happened, and most jobs solve
/// nothing.
package struct LinearAlgebraLibrary: Sendable {
    /// Why the library cannot be used.
    package struct Missing: Error, Sendable, Hashable {
        /// In dlopen's words.
        package let reason: String
    }

    private static let name = "libopenblas.so.0"
    private static let result = Result { () throws(Missing) in try Self() }
    /// Of addresses, each in bytes: the library's, and the buffer of a call.
    private static let (size, buffer) = (64 << 20, 129 << 20)

    /// Addresses that the library takes where so many threads call it at once, in bytes. Little of
    /// it becomes memory, but limits of a process count all.
    package static func addresses(threads: Int) -> Int {
        // One more: it takes one as it is loaded.
        let (bytes, overflow) = buffer.multipliedReportingOverflow(by: threads + 1)
        return overflow ? .max : min(bytes, .max - size) + size
    }

    let dpotrf: stade_dpotrf
    let dpotri: stade_dpotri
    let dpotrs: stade_dpotrs
    let dgemm: stade_dgemm
    let ssyevd: stade_ssyevd
    /// Whether calls from several threads keep apart. Debian builds the flavour without threads of
    /// its own also without USE_LOCKING, and then calls at the same time share one buffer: of 80
    /// 000 factorisations on 4 threads, 2559 were wrong (0.3.21), none with `libopenblas0-pthread`.
    let isThreadSafe: Bool

    /// To be called before what needs it; any number of times, from any thread.
    /// Where a call gets no buffer, the library asks for it again for ever; so this asks for all
    /// first.
    /// - Parameters:
    ///   - threads: that will call it at once.
    ///   - others: what the process will take meanwhile, in bytes.
    package static func load(threads: Int, beside others: Int) throws(Missing) {
        let bytes = min(addresses(threads: threads), .max - others) + others
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        let start = mmap(nil, bytes, PROT_READ | PROT_WRITE, flags, -1, 0)
        if start == MAP_FAILED {
            throw Missing(reason: "\(name) and the job need \(bytes >> 20) MiB of addresses")
        }
        munmap(start, bytes)
        _ = try result.get()
    }

    /// - Precondition: `load` has been called without an error, where one is to be told.
    static var loaded: LinearAlgebraLibrary {
        switch result {
        case .success(let library): return library
        case .failure(let missing): preconditionFailure(missing.reason)
        }
    }

    private init() throws(Missing) {
        // One thread for each call: more would be more than the job's, and round by their number.
        // The library reads this as it is loaded, and starts none.
        setenv("OPENBLAS_NUM_THREADS", "1", 0)
        guard let handle = dlopen(Self.name, RTLD_NOW | RTLD_LOCAL) else {
            throw Self.missing()
        }
        func symbol<Function>(_ name: String) throws(Missing) -> Function {
            guard let address = dlsym(handle, name) else { throw Self.missing() }
            return unsafeBitCast(address, to: Function.self)
        }
        dpotrf = try symbol("dpotrf_")
        dpotri = try symbol("dpotri_")
        dpotrs = try symbol("dpotrs_")
        dgemm = try symbol("dgemm_")
        ssyevd = try symbol("ssyevd_")
        let parallel: stade_get_parallel = try symbol("openblas_get_parallel")
        isThreadSafe = parallel() != 0
        let setThreads: stade_set_num_threads = try symbol("openblas_set_num_threads")
        setThreads(1)
    }

    private static func missing() -> Missing {
        Missing(reason: dlerror().map { String(cString: $0) } ?? "\(name): cannot be loaded")
    }
}
