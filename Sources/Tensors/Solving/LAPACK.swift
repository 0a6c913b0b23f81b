import Synchronization

/// Factorisations, on the calling thread alone, from any number of threads at once. Source: LAPACK
/// 3.11, as OpenBLAS brings it.
enum LAPACK {
    private static let turn = Mutex(())

    private static func call(_ body: (LinearAlgebraLibrary) -> Void) {
        let library = LinearAlgebraLibrary.loaded
        if library.isThreadSafe { body(library) } else { turn.withLock { _ in body(library) } }
    }

    private static let lower = CChar(UInt8(ascii: "L"))

    /// The largest order whose working memory `ssyevd` can be told of.
    static let maximumOrder = 32_000

    /// Replaces a symmetric `a` by U, upper triangular, with a⁻¹ = Uᵀ U. What is below the
    /// diagonal is left without meaning.
    /// - Returns: false where `a` is not positive definite to rounding; then it is destroyed.
    static func factorInverse(_ a: SquareMatrix) -> Bool {
        var uplo = lower
        var n = CInt(a.order)
        var info: CInt = 0
        // LAPACK's columns are our rows: its lower triangle is our upper one. dpotrf(3), dpotri(3).
        call { library in
            library.dpotrf(&uplo, &n, a.start, &n, &info, 1)
            if info == 0 { library.dpotri(&uplo, &n, a.start, &n, &info, 1) }
            if info == 0 { library.dpotrf(&uplo, &n, a.start, &n, &info, 1) }
        }
        precondition(info >= 0, "dpotrf: argument \(-info)")
        return info == 0 && a.diagonal.allSatisfy(\.isFinite)
    }

    /// Replaces a symmetric `a` by its inverse.
    /// - Returns: false where `a` is not positive definite to rounding; then it is destroyed.
    static func invert(_ a: SquareMatrix) -> Bool {
        var uplo = lower
        var n = CInt(a.order)
        var info: CInt = 0
        call { library in
            library.dpotrf(&uplo, &n, a.start, &n, &info, 1)
            if info == 0 { library.dpotri(&uplo, &n, a.start, &n, &info, 1) }
        }
        precondition(info >= 0, "dpotri: argument \(-info)")
        // Its lower triangle is our upper one.
        a.mirror()
        return info == 0 && a.diagonal.allSatisfy(\.isFinite)
    }

    /// Replaces every row of `x`, `[rows, n]`, by its product with the inverse of a symmetric `a`,
    /// which is destroyed.
    /// - Returns: false where `a` is not positive definite to rounding.
    static func solve(
        _ a: SquareMatrix, _ x: UnsafeMutablePointer<Double>, rows: Int
    ) -> Bool {
        guard factor(a) else { return false }
        solve(factored: a, x, rows: rows)
        return true
    }

    /// Replaces a symmetric `a` by its Cholesky factor. dpotrf(3).
    /// - Returns: false where `a` is not positive definite to rounding; then it is destroyed.
    static func factor(_ a: SquareMatrix) -> Bool {
        var uplo = lower
        var n = CInt(a.order)
        var info: CInt = 0
        call { $0.dpotrf(&uplo, &n, a.start, &n, &info, 1) }
        precondition(info >= 0, "dpotrf: argument \(-info)")
        return info == 0
    }

    /// Replaces every row of `x`, `[rows, n]`, by its product with the inverse of the matrix of
    /// which `a` is the factor.
    static func solve(
        factored a: SquareMatrix, _ x: UnsafeMutablePointer<Double>, rows: Int
    ) {
        var uplo = lower
        var n = CInt(a.order)
        var count = CInt(rows)
        var info: CInt = 0
        // Our rows are LAPACK's columns. dpotrs(3).
        call { $0.dpotrs(&uplo, &n, &count, a.start, &n, x, &n, &info, 1) }
        precondition(info == 0, "dpotrs: argument \(-info)")
    }

    /// c -= a bᵀ: `[m, k]` and `[n, k]` from `[m, n]`, row by row without gaps. dgemm(3).
    static func subtractProduct(
        _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>,
        from c: UnsafeMutablePointer<Double>, m: Int, n: Int, k: Int
    ) {
        var (transposed, plain) = (CChar(UInt8(ascii: "T")), CChar(UInt8(ascii: "N")))
        var (rows, columns, inner) = (CInt(n), CInt(m), CInt(k))
        var (minus, one) = (-1.0, 1.0)
        // Column by column it is cᵀ -= b aᵀ.
        call { library in
            library.dgemm(
                &transposed, &plain, &rows, &columns, &inner, &minus, b, &inner, a, &inner, &one,
                c, &rows, 1, 1)
        }
    }

    /// Replaces a symmetric `a`, `[n, n]`, by its eigenvectors, one a row.
    /// - Returns: the eigenvalues, ascending; nil where the algorithm fails to converge.
    static func eigenvalues(_ a: Matrix) -> [Float]? {
        precondition(a.rows == a.columns && a.rows <= maximumOrder, "too wide for ssyevd")
        var uplo = lower
        var job = CChar(UInt8(ascii: "V"))
        var n = CInt(a.rows)
        var info: CInt = 0
        var values = [Float](repeating: 0, count: a.rows)
        var workSize = 1 + 6 * n + 2 * n * n
        let work = Matrix(rows: 1, columns: Int(workSize))
        var integersSize = 3 + 5 * n
        var integers = [CInt](repeating: 0, count: Int(integersSize))
        // ssyevd(3).
        call { library in
            library.ssyevd(
                &job, &uplo, &n, a.start, &n, &values, work.start, &workSize, &integers,
                &integersSize, &info, 1, 1)
        }
        precondition(info >= 0, "ssyevd: argument \(-info)")
        withExtendedLifetime(work) {}
        return info == 0 ? values : nil
    }
}
